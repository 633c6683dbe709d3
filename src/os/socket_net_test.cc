// SPDX-License-Identifier: Apache-2.0
#include "os/socket_net.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

#include "os/running_env.h"

namespace moldau::os {
namespace {

using Kind = env::IoOutcome::Kind;

/// Reads all that comes and writes what is queued.
struct Peer final : env::StreamObserver {
  explicit Peer(std::unique_ptr<env::Stream> s) : stream(std::move(s)) { stream->observe(*this); }
  void on_readable() override {
    std::byte buffer[4096];
    for (;;) {
      const env::IoOutcome outcome = stream->read(buffer);
      if (outcome.kind == Kind::kDone) {
        received.append(reinterpret_cast<const char*>(buffer), outcome.bytes);
        continue;
      }
      ended = outcome.kind == Kind::kClosed;
      failed = outcome.kind == Kind::kFailed ? outcome.os_error : 0;
      break;
    }
    if (changed) changed();
  }
  void on_writable() override { flush(); }
  void send(const std::string& text) {
    pending += text;
    flush();
  }
  void flush() {
    while (!pending.empty()) {
      const ByteView all = as_view(pending);
      const std::array<ByteView, 2> parts = {all.first(1), all.subspan(1)};
      const env::IoOutcome outcome = stream->write(parts);
      if (outcome.kind != Kind::kDone) break;
      pending.erase(0, outcome.bytes);
    }
  }
  std::unique_ptr<env::Stream> stream;
  std::string received;
  std::string pending;
  bool ended = false;
  int failed = 0;
  Callback changed;
};

class SocketNetTest : public testing::Test {
 protected:
  ~SocketNetTest() override { running_.stop(); }
  env::Net& net() { return running_.shard(0).net(); }
  /// Listens, connects and gives both ends.
  void connect_pair() {
    std::promise<void> both;
    running_.call(0, [&] {
      listening_ = net()
                       .listen({"127.0.0.1", 0}, {},
                               [&](auto socket) {
                                 accepted_ = std::make_unique<Peer>(net().adopt(std::move(socket)));
                                 both.set_value();
                               })
                       .value();
      connected_ = std::make_unique<Peer>(net().connect(listening_->local(), {}).value());
    });
    both.get_future().wait();
  }

