// SPDX-License-Identifier: Apache-2.0
// A quorum of one on a disk that lies, in a process that dies at any step or system call, by kill
// or by power cut: it always starts again, every acknowledged decision is still there, none that
// was seen committed changes, epochs only rise, and the image is what the records say.
// Formatting is part of it: the first life begins with an empty disk.
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "env/fake/fake_env.h"
#include "log/meta_properties.h"
#include "node/quorum/quorum.h"
#include "offline/storage_format.h"

namespace moldau::quorum {
namespace {

using controller::Decision;
using controller::Nothing;
using env::fake::FakeDisk;
using env::fake::FakeEnv;
using env::fake::World;

const char* const kDirectory = "/data";
const char* const kMetadataDirectoryPath = "/data/__cluster_metadata-0";
const char* const kFirstSegment = "/data/__cluster_metadata-0/00000000000000000000.log";

// What the clients know: keys whose decision was answered, and those that were tried.
struct Ledger {
  std::set<std::string> acknowledged;
  std::set<std::string> tried;
  LeaderEpoch epoch{0};
};

class Life {
 public:
  Life(World& world, FakeDisk& disk, Ledger& ledger, QuorumConfig config)
      : world_(world), ledger_(ledger), env_(world, disk, {2}) {
    auto& home = env_.shard(env::ShardId(0));
    home.post([this, config] {
      quorum_ = std::make_unique<Quorum>(env_, config);
      quorum_->on_failure([this](const Error& error) { failure_ = error.text(); });
      tasks_.spawn(start());
    });
  }
  ~Life() {
    // Dead or not: what is queued goes first, then what it refers to.
    if (!env_.dead()) env_.die(FakeEnv::Death::kKill);
    env_.drop_all();
    submitters_.destroy_all();
    tasks_.destroy_all();
    quorum_.reset();
  }
  FakeEnv& env() { return env_; }
  bool started() const { return started_; }
  const std::string& failure() const { return failure_; }
  Quorum& quorum() { return *quorum_; }

