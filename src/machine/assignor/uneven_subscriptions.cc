// SPDX-License-Identifier: Apache-2.0
#include "machine/assignor/uneven_subscriptions.h"

#include <algorithm>
#include <set>
#include <utility>

#include "machine/assignor/java_order.h"

namespace moldau::assignor {
namespace {

using MemberIndex = std::size_t;
constexpr MemberIndex kNobody = static_cast<MemberIndex>(-1);

/// Members that subscribe to one topic, walked from the least and from the most loaded one while
/// partitions move between them.
class Balancer {
 public:
  explicit Balancer(const std::vector<std::int32_t>& loads) : loads_(loads) {}

  /// Returns by how much their loads differ.
  std::int32_t begin(std::vector<MemberIndex> members) {
    members_ = std::move(members);
    std::sort(members_.begin(), members_.end(), [this](MemberIndex a, MemberIndex b) {
      return std::pair(loads_[a], a) < std::pair(loads_[b], b);
    });
    const auto count = static_cast<std::ptrdiff_t>(members_.size());
    least_end_ = 0;
    least_load_ = load_at(0) - 1;
    next_least_ = 0;
    most_begin_ = count;
    most_end_ = count;
    most_load_ = load_at(count - 1) + 1;
    next_most_ = count - 1;
    return load_at(count - 1) - load_at(0);
  }

  /// The caller gives it a partition.
  MemberIndex next_least_loaded() {
    if (next_least_ >= least_end_) {
      ++least_load_;
      while (least_end_ < count() && load_at(least_end_) == least_load_) ++least_end_;
      next_least_ = 0;
    }
    return members_[static_cast<std::size_t>(next_least_++)];
  }

  /// The caller takes a partition from it, or excludes it; kNobody if all are excluded.
  MemberIndex next_most_loaded() {
    if (next_most_ < most_begin_) {
      if (most_end_ <= most_begin_ && most_begin_ > 0) {
        most_load_ = load_at(most_begin_ - 1);
      } else {
        --most_load_;
      }
      while (most_begin_ > 0 && load_at(most_begin_ - 1) == most_load_) --most_begin_;
      next_most_ = most_end_ - 1;
    }
    if (next_most_ < 0) return kNobody;
    return members_[static_cast<std::size_t>(next_most_--)];
  }

  void exclude_most_loaded() {
    std::swap(members_[static_cast<std::size_t>(next_most_ + 1)],
              members_[static_cast<std::size_t>(most_end_ - 1)]);
    --most_end_;
  }

  bool is_balanced() const { return most_load_ - least_load_ <= 1; }

 private:
  std::ptrdiff_t count() const { return static_cast<std::ptrdiff_t>(members_.size()); }
  std::int32_t load_at(std::ptrdiff_t i) const {
    return loads_[members_[static_cast<std::size_t>(i)]];
  }

  const std::vector<std::int32_t>& loads_;
  std::vector<MemberIndex> members_;
  std::ptrdiff_t least_end_ = 0;
  std::int32_t least_load_ = 0;
  std::ptrdiff_t next_least_ = 0;
  std::ptrdiff_t most_begin_ = 0;
  std::ptrdiff_t most_end_ = 0;
  std::int32_t most_load_ = 0;
  std::ptrdiff_t next_most_ = 0;
};

struct Topic {
  std::vector<MemberIndex> subscribers;
  /// By partition.
  std::vector<MemberIndex> owners;
};

class UnevenSubscriptions {
 public:
  explicit UnevenSubscriptions(const GroupSpec& group) : group_(group) {}

  Result<GroupAssignment> assign() {
    for (const auto& [id, member] : group_.members) ids_.push_back(id);
    in_java_order(ids_, grown_capacity(ids_.size()));
    loads_.resize(ids_.size());
    MOLDAU_TRY(find_topics());
    if (topics_.empty()) return GroupAssignment();
    keep_targets();
    assign_rest();
    balance();
    return result();
  }

 private:
  const MemberSpec& member(MemberIndex i) const { return group_.members.find(ids_[i])->second; }

  Result<void> find_topics() {
    for (MemberIndex i = 0; i < ids_.size(); ++i) {
      for (const TopicId& id : member(i).topics) {
        const auto count = group_.partition_count(id);
        if (!count) {
          return Error(ErrorCode::kUnknownServerError, "no such topic to assign: " + id.text());
        }
        Topic& topic = topics_[id];
        topic.subscribers.push_back(i);
        topic.owners.assign(static_cast<std::size_t>(*count), kNobody);
      }
    }
    return {};
  }

