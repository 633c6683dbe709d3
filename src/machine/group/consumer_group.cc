// SPDX-License-Identifier: Apache-2.0
#include "machine/group/consumer_group.h"

#include <algorithm>
#include <utility>

#include "machine/assignor/java_order.h"
#include "machine/group/consumer_records.h"

namespace moldau::group {
namespace {

void add_count(ConsumerGroup::Counts& counts, std::string_view key) {
  const auto at = counts.find(key);
  if (at != counts.end()) {
    ++at->second;
  } else {
    counts.emplace(std::string(key), 1);
  }
}

void drop_count(ConsumerGroup::Counts& counts, std::string_view key) {
  const auto at = counts.find(key);
  if (at == counts.end()) return;
  if (--at->second == 0) counts.erase(at);
}

const std::int32_t* find_epoch(const EpochAssignment& assignment, const TopicId& topic,
                               PartitionId partition) {
  const auto at = assignment.find(topic);
  if (at == assignment.end()) return nullptr;
  const auto one = at->second.find(partition);
  return one == at->second.end() ? nullptr : &one->second;
}

void earliest(std::optional<MonoTime>& found, std::optional<MonoTime> other) {
  if (other && (!found || *other < *found)) found = other;
}

}  // namespace

ConsumerGroupState ConsumerGroup::state() const {
  if (members_.empty()) return ConsumerGroupState::kEmpty;
  if (epoch() > assignment_epoch()) return ConsumerGroupState::kAssigning;
  for (const auto& [id, member] : members_) {
    if (!member.is_reconciled_to(assignment_epoch())) return ConsumerGroupState::kReconciling;
  }
  return ConsumerGroupState::kStable;
}

std::string_view ConsumerGroup::state_name() const {
  switch (state()) {
    case ConsumerGroupState::kEmpty:
      return "Empty";
    case ConsumerGroupState::kAssigning:
      return "Assigning";
    case ConsumerGroupState::kReconciling:
      return "Reconciling";
    case ConsumerGroupState::kStable:
      return "Stable";
  }
  return "Unknown";
}

const ConsumerMember* ConsumerGroup::member(std::string_view id) const {
  const auto at = members_.find(id);
  return at == members_.end() ? nullptr : &at->second;
}

const ConsumerMember* ConsumerGroup::static_member(std::string_view instance_id) const {
  const auto at = static_members_.find(instance_id);
  return at == static_members_.end() ? nullptr : member(at->second);
}

std::int32_t ConsumerGroup::partition_epoch(const TopicId& topic, PartitionId partition) const {
  const std::int32_t* epoch = find_epoch(partition_epochs_, topic, partition);
  return epoch == nullptr ? -1 : *epoch;
}

std::optional<std::string> ConsumerGroup::preferred_assignor(const ConsumerMember* before,
                                                             const ConsumerMember* after) const {
  Counts counts = assignors_;
  if (before != nullptr && before->assignor) drop_count(counts, *before->assignor);
  if (after != nullptr && after->assignor) add_count(counts, *after->assignor);
  if (counts.empty()) return std::nullopt;
  // Of those that are asked for equally often, the last one that Java's HashMap shows.
  std::vector<std::string_view> names;
  for (const auto& [name, count] : counts) names.push_back(name);
  assignor::in_java_order(names, assignor::grown_capacity(names.size()));
  std::string_view best = names.front();
  for (const std::string_view name : names) {
    if (counts.find(name)->second >= counts.find(best)->second) best = name;
  }
  return std::string(best);
}

std::size_t ConsumerGroup::regex_subscribers(std::string_view regex) const {
  const auto at = subscribed_regexes_.find(regex);
  return at == subscribed_regexes_.end() ? 0 : at->second;
}

bool ConsumerGroup::supports_classic(std::string_view protocol_type,
                                     const MemberProtocols& protocols) const {
  if (protocol_type != "consumer") return false;
  if (is_empty()) return !protocols.empty();
  return std::any_of(protocols.begin(), protocols.end(), [this](const MemberProtocol& protocol) {
    const auto at = classic_protocols_.find(protocol.name);
    return (at == classic_protocols_.end() ? 0 : at->second) == classic_members_;
  });
}

// ---- records ----

void ConsumerGroup::count(const ConsumerMember& member, bool add) {
  const auto by = [add](Counts& counts, std::string_view key) {
    add ? add_count(counts, key) : drop_count(counts, key);
  };
  for (const std::string& topic : member.topics) {
    add ? subscribe_by_name(topic) : unsubscribe_by_name(topic);
  }
  if (member.assignor) by(assignors_, *member.assignor);
  if (member.has_regex()) by(subscribed_regexes_, *member.regex);
  if (member.classic) {
    classic_members_ = add ? classic_members_ + 1 : classic_members_ - 1;
    for (const MemberProtocol& protocol : member.classic->protocols) {
      by(classic_protocols_, protocol.name);
    }
  }
  for (const EpochAssignment* assignment : {&member.assigned, &member.revoking}) {
    for (const auto& [topic, partitions] : *assignment) {
      auto& epochs = partition_epochs_[topic];
      for (const auto& [partition, epoch] : partitions) {
        const auto at = epochs.find(partition);
        if (!add) {
          // Another one may have it in a later epoch by now.
          if (at != epochs.end() && at->second == member.epoch) epochs.erase(at);
        } else if (at == epochs.end()) {
          epochs.emplace(partition, member.epoch);
        } else {
          at->second = std::max(at->second, member.epoch);
        }
      }
      if (epochs.empty()) partition_epochs_.erase(topic);
    }
  }
}

void ConsumerGroup::replay_member(ConsumerMember member) {
  const auto at = members_.find(member.id);
  if (at != members_.end()) {
    count(at->second, false);
    if (at->second.instance_id && at->second.instance_id != member.instance_id) {
      const auto same = static_members_.find(*at->second.instance_id);
      if (same != static_members_.end() && same->second == member.id) static_members_.erase(same);
    }
  }
  count(member, true);
  if (member.instance_id) static_members_.insert_or_assign(*member.instance_id, member.id);
  if (at != members_.end()) {
    at->second = std::move(member);
  } else {
    std::string id = member.id;
    members_.emplace(std::move(id), std::move(member));
  }
}

void ConsumerGroup::remove_member(std::string_view id) {
  const auto at = members_.find(id);
  if (at == members_.end()) return;
  count(at->second, false);
  if (at->second.instance_id) {
    const auto same = static_members_.find(*at->second.instance_id);
    if (same != static_members_.end() && same->second == id) static_members_.erase(same);
  }
  const auto timer = timers.find(id);
  if (timer != timers.end()) timers.erase(timer);
  members_.erase(at);
}

void ConsumerGroup::replay_regex(std::string_view regex, ResolvedRegex resolved) {
  remove_regex(regex);
  for (const std::string& topic : resolved.topics) subscribe_by_regex(topic);
  regexes_.emplace(std::string(regex), std::move(resolved));
}

void ConsumerGroup::remove_regex(std::string_view regex) {
  const auto at = regexes_.find(regex);
  if (at == regexes_.end()) return;
  for (const std::string& topic : at->second.topics) unsubscribe_by_regex(topic);
  regexes_.erase(at);
}

void ConsumerGroup::append_tombstones(std::vector<record::KeyedRecord>& records,
                                      std::string_view replaced, std::string_view replacing) const {
  const auto id_of = [&](std::string_view id) { return id == replaced ? replacing : id; };
  for (const auto& [id, member] : members_) {
    records.push_back(consumer_current_tombstone(this->id(), id_of(id)));
  }
  for (const auto& [id, member] : members_) {
    records.push_back(consumer_target_tombstone(this->id(), id_of(id)));
  }
  // Of members that are gone; a damaged log may have left some.
  for (const auto& [id, target] : targets()) {
    if (!members_.contains(id)) records.push_back(consumer_target_tombstone(this->id(), id));
  }
  records.push_back(consumer_target_metadata_tombstone(id()));
  for (const auto& [id, member] : members_) {
    records.push_back(consumer_member_tombstone(this->id(), id_of(id)));
  }
  for (const auto& [regex, resolved] : regexes_) {
    records.push_back(consumer_regex_tombstone(id(), regex));
  }
  records.push_back(consumer_partition_metadata_tombstone(id()));
  records.push_back(consumer_epoch_tombstone(id()));
}

// ---- offsets ----

ErrorCode ConsumerGroup::check_offset_commit(const Committer& committer) const {
  // From an administrator, or a consumer that does not use groups.
  if (committer.generation < 0 && is_empty()) return ErrorCode::kNone;
  // An old transactional producer does not say for whom.
  if (committer.transactional && committer.generation == -1 && committer.member_id.empty() &&
      !committer.group_instance_id) {
    return ErrorCode::kNone;
  }
  const ConsumerMember* member = this->member(committer.member_id);
  if (member == nullptr) return ErrorCode::kUnknownMemberId;
  if (!committer.transactional && !member->uses_classic_protocol() && committer.version < 9) {
    return ErrorCode::kUnsupportedVersion;
  }
  // One of the past is judged by partition.
  if (committer.generation <= member->epoch) return ErrorCode::kNone;
  return member->uses_classic_protocol() ? ErrorCode::kIllegalGeneration
                                         : ErrorCode::kStaleMemberEpoch;
}

ErrorCode ConsumerGroup::check_partition_commit(const Committer& committer, std::string_view,
                                                const TopicId& topic, PartitionId partition) const {
  const ConsumerMember* member = this->member(committer.member_id);
  // Accepted without a member.
  if (member == nullptr || committer.generation >= member->epoch) return ErrorCode::kNone;
  const std::int32_t* since = find_epoch(member->assigned, topic, partition);
  if (since == nullptr) since = find_epoch(member->revoking, topic, partition);
  if (since != nullptr && committer.generation >= *since) return ErrorCode::kNone;
  return member->uses_classic_protocol() ? ErrorCode::kIllegalGeneration
                                         : ErrorCode::kStaleMemberEpoch;
}

ErrorCode ConsumerGroup::check_offset_fetch(std::optional<std::string_view> member_id,
                                            std::int32_t member_epoch) const {
  if (!member_id && member_epoch < 0) return ErrorCode::kNone;
  const ConsumerMember* member = member_id ? this->member(*member_id) : nullptr;
  if (member == nullptr) return ErrorCode::kUnknownMemberId;
  if (member->epoch == member_epoch) return ErrorCode::kNone;
  return member->uses_classic_protocol() ? ErrorCode::kIllegalGeneration
                                         : ErrorCode::kStaleMemberEpoch;
}

ErrorCode ConsumerGroup::check_delete() const {
  return is_empty() ? ErrorCode::kNone : ErrorCode::kNonEmptyGroup;
}

std::optional<MonoTime> ConsumerGroup::next_deadline() const {
  std::optional<MonoTime> found;
  for (const auto& [id, timer] : timers) {
    earliest(found, timer.session);
    earliest(found, timer.rebalance);
    earliest(found, timer.join);
    earliest(found, timer.sync);
  }
  return found;
}

}  // namespace moldau::group
