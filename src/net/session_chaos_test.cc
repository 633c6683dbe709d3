// SPDX-License-Identifier: Apache-2.0
// Many peers that come, misbehave and go, while answers come from other shards, late, or never:
// what is answered is right and in order, and in the end nothing is held.
#include <gtest/gtest.h>

#include "net/socket_server.h"
#include "net/test_chaos.h"

namespace moldau::net {
namespace {

constexpr std::uint32_t kShards = 3;
constexpr int kPeers = 12;
constexpr int kRounds = 40;

TEST(SessionChaosTest, NothingIsMixedUpAndNothingRemains) {
  const unsigned seed = 4711;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  os::RealEnvOptions env_options;
  env_options.shards = kShards;
  os::RunningEnv running(std::move(env_options));
  std::atomic<int> open{0};
  ChaosSink sink(running.env(), open);
  SocketServerOptions options;
  options.listeners = {Listener{"PLAINTEXT", {"127.0.0.1", 0}}};
  options.requests_in_flight_max = 7;
  options.bytes_in_flight_max = 4 << 20;
  std::unique_ptr<SocketServer> server;
  running.call(0, [&] {
    server = std::make_unique<SocketServer>(running.env(), options,
                                            std::vector<RequestSink*>(kShards, &sink));
    ASSERT_TRUE(server->start().ok());
  });
  const env::SocketAddress address = server->address("PLAINTEXT");
  os::RunningEnv elsewhere;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::unique_ptr<TestPeer>> peers;
    std::vector<Script> scripts;
    for (int i = 0; i < kPeers; ++i) {
      scripts.push_back(make_script(random));
      peers.push_back(std::make_unique<TestPeer>(elsewhere, address));
      std::string_view rest = scripts.back().sent;
      while (!rest.empty()) {
        const std::size_t piece = std::min<std::size_t>(rest.size(), 1 + random() % 100'000);
        peers.back()->send(std::string(rest.substr(0, piece)));
        rest.remove_prefix(piece);
      }
      if (random() % 5 == 0) peers.back().reset();  // leaves without waiting
    }
    for (std::size_t i = 0; i < kPeers; ++i) {
      if (!peers[i]) continue;
      const Script& script = scripts[i];
      const std::string got =
          script.ends ? peers[i]->wait_for_end() : peers[i]->wait_for(script.expected.size());
      if (script.ends)
        ASSERT_EQ(got, script.expected.substr(0, got.size()));
      else
        ASSERT_EQ(got, script.expected);
    }
  }
  std::promise<void> done;
  running.call(0, [&] {
    server->close_all(running.shard(0).now() + Millis(3'600'000), [&] { done.set_value(); });
  });
  done.get_future().wait();
  EXPECT_EQ(open, 0);
  const std::string metrics = running.env().metrics().text();
  EXPECT_NE(metrics.find("connection_count{listener=\"PLAINTEXT\"} 0\n"), std::string::npos);
  EXPECT_NE(metrics.find("moldau_net_bytes_in_flight 0\n"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("moldau_net_bytes_of_unfinished_requests 0\n"), std::string::npos);
  running.stop();
}

}  // namespace
}  // namespace moldau::net
