// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "env/shard.h"
#include "net/frame_assembler.h"

namespace moldau::client {

/// What the connections of one client share: the buffer they read into.
/// Thread   shard-bound.
struct Inbox {
  static constexpr std::size_t kSlabBytes = 64 << 10;
  Slice slab;  // made when something is to be read, and gone when a frame lives in it
  net::AheadCredit credit{16 << 20};
};

/// One connection to a broker: requests out, answers in the order of the requests.
///
/// Path     Cluster → send() → the socket → answered(frame).
/// Owner    Cluster, shared with what is under way; borrows shard and inbox.
/// Thread   shard-bound. Callbacks come from the loop, never inside a call.
/// Bounds   an answer ≤ kFrameBytesMax, allocated as it comes; a request that is not answered by
///          its deadline ends the connection, since nothing behind it can be answered either.
/// Errors   of answered: kRequestTimedOut for what was too late, kNetworkException else; the text
///          says why the connection ended.
class Connection final : public std::enable_shared_from_this<Connection>,
                         private env::StreamObserver,
                         private env::TurnHook {
 public:
  static constexpr std::uint32_t kFrameBytesMax = 1U << 30;
  using Answered = UniqueFunction<void(Result<Slice>)>;
  /// What its owner is told, at most once each.
  struct Events {
    Callback stands;
    UniqueFunction<void(const Error&)> ended;
  };

  static Result<std::shared_ptr<Connection>> open(env::Shard& shard, Inbox& inbox,
                                                  const env::SocketAddress& to,
                                                  const env::SocketOptions& options, Events events);
  ~Connection() override;

  /// For the header of the next request.
  std::int32_t next_correlation_id() { return ++last_id_; }
  /// `request` is a frame without its size that carries `correlation_id`.
  void send(std::int32_t correlation_id, Slice request, MonoTime deadline, Answered answered);
  /// As send, for what no broker answers (a produce with acks=0).
  void send_unanswered(Slice request);
  /// Ends it: what waits fails with `why`, from the loop.
  void close(Error why);
  /// Ends it without telling anybody; callbacks are destroyed uncalled.
  void abandon();

  bool stands() const { return stands_ && !ended_; }
  bool ended() const { return ended_; }
  std::size_t in_flight() const { return waiting_.size(); }
  MonoTime last_used() const { return last_used_; }
  const env::SocketAddress& to() const { return to_; }

 private:
  struct Waiting {
    std::int32_t id = 0;
    MonoTime deadline;
    Answered answered;
  };

  Connection(env::Shard& shard, Inbox& inbox, env::SocketAddress to, Events events);
  void on_readable() override;
  void on_writable() override;
  void on_turn_end() override { flush(); }
  void put(Slice request);
  void flush();
  void take_frames();
  void answer(Slice frame);
  void watch(MonoTime deadline);
  void on_deadline();
  void finish(const Error& why);

  env::Shard& shard_;
  Inbox& inbox_;
  const env::SocketAddress to_;
  Events events_;
  std::unique_ptr<env::Stream> stream_;
  net::FrameAssembler assembler_;
  bool stands_ = false;
  bool ended_ = false;
  std::int32_t last_id_ = 0;
  MonoTime last_used_;
  std::deque<Waiting> waiting_;
  std::deque<Slice> out_;    // size and body of each frame
  std::size_t written_ = 0;  // of out_.front()
  std::optional<env::TimerId> timer_;
  MonoTime timer_at_;
};

}  // namespace moldau::client
