// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "client/admin/admin_options.h"
#include "client/admin/offsets.h"
#include "client/admin/topics.h"
#include "client/test_broker.h"
#include "wire/create_topics_request.h"
#include "wire/create_topics_response.h"
#include "wire/describe_topic_partitions_request.h"
#include "wire/describe_topic_partitions_response.h"
#include "wire/list_offsets_request.h"
#include "wire/list_offsets_response.h"

namespace moldau::client::admin {
namespace {

using env::fake::FakeDisk;
using env::fake::FakeEnv;
using env::fake::World;

template <class T>
env::Task<void> keep(env::Task<T> task, std::optional<T>* out) {
  T value = co_await task;
  out->emplace(std::move(value));
}

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() {
    ClusterOptions options;
    options.bootstrap = {{"10.0.0.1", 9092, ""}};
    cluster_.emplace(env_, env_.shard(env::ShardId(0)), options);
    broker_.answering = [this](const wire::ReceivedHeader& header, wire::Reader& reader) {
      return answer(header, reader);
    };
  }
  ~AdminTest() override { scope_.destroy_all(); }

  template <class T>
  T finish(env::Task<T> task) {
    std::optional<T> out;
    scope_.spawn(keep(std::move(task), &out));
    EXPECT_TRUE(world_.run_while([&] { return out.has_value(); }, Millis(600'000)));
    return std::move(*out);
  }
  MonoTime in(std::int64_t ms) { return world_.now() + Millis(ms); }

  virtual std::optional<Slice> answer(const wire::ReceivedHeader& header, wire::Reader& reader) {
    if (answering_) return answering_(header, reader);
    return std::nullopt;
  }

  World world_{7};
  FakeDisk disk_{world_};
  FakeEnv env_{world_, disk_};
  TestBroker broker_{world_, "10.0.0.1", 5};
  std::optional<Cluster> cluster_;
  env::TaskScope scope_;
  Answering answering_;
};

/// One partition an answer; the cursor leads to the next.
TEST_F(AdminTest, DescribesTopicsPageByPage) {
  answering_ = [](const wire::ReceivedHeader& header,
                  wire::Reader& reader) -> std::optional<Slice> {
    if (header.api->key != wire::ApiKey::kDescribeTopicPartitions) return std::nullopt;
    wire::DescribeTopicPartitionsRequest request;
    EXPECT_TRUE(request.decode(reader, header.version).ok());
    EXPECT_EQ(request.response_partition_limit, 1);
    wire::DescribeTopicPartitionsResponse body;
    const std::string topic = request.cursor ? request.cursor->topic_name.str() : "a";
    const std::int32_t partition = request.cursor ? request.cursor->partition_index : 0;
    auto& told = body.topics.emplace_back();
    told.name = topic;
    if (topic == "c") {
      told.error_code = to_wire(ErrorCode::kTopicAuthorizationFailed);
      return TestBroker::answer(body, header);
    }
    auto& one = told.partitions.emplace_back();
    one.partition_index = partition;
    one.leader_id = 5;
    one.replica_nodes = {5, 6};
    one.isr_nodes = {5};
    body.next_cursor.emplace();
    body.next_cursor->topic_name = partition == 0 ? topic : topic == "a" ? "b" : "c";
    body.next_cursor->partition_index = partition == 0 ? 1 : 0;
    return TestBroker::answer(body, header);
  };
  const auto got = finish(describe_topics(*cluster_, {"c", "b", "a", "d"}, 1, in(5'000)));
  ASSERT_TRUE(got.ok()) << got.error().text();
  ASSERT_EQ(got->size(), 4U);
  EXPECT_EQ((*got)[0].result->partitions.size(), 2U);
  EXPECT_EQ((*got)[1].result->partitions[1].replicas, (std::vector<NodeId>{NodeId(5), NodeId(6)}));
  EXPECT_FALSE((*got)[1].result->partitions[1].eligible_leader_replicas.has_value());
  EXPECT_EQ((*got)[2].result.code(), ErrorCode::kTopicAuthorizationFailed);
  EXPECT_EQ((*got)[3].result.code(), ErrorCode::kUnknownTopicOrPartition);
}

TEST_F(AdminTest, ACursorThatDoesNotMoveOnIsRefused) {
  answering_ = [](const wire::ReceivedHeader& header, wire::Reader&) -> std::optional<Slice> {
    if (header.api->key != wire::ApiKey::kDescribeTopicPartitions) return std::nullopt;
    wire::DescribeTopicPartitionsResponse body;
    body.next_cursor.emplace();
    body.next_cursor->topic_name = "a";
    return TestBroker::answer(body, header);
  };
  EXPECT_EQ(finish(describe_topics(*cluster_, {"a"}, 1, in(5'000))).code(),
            ErrorCode::kInvalidRequest);
}

TEST_F(AdminTest, CreatingTopicsGivesAResultForEach) {
  int asked = 0;
  answering_ = [&](const wire::ReceivedHeader& header, wire::Reader&) -> std::optional<Slice> {
    if (header.api->key != wire::ApiKey::kCreateTopics) return std::nullopt;
    wire::CreateTopicsResponse body;
    const bool moved = ++asked == 1;
    for (const char* name : {"a", "b"}) {
      auto& one = body.topics.emplace_back();
      one.name = name;
      one.num_partitions = 3;
      if (moved) one.error_code = to_wire(ErrorCode::kNotController);
    }
    if (!moved) {
      body.topics[1].error_code = to_wire(ErrorCode::kTopicAlreadyExists);
      body.topics[1].error_message = "Topic 'b' already exists.";
    }
    return TestBroker::answer(body, header);
  };
  std::vector<NewTopic> topics(3);
  topics[0].name = "a";
  topics[1].name = "b";
  topics[2].name = "c";
  const auto got = finish(create_topics(*cluster_, std::move(topics), ChangeOptions(), in(9'000)));
  ASSERT_TRUE(got.ok()) << got.error().text();
  EXPECT_EQ(asked, 2);
  ASSERT_EQ(got->size(), 3U);
  EXPECT_EQ((*got)[0].result->partitions, 3);
  EXPECT_EQ((*got)[1].result.error().detail, "Topic 'b' already exists.");
  EXPECT_EQ((*got)[2].key, "c");
  EXPECT_EQ((*got)[2].result.code(), ErrorCode::kUnknownServerError);
}

/// Leads partitions 0 and 1 of "t"; refuses the first request for 1 as no longer its leader.
TEST_F(AdminTest, OffsetsAreAskedForAgainWhenLeadersMove) {
  int asked = 0;
  answering_ = [&](const wire::ReceivedHeader& header,
                   wire::Reader& reader) -> std::optional<Slice> {
    if (header.api->key == wire::ApiKey::kMetadata) {
      wire::MetadataResponse body;
      auto& node = body.brokers.emplace_back();
      node.node_id = 5;
      node.host = "10.0.0.1";
      node.port = 9092;
      auto& topic = body.topics.emplace_back();
      topic.name = "t";
      for (const int id : {0, 1}) {
        auto& one = topic.partitions.emplace_back();
        one.partition_index = id;
        one.leader_id = 5;
        one.leader_epoch = 1;
      }
      return TestBroker::answer(body, header);
    }
    if (header.api->key != wire::ApiKey::kListOffsets) return std::nullopt;
    ++asked;
    wire::ListOffsetsRequest request;
    EXPECT_TRUE(request.decode(reader, header.version).ok());
    wire::ListOffsetsResponse body;
    for (const auto& topic : request.topics) {
      auto& told = body.topics.emplace_back();
      told.name = topic.name.str();
      for (const auto& wanted : topic.partitions) {
        auto& one = told.partitions.emplace_back();
        one.partition_index = wanted.partition_index;
        one.offset = 10 + wanted.partition_index;
        if (asked == 1 && wanted.partition_index == 1)
          one.error_code = to_wire(ErrorCode::kNotLeaderOrFollower);
      }
    }
    return TestBroker::answer(body, header);
  };
  std::map<TopicPartition, Timestamp> wanted;
  for (const int id : {0, 1, 2}) wanted[TopicPartition{"t", PartitionId(id)}] = Timestamp(-1);
  const MonoTime deadline = in(3'000);
  const auto got = finish(list_offsets(*cluster_, wanted, false, deadline));
  EXPECT_LE(world_.now() - deadline, 100'000'000);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0].result->offset, Offset(10));
  EXPECT_EQ(got[1].result->offset, Offset(11));
  // Nobody leads partition 2: it has no result when the time is over.
  EXPECT_EQ(got[2].result.code(), ErrorCode::kRequestTimedOut);
}

TEST(AdminOptionsTest, TakesKafkasProperties) {
  std::vector<std::string> unknown;
  const auto got = parse_admin_options({{"bootstrap.servers", "a:1, PLAINTEXT://[::1]:2"},
                                        {"client.id", "me"},
                                        {"request.timeout.ms", " 5000 "},
                                        {"metadata.recovery.strategy", "none"},
                                        {"security.protocol", "plaintext"},
                                        {"foo.bar", "1"}},
                                       unknown);
  ASSERT_TRUE(got.ok()) << got.error().text();
  ASSERT_EQ(got->cluster.bootstrap.size(), 2U);
  EXPECT_EQ(got->cluster.bootstrap[1].host, "::1");
  EXPECT_EQ(got->cluster.request_timeout, Millis(5000));
  EXPECT_FALSE(got->cluster.rebootstrap_trigger.has_value());
  EXPECT_EQ(unknown, std::vector<std::string>{"foo.bar"});
}

TEST(AdminOptionsTest, RefusesWithTheReason) {
  std::vector<std::string> unknown;
  const auto why = [&](Properties more, const char* servers = "a:1") {
    if (*servers != '\0') more.emplace("bootstrap.servers", servers);
    const auto got = parse_admin_options(more, unknown);
    return got.ok() ? std::string() : got.error().detail;
  };
  EXPECT_EQ(why({}, "a"), "Invalid url in bootstrap.servers: a");
  EXPECT_EQ(why({}, "a:99999"), "Invalid port in bootstrap.servers: a:99999");
  EXPECT_EQ(why({}, ""), "You must set either bootstrap.controllers or bootstrap.servers");
  EXPECT_EQ(why({{"request.timeout.ms", "x"}}),
            "Invalid value x for configuration request.timeout.ms: Not a number of type INT");
  EXPECT_EQ(why({{"retry.backoff.ms", "-1"}}),
            "Invalid value -1 for configuration retry.backoff.ms: Value must be at least 0");
  EXPECT_NE(why({{"security.protocol", "SSL"}}).find("not built yet"), std::string::npos);
  EXPECT_NE(why({{"default.api.timeout.ms", "5"}, {"request.timeout.ms", "10"}}).find("no smaller"),
            std::string::npos);
}

}  // namespace
}  // namespace moldau::client::admin
