// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "machine/group/group_machine.h"
#include "machine/group/test_group_fixture.h"

namespace moldau::group {

using StreamsRequest = wire::StreamsGroupHeartbeatRequest;
using StreamsResponse = wire::StreamsGroupHeartbeatResponse;

/// Topics with so many partitions; every topic of a call gets ids of its own.
inline image::MetadataImage streams_image(const std::map<std::string, int>& topics,
                                          Offset upto = Offset(1)) {
  image::RecordList list;
  std::uint64_t id = 100;
  for (const auto& [name, partitions] : topics) {
    const TopicId topic(9, ++id);
    list.topic(name, topic);
    image::PartitionState state;
    state.replicas = {NodeId(1)};
    state.isr = {NodeId(1)};
    state.leader = NodeId(1);
    for (int i = 0; i < partitions; ++i) list.partition(topic, PartitionId(i), state);
  }
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) EXPECT_TRUE(delta.replay(record).ok());
  return delta.publish(image::Provenance(upto, LeaderEpoch(1), Timestamp(1)));
}

/// lines → words-repartition → counted, with a changelog.
inline StreamsRequest::Topology word_count() {
  StreamsRequest::Topology out;
  auto& first = out.subtopologies.emplace_back();
  first.subtopology_id = "0";
  first.source_topics = {"lines"};
  first.repartition_sink_topics = {"words-repartition"};
  auto& second = out.subtopologies.emplace_back();
  second.subtopology_id = "1";
  second.repartition_source_topics.emplace_back().name = "words-repartition";
  auto& changelog = second.state_changelog_topics.emplace_back();
  changelog.name = "counts-changelog";
  auto& config = changelog.topic_configs.emplace_back();
  config.key = "cleanup.policy";
  config.value = "compact";
  return out;
}

/// A thread of a streams application, as it would behave.
struct StreamsThread {
  std::string member;
  std::string process;
  std::int32_t epoch = 0;
  std::int32_t endpoint_epoch = -1;
  bool has_endpoint = false;
  /// What it works on, and has not yet told if it is to change.
  std::vector<StreamsRequest::TaskIds> active;
  std::vector<StreamsRequest::TaskIds> standby;

  StreamsRequest request(const StreamsRequest::Topology& topology) const {
    StreamsRequest out;
    out.group_id = "app";
    out.member_id = member;
    out.member_epoch = epoch;
    out.endpoint_information_epoch = endpoint_epoch;
    out.active_tasks = active;
    out.standby_tasks = standby;
    out.warmup_tasks.emplace();
    if (epoch != 0) return out;
    out.topology = topology;
    out.process_id = process;
    out.rebalance_timeout_ms = 30'000;
    out.active_tasks->clear();
    out.standby_tasks->clear();
    if (has_endpoint) {
      auto& endpoint = out.user_endpoint.emplace();
      endpoint.host = process;
      endpoint.port = 80;
    }
    return out;
  }

  static std::vector<StreamsRequest::TaskIds> taken(
      const std::vector<StreamsResponse::TaskIds>& from) {
    std::vector<StreamsRequest::TaskIds> out;
    for (const auto& ids : from) {
      auto& to = out.emplace_back();
      to.subtopology_id = ids.subtopology_id.own();
      to.partitions = ids.partitions;
    }
    return out;
  }
  void take(const StreamsResponse& response) {
    epoch = response.member_epoch;
    endpoint_epoch = response.endpoint_information_epoch;
    if (response.active_tasks) active = taken(*response.active_tasks);
    if (response.standby_tasks) standby = taken(*response.standby_tasks);
  }
};

/// A coordinator with threads of one application.
struct StreamsCoordinator : TestCoordinator {
  static GroupSettings settings_with(std::int32_t delay_ms, std::int32_t standbys) {
    GroupSettings out;
    out.group_defaults.streams_initial_rebalance_delay_ms = delay_ms;
    out.group_defaults.streams_assignment_interval_ms = 0;
    out.group_defaults.streams_num_standby_replicas = standbys;
    return out;
  }
  explicit StreamsCoordinator(std::int32_t delay_ms = 0, std::int32_t standbys = 0)
      : TestCoordinator(settings_with(delay_ms, standbys)) {}

  void show(const std::map<std::string, int>& topics) {
    image = streams_image(topics, image.provenance().offset + 1);
  }
  void show_all() { show({{"lines", 3}, {"words-repartition", 3}, {"counts-changelog", 3}}); }
  const StreamsHeartbeat& send(const StreamsRequest& request) {
    return get<StreamsHeartbeat>(take(machine.streams_heartbeat(context(), caller(0), request)));
  }
  /// The thread heartbeats and believes the answer; the error code.
  ErrorCode beat(StreamsThread& thread) {
    const StreamsResponse& response = send(thread.request(topology)).response;
    const auto error = static_cast<ErrorCode>(response.error_code);
    if (error == ErrorCode::kNone) thread.take(response);
    return error;
  }
  ErrorCode leave(const StreamsThread& thread) {
    StreamsRequest request;
    request.group_id = "app";
    request.member_id = thread.member;
    request.member_epoch = -1;
    return static_cast<ErrorCode>(send(request).response.error_code);
  }
  std::string group_state() const { return machine.describe_streams("app").group_state.str(); }

  StreamsRequest::Topology topology = word_count();
};

/// Partitions of a list of tasks by subtopology.
template <class TaskIds>
std::map<std::string, std::vector<std::int32_t>> tasks_of(const std::vector<TaskIds>& list) {
  std::map<std::string, std::vector<std::int32_t>> out;
  for (const TaskIds& ids : list) out[ids.subtopology_id.str()] = ids.partitions;
  return out;
}

}  // namespace moldau::group
