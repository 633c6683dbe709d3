// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/streams_group_describe_response.h"
#include "wire/streams_group_heartbeat_request.h"
#include "wire/streams_group_topology_value.h"

namespace moldau::group {

/// An internal topic as a topology wants it.
struct StreamsTopicSpec {
  std::string name;
  /// 0: it follows from other topics.
  std::int32_t partitions = 0;
  /// 0: the broker's default.
  std::int16_t replication_factor = 0;
  std::vector<std::pair<std::string, std::string>> configs;
  bool operator==(const StreamsTopicSpec&) const = default;
};

/// Topics that must have as many partitions as each other: places in the subtopology's lists.
struct StreamsCopartitionGroup {
  std::vector<std::int16_t> source_topics;
  std::vector<std::int16_t> source_topic_regex;
  std::vector<std::int16_t> repartition_source_topics;
  bool operator==(const StreamsCopartitionGroup&) const = default;
};

/// A part of a topology whose tasks run on their own.
struct StreamsSubtopology {
  std::string id;
  std::vector<std::string> source_topics;
  std::vector<std::string> source_topic_regex;
  std::vector<StreamsTopicSpec> state_changelog_topics;
  std::vector<std::string> repartition_sink_topics;
  std::vector<StreamsTopicSpec> repartition_source_topics;
  std::vector<StreamsCopartitionGroup> copartition_groups;
  bool operator==(const StreamsSubtopology&) const = default;

  bool is_stateful() const { return !state_changelog_topics.empty(); }
};

/// What a streams application is made of, as its members describe it.
///
/// Thread   a value.
/// Bounds   that of the request it came in; its record must fit into one batch.
/// Source   StreamsTopology; KIP-1071; StreamsGroupTopology record.
struct StreamsTopology {
  std::int32_t epoch = 0;
  /// By id.
  std::map<std::string, StreamsSubtopology, std::less<>> subtopologies;
  bool operator==(const StreamsTopology&) const = default;

  /// Nothing if it makes no sense: an id that comes twice, a negative epoch, a place outside its
  /// list.
  static std::optional<StreamsTopology> from(const wire::StreamsGroupTopologyValue& value);

  /// In the order in which Apache walks them, which some results depend on.
  std::vector<const StreamsSubtopology*> in_java_order() const;
  /// All that must exist before tasks can run.
  std::set<std::string, std::less<>> required_topics() const;
  /// Which topics tasks read, and the ids of their subtopologies.
  std::map<std::string, std::string, std::less<>> readers() const;
  wire::StreamsGroupDescribeResponse::Topology describe() const;
};

/// The record's value that keeps it; views the request.
wire::StreamsGroupTopologyValue topology_value(
    const wire::StreamsGroupHeartbeatRequest::Topology& request);

}  // namespace moldau::group
