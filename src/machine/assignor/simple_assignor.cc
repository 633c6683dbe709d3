// SPDX-License-Identifier: Apache-2.0
#include "machine/assignor/simple_assignor.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "machine/assignor/java_set.h"

namespace moldau::assignor {
namespace {

struct Target {
  TopicId topic;
  PartitionId partition;
  /// Of Apache's key: with the topic where several are looked at together.
  std::uint32_t hash = 0;
  auto operator<=>(const Target&) const = default;
};

std::uint32_t java_hash(const Target& target) {
  return target.hash;
}

/// The place of a member among all, in the order of Apache's map of members.
struct Place {
  std::uint32_t at = 0;
  auto operator<=>(const Place&) const = default;
};

std::uint32_t java_hash(Place place) {
  return place.at;
}

/// What a member has while it is computed.
using Having = std::map<TopicId, std::set<PartitionId>>;

/// Partitions that the same members may have: who had too much loses some, then what is left goes
/// round to those who have too little.
class Sharing {
 public:
  /// `wanted` is by place; only `members` may have of it.
  Sharing(std::vector<Having>& having, std::vector<Target> targets,
          const std::vector<std::uint32_t>& members)
      : having_(having),
        targets_(std::move(targets)),
        order_(planned_capacity(targets_.size()), JavaBucket::kNewestFirst),
        held_(having.size()),
        wanted_(having.size(), 0) {
    if (targets_.empty()) return;
    sharing_ = (members.size() + targets_.size() - 1) / targets_.size();
    // Numbers that differ by one at most and add up, but for what Apache's rounding makes of them.
    const double each =
        static_cast<double>(sharing_ * targets_.size()) / static_cast<double>(members.size());
    const auto up_to = [&](std::size_t n) {
      return static_cast<std::size_t>(std::ceil(each * static_cast<double>(n)));
    };
    for (std::size_t i = 0; i < members.size(); ++i) wanted_[members[i]] = up_to(i + 1) - up_to(i);
  }

  void had(std::uint32_t member, const Target& target) {
    order_.insert(target);
    owners_[target].insert(Place{member});
    held_[member].insert(target);
  }

  void share_out() {
    for (std::uint32_t member = 0; member < held_.size(); ++member) {
      if (held_[member].size() < wanted_[member]) unfilled_.insert(member);
      take_surplus(member);
    }
    for (const Target& target : order_.keys()) take_overshared(target);
    for (const Target& target : targets_) order_.insert(target);
    give_rest();
  }

 private:
  void take(std::uint32_t member, const Target& target) {
    having_[member][target.topic].erase(target.partition);
    held_[member].erase(target);
  }

  void take_surplus(std::uint32_t member) {
    if (held_[member].size() <= wanted_[member]) return;
    for (const Target& target : held_[member].keys()) {
      if (held_[member].size() == wanted_[member]) return;
      take(member, target);
      owners_[target].erase(Place{member});
    }
  }

  void take_overshared(const Target& target) {
    JavaSet<Place>& owners = owners_[target];
    if (owners.size() <= sharing_) return;
    for (const Place owner : owners.keys()) {
      take(owner.at, target);
      owners.erase(owner);
      unfilled_.insert(owner.at);
      if (owners.size() <= sharing_) return;
    }
  }

  void give_rest() {
    auto next = unfilled_.begin();
    bool given = false;
    for (const Target& target : order_.keys()) {
      if (unfilled_.empty()) return;
      const JavaSet<Place>& owners = owners_[target];
      for (std::size_t missing = sharing_ - std::min(sharing_, owners.size()); missing > 0;) {
        if (next == unfilled_.end()) {
          if (!given || unfilled_.empty()) break;
          next = unfilled_.begin();
          given = false;
        }
        const std::uint32_t member = *next;
        if (owners.contains(Place{member})) {
          ++next;
          continue;
        }
        having_[member][target.topic].insert(target.partition);
        held_[member].insert(target);
        --missing;
        given = true;
        next = held_[member].size() < wanted_[member] ? std::next(next) : unfilled_.erase(next);
      }
    }
  }

  std::vector<Having>& having_;
  std::vector<Target> targets_;
  std::size_t sharing_ = 0;
  JavaSet<Target> order_;
  std::map<Target, JavaSet<Place>> owners_;
  std::vector<JavaSet<Target>> held_;
  std::vector<std::size_t> wanted_;
  std::set<std::uint32_t> unfilled_;
};

class Group {
 public:
  explicit Group(const GroupSpec& spec) : spec_(spec) {
    for (const auto& [id, member] : spec.members) ids_.push_back(id);
    in_java_order(ids_, grown_capacity(ids_.size()));
    for (const std::string_view id : ids_) {
      Having& having = having_.emplace_back();
      const MemberSpec& member = spec.members.find(id)->second;
      if (member.target == nullptr) continue;
      for (const auto& [topic, partitions] : *member.target)
        having[topic].insert(partitions.begin(), partitions.end());
    }
  }

