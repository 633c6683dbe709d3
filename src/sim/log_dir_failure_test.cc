// SPDX-License-Identifier: Apache-2.0
// KIP-112, KIP-858: a log directory fails while the others go on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "record/batch_builder.h"
#include "sim/connection.h"
#include "sim/node_process.h"
#include "wire/create_topics_request.h"
#include "wire/create_topics_response.h"
#include "wire/describe_log_dirs_request.h"
#include "wire/describe_log_dirs_response.h"
#include "wire/list_offsets_request.h"
#include "wire/list_offsets_response.h"
#include "wire/produce_request.h"
#include "wire/produce_response.h"

namespace moldau::sim {
namespace {

using env::fake::DiskCall;

constexpr std::int32_t kPartitions = 4;
constexpr const char* kTopic = "orders";
constexpr Millis kPatience{60'000};

env::fake::FakeEnvOptions client_machine() {
  env::fake::FakeEnvOptions options;
  options.host = "127.0.0.2";
  return options;
}

/// A node with the log dirs `data` and `more`, and a client of it.
class LogDirFailureTest : public testing::Test {
 protected:
  LogDirFailureTest()
      : world_(7), disk_(world_), client_disk_(world_), client_(world_, client_disk_,
                                                               client_machine()) {
    use("log.dirs", "data,more");
  }

  void use(const std::string& key, const std::string& value) {
    properties_[key].value = value;
    auto loaded = config::load_broker_config(properties_);
    ASSERT_TRUE(loaded.ok()) << loaded.error().text();
    config_ = std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
  }

  /// False if it gave up.
  bool start() {
    node_ = std::make_unique<NodeProcess>(world_, disk_, config_, env::fake::FakeEnvOptions());
    world_.run_while([this] { return node_->is_running() || node_->exit_code(); }, kPatience);
    return node_->is_running();
  }
  void stop() {
    connection_.reset();
    node_->stop();
    ASSERT_TRUE(world_.run_while([this] { return node_->is_stopped(); }, kPatience))
        << node_->last_lines(20);
    node_.reset();
    disk_.revive_after_kill();
  }

  /// Every call on a path that begins so fails from now on.
  void fail_below(std::set<std::string> prefixes) {
    disk_.set_fault([prefixes = std::move(prefixes)](const DiskCall& call) {
      const bool hit = std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& prefix) {
        return call.path.starts_with(prefix);
      });
      return hit ? EIO : 0;
    });
  }
  /// Log dirs are locked before anything else is done with them: from there on.
  void fail_from_lock_of(const std::string& path) {
    disk_.set_fault([path, locked = false](const DiskCall& call) mutable {
      if (!call.path.starts_with(path)) return 0;
      locked = locked || call.kind == DiskCall::Kind::kLock;
      return locked ? EIO : 0;
    });
  }
  void heal() { disk_.set_fault(nullptr); }

  template <class Response, class Request>
  Response ask(const Request& request, std::int16_t version) {
    std::optional<Result<Slice>> frame;
    {
      env::fake::FakeShard& shard = client_.shard(env::ShardId(0));
      env::fake::CurrentShard current(&shard);
      if (!connection_ || connection_->broken())
        connection_ = Connection::open(shard, env::SocketAddress{"127.0.0.1", 9092});
      connection_->send(request, version, [&frame](Result<Slice> got) { frame = std::move(got); });
    }
    world_.run_while([&frame] { return frame.has_value(); }, kPatience);
    if (!frame || !frame->ok()) {
      ADD_FAILURE() << (frame ? frame->error().text() : "no answer");
      return Response();
    }
    last_frame_ = std::move(**frame);  // texts of the answer borrow it
    auto body = body_of<Response>(last_frame_, version);
    EXPECT_TRUE(body.ok()) << body.error().text();
    return body.ok() ? std::move(*body) : Response();
  }

  void create_topic() {
    wire::CreateTopicsRequest request;
    auto& one = request.topics.emplace_back();
    one.name = std::string_view(kTopic);
    one.num_partitions = kPartitions;
    one.replication_factor = 1;
    request.timeout_ms = 5'000;
    const auto answer = ask<wire::CreateTopicsResponse>(request, 7);
    ASSERT_EQ(answer.topics.size(), 1U);
    ASSERT_EQ(answer.topics[0].error_code, 0);
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      ASSERT_TRUE(until([this, p] { return produce(p) == ErrorCode::kNone; })) << p;
      home_[p] = disk_.exists("more/" + name_of_replica(p)) ? "more" : "data";
    }
    ASSERT_EQ(partitions_in("data").size(), 2U);
    ASSERT_EQ(partitions_in("more").size(), 2U);
  }

