// SPDX-License-Identifier: Apache-2.0
#include "node/broker/log_cleaner.h"

#include <gtest/gtest.h>

#include "env/fake/fake_env.h"
#include "log/meta_properties.h"
#include "record/batch_builder.h"

namespace moldau::broker {
namespace {

/// Compacted logs of one log dir on a fake disk, and the cleaner with the configs of the test.
class LogCleanerTest : public testing::Test {
 protected:
  static constexpr int kPartitions = 6;

  LogCleanerTest() {
    log::MetaProperties meta;
    meta.version = 1;
    meta.cluster_id = "kVKQyQkSS3iGGtYZDpNnPA";
    meta.node_id = NodeId(1);
    meta.directory_id = Uuid(77, 88);
    disk_.put_file("d/meta.properties", meta.serialize("Sat Nov 21 10:00:00 UTC 2026"));
    EXPECT_TRUE(directories_.open({"d"}, "d").ok());
    for (int n = 0; n < kPartitions; ++n) add_dirty(n);
  }

  /// A log whose sealed segments hold the same keys again and again.
  void add_dirty(int n) {
    const TopicPartition name{"t", PartitionId(n)};
    log::LogConfig config;
    config.cleanup_compact = true;
    config.cleanup_delete = false;
    config.segment_bytes = 2'000;
    config.min_cleanable_dirty_ratio = 0.01;
    const std::string path = "d/t-" + std::to_string(n);
    auto opened =
        log::PartitionLog::open(disk_, log::PartitionLog::OpenOptions(path, name, config));
    ASSERT_TRUE(opened.ok());
    replica::HostedIdentity identity;
    identity.id = TopicIdPartition{TopicId{}, PartitionId(n)};
    identity.name = name;
    replica::HostedPartition& partition =
        host().add(std::move(identity), std::move(opened).value(), Offset(0));
    for (int i = 0; i < 60; ++i) append(partition, "key-" + std::to_string(i % 5));
    const auto point = partition.log().flush_point();
    ASSERT_TRUE(point.ok() && point->sync().ok());
    partition.log().mark_flushed(*point);
    partition.log().set_high_watermark(partition.log().log_end_offset());
    partitions_.push_back(&partition);
  }
  void append(replica::HostedPartition& partition, const std::string& key) {
    record::BatchBuilder builder{record::BatchFields()};
    const std::string value(200, 'v');
    ASSERT_TRUE(builder.append({Timestamp(1), as_view(key), as_view(value), {}}).ok());
    Slice batch = builder.build(host().compression()).value();
    ASSERT_TRUE(partition.log()
                    .stage(log::AppendInput(std::move(batch), log::AppendOrigin::kClient,
                                            LeaderEpoch(0), Timestamp(1)))
                    .ok());
    ASSERT_FALSE(partition.log().write_staged().error);
    partition.run_jobs();
  }
  replica::ReplicaHost& host() { return replicas_.host(0); }

  void set(const std::string& key, const std::string& value) {
    properties_[key] = {value, "test"};
    auto loaded = config::load_broker_config(properties_);
    ASSERT_TRUE(loaded.ok()) << loaded.error().detail;
    config_ = std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
    cleaner_.configure();
  }
  int passes_under_way() const {
    int count = 0;
    for (replica::HostedPartition* partition : partitions_) count += partition->compacting();
    return count;
  }
  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (replica::HostedPartition* partition : partitions_) sum += partition->log().size_bytes();
    return sum;
  }
  /// The most passes seen at once in that time.
  int most_in(Millis span) {
    int most = 0;
    const MonoTime end = world_.now() + span;
    while (world_.now() < end && world_.step()) most = std::max(most, passes_under_way());
    return most;
  }

  env::fake::World world_{7};
  env::fake::FakeDisk disk_{world_};
  env::fake::FakeEnv env_{world_, disk_};
  replica::ReplicaSet replicas_{env_, NodeId(1), 1};
  LogDirectories directories_{env_, replicas_, 0};
  config::PropertySet properties_ = config::default_single_node_properties();
  std::shared_ptr<const config::BrokerConfig> config_;
  LogCleaner cleaner_{env_, directories_, replicas_, [this] { return config_; }};
  std::vector<replica::HostedPartition*> partitions_;
  env::TaskScope tasks_;
};

TEST_F(LogCleanerTest, CleansOneLogAfterTheOtherByDefault) {
  set("log.cleaner.backoff.ms", "100");
  const std::uint64_t before = bytes();
  env_.shard(env::ShardId(0)).post([this] { cleaner_.start(tasks_); });
  EXPECT_EQ(most_in(Millis(10'000)), 1);
  EXPECT_LT(bytes(), before / 2);
  cleaner_.stop();
  world_.run_for(Millis(1'000));
  EXPECT_EQ(directories_.entry(0).directory->cleaner_offsets().offsets.size(),
            static_cast<std::size_t>(kPartitions));
}

TEST_F(LogCleanerTest, RunsAsManyPassesAsItHasThreads) {
  set("log.cleaner.backoff.ms", "100");
  set("log.cleaner.threads", "3");
  // Slow enough for all to meet.
  set("log.cleaner.io.max.bytes.per.second", "10000");
  env_.shard(env::ShardId(0)).post([this] { cleaner_.start(tasks_); });
  EXPECT_EQ(most_in(Millis(20'000)), 3);
}

TEST_F(LogCleanerTest, FollowsTheNumberOfThreads) {
  set("log.cleaner.backoff.ms", "100");
  set("log.cleaner.io.max.bytes.per.second", "3000");
  env_.shard(env::ShardId(0)).post([this] { cleaner_.start(tasks_); });
  EXPECT_EQ(most_in(Millis(3'000)), 1);
  set("log.cleaner.threads", "2");
  // The first pass has a map of the whole buffer: it is broken off, then both have a half.
  EXPECT_EQ(most_in(Millis(10'000)), 2);
  EXPECT_EQ(directories_.entry(0).directory->cleaner_offsets().offsets.size(), 0U);
  set("log.cleaner.threads", "1");
  (void)most_in(Millis(20'000));
  EXPECT_LE(passes_under_way(), 1);
}

TEST_F(LogCleanerTest, PassesShareTheRate) {
  const std::uint64_t dirty = bytes();
  set("log.cleaner.backoff.ms", "10");
  set("log.cleaner.threads", "4");
  set("log.cleaner.io.max.bytes.per.second", "10000");
  env_.shard(env::ShardId(0)).post([this] { cleaner_.start(tasks_); });
  const MonoTime begin = world_.now();
  while (bytes() > dirty / 2) ASSERT_TRUE(world_.step());
  // What was read alone takes so long.
  const std::int64_t took_ms = (world_.now() - begin) / 1'000'000;
  EXPECT_GE(took_ms, static_cast<std::int64_t>(dirty / 2 * 1000 / 10'000));
}

}  // namespace
}  // namespace moldau::broker
