// SPDX-License-Identifier: Apache-2.0
#include "net/socket_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>

#include "net/test_peer.h"

namespace moldau::net {
namespace {

using testing::HasSubstr;

/// A server whose sink is a function; slots that the function keeps are in `kept` of shard 0.
class SocketServerTest : public testing::Test {
 protected:
  SocketServerTest() { options_.listeners = {{"PLAINTEXT", {"127.0.0.1", 0}, false}}; }
  ~SocketServerTest() override {
    if (!running_) return;
    running_->stop();
    kept_.clear();
    server_.reset();
  }

  void start(FunctionSink::Function function, std::uint32_t shards = 1) {
    os::RealEnvOptions env_options;
    env_options.shards = shards;
    auto log = std::make_unique<RememberingLogger>();
    log_ = log.get();
    env_options.logger = std::move(log);
    running_ = std::make_unique<os::RunningEnv>(std::move(env_options));
    for (std::uint32_t i = 0; i < shards; ++i) sinks_.emplace_back(function);
    std::vector<RequestSink*> sinks;
    for (FunctionSink& sink : sinks_) sinks.push_back(&sink);
    running_->call(0, [&] {
      server_ = std::make_unique<SocketServer>(running_->env(), options_, sinks);
      const Result<void> started = server_->start();
      ASSERT_TRUE(started.ok()) << started.error().text();
      address_ = server_->address("PLAINTEXT");
    });
  }
  static FunctionSink::Function echo() {
    return [](Session&, Slice frame, ReplySlot slot) { slot.send(Reply(std::move(frame))); };
  }
  /// Requests wait in kept_ (shard 0) for the test.
  FunctionSink::Function keep() {
    return [this](Session&, Slice frame, ReplySlot slot) {
      kept_.emplace_back(std::move(frame), std::move(slot));
      const std::lock_guard lock(mutex_);
      ++delivered_;
      changed_.notify_all();
    };
  }
  void wait_delivered(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return delivered_ >= count; });
  }
  std::size_t kept_count() {
    return running_->call(0, [&] { return kept_.size(); });
  }
  /// Answers the kept request at `index` with its own bytes.
  void answer(std::size_t index) {
    running_->call(0, [&] { kept_[index].second.send(Reply(kept_[index].first)); });
  }
  void wait_for_log(const std::string& text) {
    // The log is written by the shard; asking it again and again gives it turns.
    while (log_->text().find(text) == std::string::npos) running_->call(0, [] {});
  }
  std::unique_ptr<TestPeer> connect(env::SocketOptions options = {}) {
    return std::make_unique<TestPeer>(*running_, address_, options);
  }
  double metric(const std::string& name) {
    const std::string text = running_->env().metrics().text();
    const auto at = text.find("\n" + name);
    return at == std::string::npos ? -1 : std::stod(text.substr(text.find(' ', at)));
  }

  SocketServerOptions options_;
  RememberingLogger* log_ = nullptr;
  std::unique_ptr<os::RunningEnv> running_;
  std::deque<FunctionSink> sinks_;
  std::unique_ptr<SocketServer> server_;
  env::SocketAddress address_;
  std::deque<std::pair<Slice, ReplySlot>> kept_;
  std::mutex mutex_;  // guards delivered_
  std::condition_variable changed_;
  std::size_t delivered_ = 0;
};

TEST_F(SocketServerTest, ManyPipelinedRequestsOfManyPeersAreAnsweredInOrder) {
  start(echo(), 2);
  std::string text;
  for (int i = 0; i < 500; ++i)
    text += framed("request " + std::to_string(i) + std::string(static_cast<std::size_t>(i), 'x'));
  std::vector<std::unique_ptr<TestPeer>> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(connect());
  for (auto& peer : peers) peer->send(text);
  for (auto& peer : peers) EXPECT_EQ(peer->wait_for(text.size()), text);
}