  ErrorCode produce(std::int32_t partition) {
    record::BatchBuilder builder{record::BatchFields()};
    record::RecordFields record;
    record.timestamp = world_.wall();
    record.value = as_view(std::string_view("value"));
    builder.append(record).value();
    const Slice batch = builder.build(compression_).value();
    wire::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 5'000;
    auto& data = request.topic_data.emplace_back();
    data.name = std::string_view(kTopic);
    auto& part = data.partition_data.emplace_back();
    part.index = partition;
    part.records = batch.view();
    const auto answer = ask<wire::ProduceResponse>(request, 9);
    if (answer.responses.size() != 1) return ErrorCode::kUnknownServerError;
    return error_from_wire(answer.responses[0].partition_responses.at(0).error_code);
  }

  std::int64_t end_offset(std::int32_t partition) {
    wire::ListOffsetsRequest request;
    request.replica_id = -1;
    auto& topic = request.topics.emplace_back();
    topic.name = std::string_view(kTopic);
    auto& part = topic.partitions.emplace_back();
    part.partition_index = partition;
    part.timestamp = -1;
    const auto answer = ask<wire::ListOffsetsResponse>(request, 6);
    return answer.topics.empty() ? -2 : answer.topics[0].partitions.at(0).offset;
  }

  ErrorCode log_dir_error(const std::string& path) {
    wire::DescribeLogDirsRequest request;
    request.topics.reset();
    const auto answer = ask<wire::DescribeLogDirsResponse>(request, 4);
    for (const auto& one : answer.results)
      if (one.log_dir.str() == path) return error_from_wire(one.error_code);
    return ErrorCode::kLogDirNotFound;
  }

  /// Retries as a client does, 100 ms apart.
  template <class F>
  bool until(F good) {
    for (int i = 0; i < 200; ++i) {
      if (good()) return true;
      world_.run_for(Millis(100));
    }
    return false;
  }

  static std::string name_of_replica(std::int32_t partition) {
    return std::string(kTopic) + "-" + std::to_string(partition);
  }
  std::vector<std::int32_t> partitions_in(const std::string& path) const {
    std::vector<std::int32_t> out;
    for (const auto& [partition, home] : home_)
      if (home == path) out.push_back(partition);
    return out;
  }
  std::vector<DirectoryId> registered_dirs() const {
    return node_->image()->broker(config_->node_id)->log_dirs;
  }

  /// `more` is gone, `data` is not: what clients and the controller see of it.
  void expect_only_more_failed() {
    for (const std::int32_t p : partitions_in("more")) {
      EXPECT_EQ(produce(p), ErrorCode::kKafkaStorageError) << p;
      EXPECT_FALSE(disk_.exists("data/" + name_of_replica(p))) << "made anew";
    }
    for (const std::int32_t p : partitions_in("data"))
      EXPECT_EQ(produce(p), ErrorCode::kNone) << p;
    EXPECT_EQ(log_dir_error("more"), ErrorCode::kKafkaStorageError);
    EXPECT_EQ(log_dir_error("data"), ErrorCode::kNone);
    EXPECT_FALSE(node_->exit_code()) << node_->last_lines(20);
  }

  env::fake::World world_;
  env::fake::FakeDisk disk_;
  env::fake::FakeDisk client_disk_;
  env::fake::FakeEnv client_;
  config::PropertySet properties_ = config::default_single_node_properties();
  std::shared_ptr<const config::BrokerConfig> config_;
  std::unique_ptr<NodeProcess> node_;
  std::shared_ptr<Connection> connection_;
  Slice last_frame_;
  record::CompressionContext compression_;
  std::map<std::int32_t, std::string> home_;
};

