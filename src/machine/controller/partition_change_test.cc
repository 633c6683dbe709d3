// SPDX-License-Identifier: Apache-2.0
#include "machine/controller/partition_change.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

// KIP-455 (reassignment), KIP-704 (recovery), KIP-858 (directories), KIP-966 (ELR)

namespace moldau::controller {
namespace {

using Ids = std::vector<NodeId>;

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

std::optional<Ids> ids_of(const std::string& text) {
  if (text == "null") return std::nullopt;
  Ids ids;
  if (text == "-") return ids;
  for (const std::string& part : split(text, ',')) ids.emplace_back(std::stoi(part));
  return ids;
}

std::string text_of(const std::optional<Ids>& ids) {
  if (!ids) return "null";
  std::string out;
  for (NodeId id : *ids) out += (out.empty() ? "" : ",") + std::to_string(id.value());
  return out.empty() ? "-" : out;
}

std::string text_of(const std::optional<image::PartitionChange>& change) {
  if (!change) return "nothing";
  std::string dirs = "null";
  if (change->directories) {
    dirs.clear();
    for (const DirectoryId& dir : *change->directories) {
      dirs += (dirs.empty() ? "" : ",") + std::to_string(dir.high);
    }
  }
  return "isr=" + text_of(change->isr) +
         " leader=" + std::to_string(change->leader.value_or(NodeId(-2)).value()) +
         " replicas=" + text_of(change->replicas) +
         " removing=" + text_of(change->removing_replicas) +
         " adding=" + text_of(change->adding_replicas) + " recovery=" +
         std::to_string(change->recovery_state ? static_cast<int>(*change->recovery_state) : -1) +
         " dirs=" + dirs + " elr=" + text_of(change->elr) +
         " lke=" + text_of(change->last_known_elr);
}

std::string run_case(const std::vector<std::string>& in) {
  image::PartitionState state;
  state.replicas = image::ReplicaList(*ids_of(in[4]));
  state.isr = image::ReplicaList(*ids_of(in[5]));
  state.removing_replicas = image::ReplicaList(*ids_of(in[6]));
  state.adding_replicas = image::ReplicaList(*ids_of(in[7]));
  state.elr = image::ReplicaList(*ids_of(in[8]));
  state.last_known_elr = image::ReplicaList(*ids_of(in[9]));
  state.leader = NodeId(std::stoi(in[10]));
  state.recovery_state = static_cast<image::LeaderRecoveryState>(std::stoi(in[11]));
  for (NodeId id : state.replicas) state.directories.emplace_back(1000 + id.value(), 1);
  PartitionChangeWish wish;
  wish.metadata_version = image::MetadataVersion(static_cast<std::int16_t>(std::stoi(in[0])));
  wish.elr_enabled = in[1] == "1";
  wish.min_isr = static_cast<std::size_t>(std::stoi(in[2]));
  wish.election = static_cast<Election>(std::stoi(in[3]));
  wish.may_lead = *ids_of(in[12]);
  wish.isr = ids_of(in[13]);
  wish.replicas = ids_of(in[14]);
  wish.removing_replicas = ids_of(in[15]);
  wish.adding_replicas = ids_of(in[16]);
  if (in[17] != "-1") {
    wish.recovery_state = static_cast<image::LeaderRecoveryState>(std::stoi(in[17]));
  }
  if (in[18] != "-1") wish.unclean_shutdown = NodeId(std::stoi(in[18]));
  if (in[19] != "-1") wish.directory.emplace(NodeId(std::stoi(in[19])), Uuid(3000, 1));
  for (std::int32_t id = 0; id < 5; ++id) {
    wish.default_directories[NodeId(id)] = Uuid(2000 + id, 1);
  }
  return text_of(build_partition_change(state, wish));
}

TEST(PartitionChangeTest, DecidesAsApacheDoes) {
  std::ifstream file("tests/golden/controller/partition_changes.txt");
  ASSERT_TRUE(file.is_open());
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    const auto parts = split(line, '\t');
    ASSERT_EQ(parts.size(), 2u);
    const auto fields = split(parts[0], '|');
    ASSERT_EQ(fields.size(), 20u) << line;
    EXPECT_EQ(run_case(fields), parts[1]) << line;
    ++cases;
  }
  EXPECT_GT(cases, 600);
}

TEST(PartitionChangeTest, PlansAndRevertsReassignments) {
  const Reassignment plan =
      plan_reassignment({NodeId(1), NodeId(2), NodeId(3)}, {NodeId(4), NodeId(2)});
  EXPECT_EQ(plan.replicas, (Ids{NodeId(4), NodeId(2), NodeId(1), NodeId(3)}));
  EXPECT_EQ(plan.removing, (Ids{NodeId(1), NodeId(3)}));
  EXPECT_EQ(plan.adding, (Ids{NodeId(4)}));
  image::PartitionState state;
  state.replicas = image::ReplicaList(plan.replicas);
  state.adding_replicas = image::ReplicaList(plan.adding);
  state.isr = image::ReplicaList{NodeId(4)};
  const ReassignmentRevert revert = plan_revert(state);
  EXPECT_EQ(revert.replicas, (Ids{NodeId(2), NodeId(1), NodeId(3)}));
  EXPECT_EQ(revert.isr, (Ids{NodeId(2)}));
  EXPECT_TRUE(revert.unclean);
}

}  // namespace
}  // namespace moldau::controller
