// SPDX-License-Identifier: Apache-2.0
// The bytes that Apache Kafka 4.3.1 writes of a streams group.
#include "machine/group/streams_records.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "machine/group/streams_topology.h"
#include "machine/group/test_streams.h"

namespace moldau::group {
namespace {

std::string hex(const std::vector<std::byte>& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::byte byte : bytes) {
    out += kDigits[std::to_integer<int>(byte) >> 4];
    out += kDigits[std::to_integer<int>(byte) & 15];
  }
  return out;
}

std::string text(const record::KeyedRecord& record) {
  const std::vector<std::byte> key(record.key.begin(), record.key.end());
  if (!record.value) return hex(key) + " -";
  return hex(key) + " " + hex(std::vector<std::byte>(record.value->begin(), record.value->end()));
}

StreamsMember member(bool full) {
  StreamsMember out;
  out.id = "m";
  out.client_id = "client";
  out.client_host = "/127.0.0.1";
  out.process_id = "process";
  out.rebalance_timeout_ms = 30'000;
  out.topology_epoch = 2;
  out.epoch = 7;
  out.previous_epoch = 6;
  if (!full) return out;
  out.rack_id = "rack";
  out.instance_id = "instance";
  out.client_tags = {{"zone", "a"}, {"area", "b"}, {"x", ""}};
  out.user_endpoint.emplace();
  out.user_endpoint->host = "host";
  out.user_endpoint->port = 65'535;
  out.state = StreamsMemberState::kUnrevokedTasks;
  out.assigned.active = {{"1", {{2, 5}, {0, 7}}}, {"0", {{11, 3}}}};
  out.assigned.standby = {{"1", {3, 1}}};
  out.pending_revocation.active = {{"2", {{0, 1}}}};
  out.pending_revocation.standby = {{"0", {4}}};
  return out;
}

StreamsRequest::Topology topology() {
  StreamsRequest::Topology out;
  out.epoch = 2;
  auto& one = out.subtopologies.emplace_back();
  one.subtopology_id = "1";
  one.source_topics = {"t", "s"};
  auto& changelog = one.state_changelog_topics.emplace_back();
  changelog.name = "store-changelog";
  for (const auto& [key, value] : {std::pair("cleanup.policy", "compact"), std::pair("a", "b")}) {
    auto& config = changelog.topic_configs.emplace_back();
    config.key = key;
    config.value = value;
  }
  auto& repartition = one.repartition_source_topics.emplace_back();
  repartition.name = "r-repartition";
  repartition.partitions = 4;
  repartition.replication_factor = 3;
  auto& together = one.copartition_groups.emplace_back();
  together.source_topics = {1, 0};
  together.repartition_source_topics = {0};
  auto& other = out.subtopologies.emplace_back();
  other.subtopology_id = "0";
  other.source_topics = {"in"};
  other.repartition_sink_topics = {"r-repartition"};
  return out;
}

TEST(StreamsRecordsTest, AreApachesByteForByte) {
  StreamsTarget target;
  target.active = {{"1", {2, 0}}, {"0", {11}}};
  target.standby = {{"1", {3}}};
  const StreamsRequest::Topology request = topology();
  const std::map<std::string, record::KeyedRecord> records{
      {"member", streams_member_record("g", member(false))},
      {"full-member", streams_member_record("g", member(true))},
      {"no-member", streams_member_tombstone("g", "m")},
      {"metadata", streams_metadata_record("g", 5, -77, 2, {{"num.standby.replicas", "1"}})},
      {"metadata-not-ready", streams_metadata_record("g", 5, 0, -1, {})},
      {"no-metadata", streams_metadata_tombstone("g")},
      {"topology", streams_topology_record("g", topology_value(request))},
      {"no-topology", streams_topology_tombstone("g")},
      {"target", streams_target_record("g", "m", target)},
      {"no-target", streams_target_tombstone("g", "m")},
      {"target-metadata", streams_target_metadata_record("g", 5, Timestamp(1'700'000'000'000))},
      {"no-target-metadata", streams_target_metadata_tombstone("g")},
      {"current", streams_current_assignment_record("g", member(true))},
      {"current-empty", streams_current_assignment_record("g", member(false))},
      {"no-current", streams_current_assignment_tombstone("g", "m")},
  };
  std::ifstream file("tests/golden/group/streams_records.txt");
  std::size_t seen = 0;
  for (std::string line; std::getline(file, line); ++seen) {
    const std::string name = line.substr(0, line.find(' '));
    const auto at = records.find(name);
    ASSERT_NE(at, records.end()) << name;
    EXPECT_EQ(text(at->second), line.substr(name.size() + 1)) << name;
  }
  EXPECT_EQ(seen, records.size());
}

}  // namespace
}  // namespace moldau::group