  void submit(const std::string& key) {
    env::Shard& here = env_.shard(env::ShardId(static_cast<std::uint32_t>(key.size() % 2)));
    here.post([this, &here, key] { submitters_.spawn(submit_one(*this, here, key)); });
  }
  // Ends orderly; true once done.
  bool stop() {
    bool done = false;
    env_.shard(env::ShardId(0)).post([this, &done] { tasks_.spawn(stop_all(done)); });
    return world_.run_while([&] { return done || env_.dead(); }, Millis(60'000)) && done;
  }

 private:
  env::Task<void> start() {
    Result<void> result = co_await quorum_->start();
    if (result.ok()) started_ = true;
    if (!result.ok()) failure_ = result.error().text();
  }
  env::Task<void> stop_all(bool& done) {
    Result<void> result = co_await quorum_->stop();
    EXPECT_TRUE(result.ok() || env_.dead());
    done = true;
  }
  static env::Task<void> submit_one(Life& life, env::Shard& here, std::string key) {
    DecideFn<Nothing> decide = [key](controller::ControllerMachine& machine,
                                     controller::RequestContext&) {
      Decision<Nothing> decision(machine.image().metadata_version());
      decision.records.config(image::ConfigResource(image::ResourceType::kTopic, key), "k", key);
      return decision;
    };
    life.ledger_.tried.insert(key);
    const MonoTime deadline = here.now() + Millis(5'000);
    auto result = co_await life.quorum_->submit<Nothing>(here, std::move(decide), deadline);
    if (!result.ok()) co_return;
    life.ledger_.acknowledged.insert(key);
    const image::ImagePtr image = life.quorum_->image(here.id());
    EXPECT_TRUE(image->topic_config(key).contains("k")) << "answered before it was seen: " << key;
  }

  World& world_;
  Ledger& ledger_;
  FakeEnv env_;
  std::unique_ptr<Quorum> quorum_;
  env::TaskScope tasks_;
  env::TaskScope submitters_;
  bool started_ = false;
  std::string failure_;
};

class CrashRun {
 public:
  explicit CrashRun(std::uint64_t seed) : world_(seed), disk_(world_) {}

  void run(int lives) {
    format();
    for (int i = 0; i < lives && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE("life " + std::to_string(i));
      live(i + 1 < lives);
    }
  }
  // A disk without room refuses decisions; with room it takes them again, in the same process.
  void fill_and_free() {
    format();
    Life life(world_, disk_, ledger_, config_);
    ASSERT_TRUE(world_.run_while([&] { return life.started(); }, Millis(60'000)));
    submit_and_wait(life, 10);
    ASSERT_EQ(ledger_.acknowledged.size(), 10U);
    disk_.set_capacity(disk_.used());
    submit_and_wait(life, 20);
    EXPECT_LT(ledger_.acknowledged.size(), 30U) << "the disk was never full";
    disk_.set_capacity(std::uint64_t{1} << 40);
    ASSERT_TRUE(
        world_.run_while([&] { return life.quorum().is_active_controller(); }, Millis(60'000)));
    ASSERT_EQ(life.failure(), "");
    const std::size_t before = ledger_.acknowledged.size();
    submit_and_wait(life, 10);
    EXPECT_EQ(ledger_.acknowledged.size(), before + 10);
    inspect(life);
  }
  // The first failed fsync is the last word: nothing is acknowledged afterwards.
  void fail_a_sync() {
    format();
    Life life(world_, disk_, ledger_, config_);
    ASSERT_TRUE(world_.run_while([&] { return life.started(); }, Millis(60'000)));
    submit_and_wait(life, 5);
    disk_.set_fault([](const env::fake::DiskCall& call) {
      const bool log = call.path.ends_with(".log");
      return log && call.kind == env::fake::DiskCall::Kind::kSync ? EIO : 0;
    });
    submit_and_wait(life, 5);
    disk_.set_fault(nullptr);
    submit_and_wait(life, 5);
    EXPECT_EQ(ledger_.acknowledged.size(), 5U);
    EXPECT_NE(life.failure(), "");
    EXPECT_FALSE(life.quorum().is_active_controller());
  }
  // What the newest snapshot stands for is not read again.
  void start_behind_the_snapshot() {
    format();
    config_.retention_bytes = -1;
    config_.segment_bytes = 1 << 20;
    std::size_t decisions = 0;
    {
      Life life(world_, disk_, ledger_, config_);
      ASSERT_TRUE(world_.run_while([&] { return life.started(); }, Millis(60'000)));
      for (; decisions < 1200; decisions += 20) submit_and_wait(life, 20);
      ASSERT_EQ(ledger_.acknowledged.size(), decisions);
      ASSERT_TRUE(life.stop());
      ledger_.epoch = life.quorum().leader().epoch;
    }
    disk_.revive_after_kill();
    config_.was_clean = true;
    const auto size = disk_.content(kFirstSegment).size();
    std::uint64_t bytes_read = 0;
    disk_.set_fault([&](const env::fake::DiskCall& call) {
      if (call.kind == env::fake::DiskCall::Kind::kRead && call.path == kFirstSegment)
        bytes_read += call.length;
      return 0;
    });
    Life life(world_, disk_, ledger_, config_);
    ASSERT_TRUE(world_.run_while(
        [&] { return life.started() || !life.failure().empty(); }, Millis(60'000)));
    EXPECT_EQ(life.failure(), "");
    EXPECT_LT(bytes_read, size / 4) << "of " << size;
    inspect(life);
    submit_and_wait(life, 5);
    EXPECT_EQ(ledger_.acknowledged.size(), decisions + 5);
  }
  // metadata.max.retention.*: how many snapshots there are in the end, and where the log begins.
  std::pair<std::size_t, Offset> keep(std::int64_t bytes, Millis age) {
    format();
    config_.retention_bytes = bytes;
    config_.retention = age;
    Life life(world_, disk_, ledger_, config_);
    EXPECT_TRUE(world_.run_while([&] { return life.started(); }, Millis(60'000)));
    for (int i = 0; i < 15; ++i) submit_and_wait(life, 20);
    world_.run_for(Millis(600'000));
    std::size_t snapshots = 0;
    Offset first(INT64_MAX);
    for (const std::string& path : disk_.files_below(kMetadataDirectoryPath)) {
      const std::string name = path.substr(path.rfind('/') + 1);
      if (name.ends_with(".checkpoint") && !name.starts_with("00000000000000000000-"))
        ++snapshots;
      if (name.ends_with(".log")) first = std::min(first, Offset(std::stoll(name)));
    }
    return {snapshots, first};
  }
  std::size_t acknowledged() const { return ledger_.acknowledged.size(); }
  int deaths() const { return deaths_; }

 private:
  std::uint64_t below(std::uint64_t n) { return world_.random().below(n); }

  // With power cuts in between, until it is done.
  void format() {
    offline::FormatOptions options;
    options.node_id = NodeId(1);
    options.is_controller = true;
    options.log_dirs = {kDirectory};
    options.metadata_log_dir = kDirectory;
    options.controller_listener = "CONTROLLER";
    options.cluster_id = "cluster";
    options.standalone = true;
    options.controller_endpoint.emplace("CONTROLLER", "127.0.0.1", std::uint16_t{9093});
    offline::FormatInputs inputs;
    inputs.now = world_.wall();
    inputs.random = [this] { return world_.random().next(); };
    for (int attempt = 0;; ++attempt) {
      const auto formatted = offline::is_formatted(disk_, options.log_dirs, kDirectory);
      ASSERT_TRUE(formatted.ok()) << formatted.error().text();
      if (*formatted) break;
      ASSERT_LT(attempt, 100);
      disk_.cut_after(1 + below(60), [] {});
      (void)offline::format_storage(disk_, options, inputs).ok();
      disk_.forget_cut();
      disk_.freeze();
      disk_.revive_after_power_cut();
    }
    const auto meta = log::MetaProperties::parse(disk_.content("/data/meta.properties"));
    ASSERT_TRUE(meta.ok());
    config_.directory_id = meta->directory_id;
    config_.node_id = NodeId(1);
    config_.cluster_id = "cluster";
    config_.metadata_log_dir = kDirectory;
    config_.controller.node_id = NodeId(1);
    config_.controller.cluster_id = "cluster";
    // Small, so that snapshots, rolls and cleaning happen in every run.
    config_.snapshot_after_bytes = 3000;
    config_.retention_bytes = 9000;
    config_.segment_bytes = 4096;
  }

  void live(bool may_die) {
    const bool power = below(2) == 0;
    const auto death = power ? FakeEnv::Death::kPowerCut : FakeEnv::Death::kKill;
    {
      Life life(world_, disk_, ledger_, config_);
      if (may_die && below(2) == 0)
        life.env().die_in_steps(1 + below(600), death);
      else if (may_die)
        disk_.cut_after(1 + below(120), [&] { life.env().die(death); });
      const bool up = world_.run_while(
          [&] { return life.started() || !life.failure().empty() || life.env().dead(); },
          Millis(120'000));
      ASSERT_TRUE(up) << "it does not start";
      if (!life.env().dead()) {
        ASSERT_EQ(life.failure(), "");
        inspect(life);
        work(life);
        if (!life.env().dead() && below(3) == 0) {
          EXPECT_TRUE(life.stop() || life.env().dead());
        }
      }
      disk_.forget_cut();
      if (!life.env().dead()) life.env().die(death);
      ++deaths_;
    }
    if (power)
      disk_.revive_after_power_cut();
    else
      disk_.revive_after_kill();
  }

  void inspect(Life& life) {
    const image::ImagePtr image = life.quorum().image(env::ShardId(0));
    EXPECT_EQ(image->metadata_version().level(), 30);
    EXPECT_TRUE(life.quorum().is_active_controller());
    const LeaderEpoch epoch = life.quorum().leader().epoch;
    EXPECT_GT(epoch, ledger_.epoch) << "the epoch went back";
    ledger_.epoch = epoch;
    for (const std::string& key : ledger_.acknowledged) {
      const auto& config = image->topic_config(key);
      const auto it = config.find("k");
      ASSERT_TRUE(it != config.end()) << "lost: " << key;
      EXPECT_EQ(it->second, key);
    }
    for (const auto& [resource, entries] : image->configs())
      if (resource.type == image::ResourceType::kTopic) {
        EXPECT_TRUE(ledger_.tried.contains(resource.name)) << "never asked for: " << resource.name;
      }
    // A key that was unknown and is found now stays: somebody may have seen it.
    for (const std::string& key : ledger_.tried)
      if (image->topic_config(key).contains("k")) ledger_.acknowledged.insert(key);
  }

  void submit_and_wait(Life& life, int decisions) {
    for (int i = 0; i < decisions; ++i) life.submit("key-" + std::to_string(next_key_++));
    world_.run_for(Millis(10'000));
  }

  void work(Life& life) {
    const int decisions = static_cast<int>(below(40));
    for (int i = 0; i < decisions && !life.env().dead(); ++i) {
      life.submit("key-" + std::to_string(next_key_++));
      world_.run_for(Millis(static_cast<std::int64_t>(below(30))));
    }
    world_.run_for(Millis(static_cast<std::int64_t>(below(3000))));
  }

  World world_;
  FakeDisk disk_;
  Ledger ledger_;
  QuorumConfig config_;
  int next_key_ = 0;
  int deaths_ = 0;
};

TEST(QuorumCrashTest, AcknowledgedDecisionsSurviveEveryDeath) {
  std::size_t acknowledged = 0;
  int deaths = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CrashRun run(seed);
    run.run(12);
    if (HasFailure()) break;
    acknowledged += run.acknowledged();
    deaths += run.deaths();
  }
  EXPECT_GT(acknowledged, 2000U);
  EXPECT_GT(deaths, 500);
}

TEST(QuorumCrashTest, AFullDiskRefusesAndHeals) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CrashRun(seed).fill_and_free();
  }
}

TEST(QuorumCrashTest, AFailedSyncIsTheEnd) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CrashRun(seed).fail_a_sync();
  }
}

TEST(QuorumCrashTest, StartsFromTheNewestSnapshot) {
  CrashRun(3).start_behind_the_snapshot();
}

TEST(QuorumCrashTest, KeepsEverythingWithoutALimit) {
  const auto [snapshots, first] = CrashRun(4).keep(-1, Millis(-1));
  EXPECT_GE(snapshots, 25U);
  EXPECT_EQ(first, Offset(0));
}

TEST(QuorumCrashTest, DropsOldSnapshotsAndTheRecordsBeforeThemBySize) {
  const auto [snapshots, first] = CrashRun(5).keep(60'000, Millis(-1));
  EXPECT_GE(snapshots, 1U);
  EXPECT_LE(snapshots, 20U);
  EXPECT_GT(first, Offset(0));
}

TEST(QuorumCrashTest, DropsOldSnapshotsAndTheRecordsBeforeThemByAge) {
  const auto [snapshots, first] = CrashRun(6).keep(-1, Millis(60'000));
  // Records without content keep coming; what is older than a minute goes once a minute.
  EXPECT_GE(snapshots, 1U);
  EXPECT_LE(snapshots, 10U);
  EXPECT_GT(first, Offset(0));
}

}  // namespace
}  // namespace moldau::quorum
