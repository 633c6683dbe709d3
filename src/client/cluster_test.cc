// SPDX-License-Identifier: Apache-2.0
#include "client/cluster.h"

#include <gtest/gtest.h>

#include "client/test_broker.h"
#include "client/test_tasks.h"
#include "wire/describe_cluster_request.h"
#include "wire/describe_cluster_response.h"

namespace moldau::client {
namespace {

using env::fake::FakeDisk;
using env::fake::FakeEnv;
using env::fake::World;

constexpr Millis kLong{60'000};

class ClusterTest : public TaskTest {
 protected:
  ClusterTest() : TaskTest(7) {}
  void start(std::vector<BrokerAddress> bootstrap) {
    options_.bootstrap = std::move(bootstrap);
    cluster_ = std::make_unique<Cluster>(env_, shard(), options_);
  }

  ClusterOptions options_;
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(ClusterTest, FindsItsWayFromABootstrapAddressToTheBrokersOfTheMetadata) {
  TestBroker broker(world_, "10.0.0.1", 5);
  start({{"10.0.0.1", 9092, ""}});
  ASSERT_TRUE(finish(cluster_->refresh(std::vector<std::string>(), in(5'000))).ok());
  EXPECT_FALSE(cluster_->view().bootstrapping());
  EXPECT_EQ(cluster_->view().controller(), NodeId(5));
  ASSERT_TRUE(finish(cluster_->connect(NodeId(5), in(5'000))).ok());
  EXPECT_EQ(cluster_->title_of(NodeId(5)), "broker 5 (10.0.0.1:9092)");
}

TEST_F(ClusterTest, TriesTheOtherBootstrapAddressesWhenOneIsNotThere) {
  TestBroker broker(world_, "10.0.0.1", 5);
  start({{"10.0.0.8", 9092, ""}, {"10.0.0.9", 9092, ""}, {"10.0.0.1", 9092, ""}});
  EXPECT_TRUE(finish(cluster_->refresh(std::vector<std::string>(), in(30'000))).ok());
}

TEST_F(ClusterTest, SaysWhyNoBrokerWasReachedWhenTheDeadlineComes) {
  start({{"10.0.0.8", 9092, ""}});
  const MonoTime deadline = in(3'000);
  const auto got = finish(cluster_->any_broker(deadline));
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.code(), ErrorCode::kRequestTimedOut);
  EXPECT_NE(got.error().detail.find("bootstrap broker 10.0.0.8:9092: cannot connect"),
            std::string::npos)
      << got.error().detail;
  EXPECT_LE(world_.now() - deadline, 100'000'000);
}

TEST_F(ClusterTest, EndsAtItsDeadlineWhenTheBrokerIsDeaf) {
  TestBroker broker(world_, "10.0.0.1");
  broker.deaf = true;
  start({{"10.0.0.1", 9092, ""}});
  const MonoTime deadline = in(3'000);
  EXPECT_EQ(finish(cluster_->any_broker(deadline)).code(), ErrorCode::kRequestTimedOut);
  EXPECT_LE(world_.now() - deadline, 100'000'000);

  broker.deaf = false;
  ASSERT_TRUE(finish(cluster_->any_broker(in(60'000))).ok());
  broker.deaf = true;
  const MonoTime next = in(2'000);
  const auto got = finish(cluster_->refresh(std::vector<std::string>(), next));
  EXPECT_EQ(got.code(), ErrorCode::kRequestTimedOut);
  EXPECT_LE(world_.now() - next, 100'000'000);
  EXPECT_EQ(got.error().detail, "bootstrap broker 10.0.0.1:9092, Metadata: no answer came in time");
}

TEST_F(ClusterTest, ABrokerThatEndsConnectionsFailsTheRequestAtOnce) {
  TestBroker broker(world_, "10.0.0.1");
  start({{"10.0.0.1", 9092, ""}});
  ASSERT_TRUE(finish(cluster_->any_broker(in(5'000))).ok());
  broker.closes = true;
  const MonoTime before = world_.now();
  const auto got = finish(cluster_->refresh(std::vector<std::string>(), in(50'000)));
  EXPECT_EQ(got.code(), ErrorCode::kNetworkException);
  EXPECT_LE(world_.now() - before, 2'000'000'000);
}

TEST_F(ClusterTest, SpeaksOlderVersionsOfApiVersions) {
  TestBroker broker(world_, "10.0.0.1", 3);
  broker.api_versions_max = 2;
  start({{"10.0.0.1", 9092, ""}});
  EXPECT_TRUE(finish(cluster_->refresh(std::vector<std::string>(), in(5'000))).ok());
  EXPECT_EQ(broker.asked[wire::ApiKey::kApiVersions], 2);
}

TEST_F(ClusterTest, SaysWhatABrokerDoesNotSupport) {
  TestBroker broker(world_, "10.0.0.1");
  for (auto& api : broker.versions.api_keys)
    if (api.api_key == wire::DescribeClusterRequest::kApiKey) api.max_version = 0;
  start({{"10.0.0.1", 9092, ""}});
  const NodeId node = finish(cluster_->any_broker(in(5'000))).value();
  const auto got = finish(cluster_->call<wire::DescribeClusterResponse>(
      node, wire::DescribeClusterRequest(), in(5'000), VersionRange{1, 2}));
  EXPECT_EQ(got.code(), ErrorCode::kUnsupportedVersion);
  EXPECT_NE(got.error().detail.find("The supported range is [0, 0]."), std::string::npos);
}

TEST_F(ClusterTest, AnswersThatCannotBeReadEndTheConnection) {
  TestBroker broker(world_, "10.0.0.1");
  broker.answering = [](const wire::ReceivedHeader& header, wire::Reader&) {
    Slice out = Slice::allocate(12);
    wire::Writer writer(out.mutable_view());
    writer.int32(header.correlation_id);
    writer.int32(-1);
    writer.int32(0x7FFFFFFF);
    return std::optional<Slice>(out);
  };
  start({{"10.0.0.1", 9092, ""}});
  const auto got = finish(cluster_->refresh(std::vector<std::string>(), in(5'000)));
  EXPECT_EQ(got.code(), ErrorCode::kInvalidRequest);
  world_.run_for(Millis(100));
  EXPECT_EQ(broker.connections(), 0U);
}

TEST_F(ClusterTest, AnAnswerToAnotherRequestEndsTheConnection) {
  TestBroker broker(world_, "10.0.0.1");
  broker.answering = [](wire::ReceivedHeader header, wire::Reader&) {
    ++header.correlation_id;
    return TestBroker::answer(wire::MetadataResponse(), header);
  };
  start({{"10.0.0.1", 9092, ""}});
  EXPECT_EQ(finish(cluster_->refresh(std::vector<std::string>(), in(5'000))).code(),
            ErrorCode::kNetworkException);
}

TEST_F(ClusterTest, IdleConnectionsAreClosedAndMadeAgain) {
  TestBroker broker(world_, "10.0.0.1", 5);
  options_.connections_max_idle = Millis(10'000);
  start({{"10.0.0.1", 9092, ""}});
  ASSERT_TRUE(finish(cluster_->any_broker(in(5'000))).ok());
  EXPECT_EQ(broker.connections(), 1U);
  world_.run_for(Millis(12'000));
  EXPECT_EQ(broker.connections(), 0U);
  EXPECT_TRUE(finish(cluster_->any_broker(in(5'000))).ok());
}

TEST_F(ClusterTest, BeginsAgainWithTheBootstrapAddressesWhenAllBrokersAreGone) {
  auto first = std::make_unique<TestBroker>(world_, "10.0.0.1", 5);
  TestBroker second(world_, "10.0.0.2", 6);
  options_.rebootstrap_trigger = Millis(20'000);
  start({{"10.0.0.1", 9092, ""}});
  ASSERT_TRUE(finish(cluster_->refresh(std::vector<std::string>(), in(5'000))).ok());
  // The cluster moves: what the client has learnt is gone, its bootstrap name is served again.
  cluster_->view().broker_told(NodeId(5), {"10.0.0.7", 9092, ""});
  first.reset();
  TestBroker moved(world_, "10.0.0.1", 8);
  ASSERT_TRUE(finish(cluster_->any_broker(in(55'000))).ok());
  ASSERT_TRUE(finish(cluster_->refresh(std::vector<std::string>(), in(5'000))).ok());
  EXPECT_EQ(cluster_->view().controller(), NodeId(8));
}

TEST_F(ClusterTest, AThrottledBrokerIsLeftAlone) {
  TestBroker broker(world_, "10.0.0.1", 5);
  broker.answering = [&](const wire::ReceivedHeader& header, wire::Reader&) {
    wire::MetadataResponse body;
    body.throttle_time_ms = 4'000;
    return TestBroker::answer(body, header);
  };
  start({{"10.0.0.1", 9092, ""}});
  ASSERT_TRUE(finish(cluster_->refresh(std::vector<std::string>(), in(5'000))).ok());
  const MonoTime before = world_.now();
  ASSERT_TRUE(finish(cluster_->refresh(std::vector<std::string>(), in(15'000))).ok());
  EXPECT_GE(world_.now() - before, 3'900'000'000);
}

TEST_F(ClusterTest, MayBeDestroyedWhileSomebodyWaits) {
  TestBroker broker(world_, "10.0.0.1");
  broker.deaf = true;
  start({{"10.0.0.1", 9092, ""}});
  std::optional<Result<NodeId>> out;
  scope_.spawn(keep(cluster_->any_broker(in(20'000)), &out));
  world_.run_for(Millis(50));
  cluster_.reset();
  scope_.destroy_all();
  world_.run_for(Millis(60'000));
  EXPECT_FALSE(out.has_value());
}

/// No call outlives its deadline, whatever brokers do and whatever the network does.
TEST_F(ClusterTest, NothingHangsInChaos) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    world.network().options().resets_per_million = 50'000;
    world.network().options().slow_per_mille = 100;
    FakeDisk disk(world);
    FakeEnv env(world, disk);
    TestBroker one(world, "10.0.0.1", 1);
    TestBroker two(world, "10.0.0.2", 2);
    ClusterOptions options;
    options.bootstrap = {{"10.0.0.1", 9092, ""}, {"10.0.0.2", 9092, ""}};
    Cluster cluster(env, env.shard(env::ShardId(0)), options);
    env::TaskScope scope;
    int done = 0;
    for (int i = 0; i < 40; ++i) {
      one.deaf = world.random().below(4) == 0;
      two.closes = world.random().below(4) == 0;
      if (world.random().below(5) == 0) one.close_all();
      if (world.random().below(8) == 0) world.network().reset_one(env);
      const bool apart = world.random().below(6) == 0;
      world.network().set_apart("127.0.0.1", "10.0.0.2", apart);
      std::optional<Result<void>> out;
      const MonoTime deadline =
          world.now() + Millis(static_cast<std::int64_t>(world.random().below(4'000)));
      scope.spawn(keep(cluster.refresh(std::vector<std::string>(), deadline), &out));
      ASSERT_TRUE(world.run_while([&] { return out.has_value(); }, kLong)) << "call " << i;
      EXPECT_LE(world.now() - deadline, 100'000'000);
      done += out->ok() ? 1 : 0;
    }
    EXPECT_GT(done, 5);
  }
}

}  // namespace
}  // namespace moldau::client
