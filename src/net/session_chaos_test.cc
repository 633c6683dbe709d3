// SPDX-License-Identifier: Apache-2.0
// Many peers that come, misbehave and go, while answers come from other shards, late, or never:
// what is answered is right and in order, and in the end nothing is held.
#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "net/socket_server.h"
#include "net/test_peer.h"

namespace moldau::net {
namespace {

constexpr std::uint32_t kShards = 3;
constexpr int kPeers = 12;
constexpr int kRounds = 40;

/// Does with a request what its first letter says.
/// Thread   shard-bound.
class ChaosSink final : public RequestSink {
 public:
  ChaosSink(env::Env& env, std::atomic<int>& open) : env_(env), open_(open) {}

  void on_request(Session& session, Slice frame, ReplySlot slot) override {
    if (!session.attachment()) {
      ++open_;
      session.attach(std::make_unique<SessionAttachment>());
    }
    env::Shard& here = session.shard();
    switch (static_cast<char>(frame.data()[0])) {
      case 'o': {  // answered by another shard
        env::Shard& there = env_.shard(env::ShardId((here.id().value() + 1) % kShards));
        there.post([&here, held = Held{std::move(frame), std::move(slot)}]() mutable {
          here.post([h = std::move(held)]() mutable { h.slot.send(Reply(h.frame)); });
        });
        return;
      }
      case 't':  // answered later
        here.call_at(here.now() + Millis(1),
                     [h = Held{std::move(frame), std::move(slot)}]() mutable {
                       h.slot.send(Reply(h.frame));
                     });
        return;
      case 'm':  // its successors wait
        session.mute();
        here.post([h = Held{std::move(frame), std::move(slot)}]() mutable {
          if (Session* alive = h.slot.session()) alive->unmute();
          h.slot.send(Reply(h.frame));
        });
        return;
      case 'u':
        session.mute_until(here.now() + Millis(1));
        break;
      case 'n':  // no answer
        return slot.send_nothing();
      case 'd':  // dropped
        return;
      case 'c':
        session.close("asked to");
        break;
      default:
        break;
    }
    slot.send(Reply(std::move(frame)));
  }
  void on_closed(Session& session) override {
    if (session.attachment()) --open_;
  }

 private:
  struct Held {
    Slice frame;
    ReplySlot slot;
  };
  env::Env& env_;
  std::atomic<int>& open_;
};

struct Script {
  std::string sent;
  std::string expected;  // of which a part may come
  bool ends = false;     // the server closes
};

Script make_script(std::mt19937& random) {
  constexpr std::string_view kKinds = "eeeeeoootttmmunn";
  Script script;
  const unsigned count = 1 + random() % 60;
  for (unsigned i = 0; i < count; ++i) {
    char kind = kKinds[random() % kKinds.size()];
    const unsigned rare = random() % 200;
    if (rare == 0) kind = 'd';
    if (rare == 1) kind = 'c';
    const std::size_t size = random() % 20 == 0 ? random() % 200'000 : random() % 300;
    const std::string body = kind + std::string(size, static_cast<char>('A' + i % 26));
    script.sent += framed(body);
    if (kind == 'd') script.ends = true;
    if (script.ends) break;
    if (kind != 'n') script.expected += framed(body);
    if (kind == 'c') script.ends = true;
    if (script.ends) break;
  }
  if (!script.ends && random() % 10 == 0) {
    script.sent += std::string("\xff\xff\xff\xff garbage", 12);
    script.ends = true;
  }
  return script;
}

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
