// SPDX-License-Identifier: Apache-2.0
#include "machine/assignor/simple_assignor.h"

#include <algorithm>
#include <set>
#include <utility>

namespace moldau::assignor {
namespace {

using Target = std::pair<TopicId, PartitionId>;

/// Partitions that the same members may have, and who of them has which.
class Sharing {
 public:
  Sharing(std::vector<Target> targets, std::size_t members) {
    for (const Target& target : targets) owners_.emplace(target, std::set<std::size_t>());
    if (targets.empty() || members == 0) return;
    sharing_ = (members + targets.size() - 1) / targets.size();
    // Numbers that differ by one at most and add up.
    const std::size_t all = sharing_ * targets.size();
    for (std::size_t m = 0; m < members; ++m)
      wanted_.push_back((all * (m + 1) + members - 1) / members -
                        (all * m + members - 1) / members);
    held_.resize(members);
  }

  /// What a member has had, as long as it may keep it.
  void keep(std::size_t member, const Target& target) {
    const auto at = owners_.find(target);
    if (at == owners_.end() || held_[member].size() >= wanted_[member] ||
        at->second.size() >= sharing_)
      return;
    give(member, *at);
  }

  void fill() {
    std::size_t next = 0;
    for (auto& one : owners_) {
      for (std::size_t tried = 0; one.second.size() < sharing_ && tried < held_.size(); ++tried) {
        const std::size_t member = next;
        next = (next + 1) % held_.size();
        if (held_[member].size() >= wanted_[member] || one.second.contains(member)) continue;
        give(member, one);
        tried = 0;
      }
    }
  }

  const std::set<Target>& of(std::size_t member) const { return held_[member]; }
  bool is_empty() const { return held_.empty(); }

 private:
  void give(std::size_t member, std::pair<const Target, std::set<std::size_t>>& one) {
    one.second.insert(member);
    held_[member].insert(one.first);
  }

  std::map<Target, std::set<std::size_t>> owners_;
  std::vector<std::set<Target>> held_;
  std::vector<std::size_t> wanted_;
  std::size_t sharing_ = 0;
};

Result<std::vector<Target>> targets_of(const GroupSpec& group, const std::vector<TopicId>& topics) {
  std::vector<Target> out;
  for (const TopicId& topic : topics) {
    const auto count = group.partition_count(topic);
    if (!count)
      return Error(ErrorCode::kUnknownServerError,
                   "Members are subscribed to topic " + topic.text() +
                       " which doesn't exist in the topic metadata.");
    if (!group.assignable) {
      for (std::int32_t i = 0; i < *count; ++i) out.emplace_back(topic, PartitionId(i));
      continue;
    }
    const auto at = group.assignable->find(topic);
    if (at == group.assignable->end()) continue;
    for (const PartitionId partition : at->second)
      if (partition.value() < *count) out.emplace_back(topic, partition);
  }
  return out;
}

using Members = std::vector<std::pair<std::string_view, const MemberSpec*>>;

void share_out(const Members& members, std::vector<Target> targets, GroupAssignment& out) {
  Sharing sharing(std::move(targets), members.size());
  if (sharing.is_empty()) return;
  for (std::size_t m = 0; m < members.size(); ++m) {
    if (members[m].second->target == nullptr) continue;
    for (const auto& [topic, partitions] : *members[m].second->target)
      for (const PartitionId partition : partitions) sharing.keep(m, Target(topic, partition));
  }
  sharing.fill();
  for (std::size_t m = 0; m < members.size(); ++m) {
    Assignment& assignment = out[std::string(members[m].first)];
    for (const auto& [topic, partition] : sharing.of(m)) assignment[topic].push_back(partition);
  }
}

}  // namespace

Result<GroupAssignment> assign_simple(const GroupSpec& group) {
  GroupAssignment out;
  std::map<TopicId, Members> by_topic;
  Members all;
  for (const auto& [id, member] : group.members) {
    out.emplace(std::string(id), Assignment());
    all.emplace_back(id, &member);
    for (const TopicId& topic : member.topics) by_topic[topic].emplace_back(id, &member);
  }
  if (all.empty()) return out;
  if (group.subscription_type == SubscriptionType::kHomogeneous) {
    MOLDAU_ASSIGN_OR_RETURN(std::vector<Target> targets,
                            targets_of(group, all.front().second->topics));
    share_out(all, std::move(targets), out);
    return out;
  }
  for (const auto& [topic, members] : by_topic) {
    MOLDAU_ASSIGN_OR_RETURN(std::vector<Target> targets, targets_of(group, {topic}));
    share_out(members, std::move(targets), out);
  }
  return out;
}

}  // namespace moldau::assignor
