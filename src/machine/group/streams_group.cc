// SPDX-License-Identifier: Apache-2.0
#include "machine/group/streams_group.h"

#include <algorithm>
#include <utility>

#include "machine/group/streams_records.h"

namespace moldau::group {
namespace {

/// From here on OffsetCommit carries a member epoch.
constexpr std::int16_t kEpochCommitVersion = 9;

bool is_anonymous(const Committer& committer) {
  return committer.transactional && committer.generation == -1 && committer.member_id.empty() &&
         !committer.group_instance_id;
}

std::optional<std::int32_t> epoch_of(const StreamsTasksWithEpochs& tasks,
                                     std::string_view subtopology, std::int32_t partition) {
  const auto at = tasks.find(subtopology);
  if (at == tasks.end()) return std::nullopt;
  const auto own = at->second.find(partition);
  if (own == at->second.end()) return std::nullopt;
  return own->second;
}

}  // namespace

std::string_view StreamsGroup::state_name() const {
  switch (state()) {
    case StreamsGroupState::kEmpty:
      return "Empty";
    case StreamsGroupState::kNotReady:
      return "NotReady";
    case StreamsGroupState::kAssigning:
      return "Assigning";
    case StreamsGroupState::kReconciling:
      return "Reconciling";
    case StreamsGroupState::kStable:
      return "Stable";
  }
  return "Unknown";
}

StreamsGroupState StreamsGroup::state() const {
  if (members_.empty()) return StreamsGroupState::kEmpty;
  if (!topology_ || topology_->epoch != validated_topology_epoch_) {
    return StreamsGroupState::kNotReady;
  }
  if (epoch_ > assignment_epoch_) return StreamsGroupState::kAssigning;
  const bool all = std::all_of(members_.begin(), members_.end(), [&](const auto& entry) {
    return entry.second.is_reconciled_to(assignment_epoch_);
  });
  return all ? StreamsGroupState::kStable : StreamsGroupState::kReconciling;
}

const StreamsMember* StreamsGroup::member(std::string_view id) const {
  const auto at = members_.find(id);
  return at == members_.end() ? nullptr : &at->second;
}

const StreamsTarget& StreamsGroup::target(std::string_view member_id) const {
  static const StreamsTarget none;
  const auto at = targets_.find(member_id);
  return at == targets_.end() ? none : at->second;
}

ErrorCode StreamsGroup::check_offset_commit(const Committer& committer) const {
  if (committer.generation < 0 && members_.empty()) return ErrorCode::kNone;
  if (is_anonymous(committer)) return ErrorCode::kNone;
  const StreamsMember* who = member(committer.member_id);
  if (who == nullptr) return ErrorCode::kUnknownMemberId;
  if (!committer.transactional && committer.version < kEpochCommitVersion) {
    return ErrorCode::kUnsupportedVersion;
  }
  if (committer.generation == who->epoch) return ErrorCode::kNone;
  if (committer.generation > who->epoch || !topology_) return ErrorCode::kStaleMemberEpoch;
  return ErrorCode::kNone;
}

ErrorCode StreamsGroup::check_partition_commit(const Committer& committer, std::string_view topic,
                                               const TopicId&, PartitionId partition) const {
  const StreamsMember* who = member(committer.member_id);
  if (who == nullptr || is_anonymous(committer) || committer.generation == who->epoch) {
    return ErrorCode::kNone;
  }
  // A member that lags behind may still commit for tasks that it has had since then.
  const auto reader = readers_.find(topic);
  if (reader == readers_.end()) return ErrorCode::kStaleMemberEpoch;
  auto since = epoch_of(who->assigned.active, reader->second, partition.value());
  if (!since) since = epoch_of(who->pending_revocation.active, reader->second, partition.value());
  if (!since || committer.generation < *since) return ErrorCode::kStaleMemberEpoch;
  return ErrorCode::kNone;
}

ErrorCode StreamsGroup::check_offset_fetch(std::optional<std::string_view> member_id,
                                           std::int32_t member_epoch) const {
  if (!member_id && member_epoch < 0) return ErrorCode::kNone;
  const StreamsMember* who = member(member_id.value_or(std::string_view()));
  if (who == nullptr) return ErrorCode::kUnknownMemberId;
  return who->epoch == member_epoch ? ErrorCode::kNone : ErrorCode::kStaleMemberEpoch;
}

ErrorCode StreamsGroup::check_delete() const {
  return members_.empty() ? ErrorCode::kNone : ErrorCode::kNonEmptyGroup;
}

bool StreamsGroup::is_subscribed_to(std::string_view topic) const {
  return !members_.empty() && readers_.contains(topic);
}

void StreamsGroup::append_tombstones(std::vector<record::KeyedRecord>& records) const {
  for (const auto& [member_id, who] : members_) {
    records.push_back(streams_current_assignment_tombstone(id(), member_id));
  }
  for (const auto& [member_id, who] : members_) {
    records.push_back(streams_target_tombstone(id(), member_id));
  }
  records.push_back(streams_target_metadata_tombstone(id()));
  for (const auto& [member_id, who] : members_) {
    records.push_back(streams_member_tombstone(id(), member_id));
  }
  records.push_back(streams_metadata_tombstone(id()));
  records.push_back(streams_topology_tombstone(id()));
}

std::optional<MonoTime> StreamsGroup::next_deadline() const {
  std::optional<MonoTime> first = initial_rebalance_end;
  const auto look = [&](const std::optional<MonoTime>& at) {
    if (at && (!first || *at < *first)) first = at;
  };
  for (const auto& [member_id, timer] : timers) {
    look(timer.session_end);
    look(timer.rebalance_end);
  }
  return first;
}

std::optional<std::string_view> StreamsGroup::active_process(std::string_view subtopology,
                                                             std::int32_t partition) const {
  const auto at = active_.find(subtopology);
  if (at == active_.end()) return std::nullopt;
  const auto own = at->second.find(partition);
  if (own == at->second.end()) return std::nullopt;
  return own->second;
}

bool StreamsGroup::is_replica_in(std::string_view process, std::string_view subtopology,
                                 std::int32_t partition) const {
  const auto has = [&](const AllReplicaOwners& owners) {
    const auto at = owners.find(subtopology);
    if (at == owners.end()) return false;
    const auto own = at->second.find(partition);
    return own != at->second.end() && own->second.contains(process);
  };
  return has(standby_) || has(warmup_);
}

void StreamsGroup::replay_epoch(std::int32_t epoch, std::int64_t metadata_hash,
                                std::int32_t validated_topology_epoch, Configs assignment_configs) {
  epoch_ = epoch;
  metadata_hash_ = metadata_hash;
  validated_topology_epoch_ = validated_topology_epoch;
  last_assignment_configs_ = std::move(assignment_configs);
}

void StreamsGroup::replay_topology(std::optional<StreamsTopology> topology) {
  topology_ = std::move(topology);
  readers_.clear();
  if (topology_) readers_ = topology_->readers();
}

void StreamsGroup::replay_member(StreamsMember member) {
  const auto at = members_.find(member.id);
  if (at != members_.end()) count_tasks(at->second, false);
  std::string key = member.id;
  StreamsMember& now = members_.insert_or_assign(std::move(key), std::move(member)).first->second;
  count_tasks(now, true);
}

void StreamsGroup::remove_member(std::string_view id) {
  const auto at = members_.find(id);
  if (at == members_.end()) return;
  count_tasks(at->second, false);
  members_.erase(at);
  const auto timer = timers.find(id);
  if (timer != timers.end()) timers.erase(timer);
  if (members_.empty()) shutdown_member_id.reset();
}

void StreamsGroup::replay_target_metadata(std::int32_t epoch, Timestamp timestamp) {
  assignment_epoch_ = epoch;
  assignment_timestamp_ = timestamp;
}

void StreamsGroup::replay_target(std::string_view member_id, StreamsTarget target) {
  targets_.insert_or_assign(std::string(member_id), std::move(target));
}

void StreamsGroup::remove_target(std::string_view member_id) {
  const auto at = targets_.find(member_id);
  if (at != targets_.end()) targets_.erase(at);
}

bool StreamsGroup::same_state(const StreamsGroup& other) const {
  return id() == other.id() && epoch_ == other.epoch_ && metadata_hash_ == other.metadata_hash_ &&
         validated_topology_epoch_ == other.validated_topology_epoch_ &&
         last_assignment_configs_ == other.last_assignment_configs_ &&
         assignment_epoch_ == other.assignment_epoch_ &&
         assignment_timestamp_ == other.assignment_timestamp_ && members_ == other.members_ &&
         targets_ == other.targets_ && topology_ == other.topology_;
}

void StreamsGroup::count_tasks(const StreamsMember& member, bool add) {
  for (const StreamsAssignment* tasks : {&member.assigned, &member.pending_revocation}) {
    count_active(tasks->active, member.process_id, add);
    count_replicas(standby_, tasks->standby, member.process_id, add);
    count_replicas(warmup_, tasks->warmup, member.process_id, add);
  }
}

void StreamsGroup::count_active(const StreamsTasksWithEpochs& tasks, const std::string& process,
                                bool add) {
  for (const auto& [subtopology, partitions] : tasks) {
    ActiveOwners& owners = active_[subtopology];
    for (const auto& [partition, since] : partitions) {
      const auto at = owners.find(partition);
      if (add) {
        owners.insert_or_assign(partition, process);
      } else if (at != owners.end() && at->second == process) {
        owners.erase(at);
      }
    }
    if (owners.empty()) active_.erase(active_.find(subtopology));
  }
}

void StreamsGroup::count_replicas(AllReplicaOwners& owners, const StreamsTasks& tasks,
                                  const std::string& process, bool add) {
  for (const auto& [subtopology, partitions] : tasks) {
    ReplicaOwners& of_part = owners[subtopology];
    for (const std::int32_t partition : partitions) {
      auto& processes = of_part[partition];
      if (add) {
        processes.insert(process);
      } else {
        processes.erase(process);
      }
      if (processes.empty()) of_part.erase(partition);
    }
    if (of_part.empty()) owners.erase(owners.find(subtopology));
  }
}

}  // namespace moldau::group