TEST_F(LogDirFailureTest, AWriteThatFailsTakesItsDirectoryOfflineAndTheControllerIsToldAtOnce) {
  ASSERT_TRUE(start()) << node_->last_lines(20);
  create_topic();
  const std::vector<DirectoryId> before = registered_dirs();
  ASSERT_EQ(before.size(), 2U);
  fail_below({"more/"});
  const std::vector<std::int32_t> lost = partitions_in("more");
  EXPECT_EQ(produce(lost[0]), ErrorCode::kKafkaStorageError);
  // Far less than a heartbeat's interval.
  world_.run_for(Millis(200));
  ASSERT_EQ(registered_dirs().size(), 1U);
  // The other partition of it has seen no error of its own.
  expect_only_more_failed();
  const auto* topic = node_->image()->topic(kTopic);
  ASSERT_TRUE(topic);
  for (const std::int32_t p : partitions_in("data")) {
    const auto* state = topic->partition(PartitionId(p));
    EXPECT_EQ(state->directory_of(config_->node_id), registered_dirs()[0]);
    EXPECT_TRUE(state->has_leader());
  }
  for (const std::int32_t p : lost)
    EXPECT_FALSE(topic->partition(PartitionId(p))->has_leader()) << p;
}

TEST_F(LogDirFailureTest, AReplicaThatCannotBeOpenedTakesItsDirectoryOffline) {
  ASSERT_TRUE(start()) << node_->last_lines(20);
  create_topic();
  stop();
  fail_below({"more/" + name_of_replica(partitions_in("more")[0])});
  ASSERT_TRUE(start()) << node_->last_lines(20);
  EXPECT_TRUE(until([this] { return registered_dirs().size() == 1U; }));
  expect_only_more_failed();
}

TEST_F(LogDirFailureTest, WhatLiesInADirectoryThatIsOfflineAtStartIsNotMadeAnew) {
  ASSERT_TRUE(start()) << node_->last_lines(20);
  create_topic();
  for (const std::int32_t p : partitions_in("more")) EXPECT_EQ(produce(p), ErrorCode::kNone);
  stop();
  fail_from_lock_of("more");
  ASSERT_TRUE(start()) << node_->last_lines(20);
  world_.run_for(Millis(5'000));
  EXPECT_EQ(registered_dirs().size(), 1U);
  expect_only_more_failed();
  stop();
  heal();
  ASSERT_TRUE(start()) << node_->last_lines(20);
  for (const std::int32_t p : partitions_in("more")) {
    EXPECT_TRUE(until([this, p] { return produce(p) == ErrorCode::kNone; })) << p;
    EXPECT_EQ(end_offset(p), 3) << "what was acknowledged is there";
  }
}

TEST_F(LogDirFailureTest, TheNodeEndsWithTheDirectoryOfTheMetadataLog) {
  ASSERT_TRUE(start()) << node_->last_lines(20);
  create_topic();
  fail_below({"data/" + name_of_replica(partitions_in("data")[0])});
  EXPECT_EQ(produce(partitions_in("data")[0]), ErrorCode::kKafkaStorageError);
  EXPECT_TRUE(world_.run_while([this] { return node_->exit_code().has_value(); }, kPatience));
  EXPECT_NE(node_->exit_code(), 0);
  EXPECT_TRUE(node_->env().logger().has("the directory of the metadata log has failed"))
      << node_->last_lines(20);
}

TEST_F(LogDirFailureTest, TheNodeDoesNotStartWithoutTheDirectoryOfTheMetadataLog) {
  ASSERT_TRUE(start()) << node_->last_lines(20);
  stop();
  fail_from_lock_of("data");
  EXPECT_FALSE(start());
  EXPECT_NE(node_->exit_code().value_or(0), 0);
  EXPECT_TRUE(node_->env().logger().has("the metadata log directory data is offline"))
      << node_->last_lines(20);
}

TEST_F(LogDirFailureTest, TheNodeEndsWithTheLastDirectory) {
  use("metadata.log.dir", "meta");
  ASSERT_TRUE(start()) << node_->last_lines(20);
  create_topic();
  fail_below({"more/"});
  EXPECT_EQ(produce(partitions_in("more")[0]), ErrorCode::kKafkaStorageError);
  world_.run_for(Millis(5'000));
  expect_only_more_failed();
  fail_below({"more/", "data/"});
  EXPECT_EQ(produce(partitions_in("data")[0]), ErrorCode::kKafkaStorageError);
  EXPECT_TRUE(world_.run_while([this] { return node_->exit_code().has_value(); }, kPatience));
  EXPECT_NE(node_->exit_code(), 0);
  EXPECT_TRUE(node_->env().logger().has("all log directories have failed"))
      << node_->last_lines(20);
}

}  // namespace
}  // namespace moldau::sim