  /// All members subscribe to the same topics.
  Result<void> share_together() {
    std::vector<TopicId> topics = spec_.members.begin()->second.topics;
    const std::set<TopicId> subscribed(topics.begin(), topics.end());
    in_java_order(topics, copied_capacity(topics.size()));
    std::vector<std::uint32_t> members;
    for (std::uint32_t member = 0; member < ids_.size(); ++member) {
      members.push_back(member);
      std::erase_if(having_[member],
                    [&](const auto& one) { return !subscribed.contains(one.first); });
    }
    std::vector<Target> targets;
    for (const TopicId& topic : topics) MOLDAU_TRY(add_targets(topic, true, targets));
    Sharing sharing(having_, std::move(targets), members);
    for (const std::uint32_t member : members) {
      std::vector<TopicId> had;
      for (const auto& [topic, partitions] : having_[member]) had.push_back(topic);
      in_java_order(had, grown_capacity(had.size()));
      for (const TopicId& topic : had) add_had(member, topic, true, sharing);
    }
    sharing.share_out();
    return {};
  }

  /// Topic after topic. What nobody subscribes to stays where it is.
  Result<void> share_each() {
    std::map<TopicId, std::vector<std::uint32_t>> subscribers;
    for (std::uint32_t member = 0; member < ids_.size(); ++member)
      for (const TopicId& topic : spec_.members.find(ids_[member])->second.topics)
        subscribers[topic].push_back(member);
    if (subscribers.empty()) having_.assign(having_.size(), Having());
    for (const auto& [topic, members] : subscribers) {
      std::vector<Target> targets;
      MOLDAU_TRY(add_targets(topic, false, targets));
      Sharing sharing(having_, std::move(targets), members);
      for (std::uint32_t member = 0; member < ids_.size(); ++member)
        add_had(member, topic, false, sharing);
      sharing.share_out();
    }
    return {};
  }

  GroupAssignment result() const {
    GroupAssignment out;
    for (std::size_t member = 0; member < ids_.size(); ++member) {
      Assignment& assignment = out[std::string(ids_[member])];
      for (const auto& [topic, partitions] : having_[member])
        if (!partitions.empty()) assignment[topic].assign(partitions.begin(), partitions.end());
    }
    return out;
  }

 private:
  static Target target_of(const TopicId& topic, PartitionId partition, bool together) {
    const std::uint32_t own = assignor::java_hash(partition);
    return {topic, partition, together ? 31 * assignor::java_hash(topic) + own : own};
  }

  Result<void> add_targets(const TopicId& topic, bool together, std::vector<Target>& out) const {
    const auto count = spec_.partition_count(topic);
    if (!count)
      return Error(ErrorCode::kUnknownServerError,
                   "Members are subscribed to topic " + topic.text() +
                       " which doesn't exist in the topic metadata.");
    const PartitionIds* assignable = nullptr;
    if (spec_.assignable) {
      const auto at = spec_.assignable->find(topic);
      if (at == spec_.assignable->end()) return {};
      assignable = &at->second;
    }
    for (std::int32_t i = 0; i < *count; ++i) {
      const PartitionId partition(i);
      if (assignable && !std::binary_search(assignable->begin(), assignable->end(), partition))
        continue;
      out.push_back(target_of(topic, partition, together));
    }
    return {};
  }

  void add_had(std::uint32_t member, const TopicId& topic, bool together, Sharing& to) const {
    const auto at = having_[member].find(topic);
    if (at == having_[member].end()) return;
    PartitionIds shown(at->second.begin(), at->second.end());
    in_java_order(shown, copied_capacity(shown.size()));
    for (const PartitionId partition : shown) to.had(member, target_of(topic, partition, together));
  }

  const GroupSpec& spec_;
  std::vector<std::string_view> ids_;
  std::vector<Having> having_;
};

}  // namespace

Result<GroupAssignment> assign_simple(const GroupSpec& group) {
  if (group.members.empty()) return GroupAssignment();
  Group members(group);
  if (group.subscription_type == SubscriptionType::kHomogeneous) {
    MOLDAU_TRY(members.share_together());
  } else {
    MOLDAU_TRY(members.share_each());
  }
  return members.result();
}

}  // namespace moldau::assignor
