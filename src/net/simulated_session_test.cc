// SPDX-License-Identifier: Apache-2.0
// The sessions on a network that delays, cuts and resets, from seeds; also when the server's
// process dies at any step.
#include <gtest/gtest.h>

#include <deque>

#include "env/fake/fake_env.h"
#include "net/socket_server.h"
#include "net/test_chaos.h"

namespace moldau::net {
namespace {

using env::fake::FakeDisk;
using env::fake::FakeEnv;
using env::fake::World;
using Kind = env::IoOutcome::Kind;

/// Sends its script and keeps what comes.
/// Thread   one thread.
class ScriptedPeer final : private env::StreamObserver {
 public:
  ScriptedPeer(FakeEnv& env, const env::SocketAddress& to, Script s) : script(std::move(s)) {
    stream_ = env.shard(env::ShardId(0)).net().connect(to, {}).value();
    stream_->observe(*this);
  }
  bool done() const { return ended || (!script.ends && received.size() >= script.expected.size()); }
  void leave() { stream_.reset(); }

  const Script script;
  std::string received;
  bool ended = false;

 private:
  void on_readable() override {
    std::byte buffer[5000];
    while (!ended) {
      const env::IoOutcome outcome = stream_->read(buffer);
      if (outcome.kind == Kind::kWouldBlock) return;
      if (outcome.kind == Kind::kDone)
        received.append(reinterpret_cast<const char*>(buffer), outcome.bytes);
      else
        ended = true;
    }
  }
  void on_writable() override {
    while (sent_ < script.sent.size()) {
      const ByteView rest = as_view(script.sent).subspan(sent_);
      const env::IoOutcome outcome = stream_->write(std::span<const ByteView>(&rest, 1));
      if (outcome.kind != Kind::kDone) return;
      sent_ += outcome.bytes;
    }
  }

  std::unique_ptr<env::Stream> stream_;
  std::size_t sent_ = 0;
};

struct Scene {
  explicit Scene(std::uint64_t seed)
      : world(seed),
        server_disk(world),
        client_disk(world),
        server_env(world, server_disk, {3, "10.0.0.1"}),
        client_env(world, client_disk, {1, "10.0.0.2"}),
        sink(server_env, open),
        random(static_cast<unsigned>(seed)) {
    SocketServerOptions options;
    options.listeners = {Listener{"PLAINTEXT", {"10.0.0.1", 9092}}};
    options.requests_in_flight_max = 7;
    options.bytes_in_flight_max = 4 << 20;
    server =
        std::make_unique<SocketServer>(server_env, options, std::vector<RequestSink*>(3, &sink));
    EXPECT_TRUE(server->start().ok());
  }
  void connect(int count) {
    for (int i = 0; i < count; ++i)
      peers.emplace_back(client_env, server->address("PLAINTEXT"), make_script(random));
  }
  bool all_done() const {
    for (const ScriptedPeer& peer : peers)
      if (!peer.done()) return false;
    return true;
  }

  World world;
  FakeDisk server_disk;
  FakeDisk client_disk;
  FakeEnv server_env;
  FakeEnv client_env;
  std::atomic<int> open{0};
  ChaosSink sink;
  std::mt19937 random;
  std::unique_ptr<SocketServer> server;
  std::deque<ScriptedPeer> peers;
};

TEST(SimulatedSessionTest, AnswersAreRightOnABadNetwork) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Scene scene(seed);
    const bool resets = seed % 2 == 0;
    scene.world.network().options().slow_per_mille = 3;
    scene.world.network().options().resets_per_million = resets ? 3'000 : 0;
    scene.connect(8);
    ASSERT_TRUE(scene.world.run_while([&] { return scene.all_done(); }, Millis(600'000)));
    for (const ScriptedPeer& peer : scene.peers) {
      EXPECT_EQ(peer.received, peer.script.expected.substr(0, peer.received.size()));
      if (!resets && !peer.script.ends) {
        EXPECT_EQ(peer.received, peer.script.expected);
      }
    }
    bool closed = false;
    scene.server->close_all(scene.world.now() + Millis(10'000), [&] { closed = true; });
    ASSERT_TRUE(scene.world.run_while([&] { return closed; }, Millis(20'000)));
    EXPECT_EQ(scene.open, 0);
    const std::string metrics = scene.server_env.metrics().text();
    EXPECT_NE(metrics.find("moldau_net_bytes_in_flight 0\n"), std::string::npos);
    EXPECT_NE(metrics.find("moldau_net_bytes_of_unfinished_requests 0\n"), std::string::npos);
  }
}

TEST(SimulatedSessionTest, AProcessMayDieAtAnyStep) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Scene scene(seed);
    scene.connect(6);
    scene.server_env.die_in_steps(1 + scene.random() % 700, seed % 2 == 0
                                                                ? FakeEnv::Death::kKill
                                                                : FakeEnv::Death::kPowerCut);
    scene.world.run_while([&] { return scene.server_env.dead() || scene.all_done(); },
                          Millis(600'000));
    if (!scene.server_env.dead()) scene.server_env.die(FakeEnv::Death::kKill);
    scene.server_env.drop_all();
    scene.server.reset();
    for (const ScriptedPeer& peer : scene.peers)
      EXPECT_EQ(peer.received, peer.script.expected.substr(0, peer.received.size()));
  }
}

TEST(SimulatedSessionTest, TheSameSeedGivesTheSameRun) {
  const auto run = [](std::uint64_t seed) {
    Scene scene(seed);
    scene.connect(5);
    scene.world.run_while([&] { return scene.all_done(); }, Millis(600'000));
    return std::pair(scene.world.events(), scene.world.trace_hash());
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

}  // namespace
}  // namespace moldau::net
