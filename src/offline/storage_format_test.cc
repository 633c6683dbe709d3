// SPDX-License-Identifier: Apache-2.0
// KIP-631, KIP-853, KIP-1022
#include "offline/storage_format.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "env/fake/fake_disk.h"
#include "machine/raft/snapshot_file.h"
#include "record/big_endian.h"

namespace moldau::offline {
namespace {

const char* const kCluster = "nyk1D6EFRoucP3xtdf3zpw";
const char* const kSha256 =
    "SCRAM-SHA-256=[name=alice,password=alice-secret,iterations=4096,"
    "salt=\"MWx2NHBkbnc0ZndxN25vdGN4bTB5eTFrN3E=\"]";
const char* const kSha512 =
    "SCRAM-SHA-512=[name=bob,salt=\"MWx2NHBkbnc0ZndxN25vdGN4bTB5eTFrN3E=\",iterations=5000,"
    "saltedpassword=\"mT0yyUUxnlJaC99HXgRTSYlbuqa4FSGtJCJfTMvjYCE=\"]";

std::string golden(const std::string& name) {
  std::ifstream in("tests/golden/format/" + name, std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

// Batches without what depends on the moment: checksum and timestamps.
std::string timeless(std::string bytes) {
  for (std::size_t at = 0; at + 61 <= bytes.size();) {
    const auto length =
        record::load_big<std::int32_t>(reinterpret_cast<const std::byte*>(bytes.data() + at + 8));
    bytes.replace(at + 17, 4, 4, 'c');
    bytes.replace(at + 27, 16, 16, 't');
    at += 12 + static_cast<std::size_t>(length);
  }
  return bytes;
}

FormatOptions options() {
  FormatOptions out;
  out.node_id = NodeId(1);
  out.is_controller = true;
  out.log_dirs = {"/a", "/b"};
  out.metadata_log_dir = "/a";
  out.controller_listener = "CONTROLLER";
  out.cluster_id = kCluster;
  out.controller_endpoint.emplace("CONTROLLER", "127.0.0.1", std::uint16_t{9093});
  return out;
}

FormatInputs inputs(Timestamp now = Timestamp(1'795'254'091'000)) {
  FormatInputs out;
  out.now = now;
  out.random = [random = std::mt19937_64(7)]() mutable { return random(); };
  return out;
}

std::string refusal(const FormatOptions& asked) {
  env::fake::World world(1);
  env::fake::FakeDisk disk(world);
  FormatInputs chance = inputs();
  const auto result = format_storage(disk, asked, chance);
  return result.ok() ? "formatted" : result.error().detail;
}

const char* const kVotersFile =
    "/a/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint";

TEST(StorageFormatTest, WritesTheBytesThatApacheWritesForOneController) {
  const std::string apache = golden("standalone.voters.checkpoint");
  const auto parsed = raft::parse_snapshot(as_view(apache));
  ASSERT_TRUE(parsed.ok()) << parsed.error().text();
  const raft::Voter* voter = parsed->prologue.voters->find(NodeId(1));
  ASSERT_NE(voter, nullptr);
  FormatOptions asked = options();
  asked.initial_controllers = "1@127.0.0.1:9093:" + voter->key.directory.text();
  env::fake::World world(1);
  env::fake::FakeDisk disk(world);
  FormatInputs chance = inputs(parsed->prologue.last_contained);
  ASSERT_TRUE(format_storage(disk, asked, chance).ok());
  EXPECT_EQ(timeless(disk.content(kVotersFile)), timeless(apache));
  EXPECT_EQ(timeless(disk.content("/a/bootstrap.checkpoint")),
            timeless(golden("standalone.bootstrap.checkpoint")));
  EXPECT_EQ(disk.content("/a/bootstrap.checkpoint"), disk.content("/b/bootstrap.checkpoint"));
  EXPECT_FALSE(disk.exists("/b/__cluster_metadata-0"));
}

TEST(StorageFormatTest, WritesTheMetaPropertiesThatApacheWrites) {
  FormatOptions asked = options();
  asked.initial_controllers = "1@127.0.0.1:9093:FvAu9YWOStu1RHz29MhrYA";
  env::fake::World world(1);
  env::fake::FakeDisk disk(world);
  FormatInputs chance = inputs();
  ASSERT_TRUE(format_storage(disk, asked, chance).ok());
  EXPECT_EQ(disk.content("/a/meta.properties"), golden("meta.properties"));
}

TEST(StorageFormatTest, WritesTheBytesThatApacheWritesForSeveralControllersAndScram) {
  const std::string apache = golden("two_controllers.voters.checkpoint");
  const auto parsed = raft::parse_snapshot(as_view(apache));
  ASSERT_TRUE(parsed.ok());
  FormatOptions asked = options();
  asked.node_id = NodeId(3);
  asked.initial_controllers = "3@h3:9093:AAAAAAAAAAAAAAAAAAAAyw,1@h1:9093:JEXY6aqzQY-32P5TStzaFg";
  asked.scram = {kSha256};
  asked.features = {"share.version=0"};
  env::fake::World world(1);
  env::fake::FakeDisk disk(world);
  FormatInputs chance = inputs(parsed->prologue.last_contained);
  ASSERT_TRUE(format_storage(disk, asked, chance).ok());
  EXPECT_EQ(timeless(disk.content(kVotersFile)), timeless(apache));
  EXPECT_EQ(timeless(disk.content("/a/bootstrap.checkpoint")),
            timeless(golden("two_controllers_scram.bootstrap.checkpoint")));
}

TEST(StorageFormatTest, WritesTheBytesThatApacheWritesForAnOldReleaseWithStaticVoters) {
  FormatOptions asked = options();
  asked.has_static_voters = true;
  asked.release_version = "3.7";
  asked.scram = {kSha512};
  env::fake::World world(1);
  env::fake::FakeDisk disk(world);
  FormatInputs chance = inputs();
  ASSERT_TRUE(format_storage(disk, asked, chance).ok());
  EXPECT_EQ(timeless(disk.content("/a/bootstrap.checkpoint")),
            timeless(golden("release_3_7_scram.bootstrap.checkpoint")));
  EXPECT_FALSE(disk.exists(kVotersFile));
}

TEST(StorageFormatTest, RefusesWhatApacheRefusesInItsWords) {
  FormatOptions asked = options();
  EXPECT_NE(refusal(asked).find("you must specify one of the following: --standalone"),
            std::string::npos);
  asked.standalone = true;
  EXPECT_EQ(refusal(asked), "formatted");
  const auto with = [&](auto change) {
    FormatOptions changed = asked;
    change(changed);
    return refusal(changed);
  };
  EXPECT_NE(with([](auto& o) {
              o.features = {"kraft.version=0"};
            }).find("Cannot set kraft.version to 0 if controller.quorum.voters is empty"),
            std::string::npos);
  EXPECT_NE(with([](auto& o) {
              o.has_static_voters = true;
            }).find("You cannot specify controller.quorum.voters and format the node with"),
            std::string::npos);
  EXPECT_EQ(with([](auto& o) { o.features = {"foo.version=1"}; }),
            "Unsupported feature: foo.version. Supported features are: "
            "eligible.leader.replicas.version, group.version, kraft.version, share.version, "
            "streams.version, transaction.version");
  EXPECT_EQ(with([](auto& o) { o.features = {"share.version=5"}; }),
            "No feature:share.version with feature level 5");
  EXPECT_EQ(with([](auto& o) {
              o.features = {"eligible.leader.replicas.version=1"};
              o.release_version = "3.9";
            }),
            "eligible.leader.replicas.version could not be set to 1 because it depends on "
            "metadata.version level 23");
  EXPECT_EQ(with([](auto& o) { o.features = {"foo"}; }),
            "Can't parse feature=level string foo: equals sign not found.");
  EXPECT_EQ(with([](auto& o) { o.features = {"share.version=x"}; }),
            "Can't parse feature=level string share.version=x: unable to parse x as a short.");
  EXPECT_EQ(with([](auto& o) { o.scram = {"foo"}; }),
            "Failed to find equals sign in SCRAM argument 'foo'");
  EXPECT_EQ(with([](auto& o) { o.scram = {"SCRAM-SHA-256=[name=a]"}; }),
            "You must supply one of 'password' or 'saltedpassword' to add-scram");
  EXPECT_EQ(with([](auto& o) { o.scram = {"SCRAM-SHA-256=[name=a,password=b,iterations=10]"}; }),
            "The 'iterations' value must be >= 4096 for add-scram using SCRAM_SHA_256");
  EXPECT_EQ(with([](auto& o) { o.scram = {"SCRAM-SHA-1=[name=a,password=b]"}; }),
            "The add-scram mechanism SCRAM-SHA-1 is not supported.");
  EXPECT_EQ(with([](auto& o) {
              o.release_version = "3.4";
              o.scram = {"SCRAM-SHA-256=[name=a,password=b]"};
            }),
            "SCRAM is only supported in metadata.version 3.5-IV2 or later.");
  EXPECT_EQ(with([](auto& o) { o.release_version = "3.2"; }).substr(0, 31),
            "Unknown metadata.version '3.2'.");
}

TEST(StorageFormatTest, ParsesControllersStrictly) {
  const auto with = [](const char* text) {
    FormatOptions asked = options();
    asked.initial_controllers = text;
    return refusal(asked);
  };
  EXPECT_EQ(with("abc"), "No @ found in dynamic voter string.");
  EXPECT_EQ(with("1@h:9093"), "No colon following port could be found.");
  EXPECT_EQ(with("1@h:9093:JEXY6aqzQY-32P5TStzaFg,1@h:9093:AEXY6aqzQY-32P5TStzaFg"),
            "Node id 1 was specified more than once.");
  EXPECT_EQ(with(""), "No voters given.");
  EXPECT_EQ(with("1@[::1]:9093:JEXY6aqzQY-32P5TStzaFg"), "formatted");
  EXPECT_EQ(with("1@[::1:9093:JEXY6aqzQY-32P5TStzaFg"),
            "Hostname began with left bracket, but no right bracket was found.");
  EXPECT_EQ(with("1@h:70000:JEXY6aqzQY-32P5TStzaFg"),
            "Invalid port 70000 in dynamic voter string.");
  EXPECT_EQ(with("1@h:1:x"), "Failed to parse directory ID in dynamic voter string.");
}

TEST(StorageFormatTest, FormatsOnlyWhatIsNotFormattedYet) {
  env::fake::World world(1);
  env::fake::FakeDisk disk(world);
  FormatOptions asked = options();
  asked.standalone = true;
  FormatInputs chance = inputs();
  asked.log_dirs = {"/a"};
  ASSERT_TRUE(format_storage(disk, asked, chance).ok());
  const std::string before = disk.content("/a/meta.properties");
  asked.log_dirs = {"/a", "/b"};
  const auto refused = format_storage(disk, asked, chance);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().detail.substr(0, 38), "Log directory /a is already formatted.");
  asked.ignore_formatted = true;
  ASSERT_TRUE(format_storage(disk, asked, chance).ok());
  EXPECT_EQ(disk.content("/a/meta.properties"), before);
  EXPECT_TRUE(disk.exists("/b/meta.properties"));
  const auto again = format_storage(disk, asked, chance);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->front(), "All of the log directories are already formatted.");
  EXPECT_FALSE(describe_storage(disk, asked.log_dirs).has_problems);
  EXPECT_TRUE(describe_storage(disk, {"/a", "/c"}).has_problems);
}

}  // namespace
}  // namespace moldau::offline
