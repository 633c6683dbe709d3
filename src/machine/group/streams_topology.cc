// SPDX-License-Identifier: Apache-2.0
#include "machine/group/streams_topology.h"

#include <algorithm>

#include "machine/assignor/hash_order.h"

namespace moldau::group {
namespace {

using TopologyValue = wire::StreamsGroupTopologyValue;
using TopologyRequest = wire::StreamsGroupHeartbeatRequest;
using TopologyAnswer = wire::StreamsGroupDescribeResponse;

std::vector<std::string> strings(const std::vector<wire::Text>& from) {
  std::vector<std::string> out;
  out.reserve(from.size());
  for (const wire::Text& text : from) out.push_back(text.str());
  return out;
}

std::vector<wire::Text> sorted_texts(std::vector<std::string> from) {
  std::sort(from.begin(), from.end());
  return {from.begin(), from.end()};
}

StreamsTopicSpec topic_spec(const TopologyValue::TopicInfo& from) {
  StreamsTopicSpec out;
  out.name = from.name.str();
  out.partitions = from.partitions;
  out.replication_factor = from.replication_factor;
  out.configs.reserve(from.topic_configs.size());
  for (const auto& config : from.topic_configs) {
    out.configs.emplace_back(config.key.str(), config.value.str());
  }
  return out;
}

bool are_places(const std::vector<std::int16_t>& places, std::size_t size) {
  return std::all_of(places.begin(), places.end(), [size](std::int16_t place) {
    return place >= 0 && static_cast<std::size_t>(place) < size;
  });
}

std::optional<StreamsSubtopology> subtopology(const TopologyValue::Subtopology& from) {
  StreamsSubtopology out;
  out.id = from.subtopology_id.str();
  out.source_topics = strings(from.source_topics);
  out.source_topic_regex = strings(from.source_topic_regex);
  out.repartition_sink_topics = strings(from.repartition_sink_topics);
  for (const auto& topic : from.state_changelog_topics) {
    out.state_changelog_topics.push_back(topic_spec(topic));
  }
  for (const auto& topic : from.repartition_source_topics) {
    out.repartition_source_topics.push_back(topic_spec(topic));
  }
  for (const auto& group : from.copartition_groups) {
    if (!are_places(group.source_topics, out.source_topics.size()) ||
        !are_places(group.repartition_source_topics, out.repartition_source_topics.size())) {
      return std::nullopt;
    }
    StreamsCopartitionGroup& to = out.copartition_groups.emplace_back();
    to.source_topics = group.source_topics;
    to.source_topic_regex = group.source_topic_regex;
    to.repartition_source_topics = group.repartition_source_topics;
  }
  return out;
}

TopologyValue::TopicInfo topic_value(const TopologyRequest::TopicInfo& from) {
  TopologyValue::TopicInfo out;
  out.name = from.name.view();
  out.partitions = from.partitions;
  out.replication_factor = from.replication_factor;
  for (const auto& config : from.topic_configs) {
    auto& to = out.topic_configs.emplace_back();
    to.key = config.key.view();
    to.value = config.value.view();
  }
  return out;
}

std::vector<wire::Text> views(const std::vector<wire::Text>& from) {
  std::vector<wire::Text> out;
  out.reserve(from.size());
  for (const wire::Text& text : from) out.emplace_back(text.view());
  return out;
}

std::vector<TopologyAnswer::TopicInfo> described_topics(const std::vector<StreamsTopicSpec>& from) {
  std::vector<TopologyAnswer::TopicInfo> out;
  for (const StreamsTopicSpec& topic : from) {
    TopologyAnswer::TopicInfo& to = out.emplace_back();
    to.name = topic.name;
    to.partitions = topic.partitions;
    to.replication_factor = topic.replication_factor;
    for (const auto& [key, value] : topic.configs) {
      auto& config = to.topic_configs.emplace_back();
      config.key = key;
      config.value = value;
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.name.view() < b.name.view(); });
  return out;
}

}  // namespace

std::optional<StreamsTopology> StreamsTopology::from(const TopologyValue& value) {
  if (value.epoch < 0) return std::nullopt;
  StreamsTopology out;
  out.epoch = value.epoch;
  for (const auto& one : value.subtopologies) {
    std::optional<StreamsSubtopology> part = subtopology(one);
    if (!part) return std::nullopt;
    std::string id = part->id;
    if (!out.subtopologies.emplace(std::move(id), std::move(*part)).second) return std::nullopt;
  }
  return out;
}

std::vector<const StreamsSubtopology*> StreamsTopology::in_java_order() const {
  std::vector<std::string_view> ids;
  std::vector<const StreamsSubtopology*> parts;
  for (const auto& [id, part] : subtopologies) {
    ids.push_back(id);
    parts.push_back(&part);
  }
  std::vector<const StreamsSubtopology*> out;
  for (const std::size_t i : assignor::java_hash_order(ids)) out.push_back(parts[i]);
  return out;
}

std::set<std::string, std::less<>> StreamsTopology::required_topics() const {
  std::set<std::string, std::less<>> out;
  for (const auto& [id, part] : subtopologies) {
    out.insert(part.source_topics.begin(), part.source_topics.end());
    for (const StreamsTopicSpec& topic : part.repartition_source_topics) out.insert(topic.name);
    for (const StreamsTopicSpec& topic : part.state_changelog_topics) out.insert(topic.name);
  }
  return out;
}

std::map<std::string, std::string, std::less<>> StreamsTopology::readers() const {
  std::map<std::string, std::string, std::less<>> out;
  // The last one wins, as with Apache.
  for (const StreamsSubtopology* part : in_java_order()) {
    for (const std::string& topic : part->source_topics) out[topic] = part->id;
    for (const StreamsTopicSpec& topic : part->repartition_source_topics) {
      out[topic.name] = part->id;
    }
  }
  return out;
}

TopologyAnswer::Topology StreamsTopology::describe() const {
  TopologyAnswer::Topology out;
  out.epoch = epoch;
  auto& parts = out.subtopologies.emplace();
  for (const auto& [id, part] : subtopologies) {
    TopologyAnswer::Subtopology& to = parts.emplace_back();
    to.subtopology_id = id;
    to.source_topics = sorted_texts(part.source_topics);
    to.repartition_sink_topics = sorted_texts(part.repartition_sink_topics);
    to.repartition_source_topics = described_topics(part.repartition_source_topics);
    to.state_changelog_topics = described_topics(part.state_changelog_topics);
  }
  return out;
}

TopologyValue topology_value(const TopologyRequest::Topology& request) {
  TopologyValue out;
  out.epoch = request.epoch;
  for (const auto& from : request.subtopologies) {
    TopologyValue::Subtopology& to = out.subtopologies.emplace_back();
    to.subtopology_id = from.subtopology_id.view();
    to.source_topics = views(from.source_topics);
    to.source_topic_regex = views(from.source_topic_regex);
    to.repartition_sink_topics = views(from.repartition_sink_topics);
    for (const auto& topic : from.state_changelog_topics) {
      to.state_changelog_topics.push_back(topic_value(topic));
    }
    for (const auto& topic : from.repartition_source_topics) {
      to.repartition_source_topics.push_back(topic_value(topic));
    }
    for (const auto& group : from.copartition_groups) {
      auto& into = to.copartition_groups.emplace_back();
      into.source_topics = group.source_topics;
      into.source_topic_regex = group.source_topic_regex;
      into.repartition_source_topics = group.repartition_source_topics;
    }
  }
  return out;
}

}  // namespace moldau::group
