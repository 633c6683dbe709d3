// SPDX-License-Identifier: Apache-2.0
// The power is cut at every call that format makes to the disk; whatever is left, the next format
// works, with another cluster id too, and what it leaves is whole.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "log/meta_properties.h"
#include "machine/raft/snapshot_file.h"
#include "offline/cutting_disk.h"
#include "offline/storage_format.h"

namespace moldau::offline {
namespace {

const char* const kVotersFile =
    "/data/one/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint";

FormatOptions options(const std::string& cluster_id) {
  FormatOptions out;
  out.node_id = NodeId(1);
  out.is_controller = true;
  out.log_dirs = {"/data/one", "/data/two"};
  out.metadata_log_dir = "/data/one";
  out.controller_listener = "CONTROLLER";
  out.controller_endpoint.emplace("CONTROLLER", "127.0.0.1", std::uint16_t{9093});
  out.cluster_id = cluster_id;
  out.standalone = true;
  return out;
}

FormatInputs inputs(std::uint64_t seed) {
  FormatInputs out;
  out.now = Timestamp(1'795'254'091'000);
  out.random = [random = std::mt19937_64(seed)]() mutable { return random(); };
  return out;
}

void expect_whole(CuttingDisk& disk, const std::string& cluster_id) {
  std::set<DirectoryId> ids;
  DirectoryId metadata_id;
  for (const std::string dir : {"/data/one", "/data/two"}) {
    const auto meta = log::MetaProperties::parse(disk.content(dir + "/meta.properties"));
    ASSERT_TRUE(meta.ok()) << dir << " " << meta.error().text();
    EXPECT_EQ(meta->cluster_id, cluster_id);
    ids.insert(meta->directory_id);
    if (dir == "/data/one") metadata_id = meta->directory_id;
    const std::string bootstrap = disk.content(dir + "/bootstrap.checkpoint");
    const auto snapshot = raft::parse_snapshot(as_view(bootstrap));
    ASSERT_TRUE(snapshot.ok()) << dir << " " << snapshot.error().text();
    EXPECT_EQ(snapshot->records.size(), 6U);
  }
  EXPECT_EQ(ids.size(), 2U);
  const std::string file = disk.content(kVotersFile);
  const auto voters = raft::parse_snapshot(as_view(file));
  ASSERT_TRUE(voters.ok()) << voters.error().text();
  ASSERT_TRUE(voters->prologue.voters.has_value());
  EXPECT_TRUE(voters->prologue.voters->is_only_voter(raft::ReplicaKey(NodeId(1), metadata_id)));
  EXPECT_FALSE(disk.exists("/data/one/.moldau-format-unfinished"));
}

TEST(FormatCrashTest, SucceedsAgainAfterACutAtAnyCall) {
  int calls = 0;
  {
    CuttingDisk disk;
    FormatInputs chance = inputs(1);
    ASSERT_TRUE(format_storage(disk, options("first"), chance).ok());
    calls = disk.calls();
    expect_whole(disk, "first");
  }
  ASSERT_GT(calls, 40);
  for (int cut = 0; cut < calls; ++cut) {
    for (std::uint64_t seed = 0; seed < 25; ++seed) {
      SCOPED_TRACE("cut at call " + std::to_string(cut) + ", seed " + std::to_string(seed));
      CuttingDisk disk;
      disk.cut_after(cut);
      FormatInputs chance = inputs(seed);
      const auto first = format_storage(disk, options("first"), chance);
      EXPECT_FALSE(first.ok());
      disk.restart(seed);
      const auto formatted = is_formatted(disk, options("").log_dirs, "/data/one");
      ASSERT_TRUE(formatted.ok()) << formatted.error().text();
      if (*formatted) {  // all was done: a node may start, and format refuses
        expect_whole(disk, "first");
        continue;
      }
      FormatInputs again = inputs(seed + 1000);
      const auto second = format_storage(disk, options("second"), again);
      ASSERT_TRUE(second.ok()) << second.error().text();
      expect_whole(disk, "second");
      disk.restart(seed);
      expect_whole(disk, "second");
    }
  }
}

TEST(FormatCrashTest, AFormatThatReturnedIsDurable) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CuttingDisk disk;
    FormatInputs chance = inputs(seed);
    ASSERT_TRUE(format_storage(disk, options("first"), chance).ok());
    disk.restart(seed);
    expect_whole(disk, "first");
  }
}

TEST(FormatCrashTest, LeavesADirectoryAloneThatANodeHasUsed) {
  // An interrupted format whose mark stayed, and a node that started nevertheless.
  CuttingDisk disk;
  FormatInputs chance = inputs(1);
  ASSERT_TRUE(format_storage(disk, options("first"), chance).ok());
  const std::string text = "/data/one\n/data/two\n";
  ASSERT_TRUE(
      env::write_small_file(disk, "/data/one/.moldau-format-unfinished", as_view(text)).ok());
  const std::string state = "{}";
  ASSERT_TRUE(env::write_small_file(disk, "/data/one/__cluster_metadata-0/quorum-state",
                                    as_view(state))
                  .ok());
  FormatInputs again = inputs(2);
  const auto second = format_storage(disk, options("second"), again);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().detail.find("Invalid cluster.id"), std::string::npos);
}

}  // namespace
}  // namespace moldau::offline
