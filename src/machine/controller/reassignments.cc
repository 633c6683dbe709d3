// SPDX-License-Identifier: Apache-2.0
// Partitions moved from broker to broker, at an operator's word.
#include <set>

#include "machine/controller/controller_machine.h"

namespace moldau::controller {
namespace {

/// The number of replicas there will be once the running reassignment is done.
std::size_t replication_factor_of(const image::PartitionState& state) {
  std::set<NodeId> ids(state.replicas.begin(), state.replicas.end());
  ids.insert(state.adding_replicas.begin(), state.adding_replicas.end());
  for (NodeId id : state.removing_replicas) ids.erase(id);
  return ids.size();
}

}  // namespace

ApiError ControllerMachine::cancel_reassignment(const image::TopicImage& topic, PartitionId index,
                                                const image::PartitionState& state,
                                                image::RecordList& records) const {
  if (!state.is_reassigning()) return ApiError(ErrorCode::kNoReassignmentInProgress);
  const ReassignmentRevert revert = plan_revert(state);
  if (revert.replicas.empty()) {
    return {ErrorCode::kInvalidReplicaAssignment,
            "Invalid replica assignment: addingReplicas contains all replicas."};
  }
  if (revert.unclean && !unclean_election_enabled(topic.name)) {
    return {ErrorCode::kInvalidReplicaAssignment,
            "Unable to revert partition assignment for " + topic.name + ":" +
                std::to_string(index.value()) +
                " because it would require an unclean leader election."};
  }
  PartitionChangeWish wish = wish_for(topic, state);
  wish.isr = revert.isr;
  wish.replicas = revert.replicas;
  wish.removing_replicas.emplace();
  wish.adding_replicas.emplace();
  const auto change = build_partition_change(state, wish);
  if (change) records.partition_change(topic.id, index, *change);
  return {};
}

ApiError ControllerMachine::alter_reassignment(
    std::string_view topic_name,
    const wire::AlterPartitionReassignmentsRequest::ReassignablePartition& wanted,
    bool allow_replication_factor_change, image::RecordList& records) const {
  const image::TopicImage* topic = image().topic(topic_name);
  if (topic == nullptr) {
    return {ErrorCode::kUnknownTopicOrPartition,
            "Unable to find a topic named " + std::string(topic_name) + "."};
  }
  const PartitionId index(wanted.partition_index);
  const image::PartitionState* state = topic->partition(index);
  if (state == nullptr) {
    return {ErrorCode::kUnknownTopicOrPartition,
            "Unable to find partition " + topic->name + ":" + std::to_string(index.value()) + "."};
  }
  if (!wanted.replicas) return cancel_reassignment(*topic, index, *state, records);

  const std::vector<NodeId> target = to_node_ids(*wanted.replicas);
  const auto checked = check_manual_assignment(target, std::nullopt);
  if (!checked.ok()) return checked.error();
  const std::size_t factor = replication_factor_of(*state);
  if (!allow_replication_factor_change && target.size() != factor) {
    return {ErrorCode::kInvalidReplicationFactor, "The replication factor is changed from " +
                                                      std::to_string(factor) + " to " +
                                                      std::to_string(target.size())};
  }
  const Reassignment plan = plan_reassignment(state->replicas.to_vector(), target);
  PartitionChangeWish wish = wish_for(*topic, *state);
  wish.election = Election::kOnline;
  wish.replicas = plan.replicas;
  if (!plan.removing.empty()) wish.removing_replicas = plan.removing;
  if (!plan.adding.empty()) wish.adding_replicas = plan.adding;
  for (NodeId id : plan.adding) wish.default_directories[id] = default_directory(id);
  const auto change = build_partition_change(*state, wish);
  if (change) records.partition_change(topic->id, index, *change);
  return {};
}

Decision<wire::AlterPartitionReassignmentsResponse>
ControllerMachine::decide_alter_partition_reassignments(
    const wire::AlterPartitionReassignmentsRequest& request) const {
  auto decision = new_decision<wire::AlterPartitionReassignmentsResponse>();
  wire::AlterPartitionReassignmentsResponse& response = decision.response;
  response.error_message = wire::Text::null();
  response.allow_replication_factor_change = request.allow_replication_factor_change;
  for (const auto& topic : request.topics) {
    auto& topic_result = response.responses.emplace_back();
    topic_result.name = topic.name.own();
    for (const auto& partition : topic.partitions) {
      auto& result = topic_result.partitions.emplace_back();
      result.partition_index = partition.partition_index;
      set_error(result,
                alter_reassignment(topic.name.view(), partition,
                                   request.allow_replication_factor_change, decision.records));
    }
  }
  if (decision.records.size() > kRecordsPerOperationMax) {
    decision.records.clear();
    response.responses.clear();
    set_error(response, too_many_records());
  }
  return decision;
}

wire::ListPartitionReassignmentsResponse ControllerMachine::list_partition_reassignments(
    const wire::ListPartitionReassignmentsRequest& request) const {
  wire::ListPartitionReassignmentsResponse response;
  response.error_message = wire::Text::null();
  using Ongoing = wire::ListPartitionReassignmentsResponse::OngoingTopicReassignment;
  const auto add_partition = [](Ongoing& out, PartitionId index,
                                const image::PartitionState* state) {
    if (state == nullptr || !state->is_reassigning()) return;
    auto& partition = out.partitions.emplace_back();
    partition.partition_index = index.value();
    partition.replicas = to_wire_ids(state->replicas.to_vector());
    partition.adding_replicas = to_wire_ids(state->adding_replicas.to_vector());
    partition.removing_replicas = to_wire_ids(state->removing_replicas.to_vector());
  };
  const auto add_topic = [&](Ongoing out) {
    if (!out.partitions.empty()) response.topics.push_back(std::move(out));
  };
  if (!request.topics) {
    for (const auto& [id, topic] : image().topics()) {
      Ongoing out;
      out.name = wire::Text(topic.name);
      for (const auto& [index, state] : topic.partitions) add_partition(out, index, &state);
      add_topic(std::move(out));
    }
    return response;
  }
  for (const auto& wanted : *request.topics) {
    const image::TopicImage* topic = image().topic(wanted.name.view());
    if (topic == nullptr) continue;
    Ongoing out;
    out.name = wire::Text(topic->name);
    for (std::int32_t index : wanted.partition_indexes) {
      add_partition(out, PartitionId(index), topic->partition(PartitionId(index)));
    }
    add_topic(std::move(out));
  }
  return response;
}

}  // namespace moldau::controller