  RunningEnv running_;
  std::unique_ptr<env::ListeningSocket> listening_;
  std::unique_ptr<Peer> accepted_;
  std::unique_ptr<Peer> connected_;
};

TEST_F(SocketNetTest, BytesGoBothWaysAndTheEndIsSeen) {
  connect_pair();
  const std::string big(3'000'000, 'm');
  std::promise<void> got_big;
  running_.call(0, [&] {
    EXPECT_EQ(connected_->stream->peer().port, listening_->local().port);
    EXPECT_EQ(accepted_->stream->peer().text(), connected_->stream->local().text());
    accepted_->changed = [&] {
      if (accepted_->received.size() == big.size()) got_big.set_value();
    };
    connected_->send(big);
  });
  got_big.get_future().wait();
  std::promise<void> ended;
  running_.call(0, [&] {
    EXPECT_EQ(accepted_->received, big);
    accepted_->send("bye");
    connected_->changed = [&] {
      if (connected_->ended) ended.set_value();
    };
    accepted_.reset();
  });
  ended.get_future().wait();
  EXPECT_EQ(connected_->received, "bye");
}

TEST_F(SocketNetTest, AFileGoesToThePeerAndAShortOneFails) {
  connect_pair();
  FileDisk disk;
  const std::string path = testing::TempDir() + "moldau-sendfile";
  auto file = disk.open(path, env::OpenMode::kOpenOrCreate).value();
  ASSERT_TRUE(file->truncate(0).ok());
  ASSERT_TRUE(file->write(as_view("0123456789"), 0).ok());
  std::promise<void> got;
  running_.call(0, [&] {
    connected_->changed = [&] {
      if (connected_->received.size() == 7) got.set_value();
    };
    const env::IoOutcome outcome = accepted_->stream->send_file(*file, 3, 100);
    EXPECT_EQ(outcome.kind, Kind::kDone);
    EXPECT_EQ(outcome.bytes, 7U);
    const env::IoOutcome behind = accepted_->stream->send_file(*file, 10, 1);
    EXPECT_EQ(behind.kind, Kind::kFailed);
    EXPECT_EQ(behind.os_error, ENODATA);
  });
  got.get_future().wait();
  EXPECT_EQ(connected_->received, "3456789");
  EXPECT_TRUE(disk.remove_file(path).ok());
}

TEST_F(SocketNetTest, SendingAFileToAPeerThatLeftFailsAndKillsNobody) {
  connect_pair();
  FileDisk disk;
  const std::string path = testing::TempDir() + "moldau-sendfile-gone";
  auto file = disk.open(path, env::OpenMode::kOpenOrCreate).value();
  ASSERT_TRUE(file->truncate(1000).ok());
  std::promise<void> gone;
  running_.call(0, [&] {
    accepted_->changed = [&] {
      if (accepted_->ended) gone.set_value();
      accepted_->changed = nullptr;
    };
    connected_.reset();
  });
  gone.get_future().wait();
  running_.call(0, [&] {
    env::IoOutcome outcome;
    for (int i = 0; i < 3; ++i) outcome = accepted_->stream->send_file(*file, 0, 1000);
    EXPECT_EQ(outcome.kind, Kind::kFailed);
  });
  EXPECT_TRUE(disk.remove_file(path).ok());
}

TEST_F(SocketNetTest, ARefusedConnectionFailsAndAPortInUseIsSaid) {
  std::promise<void> refused;
  running_.call(0, [&] {
    listening_ = net().listen({"127.0.0.1", 0}, {}, [](auto) {}).value();
    const env::SocketAddress address = listening_->local();
    EXPECT_EQ(net().listen(address, {}, [](auto) {}).error().os_error, EADDRINUSE);
    EXPECT_EQ(net().listen({"no.such.host.invalid", 1}, {}, [](auto) {}).code(),
              ErrorCode::kNetworkException);
    listening_.reset();
    connected_ = std::make_unique<Peer>(net().connect(address, {}).value());
    connected_->changed = [&] {
      if (connected_->failed == ECONNREFUSED) refused.set_value();
    };
  });
  refused.get_future().wait();
}

TEST_F(SocketNetTest, ANameIsResolvedAndAllItsAddressesTried) {
  std::promise<void> accepted;
  running_.call(0, [&] {
    listening_ = net().listen({"127.0.0.1", 0}, {}, [&](auto) { accepted.set_value(); }).value();
    // "localhost" may be ::1 first, where nobody listens.
    connected_ =
        std::make_unique<Peer>(net().connect({"localhost", listening_->local().port}, {}).value());
  });
  accepted.get_future().wait();
}

TEST_F(SocketNetTest, APausedListenerLeavesConnectionsWaiting) {
  std::promise<void> accepted;
  bool paused = true;
  std::promise<void> connected;
  running_.call(0, [&] {
    listening_ = net()
                     .listen({"", 0}, {},
                             [&](auto) {
                               EXPECT_FALSE(paused);
                               accepted.set_value();
                             })
                     .value();
    listening_->pause(true);
    connected_ =
        std::make_unique<Peer>(net().connect({"127.0.0.1", listening_->local().port}, {}).value());
    connected_->changed = [&] { connected.set_value(); };
  });
  connected.get_future().wait();  // the kernel has it in the backlog
  running_.call(0, [&] {
    connected_->changed = nullptr;
    paused = false;
    listening_->pause(false);
  });
  accepted.get_future().wait();
}

}  // namespace
}  // namespace moldau::os
