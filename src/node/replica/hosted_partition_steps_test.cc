// SPDX-License-Identifier: Apache-2.0
// Appends while the pool opens, writes and rolls for them.
#include <gtest/gtest.h>

#include <cerrno>
#include <utility>

#include "env/fake/fake_env.h"
#include "node/replica/replica_host.h"
#include "record/batch_builder.h"

namespace moldau::replica {
namespace {

using env::fake::DiskCall;
using env::fake::FakeDisk;

/// A partition with segments of two batches, led by its host.
class HostedPartitionStepsTest : public testing::Test {
 protected:
  HostedPartitionStepsTest() {
    log::LogConfig config;
    config.segment_bytes = 300;
    auto log = log::PartitionLog::open(
        disk_, log::PartitionLog::OpenOptions("d/t-0", {"t", PartitionId(0)}, config));
    EXPECT_TRUE(log.ok());
    HostedIdentity identity;
    identity.id = id_;
    identity.name = {"t", PartitionId(0)};
    partition_ = &host_.add(std::move(identity), std::move(log).value(), Offset(0));
    partition_->set_config(config, record::ValidateOptions());
    partition::PartitionAssignment assignment;
    assignment.leader = NodeId(1);
    assignment.leader_epoch = LeaderEpoch(3);
    assignment.replicas = {NodeId(1)};
    assignment.isr = {NodeId(1)};
    partition_->apply(assignment);
  }

  /// Begins an append in a turn of the shard; its outcome will be outcomes_[n].
  void append() {
    record::BatchBuilder builder{record::BatchFields()};
    const std::string value(40, 'v');
    EXPECT_TRUE(builder.append({Timestamp(1), {}, as_view(value), {}}).ok());
    std::vector<AppendItem> items;
    items.emplace_back(id_, builder.build(host_.compression()).value());
    const std::size_t n = outcomes_.size();
    outcomes_.emplace_back();
    auto part = std::make_shared<AppendPart>(
        std::move(items), true,
        [this, n](std::vector<AppendOutcome> done) { outcomes_[n] = std::move(done.front()); });
    part->deadline = host_.shard().now() + Millis(30'000);
    shard().post([this, part] { host_.append(part); });
  }
  env::Shard& shard() { return env_.shard(env::ShardId(0)); }
  void expect_in_order(std::size_t count) {
    ASSERT_EQ(outcomes_.size(), count);
    for (std::size_t n = 0; n < count; ++n) {
      ASSERT_TRUE(outcomes_[n]) << n;
      EXPECT_EQ(outcomes_[n]->error, ErrorCode::kNone) << n;
      EXPECT_EQ(outcomes_[n]->base_offset, Offset(static_cast<std::int64_t>(n)));
    }
  }

  const TopicIdPartition id_{TopicId{}, PartitionId(0)};
  std::vector<std::optional<AppendOutcome>> outcomes_;
  env::fake::World world_{11};
  FakeDisk disk_{world_};
  env::fake::FakeEnv env_{world_, disk_};
  ReplicaHost host_{env_, env_.shard(env::ShardId(0)), NodeId(1), 1};
  HostedPartition* partition_ = nullptr;
};

TEST_F(HostedPartitionStepsTest, KeepTheirOrderThroughRolls) {
  for (int n = 0; n < 40; ++n) append();
  world_.run_for(Millis(1'000));
  expect_in_order(40);
  EXPECT_GT(partition_->log().segment_count(), 15U);
}

TEST_F(HostedPartitionStepsTest, KeepTheirOrderOnASlowDevice) {
  host_.set_slow_append(Millis(0));
  for (int n = 0; n < 60; ++n) {
    append();
    if (n % 7 == 0) world_.run_for(Millis(1));
  }
  world_.run_for(Millis(1'000));
  expect_in_order(60);
  EXPECT_EQ(partition_->log().log_end_offset(), Offset(60));
  EXPECT_EQ(partition_->machine().high_watermark(), Offset(60));
}

TEST_F(HostedPartitionStepsTest, OpenAFileThatWasClosedWhileIdle) {
  append();
  world_.run_for(Millis(100));
  ASSERT_TRUE(partition_->log().release_idle().ok());
  for (int n = 0; n < 5; ++n) append();
  world_.run_for(Millis(100));
  expect_in_order(6);
}

TEST_F(HostedPartitionStepsTest, AreRefusedIfNoSegmentCanBeBegunAndGoOnLater) {
  append();
  append();
  world_.run_for(Millis(100));
  disk_.set_fault(
      [](const DiskCall& call) { return call.kind == DiskCall::Kind::kCreate ? ENOSPC : 0; });
  append();
  append();
  world_.run_for(Millis(100));
  for (std::size_t n : {2U, 3U}) {
    ASSERT_TRUE(outcomes_[n]);
    EXPECT_EQ(outcomes_[n]->error, ErrorCode::kKafkaStorageError);
  }
  disk_.set_fault(nullptr);
  host_.set_directory_accepts(0, true);
  outcomes_.resize(2);
  append();
  world_.run_for(Millis(100));
  expect_in_order(3);
}

TEST_F(HostedPartitionStepsTest, AreAllAnsweredIfThePartitionStops) {
  host_.set_slow_append(Millis(0));
  bool removed = false;
  for (int n = 0; n < 30; ++n) append();
  shard().post([&] {
    host_.remove(id_, ErrorCode::kNotLeaderOrFollower, [&](std::unique_ptr<log::PartitionLog> log) {
      removed = true;
      EXPECT_TRUE(log->close().ok());
    });
  });
  world_.run_for(Millis(1'000));
  EXPECT_TRUE(removed);
  for (const auto& outcome : outcomes_) EXPECT_TRUE(outcome);
}

}  // namespace
}  // namespace moldau::replica
