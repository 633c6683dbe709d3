// SPDX-License-Identifier: Apache-2.0
// What leaders and brokers report: in-sync replicas, and the directories replicas lie in.
#include <algorithm>
#include <set>

#include "machine/controller/controller_machine.h"
#include "machine/controller/waves.h"

namespace moldau::controller {

bool ControllerMachine::is_eligible_for_isr(NodeId broker, std::int64_t epoch) const {
  const image::BrokerRegistration* registration = image().broker(broker);
  if (registration == nullptr || !registration->active()) return false;
  // -1: the leader could not tell.
  return epoch == -1 || registration->epoch.value() == epoch;
}

ErrorCode ControllerMachine::check_alter_partition(
    NodeId broker, const image::PartitionState* state,
    const wire::AlterPartitionRequest::PartitionData& wanted,
    const std::vector<NodeId>& isr) const {
  if (state == nullptr) return ErrorCode::kUnknownTopicOrPartition;
  // A leader ahead of us has heard from a newer controller: let it look for that one.
  if (wanted.leader_epoch > state->leader_epoch.value() ||
      wanted.partition_epoch > state->partition_epoch.value()) {
    return ErrorCode::kNotController;
  }
  if (wanted.leader_epoch < state->leader_epoch.value()) return ErrorCode::kFencedLeaderEpoch;
  if (broker != state->leader) return ErrorCode::kInvalidRequest;
  if (wanted.partition_epoch < state->partition_epoch.value()) {
    return ErrorCode::kInvalidUpdateVersion;
  }
  const bool within =
      std::all_of(isr.begin(), isr.end(), [&](NodeId id) { return state->replicas.contains(id); });
  const bool distinct = std::set<NodeId>(isr.begin(), isr.end()).size() == isr.size();
  if (!within || !distinct || !contains(isr, state->leader)) return ErrorCode::kInvalidRequest;
  if (wanted.leader_recovery_state != 0 && wanted.leader_recovery_state != 1) {
    return ErrorCode::kInvalidRequest;
  }
  const bool recovering = wanted.leader_recovery_state == 1;
  if (recovering && isr.size() > 1) return ErrorCode::kInvalidRequest;
  if (recovering && state->recovery_state == image::LeaderRecoveryState::kRecovered) {
    return ErrorCode::kInvalidRequest;
  }
  return ErrorCode::kNone;
}

void ControllerMachine::alter_partition(NodeId broker, const image::TopicImage& topic,
                                        const wire::AlterPartitionRequest::PartitionData& wanted,
                                        std::int16_t version, image::RecordList& records,
                                        wire::AlterPartitionResponse::PartitionData& result) const {
  const PartitionId index(wanted.partition_index);
  const image::PartitionState* state = topic.partition(index);
  std::vector<NodeId> isr;
  bool eligible = true;
  if (version >= 3) {
    for (const auto& member : wanted.new_isr_with_epochs) {
      isr.emplace_back(member.broker_id);
      eligible = eligible && is_eligible_for_isr(isr.back(), member.broker_epoch);
    }
  } else {
    isr = to_node_ids(wanted.new_isr);
    for (NodeId id : isr) eligible = eligible && is_eligible_for_isr(id, -1);
  }
  result.partition_index = wanted.partition_index;
  ErrorCode error = check_alter_partition(broker, state, wanted, isr);
  if (error == ErrorCode::kNone && !eligible) error = ErrorCode::kIneligibleReplica;
  if (error != ErrorCode::kNone) {
    result.error_code = to_wire(error);
    return;
  }
  PartitionChangeWish wish = wish_for(topic, *state);
  wish.isr = isr;
  wish.recovery_state = static_cast<image::LeaderRecoveryState>(wanted.leader_recovery_state);
  image::PartitionState next = *state;
  if (const auto change = build_partition_change(*state, wish)) {
    records.partition_change(topic.id, index, *change);
    next = image::merge(*state, *change);
    if (change->leader && *change->leader != broker) {
      // The request completed a reassignment that takes the leadership away from its sender: it
      // is an error and a change at once, so that the sender waits for the new metadata.
      result.error_code = to_wire(ErrorCode::kNewLeaderElected);
      return;
    }
  }
  result.leader_id = next.leader.value();
  result.leader_epoch = next.leader_epoch.value();
  result.isr = to_wire_ids(next.isr.to_vector());
  result.leader_recovery_state = static_cast<std::int8_t>(next.recovery_state);
  result.partition_epoch = next.partition_epoch.value();
}

Decision<wire::AlterPartitionResponse> ControllerMachine::decide_alter_partition(
    const wire::AlterPartitionRequest& request, const RequestContext& context) const {
  auto decision = new_decision<wire::AlterPartitionResponse>();
  decision.atomic = false;
  if (request.topics.empty()) return decision;
  const auto checked = check_broker_epoch(request.broker_id, request.broker_epoch);
  if (!checked.ok()) {
    decision.response.error_code = to_wire(checked.error().code);
    return decision;
  }
  // A partition named twice would be judged twice by the same state.
  std::set<TopicIdPartition> seen;
  for (const auto& topic_data : request.topics) {
    auto& topic_result = decision.response.topics.emplace_back();
    topic_result.topic_id = topic_data.topic_id;
    const image::TopicImage* topic = image().topic(topic_data.topic_id);
    for (const auto& partition : topic_data.partitions) {
      auto& result = topic_result.partitions.emplace_back();
      result.partition_index = partition.partition_index;
      const PartitionId index(partition.partition_index);
      if (topic == nullptr) {
        result.error_code = to_wire(ErrorCode::kUnknownTopicId);
      } else if (!seen.insert({topic->id, index}).second) {
        result.error_code = to_wire(ErrorCode::kInvalidRequest);
      } else {
        alter_partition(NodeId(request.broker_id), *topic, partition, context.version,
                        decision.records, result);
      }
    }
  }
  return decision;
}

Decision<wire::AssignReplicasToDirsResponse> ControllerMachine::decide_assign_replicas_to_dirs(
    const wire::AssignReplicasToDirsRequest& request) const {
  auto decision = new_decision<wire::AssignReplicasToDirsResponse>();
  decision.atomic = false;
  wire::AssignReplicasToDirsResponse& response = decision.response;
  if (!image().metadata_version().has_directory_assignment()) {
    response.error_code = to_wire(ErrorCode::kUnsupportedVersion);
    return decision;
  }
  const auto checked = check_broker_epoch(request.broker_id, request.broker_epoch);
  if (!checked.ok()) {
    response.error_code = to_wire(checked.error().code);
    return decision;
  }
  const image::BrokerRegistration& broker = *image().broker(NodeId(request.broker_id));
  for (const auto& dir : request.directories) {
    auto& dir_result = response.directories.emplace_back();
    dir_result.id = dir.id;
    Wave offline;
    if (!broker.has_online_dir(dir.id)) offline.removed = broker.id;
    for (const auto& topic_data : dir.topics) {
      auto& topic_result = dir_result.topics.emplace_back();
      topic_result.topic_id = topic_data.topic_id;
      const image::TopicImage* topic = image().topic(topic_data.topic_id);
      for (const auto& partition : topic_data.partitions) {
        auto& result = topic_result.partitions.emplace_back();
        result.partition_index = partition.partition_index;
        const PartitionId index(partition.partition_index);
        const image::PartitionState* state = topic == nullptr ? nullptr : topic->partition(index);
        if (topic == nullptr) {
          result.error_code = to_wire(ErrorCode::kUnknownTopicId);
        } else if (state == nullptr) {
          result.error_code = to_wire(ErrorCode::kUnknownTopicOrPartition);
        } else if (!state->replicas.contains(broker.id)) {
          result.error_code = to_wire(ErrorCode::kNotLeaderOrFollower);
        } else {
          // A directory that has gone offline meanwhile takes the replica out of the ISR at once.
          PartitionChangeWish wish = wish_for(*topic, *state, offline);
          wish.directory.emplace(broker.id, dir.id);
          const auto change = build_partition_change(*state, wish);
          if (change) decision.records.partition_change(topic->id, index, *change);
        }
      }
    }
  }
  return decision;
}

}  // namespace moldau::controller
