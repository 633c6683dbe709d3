// SPDX-License-Identifier: Apache-2.0
// What configs say of the first and the last moments of a node.
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "sim/connection.h"
#include "sim/node_process.h"
#include "wire/describe_configs_request.h"
#include "wire/describe_configs_response.h"
#include "wire/incremental_alter_configs_request.h"
#include "wire/incremental_alter_configs_response.h"

namespace moldau::sim {
namespace {

constexpr Millis kPatience{60'000};

class NodeStartTest : public testing::Test {
 protected:
  void use(const std::string& key, const std::string& value) { properties_[key].value = value; }
  void launch() {
    properties_["log.dirs"].value = "data";
    auto loaded = config::load_broker_config(properties_);
    ASSERT_TRUE(loaded.ok()) << loaded.error().text();
    config_ = std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
    node_ = std::make_unique<NodeProcess>(world_, disk_, config_, env::fake::FakeEnvOptions());
  }
  bool comes_up() {
    world_.run_while([this] { return node_->is_running() || node_->exit_code(); }, kPatience);
    return node_->is_running();
  }
  void stop() {
    node_->stop();
    ASSERT_TRUE(world_.run_while([this] { return node_->is_stopped(); }, kPatience))
        << node_->last_lines(20);
  }
  /// One request over a connection of its own.
  template <class Response, class Request>
  Response ask(std::uint16_t port, const Request& request, std::int16_t version) {
    std::optional<Result<Slice>> frame;
    env::fake::FakeShard& shard = client_.shard(env::ShardId(0));
    {
      env::fake::CurrentShard current(&shard);
      connection_ = Connection::open(shard, env::SocketAddress{"127.0.0.1", port});
      connection_->send(request, version, [&frame](Result<Slice> got) { frame = std::move(got); });
    }
    world_.run_while([&frame] { return frame.has_value(); }, kPatience);
    EXPECT_TRUE(frame && frame->ok()) << node_->last_lines(20);
    if (!frame || !frame->ok()) return Response();
    answer_ = std::move(**frame);  // texts of the response borrow it
    auto body = body_of<Response>(answer_, version);
    EXPECT_TRUE(body.ok());
    return body.ok() ? std::move(*body) : Response();
  }
  /// Which line of the log has this text; -1: none.
  std::ptrdiff_t line_of(const std::string& text) const {
    const auto& lines = node_->env().logger().lines();
    for (std::size_t i = 0; i < lines.size(); ++i)
      if (lines[i].text.find(text) != std::string::npos) return static_cast<std::ptrdiff_t>(i);
    return -1;
  }
  bool said(const std::string& text) const { return line_of(text) >= 0; }

  env::fake::World world_{11};
  env::fake::FakeDisk disk_{world_};
  config::PropertySet properties_ = config::default_single_node_properties();
  std::shared_ptr<const config::BrokerConfig> config_;
  std::unique_ptr<NodeProcess> node_;
  env::fake::FakeDisk client_disk_{world_};
  env::fake::FakeEnv client_{world_, client_disk_, {1, "127.0.0.2"}};
  std::shared_ptr<Connection> connection_;
  Slice answer_;
};

// KIP-801
TEST_F(NodeStartTest, EarlyListenersOpenBeforeTheBrokerIsReady) {
  use("listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093,EARLY://127.0.0.1:9094");
  use("listener.security.protocol.map", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,EARLY:PLAINTEXT");
  use("early.start.listeners", "early");
  launch();
  ASSERT_TRUE(comes_up()) << node_->last_lines(20);
  const std::ptrdiff_t recovery = line_of("Transitioning from STARTING to RECOVERY");
  ASSERT_GE(recovery, 0);
  for (const std::string name : {"CONTROLLER", "EARLY"}) {
    const std::ptrdiff_t open = line_of("listener=" + name);
    EXPECT_TRUE(open >= 0 && open < recovery) << name;
  }
  EXPECT_GT(line_of("listener=PLAINTEXT"), recovery);
}

TEST_F(NodeStartTest, AStartThatTakesTooLongEndsTheNode) {
  use("server.max.startup.time.ms", "1");
  launch();
  EXPECT_FALSE(comes_up());
  EXPECT_EQ(node_->exit_code(), assembly::kExitFailed);
  EXPECT_TRUE(said("longer than server.max.startup.time.ms=1"));
}

TEST_F(NodeStartTest, AStartInTimeIsLeftAlone) {
  use("server.max.startup.time.ms", "50000");
  launch();
  ASSERT_TRUE(comes_up()) << node_->last_lines(20);
  world_.run_for(kPatience);
  EXPECT_FALSE(node_->exit_code());
}

/// A broker that leads nothing is fenced as soon as it asks to be let go.
bool was_let_go(const NodeProcess& node) {
  return node.image()->broker(NodeId(1))->fenced;
}

TEST_F(NodeStartTest, AStopTellsTheControllerFirst) {
  launch();
  ASSERT_TRUE(comes_up()) << node_->last_lines(20);
  stop();
  EXPECT_TRUE(was_let_go(*node_));
}

TEST_F(NodeStartTest, WithoutAControlledShutdownNobodyIsTold) {
  use("controlled.shutdown.enable", "false");
  launch();
  ASSERT_TRUE(comes_up()) << node_->last_lines(20);
  stop();
  EXPECT_FALSE(was_let_go(*node_));
}

/// KIP-919: no broker is there to follow the metadata for it.
TEST_F(NodeStartTest, AControllerAloneFollowsDynamicConfigs) {
  properties_["log.dirs"].value = "data";
  auto loaded = config::load_broker_config(properties_);
  ASSERT_TRUE(loaded.ok()) << loaded.error().text();
  // Such a file is refused until there are clusters of several nodes.
  loaded->config.is_broker = false;
  config_ = std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
  node_ = std::make_unique<NodeProcess>(world_, disk_, config_, env::fake::FakeEnvOptions());
  world_.run_for(Millis(2'000));
  wire::IncrementalAlterConfigsRequest alter;
  auto& resource = alter.resources.emplace_back();
  resource.resource_type = static_cast<std::int8_t>(image::ResourceType::kBroker);
  resource.resource_name = std::string_view("");
  auto& entry = resource.configs.emplace_back();
  entry.name = std::string_view("max.connections");
  entry.value = std::string_view("77");
  const auto altered = ask<wire::IncrementalAlterConfigsResponse>(9093, alter, 1);
  ASSERT_EQ(altered.responses.size(), 1U);
  ASSERT_EQ(altered.responses[0].error_code, 0) << altered.responses[0].error_message.str();
  wire::DescribeConfigsRequest describe;
  auto& wanted = describe.resources.emplace_back();
  wanted.resource_type = resource.resource_type;
  wanted.resource_name = std::string_view("1");
  auto& keys = wanted.configuration_keys.emplace();
  keys.emplace_back(std::string_view("max.connections"));
  const auto described = ask<wire::DescribeConfigsResponse>(9093, describe, 4);
  ASSERT_EQ(described.results.size(), 1U);
  ASSERT_EQ(described.results[0].configs.size(), 1U);
  EXPECT_EQ(described.results[0].configs[0].value.str(), "77");
}

/// A replica that the metadata does not know is out of the way for good, whatever a power cut
/// undoes.
TEST_F(NodeStartTest, StraysStayOutOfTheWayAfterAPowerCut) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    env::fake::World world(seed);
    env::fake::FakeDisk disk(world);
    disk.put_file("data/ghost-0/00000000000000000000.log", "");
    properties_["log.dirs"].value = "data";
    auto loaded = config::load_broker_config(properties_);
    ASSERT_TRUE(loaded.ok());
    const auto config = std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
    NodeProcess node(world, disk, config, {});
    ASSERT_TRUE(world.run_while([&] { return node.is_running(); }, kPatience))
        << node.last_lines(20);
    ASSERT_FALSE(disk.exists("data/ghost-0"));
    node.env().die(env::fake::FakeEnv::Death::kPowerCut);
    disk.revive_after_power_cut();
    EXPECT_FALSE(disk.exists("data/ghost-0"));
  }
}

}  // namespace
}  // namespace moldau::sim
