// SPDX-License-Identifier: Apache-2.0
// For the tests of net/: requests that ask for all kinds of answers, and scripts of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "env/env.h"
#include "net/session.h"
#include "net/test_peer.h"

namespace moldau::net {

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
        env::Shard& there = env_.shard(env::ShardId((here.id().value() + 1) % env_.shard_count()));
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

/// What one peer sends, and what it may expect.
struct Script {
  std::string sent;
  std::string expected;  // of which a part may come
  bool ends = false;     // the server closes
};

inline Script make_script(std::mt19937& random) {
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

}  // namespace moldau::net