  void keep_targets() {
    for (MemberIndex i = 0; i < ids_.size(); ++i) {
      const MemberSpec& spec = member(i);
      if (spec.target == nullptr) continue;
      for (const auto& [id, partitions] : *spec.target) {
        if (!std::binary_search(spec.topics.begin(), spec.topics.end(), id)) continue;
        for (const PartitionId partition : partitions) give(id, partition, i);
      }
    }
  }

  void give(const TopicId& id, PartitionId partition, MemberIndex to) {
    std::vector<MemberIndex>& owners = topics_.find(id)->second.owners;
    const auto at = static_cast<std::size_t>(partition.value());
    // A topic does not lose partitions; a damaged target is not kept.
    if (at >= owners.size()) return;
    if (owners[at] != kNobody) --loads_[owners[at]];
    owners[at] = to;
    ++loads_[to];
  }

  /// Topics with many partitions for each subscriber come first.
  std::vector<TopicId> in_order(std::vector<TopicId> ids) const {
    const auto key = [this](const TopicId& id) {
      const Topic& topic = topics_.find(id)->second;
      const auto subscribers = static_cast<double>(topic.subscribers.size());
      return std::tuple(-static_cast<double>(topic.owners.size()) / subscribers, subscribers, id);
    };
    std::sort(ids.begin(), ids.end(),
              [&](const TopicId& a, const TopicId& b) { return key(a) < key(b); });
    return ids;
  }

  void assign_rest() {
    std::vector<TopicId> ids;
    for (const auto& [id, topic] : topics_) {
      if (std::find(topic.owners.begin(), topic.owners.end(), kNobody) != topic.owners.end()) {
        ids.push_back(id);
      }
    }
    Balancer balancer(loads_);
    for (const TopicId& id : in_order(std::move(ids))) {
      const Topic& topic = topics_.find(id)->second;
      balancer.begin(topic.subscribers);
      for (std::size_t p = 0; p < topic.owners.size(); ++p) {
        if (topic.owners[p] != kNobody) continue;
        give(id, PartitionId(static_cast<std::int32_t>(p)), balancer.next_least_loaded());
      }
    }
  }

  /// Goes through the topics until none has changed anything since the last that has.
  void balance() {
    constexpr int kRoundsMax = 16;
    std::vector<TopicId> ids;
    for (const auto& [id, topic] : topics_) {
      if (topic.subscribers.size() >= 2) ids.push_back(id);
    }
    ids = in_order(std::move(ids));
    Balancer balancer(loads_);
    std::optional<TopicId> last;
    for (int round = 0; round < kRoundsMax; ++round) {
      for (const TopicId& id : ids) {
        if (last == id) return;
        if (balance_topic(id, balancer) || !last) last = id;
      }
    }
  }

  /// True if a partition has moved.
  bool balance_topic(const TopicId& id, Balancer& balancer) {
    const Topic& topic = topics_.find(id)->second;
    if (balancer.begin(topic.subscribers) <= 1) return false;
    // What each has at the beginning; the last one goes first.
    std::map<MemberIndex, PartitionIds> owned;
    for (std::size_t p = 0; p < topic.owners.size(); ++p) {
      owned[topic.owners[p]].emplace_back(static_cast<std::int32_t>(p));
    }
    bool moved = false;
    while (!balancer.is_balanced()) {
      MemberIndex most = kNobody;
      for (;;) {
        most = balancer.next_most_loaded();
        if (most == kNobody) return moved;
        const auto at = owned.find(most);
        if (at != owned.end() && !at->second.empty()) break;
        balancer.exclude_most_loaded();
      }
      PartitionIds& has = owned.find(most)->second;
      const PartitionId partition = has.back();
      has.pop_back();
      const MemberIndex least = balancer.next_least_loaded();
      // Both have come to the same load meanwhile.
      if (balancer.is_balanced()) break;
      give(id, partition, least);
      moved = true;
    }
    return moved;
  }

  GroupAssignment result() const {
    GroupAssignment out;
    for (const std::string_view id : ids_) out[std::string(id)];
    for (const auto& [id, topic] : topics_) {
      for (std::size_t p = 0; p < topic.owners.size(); ++p) {
        if (topic.owners[p] == kNobody) continue;
        out.find(ids_[topic.owners[p]])->second[id].emplace_back(static_cast<std::int32_t>(p));
      }
    }
    return out;
  }

  const GroupSpec& group_;
  std::vector<std::string_view> ids_;
  /// Partitions that each member has by now.
  std::vector<std::int32_t> loads_;
  std::map<TopicId, Topic> topics_;
};

}  // namespace

Result<GroupAssignment> assign_uneven_subscriptions(const GroupSpec& group) {
  return UnevenSubscriptions(group).assign();
}

}  // namespace moldau::assignor
