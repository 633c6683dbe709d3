// SPDX-License-Identifier: Apache-2.0
// KIP-1071
#include "machine/group/streams_topics.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "machine/group/test_streams.h"

namespace moldau::group {
namespace {

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> out;
  if (text == "-") return out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, by);) out.push_back(part);
  return out;
}

std::vector<StreamsTopicSpec> specs_of(const std::string& text) {
  std::vector<StreamsTopicSpec> out;
  for (const std::string& one : split(text, ',')) {
    const auto parts = split(one, ':');
    StreamsTopicSpec& spec = out.emplace_back();
    spec.name = parts.at(0);
    spec.partitions = std::stoi(parts.at(1));
    spec.replication_factor = static_cast<std::int16_t>(std::stoi(parts.at(2)));
  }
  return out;
}

std::vector<std::int16_t> places_of(const std::string& text) {
  std::vector<std::int16_t> out;
  for (const std::string& one : split(text, '.')) {
    out.push_back(static_cast<std::int16_t>(std::stoi(one)));
  }
  return out;
}

StreamsSubtopology part_of(const std::vector<std::string>& words) {
  StreamsSubtopology out;
  out.id = words.at(1);
  out.source_topics = split(words.at(2), ',');
  out.repartition_sink_topics = split(words.at(3), ',');
  out.repartition_source_topics = specs_of(words.at(4));
  out.state_changelog_topics = specs_of(words.at(5));
  if (words.at(6) != "-") {
    StreamsCopartitionGroup& group = out.copartition_groups.emplace_back();
    const std::size_t slash = words[6].find('/');
    group.source_topics = places_of(words[6].substr(0, slash));
    group.repartition_source_topics = places_of(words[6].substr(slash + 1));
  }
  return out;
}

std::string listed(const std::map<std::string, std::int32_t>& counts) {
  std::string out;
  for (const auto& [name, count] : counts) {
    if (!out.empty()) out += ",";
    out += name + ":" + std::to_string(count);
  }
  return out.empty() ? "-" : out;
}

std::string result_of(const StreamsTopology& topology, const image::MetadataImage& image) {
  const auto got = configure_streams_topology(topology, image, 100'000);
  if (!got.ok() && got.error().code == ErrorCode::kUnknownServerError) return "error -1 -";
  if (!got.ok()) {
    return "error " + std::to_string(static_cast<int>(got.error().code)) + " " + got.error().detail;
  }
  std::map<std::string, std::int32_t> tasks;
  if (got->subtopologies) {
    for (const auto& [id, part] : *got->subtopologies) tasks[id] = part.tasks;
  }
  std::map<std::string, std::int32_t> missing;
  for (const auto& [name, topic] : got->missing_topics) {
    const auto creatable = creatable_topic(topic);
    missing[name + ":" + std::to_string(creatable.replication_factor)] = creatable.num_partitions;
  }
  std::string out = "tasks " + listed(tasks) + " " + listed(missing) + " ";
  if (!got->problem) return out + "-";
  return out + std::to_string(static_cast<int>(got->problem->status)) + " " + got->problem->detail;
}

TEST(StreamsTopicsTest, AreWhatApachesInternalTopicManagerMakesOfTheTopology) {
  std::ifstream file("tests/golden/group/streams_topologies.txt");
  std::map<std::string, int> topics;
  StreamsTopology topology;
  std::size_t cases = 0;
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const auto words = split(line, ' ');
    if (words.at(0) == "topics") {
      topics.clear();
      topology = StreamsTopology();
      for (const std::string& one : split(words.at(1), ',')) {
        const auto parts = split(one, ':');
        topics[parts.at(0)] = std::stoi(parts.at(1));
      }
    } else if (words[0] == "part") {
      StreamsSubtopology part = part_of(words);
      topology.subtopologies[words.at(1)] = std::move(part);
    } else {
      EXPECT_EQ(result_of(topology, streams_image(topics)), line) << "line " << number;
      ++cases;
    }
  }
  EXPECT_GT(cases, 200U);
}

TEST(StreamsTopicsTest, HasALimitOfTasks) {
  StreamsTopology topology;
  StreamsSubtopology& part = topology.subtopologies["0"];
  part.id = "0";
  part.source_topics = {"lines"};
  const auto image = streams_image({{"lines", 8}});
  EXPECT_TRUE(configure_streams_topology(topology, image, 8).ok());
  EXPECT_EQ(configure_streams_topology(topology, image, 7).code(), ErrorCode::kUnknownServerError);
}

}  // namespace
}  // namespace moldau::group
