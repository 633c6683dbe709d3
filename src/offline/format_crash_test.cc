// SPDX-License-Identifier: Apache-2.0
// The power is cut at every call that format makes to the disk; whatever is left, the next format
// works, with another cluster id too, and what it leaves is whole.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "env/fake/fake_disk.h"
#include "log/meta_properties.h"
#include "machine/raft/snapshot_file.h"
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

std::string content(const env::fake::FakeDisk& disk, const std::string& path) {
  return disk.exists(path) ? disk.content(path) : std::string();
}

void expect_whole(env::fake::FakeDisk& disk, const std::string& cluster_id) {
  std::set<DirectoryId> ids;
  DirectoryId metadata_id;
  for (const std::string dir : {"/data/one", "/data/two"}) {
    const auto meta = log::MetaProperties::parse(content(disk, dir + "/meta.properties"));
    ASSERT_TRUE(meta.ok()) << dir << " " << meta.error().text();
    EXPECT_EQ(meta->cluster_id, cluster_id);
    ids.insert(meta->directory_id);
    if (dir == "/data/one") metadata_id = meta->directory_id;
    const std::string bootstrap = content(disk, dir + "/bootstrap.checkpoint");
    const auto snapshot = raft::parse_snapshot(as_view(bootstrap));
    ASSERT_TRUE(snapshot.ok()) << dir << " " << snapshot.error().text();
    EXPECT_EQ(snapshot->records.size(), 6U);
  }
  EXPECT_EQ(ids.size(), 2U);
  const std::string file = content(disk, kVotersFile);
  const auto voters = raft::parse_snapshot(as_view(file));
  ASSERT_TRUE(voters.ok()) << voters.error().text();
  ASSERT_TRUE(voters->prologue.voters.has_value());
  EXPECT_TRUE(voters->prologue.voters->is_only_voter(raft::ReplicaKey(NodeId(1), metadata_id)));
  EXPECT_FALSE(disk.exists("/data/one/.moldau-format-unfinished"));
}

TEST(FormatCrashTest, SucceedsAgainAfterACutAtAnyCall) {
  std::uint64_t calls = 0;
  {
    env::fake::World world(1);
    env::fake::FakeDisk disk(world);
    FormatInputs chance = inputs(1);
    ASSERT_TRUE(format_storage(disk, options("first"), chance).ok());
    calls = disk.changing_calls();
    expect_whole(disk, "first");
  }
  ASSERT_GT(calls, 30U);
  for (std::uint64_t cut = 1; cut <= calls; ++cut) {
    for (std::uint64_t seed = 0; seed < 25; ++seed) {
      SCOPED_TRACE("cut at call " + std::to_string(cut) + ", seed " + std::to_string(seed));
      env::fake::World world(seed);
      env::fake::FakeDisk disk(world);
      bool died = false;
      disk.cut_after(cut, [&died] { died = true; });
      FormatInputs chance = inputs(seed);
      (void)format_storage(disk, options("first"), chance).ok();
      EXPECT_TRUE(died);
      disk.revive_after_power_cut();
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
      disk.freeze();
      disk.revive_after_power_cut();
      expect_whole(disk, "second");
    }
  }
}

TEST(FormatCrashTest, LeavesADirectoryAloneThatANodeHasUsed) {
  // An interrupted format whose mark stayed, and a node that started nevertheless.
  env::fake::World world(1);
  env::fake::FakeDisk disk(world);
  FormatInputs chance = inputs(1);
  ASSERT_TRUE(format_storage(disk, options("first"), chance).ok());
  const std::string text = "/data/one\n/data/two\n";
  ASSERT_TRUE(
      env::write_small_file(disk, "/data/one/.moldau-format-unfinished", as_view(text)).ok());
  const std::string state = "{}";
  ASSERT_TRUE(
      env::write_small_file(disk, "/data/one/__cluster_metadata-0/quorum-state", as_view(state))
          .ok());
  FormatInputs again = inputs(2);
  const auto second = format_storage(disk, options("second"), again);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().detail.find("Invalid cluster.id"), std::string::npos);
}

}  // namespace
}  // namespace moldau::offline
