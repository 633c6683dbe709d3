// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include "machine/assignor/consumer_assignors.h"
#include "machine/assignor/java_order.h"
#include "machine/assignor/uneven_subscriptions.h"

namespace moldau::assignor {
namespace {

using TopicPartitionOf = std::pair<TopicId, PartitionId>;

/// A member that must get some more.
struct Unfilled {
  Unfilled(Assignment* a, std::int32_t q) : assignment(a), quota(q) {}
  Assignment* assignment;
  std::int32_t quota;
};

/// All members subscribe to the same topics: each gets the same number of partitions, or one more.
class EvenSubscriptions {
 public:
  explicit EvenSubscriptions(const GroupSpec& group) : group_(group) {}

  Result<GroupAssignment> assign() {
    topics_ = group_.members.begin()->second.topics;
    if (topics_.empty()) return GroupAssignment();
    std::vector<std::string_view> ids;
    ids.reserve(group_.members.size());
    for (const auto& [id, member] : group_.members) ids.push_back(id);
    in_java_order(ids, grown_capacity(ids.size()));

    MOLDAU_TRY(find_unassigned());
    for (std::size_t i = 0; i < ids.size(); ++i) keep(ids[i], ids.size() - i);
    std::size_t next = 0;
    for (const Unfilled& member : unfilled_) {
      for (std::int32_t i = 0; i < member.quota && next < unassigned_.size(); ++i, ++next) {
        const auto& [topic, partition] = unassigned_[next];
        (*member.assignment)[topic].push_back(partition);
      }
    }
    if (next < unassigned_.size()) {
      return Error(ErrorCode::kUnknownServerError, "partitions were left unassigned");
    }
    for (const Unfilled& member : unfilled_) {
      for (auto& [topic, partitions] : *member.assignment) {
        std::sort(partitions.begin(), partitions.end());
      }
    }
    return std::move(out_);
  }

 private:
  Result<void> find_unassigned() {
    std::vector<TopicId> topics = topics_;
    in_java_order(topics, copied_capacity(topics.size()));
    std::int64_t total = 0;
    for (const TopicId& topic : topics) {
      const auto count = group_.partition_count(topic);
      if (!count) {
        return Error(ErrorCode::kUnknownServerError, "no such topic to assign: " + topic.text());
      }
      for (std::int32_t i = 0; i < *count; ++i) {
        if (!group_.is_assigned(topic, i)) unassigned_.emplace_back(topic, PartitionId(i));
      }
      total += *count;
    }
    const auto members = static_cast<std::int64_t>(group_.members.size());
    quota_ = static_cast<std::int32_t>(total / members);
    extra_ = static_cast<std::size_t>(total % members);
    return {};
  }

  /// What a member had and may keep; `left`: members that are still to come, this one included.
  void keep(std::string_view id, std::size_t left) {
    static const Assignment kNothing;
    const MemberSpec& member = group_.members.find(id)->second;
    const Assignment& old = member.target == nullptr ? kNothing : *member.target;
    std::int32_t quota = quota_;
    bool has_extra = false;
    if (extra_ > 0) {
      ++quota;
      has_extra = true;
    }
    Assignment& kept = out_[std::string(id)];
    std::vector<TopicId> topics;
    for (const auto& [topic, partitions] : old) topics.push_back(topic);
    in_java_order(topics, grown_capacity(topics.size()));
    for (const TopicId& topic : topics) {
      if (!std::binary_search(topics_.begin(), topics_.end(), topic)) continue;
      keep_partitions(topic, old.find(topic)->second, quota, kept);
    }
    if (quota > 0 && has_extra && left > extra_) {
      --quota;
      has_extra = false;
    }
    if (quota > 0) unfilled_.emplace_back(&kept, quota);
    if (has_extra) --extra_;
  }

  void keep_partitions(const TopicId& topic, const PartitionIds& old, std::int32_t& quota,
                       Assignment& kept) {
    if (old.size() <= static_cast<std::size_t>(quota)) {
      quota -= static_cast<std::int32_t>(old.size());
      kept.emplace(topic, old);
      return;
    }
    PartitionIds shown = old;
    in_java_order(shown, copied_capacity(shown.size()));
    PartitionIds stay;
    for (const PartitionId partition : shown) {
      if (quota > 0) {
        --quota;
        stay.push_back(partition);
      } else {
        unassigned_.emplace_back(topic, partition);
      }
    }
    std::sort(stay.begin(), stay.end());
    if (!stay.empty()) kept.emplace(topic, std::move(stay));
  }

  const GroupSpec& group_;
  std::vector<TopicId> topics_;
  std::vector<TopicPartitionOf> unassigned_;
  std::vector<Unfilled> unfilled_;
  std::int32_t quota_ = 0;
  /// So many members get one more.
  std::size_t extra_ = 0;
  GroupAssignment out_;
};

}  // namespace

Result<GroupAssignment> assign_uniform(const GroupSpec& group) {
  if (group.members.empty()) return GroupAssignment();
  if (group.subscription_type == SubscriptionType::kHomogeneous) {
    return EvenSubscriptions(group).assign();
  }
  return assign_uneven_subscriptions(group);
}

ConsumerAssignor consumer_assignor(std::string_view name) {
  if (name == "uniform") return assign_uniform;
  if (name == "range") return assign_range;
  return nullptr;
}

}  // namespace moldau::assignor
