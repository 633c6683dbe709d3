// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "machine/group/streams_topology.h"
#include "machine/image/image.h"
#include "wire/create_topics_request.h"

namespace moldau::group {

/// What a heartbeat says about the group besides its tasks; the numbers are on the wire.
enum class StreamsStatus : std::int8_t {
  kStaleTopology = 0,
  kMissingSourceTopics = 1,
  kIncorrectlyPartitionedTopics = 2,
  kMissingInternalTopics = 3,
  kShutdownApplication = 4,
  kAssignmentDelayed = 5,
};

/// An internal topic as it must be.
struct ConfiguredStreamsTopic {
  std::string name;
  std::int32_t partitions = 0;
  /// 0: the broker's default.
  std::int16_t replication_factor = 0;
  std::map<std::string, std::string, std::less<>> configs;
  bool operator==(const ConfiguredStreamsTopic&) const = default;
};

using ConfiguredStreamsTopics = std::map<std::string, ConfiguredStreamsTopic, std::less<>>;

struct ConfiguredStreamsSubtopology {
  std::int32_t tasks = 0;
  std::set<std::string, std::less<>> source_topics;
  ConfiguredStreamsTopics repartition_source_topics;
  std::set<std::string, std::less<>> repartition_sink_topics;
  ConfiguredStreamsTopics state_changelog_topics;
  bool operator==(const ConfiguredStreamsSubtopology&) const = default;
};

using ConfiguredStreamsSubtopologies =
    std::map<std::string, ConfiguredStreamsSubtopology, std::less<>>;

/// A topology measured by the topics that there are.
///
/// Thread   a value.
/// Source   ConfiguredTopology.
struct ConfiguredStreamsTopology {
  struct Problem {
    Problem(StreamsStatus s, std::string d) : status(s), detail(std::move(d)) {}
    StreamsStatus status;
    std::string detail;
    bool operator==(const Problem&) const = default;
  };

  std::int32_t epoch = 0;
  /// Nothing if not even the partition counts can be told.
  std::optional<ConfiguredStreamsSubtopologies> subtopologies;
  ConfiguredStreamsTopics missing_topics;
  /// Why there can be no tasks yet.
  std::optional<Problem> problem;

  bool is_ready() const { return !problem; }
  wire::StreamsGroupDescribeResponse::Topology describe() const;
};

/// Decides how many partitions each internal topic has and how many tasks each subtopology, and
/// finds what is missing.
///
/// Thread   any thread; pure.
/// Bounds   `tasks_max` of all subtopologies together: their records would not fit into a batch.
/// Errors   kStreamsInvalidTopology: no tasks can come of it; kUnknownServerError where Apache
///          trips over it.
/// Source   InternalTopicManager, RepartitionTopics, CopartitionedTopicsEnforcer, ChangelogTopics.
Result<ConfiguredStreamsTopology> configure_streams_topology(const StreamsTopology& topology,
                                                             const image::MetadataImage& image,
                                                             std::int64_t tasks_max);

/// What the controller is asked for.
wire::CreateTopicsRequest::CreatableTopic creatable_topic(const ConfiguredStreamsTopic& topic);

}  // namespace moldau::group
