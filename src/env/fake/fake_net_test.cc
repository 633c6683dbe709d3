// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

#include "env/fake/fake_env.h"

namespace moldau::env::fake {
namespace {

using Kind = IoOutcome::Kind;

/// Sends `to_send`, keeps what comes.
/// Thread   one thread.
class Peer final : public StreamObserver {
 public:
  explicit Peer(std::string text = {}) : to_send(std::move(text)) {}
  void take(std::unique_ptr<Stream> s) {
    stream = std::move(s);
    stream->observe(*this);
  }
  void on_readable() override {
    char buffer[700];
    while (!paused) {
      const IoOutcome got = stream->read({reinterpret_cast<std::byte*>(buffer), sizeof(buffer)});
      if (got.kind == Kind::kDone) {
        received.append(buffer, got.bytes);
        if (got.drained) return;
        continue;
      }
      if (got.kind != Kind::kWouldBlock) end = got;
      return;
    }
  }
  void on_writable() override {
    while (sent < to_send.size()) {
      const ByteView part = as_view(to_send).subspan(sent);
      const IoOutcome out = stream->write(std::span<const ByteView>(&part, 1));
      if (out.kind == Kind::kFailed) end = out;
      if (out.kind != Kind::kDone) return;
      sent += out.bytes;
    }
  }
  std::string to_send;
  std::size_t sent = 0;
  std::string received;
  IoOutcome end{Kind::kDone};
  bool paused = false;
  std::unique_ptr<Stream> stream;
};

/// Two machines, one listening.
struct Pair {
  explicit Pair(std::uint64_t seed, std::string from_client = {}, std::string from_server = {})
      : world(seed),
        disk_a(world),
        disk_b(world),
        server_env(std::make_unique<FakeEnv>(world, disk_a, FakeEnvOptions{1, "10.0.0.1"})),
        client_env(world, disk_b, {1, "10.0.0.2"}),
        client(std::move(from_client)),
        server(std::move(from_server)) {
    FakeShard& shard = server_env->shard(ShardId(0));
    auto listening = shard.net().listen({"10.0.0.1", 0}, {},
                                        [this, &shard](std::unique_ptr<AcceptedSocket> socket) {
                                          server.take(shard.net().adopt(std::move(socket)));
                                        });
    EXPECT_TRUE(listening.ok());
    listener = std::move(listening).value();
  }
  void connect() {
    auto stream = client_env.shard(ShardId(0)).net().connect(listener->local(), {});
    client.take(std::move(stream).value());
  }
  World world;
  FakeDisk disk_a;
  FakeDisk disk_b;
  std::unique_ptr<FakeEnv> server_env;
  FakeEnv client_env;
  Peer client;
  Peer server;
  std::unique_ptr<ListeningSocket> listener;
};

std::string long_text(std::size_t size) {
  std::string text;
  while (text.size() < size) text += std::to_string(text.size()) + " ";
  return text;
}

TEST(FakeNetTest, BytesArriveInOrderBothWays) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const std::string there = long_text(600'000);
    const std::string back = long_text(300'000);
    Pair pair(seed, there, back);
    pair.connect();
    pair.world.run_for(Millis(20'000));
    EXPECT_EQ(pair.server.received, there) << "seed " << seed;
    EXPECT_EQ(pair.client.received, back) << "seed " << seed;
  }
}

TEST(FakeNetTest, ASlowReaderStopsTheWriter) {
  Pair pair(1, long_text(2 << 20));
  pair.server.paused = true;
  pair.connect();
  pair.world.run_for(Millis(5'000));
  EXPECT_GT(pair.client.sent, 0U);
  EXPECT_LE(pair.client.sent, 256U << 10);
}

TEST(FakeNetTest, ClosingIsSeenAfterTheBytes) {
  Pair pair(1, "last words");
  pair.connect();
  pair.world.run_for(Millis(100));
  pair.client.stream.reset();
  pair.world.run_for(Millis(100));
  EXPECT_EQ(pair.server.received, "last words");
  EXPECT_EQ(pair.server.end.kind, Kind::kClosed);
}

TEST(FakeNetTest, NobodyListeningRefuses) {
  Pair pair(1);
  pair.listener.reset();
  auto stream = pair.client_env.shard(ShardId(0)).net().connect({"10.0.0.1", 9092}, {});
  pair.client.take(std::move(stream).value());
  pair.world.run_for(Millis(100));
  EXPECT_EQ(pair.client.end.os_error, ECONNREFUSED);
}

TEST(FakeNetTest, AResetIsSeenByBoth) {
  Pair pair(1, "x");
  pair.connect();
  pair.world.run_for(Millis(100));
  ASSERT_TRUE(pair.world.network().reset_one(pair.client_env));
  pair.world.run_for(Millis(100));
  EXPECT_EQ(pair.client.end.os_error, ECONNRESET);
  EXPECT_EQ(pair.server.end.os_error, ECONNRESET);
}

TEST(FakeNetTest, AKilledProcessEndsItsConnectionsAndFreesItsPorts) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Pair pair(seed, "x");
    pair.connect();
    pair.world.run_for(Millis(100));
    const SocketAddress address = pair.listener->local();
    pair.server_env->die(FakeEnv::Death::kKill);
    pair.world.run_for(Millis(100));
    EXPECT_NE(pair.client.end.kind, Kind::kDone) << "seed " << seed;
    pair.server_env->drop_all();
    pair.server.stream.reset();
    FakeDisk disk(pair.world);
    FakeEnv next(pair.world, disk, {1, "10.0.0.1"});
    auto again =
        next.shard(ShardId(0)).net().listen(address, {}, [](std::unique_ptr<AcceptedSocket>) {});
    EXPECT_TRUE(again.ok());
    pair.listener.reset();  // of the dead one: takes nothing away
    auto third =
        next.shard(ShardId(0)).net().listen(address, {}, [](std::unique_ptr<AcceptedSocket>) {});
    EXPECT_EQ(third.error().os_error, EADDRINUSE);
  }
}

TEST(FakeNetTest, APowerCutLeavesThePeerInTheDarkForAWhile) {
  Pair pair(4, "x");
  pair.connect();
  pair.world.run_for(Millis(100));
  pair.server_env->die(FakeEnv::Death::kPowerCut);
  pair.world.run_for(Millis(5));
  EXPECT_EQ(pair.client.end.kind, Kind::kDone);
  pair.world.run_for(Millis(6'000));
  EXPECT_EQ(pair.client.end.os_error, ECONNRESET);
  pair.server_env->drop_all();
}

TEST(FakeNetTest, HostsThatAreApartHearEachOtherLater) {
  Pair pair(1, "hello");
  pair.world.network().set_apart("10.0.0.1", "10.0.0.2", true);
  pair.connect();
  pair.world.run_for(Millis(1'000));
  EXPECT_EQ(pair.server.received, "");
  pair.world.network().set_apart("10.0.0.1", "10.0.0.2", false);
  pair.world.run_for(Millis(1'000));
  EXPECT_EQ(pair.server.received, "hello");
}

TEST(FakeNetTest, SendsFilesAndFailsAtTheirEnd) {
  Pair pair(1, "x");
  pair.connect();
  pair.world.run_for(Millis(100));
  pair.disk_a.put_file("/f", "0123456789");
  auto file = pair.disk_a.open("/f", OpenMode::kRead);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(pair.server.stream->send_file(**file, 10, 5).os_error, ENODATA);
  std::size_t sent = 0;
  while (sent < 6) sent += pair.server.stream->send_file(**file, 2 + sent, 6 - sent).bytes;
  pair.world.run_for(Millis(100));
  EXPECT_EQ(pair.client.received, "234567");
}

}  // namespace
}  // namespace moldau::env::fake
