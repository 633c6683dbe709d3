// SPDX-License-Identifier: Apache-2.0
#include "node/replica/replica_host.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <utility>

#include "env/fake/fake_env.h"
#include "record/batch_builder.h"

namespace moldau::replica {
namespace {

using env::fake::FakeDisk;

/// One host with logs in log dir 0, on a clock that moves when the test says so.
class ReplicaHostTest : public testing::Test {
 protected:
  HostedPartition& add(int n, Millis flush_ms, std::int64_t flush_messages = INT64_MAX) {
    const TopicPartition name{"t", PartitionId(n)};
    log::LogConfig config;
    config.flush_ms = flush_ms;
    config.flush_messages = flush_messages;
    const std::string path = "d/t-" + std::to_string(n);
    auto log = log::PartitionLog::open(disk_, log::PartitionLog::OpenOptions(path, name, config));
    EXPECT_TRUE(log.ok());
    HostedIdentity identity;
    identity.id = TopicIdPartition{TopicId{}, PartitionId(n)};
    identity.name = name;
    return host_.add(std::move(identity), std::move(log).value(), Offset(0));
  }
  void append(HostedPartition& partition) {
    record::BatchBuilder builder{record::BatchFields()};
    const std::string value = "v";
    EXPECT_TRUE(builder.append({Timestamp(1), {}, as_view(value), {}}).ok());
    Slice batch = builder.build(host_.compression()).value();
    EXPECT_TRUE(partition.log()
                    .stage(log::AppendInput(std::move(batch), log::AppendOrigin::kClient,
                                            LeaderEpoch(0), Timestamp(1)))
                    .ok());
    EXPECT_FALSE(partition.log().write_staged().error);
    partition.run_jobs();
  }
  void start(Millis delay, Millis interval) {
    env_.shard(env::ShardId(0)).post([this, delay, interval] {
      host_.start_flushing(delay, interval);
    });
  }
  std::int64_t flushed(HostedPartition& p) { return p.log().flushed_end_offset().value(); }

  env::fake::World world_{7};
  FakeDisk disk_{world_};
  env::fake::FakeEnv env_{world_, disk_};
  ReplicaHost host_{env_, env_.shard(env::ShardId(0)), NodeId(1), 1};
};

TEST_F(ReplicaHostTest, FlushesWhatHasWaitedForFlushMs) {
  HostedPartition& soon = add(0, Millis(1'000));
  HostedPartition& late = add(1, Millis(60'000));
  HostedPartition& never = add(2, Millis(log::LogConfig::kNever));
  start(Millis(0), Millis(100));
  for (HostedPartition* partition : {&soon, &late, &never}) append(*partition);
  world_.run_for(Millis(900));
  EXPECT_EQ(flushed(soon), 0) << "before its time";
  world_.run_for(Millis(300));
  EXPECT_EQ(flushed(soon), 1);
  EXPECT_EQ(soon.log().recovery_point(), Offset(1));
  EXPECT_EQ(flushed(late), 0);
  // The time of a log counts from its last flush.
  append(soon);
  world_.run_for(Millis(700));
  EXPECT_EQ(flushed(soon), 1);
  world_.run_for(Millis(500));
  EXPECT_EQ(flushed(soon), 2);
  world_.run_for(Millis(60'000));
  EXPECT_EQ(flushed(late), 1);
  EXPECT_EQ(flushed(never), 0);
}

TEST_F(ReplicaHostTest, SyncsNothingForLogsWithoutNewRecords) {
  HostedPartition& partition = add(0, Millis(0));
  start(Millis(0), Millis(100));
  append(partition);
  world_.run_for(Millis(500));
  EXPECT_EQ(flushed(partition), 1);
  const std::uint64_t syncs = disk_.syncs();
  world_.run_for(Millis(10'000));
  EXPECT_EQ(disk_.syncs(), syncs);
}

TEST_F(ReplicaHostTest, LooksOnceIfTheIntervalIsForEver) {
  HostedPartition& partition = add(0, Millis(10));
  start(Millis(1'000), Millis(INT64_MAX));
  append(partition);
  world_.run_for(Millis(900));
  EXPECT_EQ(flushed(partition), 0);
  world_.run_for(Millis(200));
  EXPECT_EQ(flushed(partition), 1);
  append(partition);
  world_.run_for(Millis(1'000'000));
  EXPECT_EQ(flushed(partition), 1);
}

TEST_F(ReplicaHostTest, FailsTheLogAndTellsOfItsDirectoryIfAFlushFails) {
  HostedPartition& bad = add(0, Millis(10));
  HostedPartition& good = add(1, Millis(10));
  int failures = 0;
  host_.on_directory_failure([&](std::uint32_t, Error error) {
    EXPECT_EQ(error.os_error, EIO);
    ++failures;
  });
  disk_.set_fault([](const env::fake::DiskCall& call) {
    const bool its = call.path.find("d/t-0/") != std::string::npos;
    return its && call.kind == env::fake::DiskCall::Kind::kSync ? EIO : 0;
  });
  append(bad);
  append(good);
  start(Millis(100), Millis(100));
  world_.run_for(Millis(1'000));
  EXPECT_TRUE(bad.log().failed());
  EXPECT_EQ(flushed(bad), 0);
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(flushed(good), 1) << "the others go on";
}

}  // namespace
}  // namespace moldau::replica
