// SPDX-License-Identifier: Apache-2.0
// Who leads a partition: what every change asks for, and elections for their own sake.
#include "machine/controller/controller_machine.h"
#include "machine/controller/waves.h"

namespace moldau::controller {

PartitionChangeWish ControllerMachine::wish_for(const image::TopicImage& topic,
                                                const image::PartitionState& state) const {
  return wish_for(topic, state, Wave());
}

PartitionChangeWish ControllerMachine::wish_for(const image::TopicImage& topic,
                                                const image::PartitionState& state,
                                                const Wave& wave) const {
  PartitionChangeWish wish;
  wish.elr_enabled = image().elr_enabled();
  wish.min_isr = effective_min_isr(topic);
  wish.metadata_version = image().metadata_version();
  wish.unclean_shutdown = wave.unclean;
  if (unclean_election_enabled(topic.name)) wish.election = Election::kUnclean;
  for (NodeId id : state.replicas) {
    if (id == wave.removed || id == wave.unclean) continue;
    const image::BrokerRegistration* broker = image().broker(id);
    if (broker == nullptr || !(id == wave.added || broker->active())) continue;
    if (broker->has_online_dir(state.directory_of(id))) wish.may_lead.push_back(id);
  }
  if (wave.removed || wave.unclean) {
    wish.isr.emplace();
    for (NodeId id : state.isr) {
      if (id != wave.removed && id != wave.unclean) wish.isr->push_back(id);
    }
  }
  return wish;
}

ApiError ControllerMachine::elect_leader(std::string_view topic_name, PartitionId index,
                                         Election election, image::RecordList& records) const {
  const image::TopicImage* topic = image().topic(topic_name);
  if (topic == nullptr) {
    return {ErrorCode::kUnknownTopicOrPartition, "No such topic as " + std::string(topic_name)};
  }
  const image::PartitionState* state = topic->partition(index);
  if (state == nullptr) {
    return {ErrorCode::kUnknownTopicOrPartition,
            "No such partition as " + topic->name + "-" + std::to_string(index.value())};
  }
  const bool preferred = election == Election::kPreferred;
  if (preferred ? state->has_preferred_leader() : state->has_leader()) {
    return {ErrorCode::kElectionNotNeeded, "Leader election not needed for topic partition."};
  }
  PartitionChangeWish wish = wish_for(*topic, *state);
  wish.election = election;
  const auto change = build_partition_change(*state, wish);
  if (!change) {
    if (preferred) {
      return {ErrorCode::kPreferredLeaderNotAvailable, "The preferred leader was not available."};
    }
    return {ErrorCode::kEligibleLeadersNotAvailable,
            "Eligible topic partition leaders are not available."};
  }
  records.partition_change(topic->id, index, *change);
  return {};
}

namespace {

void refuse_elections(const std::vector<wire::ElectLeadersRequest::TopicPartitions>& topics,
                      wire::ElectLeadersResponse& response) {
  for (const auto& topic : topics) {
    auto& result = response.replica_election_results.emplace_back();
    result.topic = topic.topic.own();
    for (const std::int32_t index : topic.partitions) {
      auto& partition = result.partition_result.emplace_back();
      partition.partition_id = index;
      partition.error_code = to_wire(ErrorCode::kInvalidRequest);
    }
  }
}

}  // namespace

Decision<wire::ElectLeadersResponse> ControllerMachine::decide_elect_leaders(
    const wire::ElectLeadersRequest& request, const RequestContext& context) const {
  auto decision = new_decision<wire::ElectLeadersResponse>();
  decision.atomic = false;
  wire::ElectLeadersResponse& response = decision.response;
  // Version 0 knows preferred elections only.
  const std::int8_t type = context.version == 0 ? std::int8_t{0} : request.election_type;
  if (type != 0 && type != 1) {
    response.error_code = to_wire(ErrorCode::kInvalidRequest);
    if (request.topic_partitions) refuse_elections(*request.topic_partitions, response);
    return decision;
  }
  const Election election = type == 0 ? Election::kPreferred : Election::kUnclean;
  const auto elect = [&](std::string_view topic, PartitionId index, bool all,
                         wire::ElectLeadersResponse::ReplicaElectionResult& result) {
    const ApiError error = elect_leader(topic, index, election, decision.records);
    if (all && error.code == ErrorCode::kElectionNotNeeded) return;
    auto& partition = result.partition_result.emplace_back();
    partition.partition_id = index.value();
    set_error(partition, error);
  };
  if (!request.topic_partitions) {
    for (const auto& [name, id] : image().topic_ids()) {
      auto& result = response.replica_election_results.emplace_back();
      result.topic = wire::Text(name);
      for (const auto& [index, state] : image().topic(id)->partitions) {
        elect(name, index, true, result);
      }
    }
  } else {
    for (const auto& topic : *request.topic_partitions) {
      auto& result = response.replica_election_results.emplace_back();
      result.topic = topic.topic.own();
      for (std::int32_t index : topic.partitions) {
        elect(topic.topic.view(), PartitionId(index), false, result);
      }
    }
  }
  if (decision.records.size() > kRecordsPerOperationMax) {
    decision.records.clear();
    response = wire::ElectLeadersResponse();
    response.error_code = to_wire(too_many_records().code);
  }
  return decision;
}

Decision<Nothing> ControllerMachine::decide_preferred_elections() const {
  auto decision = new_decision<Nothing>();
  decision.atomic = false;
  for (const auto& [id, topic] : image().topics()) {
    for (const auto& [index, state] : topic.partitions) {
      if (state.has_preferred_leader()) continue;
      if (decision.records.size() >= kElectionsPerRunMax) return decision;
      PartitionChangeWish wish = wish_for(topic, state);
      wish.election = Election::kPreferred;
      const auto change = build_partition_change(state, wish);
      if (change) decision.records.partition_change(id, index, *change);
    }
  }
  return decision;
}

Decision<Nothing> ControllerMachine::decide_unclean_elections() const {
  auto decision = new_decision<Nothing>();
  decision.atomic = false;
  for (const auto& [id, topic] : image().topics()) {
    if (!unclean_election_enabled(topic.name)) continue;
    for (const auto& [index, state] : topic.partitions) {
      if (state.has_leader()) continue;
      if (decision.records.size() >= kElectionsPerRunMax) return decision;
      (void)elect_leader(topic.name, index, Election::kUnclean, decision.records);
    }
  }
  return decision;
}

}  // namespace moldau::controller