TEST_F(SocketServerTest, LargeRequestsAndAnswersPass) {
  start(echo());
  auto peer = connect();
  std::string text;
  for (const std::size_t size : {10'000'000U, 70'000U, 65'536U, 400'000U, 1U, 3'000'000U})
    text += framed(std::string(size, static_cast<char>('a' + size % 26)));
  peer->send(text);
  EXPECT_EQ(peer->wait_for(text.size()), text);
}

TEST_F(SocketServerTest, AnswersThatAreReadyOutOfOrderLeaveInOrder) {
  start(keep());
  auto peer = connect();
  std::string text;
  for (int i = 0; i < 20; ++i) text += framed("number " + std::to_string(i));
  peer->send(text);
  wait_delivered(20);
  for (std::size_t i = 20; i-- > 1;) answer(i);
  EXPECT_EQ(metric("kafka_server_socket_server_metrics_outgoing_byte_total"), 0);
  answer(0);
  EXPECT_EQ(peer->wait_for(text.size()), text);
}

TEST_F(SocketServerTest, ARequestWithoutAnAnswerLeavesNoGap) {
  start(keep());
  auto peer = connect();
  peer->send(framed("a") + framed("b") + framed("c"));
  wait_delivered(3);
  answer(2);
  running_->call(0, [&] { kept_[1].second.send_nothing(); });
  answer(0);
  EXPECT_EQ(peer->wait_for(10), framed("a") + framed("c"));
}

TEST_F(SocketServerTest, ADroppedSlotClosesAndALateOneIsHarmless) {
  start(keep());
  auto peer = connect();
  peer->send(framed("a") + framed("b") + framed("c"));
  wait_delivered(3);
  running_->call(0, [&] {
    kept_[0].second.send(Reply(kept_[0].first));
    kept_[1].second = ReplySlot();  // destroys what it swapped with the temporary
  });
  EXPECT_EQ(peer->wait_for_end(), framed("a"));
  running_->call(0, [&] {
    EXPECT_FALSE(kept_[2].second.alive());
    EXPECT_EQ(kept_[2].second.session(), nullptr);
    kept_[2].second.send(Reply(kept_[2].first));
  });
}

TEST_F(SocketServerTest, RequestsInFlightAreBounded) {
  options_.requests_in_flight_max = 8;
  start(keep());
  auto peer = connect();
  std::string text;
  for (int i = 0; i < 100; ++i) text += framed("number " + std::to_string(i));
  peer->send(text);
  wait_delivered(8);
  auto other = connect();  // its round trip gives the server every chance to deliver more
  other->send(framed("x"));
  wait_delivered(9);
  EXPECT_EQ(kept_count(), 9U);
  running_->call(0, [&] { kept_.pop_back(); });
  for (std::size_t i = 0; i < 100; ++i) {
    wait_delivered(i + 2);
    answer(i);
  }
  EXPECT_EQ(peer->wait_for(text.size()), text);
}

TEST_F(SocketServerTest, FilesAndMemoryAreSentInOrder) {
  const std::string path = testing::TempDir() + "moldau-net-file";
  os::FileDisk disk;
  auto file = disk.open(path, env::OpenMode::kOpenOrCreate).value();
  std::string content;
  for (int i = 0; content.size() < 9'000'000; ++i) content += std::to_string(i) + ",";
  ASSERT_TRUE(file->truncate(0).ok());
  ASSERT_TRUE(file->write(as_view(content), 0).ok());
  start([&](Session&, Slice frame, ReplySlot slot) {
    Reply reply;
    reply.add(frame);
    reply.add(FileRange{file, 5, content.size() - 5});
    reply.add(Slice::copy_of(as_view("|")));
    reply.add(FileRange{file, 0, 3});
    reply.add(FileRange{file, 3, 0});
    slot.send(std::move(reply));
  });
  auto peer = connect();
  peer->send(framed("one") + framed("two"));
  const std::string rest = content.substr(5) + "|" + content.substr(0, 3);
  const std::string expected = framed("one" + rest) + framed("two" + rest);
  EXPECT_EQ(peer->wait_for(expected.size()), expected);
  EXPECT_TRUE(disk.remove_file(path).ok());
}

TEST_F(SocketServerTest, AFileShorterThanPromisedClosesTheConnection) {
  const std::string path = testing::TempDir() + "moldau-net-short";
  os::FileDisk disk;
  auto file = disk.open(path, env::OpenMode::kOpenOrCreate).value();
  ASSERT_TRUE(file->truncate(10).ok());
  start([&](Session&, Slice, ReplySlot slot) {
    Reply reply;
    reply.add(FileRange{file, 0, 11});
    slot.send(std::move(reply));
  });
  auto peer = connect();
  peer->send(framed("x"));
  EXPECT_EQ(peer->wait_for_end().size(), 14U);
  wait_for_log("sending failed: No data available");
  EXPECT_TRUE(disk.remove_file(path).ok());
}

TEST_F(SocketServerTest, APeerThatDoesNotReadIsNotServedFurther) {
  constexpr std::size_t kAnswer = 1 << 20;
  options_.requests_in_flight_max = 4;
  options_.socket.send_buffer_bytes = 64 << 10;
  std::atomic<std::size_t> served{0};
  start([&](Session&, Slice, ReplySlot slot) {
    ++served;
    slot.send(Reply(Slice::allocate(kAnswer)));
  });
  env::SocketOptions small;
  small.receive_buffer_bytes = 256 << 10;
  auto peer = connect(small);
  peer->set_reading(false);
  std::string text;
  for (int i = 0; i < 20; ++i) text += framed("x");
  peer->send(text);
  auto other = connect();
  for (std::size_t i = 1; i <= 10; ++i) {
    other->send(framed("y"));
    other->wait_for(i * (kAnswer + 4));
  }
  EXPECT_LE(served, 10U + 6);
  EXPECT_LE(metric("moldau_net_bytes_in_flight"), 6.0 * kAnswer);
  peer->set_reading(true);
  EXPECT_EQ(peer->wait_for(20 * (kAnswer + 4)).size(), 20 * (kAnswer + 4));
  EXPECT_EQ(served, 30U);
}

TEST_F(SocketServerTest, OverTheMemoryBudgetNobodyIsReadUntilSomethingIsAnswered) {
  options_.bytes_in_flight_max = 4 << 20;
  start(keep());
  auto first = connect();
  first->send(framed(std::string(3 << 20, 'a')));
  wait_delivered(1);
  auto second = connect();
  second->send(framed("b"));
  auto third = connect();
  third->send(framed("c"));
  running_->call(0, [] {});
  EXPECT_EQ(kept_count(), 1U);
  answer(0);
  wait_delivered(3);
  answer(1);
  answer(2);
  EXPECT_EQ(second->wait_for(5), framed("b"));
  EXPECT_EQ(third->wait_for(5), framed("c"));
}

TEST_F(SocketServerTest, LargeUnfinishedRequestsMakeRoomForEachOther) {
  options_.bytes_in_flight_max = 8 << 20;  // 2 MiB for unfinished ones
  options_.stall_max = Millis(50);
  start(echo());
  const std::string body(3 << 20, 'z');
  std::vector<std::unique_ptr<TestPeer>> stuck;
  for (int i = 0; i < 4; ++i) {
    stuck.push_back(connect());
    stuck.back()->send(framed(body).substr(0, body.size() - 1000));
  }
  auto small = connect();
  small->send(framed("small"));
  EXPECT_EQ(small->wait_for(9), framed("small"));
  auto honest = connect();
  honest->send(framed(body));
  EXPECT_EQ(honest->wait_for(body.size() + 4).size(), body.size() + 4);
  wait_for_log("memory is short and its peer does not finish a large request");
}

TEST_F(SocketServerTest, OtherProtocolsAreClosedWithAClearLine) {
  start(echo());
  auto tls = connect();
  tls->send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  EXPECT_EQ(tls->wait_for_end(), "");
  auto http = connect();
  http->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(http->wait_for_end(), "");
  auto huge = connect();
  huge->send(std::string("\x7f\xff\xff\xff\x00\x12", 6));
  EXPECT_EQ(huge->wait_for_end(), "");
  EXPECT_THAT(log_->text(), HasSubstr("looks like a TLS hello on a plaintext Kafka listener"));
  EXPECT_THAT(log_->text(), HasSubstr("looks like HTTP"));
  EXPECT_THAT(log_->text(), HasSubstr("request size 2147483647 is not within 1 to 104857600"));
  EXPECT_THAT(log_->text(), HasSubstr("listener=PLAINTEXT peer=127.0.0.1:"));
}

TEST_F(SocketServerTest, SilentAndIdleConnectionsAreClosed) {
  options_.first_request_max = Millis(60);
  options_.idle_max = Millis(120);
  start(echo());
  auto silent = connect();
  silent->send(std::string("\0\0", 2));
  auto idle = connect();
  idle->send(framed("x"));
  EXPECT_EQ(silent->wait_for_end(), "");
  EXPECT_EQ(idle->wait_for_end(), framed("x"));
  EXPECT_THAT(log_->text(), HasSubstr("no request within 60 ms"));
  EXPECT_THAT(log_->text(), HasSubstr("idle for 120 ms"));
}

TEST_F(SocketServerTest, AMutedSessionWaitsAndGoesOn) {
  Session* muted = nullptr;
  start([&](Session& session, Slice frame, ReplySlot slot) {
    const std::string text(as_text(frame.view()));
    if (text == "mute") {
      session.mute();
      muted = &session;
    }
    if (text == "throttle") session.mute_until(session.shard().now() + Millis(30));
    slot.send(Reply(std::move(frame)));
  });
  auto peer = connect();
  peer->send(framed("mute") + framed("later"));
  EXPECT_EQ(peer->wait_for(8), framed("mute"));
  running_->call(0, [&] { muted->unmute(); });
  EXPECT_EQ(peer->wait_for(17), framed("mute") + framed("later"));
  const MonoTime before = os::read_mono_clock();
  peer->send(framed("throttle") + framed("later"));
  peer->wait_for(17 + 12 + 9);
  EXPECT_GE(os::read_mono_clock() - before, 29'000'000);
}

TEST_F(SocketServerTest, WhatAPeerSentBeforeItLeftIsServed) {
  options_.requests_in_flight_max = 3;
  std::atomic<int> served{0};
  std::promise<void> all;
  start([&](Session&, Slice, ReplySlot slot) {
    slot.send_nothing();
    if (++served == 1000) all.set_value();
  });
  auto peer = connect();
  std::string text;
  for (int i = 0; i < 1000; ++i) text += framed(std::string(200, 'p'));
  peer->send(text);
  peer->close();
  all.get_future().wait();
}

TEST_F(SocketServerTest, AnAddressHasItsLimit) {
  options_.limits.connections_per_ip_overrides["127.0.0.1"] = 2;
  start(echo());
  auto first = connect();
  first->send(framed("a"));
  first->wait_for(5);
  auto second = connect();
  second->send(framed("b"));
  second->wait_for(5);
  auto third = connect();
  EXPECT_EQ(third->wait_for_end(), "");
  EXPECT_THAT(log_->text(), HasSubstr("its address has the most allowed\" limit=2"));
  EXPECT_EQ(metric("moldau_net_connections_refused_total"), 1);
  running_->call(0, [&] { server_->update_limits(ConnectionLimits()); });
  auto fourth = connect();
  fourth->send(framed("d"));
  EXPECT_EQ(fourth->wait_for(5), framed("d"));
}

TEST_F(SocketServerTest, AboveTheTotalTheNextOneWaits) {
  options_.limits.all.connections_max = 1;
  start(echo(), 2);
  auto first = connect();
  first->send(framed("a"));
  first->wait_for(5);
  auto second = connect();
  second->send(framed("b"));
  running_->call(0, [] {});
  EXPECT_FALSE(first->ended());
  EXPECT_EQ(metric("kafka_server_socket_server_metrics_connection_count"), 1);
  first->close();
  EXPECT_EQ(second->wait_for(5), framed("b"));
}

TEST_F(SocketServerTest, ALowerTotalClosesTheIdlest) {
  start(echo(), 2);
  std::vector<std::unique_ptr<TestPeer>> peers;
  for (int i = 0; i < 5; ++i) {
    peers.push_back(connect());
    peers.back()->send(framed("a"));
    peers.back()->wait_for(5);
  }
  peers[0]->send(framed("again"));
  peers[0]->wait_for(14);
  running_->call(0, [&] {
    ConnectionLimits limits;
    limits.all.connections_max = 2;
    server_->update_limits(limits);
  });
  for (int i = 1; i < 4; ++i) EXPECT_EQ(peers[i]->wait_for_end(), framed("a"));
  wait_for_log("max.connections is exceeded and it has been idle the longest");
  for (const int i : {0, 4}) {
    peers[i]->send(framed("b"));
    peers[i]->wait_for(i == 0 ? 19 : 10);
    EXPECT_FALSE(peers[i]->ended());
  }
  EXPECT_EQ(metric("moldau_net_connections_shed_total"), 3);
}

TEST_F(SocketServerTest, ABrokerTakesThePlaceOfAClient) {
  options_.listeners.push_back({"REPLICATION", {"127.0.0.1", 0}, true});
  options_.limits.all.connections_max = 1;
  start(echo(), 2);
  auto client = connect();
  client->send(framed("a"));
  client->wait_for(5);
  address_ = running_->call(0, [&] { return server_->address("REPLICATION"); });
  auto broker = connect();
  broker->send(framed("b"));
  EXPECT_EQ(broker->wait_for(5), framed("b"));
  EXPECT_EQ(client->wait_for_end(), framed("a"));
  EXPECT_FALSE(broker->ended());
}

TEST_F(SocketServerTest, AnAddressThatComesTooFastIsHeldAndClosed) {
  options_.limits.creation_burst = Millis(1'000);
  options_.limits.throttle_max = Millis(50);
  start(echo());
  running_->call(0, [&] {
    IpCreationRates rates;
    rates.of_one["127.0.0.1"] = 2;
    server_->update_ip_rates(rates);
  });
  auto first = connect();
  auto second = connect();
  second->send(framed("b"));
  EXPECT_EQ(second->wait_for(5), framed("b"));
  auto third = connect();
  EXPECT_EQ(third->wait_for_end(), "");
  EXPECT_THAT(log_->text(), HasSubstr("above its connection_creation_rate"));
  EXPECT_EQ(metric("moldau_net_connections_throttled_total"), 1);
  running_->call(0, [&] { server_->update_ip_rates(IpCreationRates()); });
  auto fourth = connect();
  fourth->send(framed("d"));
  EXPECT_EQ(fourth->wait_for(5), framed("d"));
}

TEST_F(SocketServerTest, AnswersOfOneConnectionThatWaitAreBounded) {
  options_.queued_bytes_max = 100;
  start(keep());
  auto peer = connect();
  std::string text;
  for (int i = 0; i < 10; ++i) text += framed(std::string(60, 'x'));
  peer->send(text);
  wait_delivered(10);
  // Answers that cannot leave yet, as the first one is missing.
  answer(1);
  answer(2);
  peer->send(framed("more"));
  auto other = connect();
  other->send(framed("x"));
  wait_delivered(11);
  EXPECT_EQ(kept_count(), 11U);
  running_->call(0, [&] { EXPECT_EQ(as_text(kept_[10].first.view()), "x"); });
  answer(0);
  wait_delivered(12);
}

TEST_F(SocketServerTest, ListenersComeAndGoOnAllShards) {
  start(echo(), 2);
  auto other = connect();
  for (int round = 0; round < 3; ++round) {
    running_->call(0, [&] {
      ASSERT_TRUE(server_->add({"EXTRA", {"127.0.0.1", 0}}).ok());
      EXPECT_FALSE(server_->started("EXTRA"));
      ASSERT_TRUE(server_->start("EXTRA").ok());
      address_ = server_->address("EXTRA");
    });
    std::vector<std::unique_ptr<TestPeer>> peers;
    for (int i = 0; i < 5; ++i) {
      peers.push_back(connect());
      peers.back()->send(framed("x"));
      EXPECT_EQ(peers.back()->wait_for(5), framed("x"));
    }
    running_->call(0, [&] {
      server_->remove("EXTRA", running_->shard(0).now() + Millis(3'600'000));
      EXPECT_EQ(server_->listeners().size(), 1U);
    });
    for (auto& peer : peers) EXPECT_EQ(peer->wait_for_end(), framed("x"));
  }
  other->send(framed("y"));
  EXPECT_EQ(other->wait_for(5), framed("y"));
  wait_for_log("its listener is removed");
}

TEST_F(SocketServerTest, ARemovedListenerLetsRequestsFinish) {
  options_.listeners.push_back({"EXTRA", {"127.0.0.1", 0}});
  start(keep());
  address_ = running_->call(0, [&] { return server_->address("EXTRA"); });
  auto busy = connect();
  busy->send(framed("busy"));
  wait_delivered(1);
  running_->call(0,
                 [&] { server_->remove("EXTRA", running_->shard(0).now() + Millis(3'600'000)); });
  busy->send(framed("too late"));
  running_->call(0, [] {});
  EXPECT_FALSE(busy->ended());
  answer(0);
  EXPECT_EQ(busy->wait_for_end(), framed("busy"));
  EXPECT_EQ(kept_count(), 1U);
}

TEST_F(SocketServerTest, ConnectionsOfARemovedListenerEndAtTheDeadline) {
  options_.listeners.push_back({"EXTRA", {"127.0.0.1", 0}});
  start(keep());
  auto other = connect();
  const env::SocketAddress extra = running_->call(0, [&] { return server_->address("EXTRA"); });
  address_ = extra;
  auto busy = connect();
  busy->send(framed("busy"));
  wait_delivered(1);
  running_->call(0, [&] { server_->remove("EXTRA", running_->shard(0).now() + Millis(20)); });
  EXPECT_EQ(busy->wait_for_end(), "");
  EXPECT_FALSE(other->ended());
  // The port is free for others, and then it is not.
  running_->call(0, [&] {
    EXPECT_TRUE(try_to_listen(running_->shard(0), extra).ok());
    ASSERT_TRUE(server_->add({"AGAIN", extra}).ok());
    ASSERT_TRUE(server_->start("AGAIN").ok());
    const Result<void> taken = try_to_listen(running_->shard(0), extra);
    ASSERT_FALSE(taken.ok());
    EXPECT_THAT(taken.error().text(), HasSubstr(extra.text()));
  });
}

TEST_F(SocketServerTest, NamesOfListenersAreBounded) {
  start(echo());
  running_->call(0, [&] {
    for (std::size_t i = 1; i < kListenerNamesMax; ++i) {
      const std::string name = "L" + std::to_string(i);
      ASSERT_TRUE(server_->add({name, {"127.0.0.1", 0}}).ok());
      server_->remove(name, running_->shard(0).now());
    }
    EXPECT_EQ(server_->add({"ONE_MORE", {"127.0.0.1", 0}}).error().code,
              ErrorCode::kInvalidRequest);
    EXPECT_TRUE(server_->add({"L1", {"127.0.0.1", 0}}).ok());
  });
}

TEST_F(SocketServerTest, CloseAllLetsRequestsFinish) {
  start(keep());
  auto busy = connect();
  busy->send(framed("busy"));
  wait_delivered(1);
  auto idle = connect();
  idle->send(framed("idle"));
  wait_delivered(2);
  answer(1);
  idle->wait_for(8);
  std::promise<void> done;
  running_->call(0, [&] {
    server_->close_all(running_->shard(0).now() + Millis(3'600'000), [&] { done.set_value(); });
  });
  EXPECT_EQ(idle->wait_for_end(), framed("idle"));
  EXPECT_FALSE(busy->ended());
  answer(0);
  EXPECT_EQ(busy->wait_for_end(), framed("busy"));
  done.get_future().wait();
}

TEST_F(SocketServerTest, CloseAllEndsAtItsDeadline) {
  start(keep());
  auto busy = connect();
  busy->send(framed("busy"));
  wait_delivered(1);
  std::promise<void> done;
  running_->call(0, [&] {
    server_->close_all(running_->shard(0).now() + Millis(20), [&] { done.set_value(); });
  });
  EXPECT_EQ(busy->wait_for_end(), "");
  done.get_future().wait();
}

}  // namespace
}  // namespace moldau::net
