// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/frame_assembler.h"
#include "net/session.h"

namespace moldau::net {

class ShardSessions;
struct ListenerState;

/// One accepted connection: reads frames, gives them to the sink, sends answers in order.
///
/// Path     epoll → on_readable → FrameAssembler → RequestSink; ReplySlot → reply → (turn's end)
///          flush → Stream.
/// Owner    ShardSessions until it is finished, then the slots that still name it.
/// Thread   shard-bound. Nothing destroys or finishes it inside of its own calls: that happens at
///          the turn's end.
/// Bounds   requests delivered and answers unsent: requests_in_flight_max; bytes read or sent a
///          turn: kBytesPerTurn.
class Connection final : public Session, private ReplyTarget, private env::StreamObserver {
 public:
  Connection(ShardSessions& sessions, ListenerState& listener, std::uint64_t id,
             std::unique_ptr<env::Stream> stream);

  const env::SocketAddress& peer() const override { return peer_; }
  const env::SocketAddress& local() const override { return local_; }
  const std::string& listener() const override;
  env::Shard& shard() const override;
  std::uint64_t connection_id() const override { return id_; }
  void mute() override { ++mutes_; }
  void unmute() override;
  void mute_until(MonoTime when) override;
  void measure_work(bool on) override { measured_ = on; }
  std::int64_t take_work_nanos() override { return std::exchange(work_nanos_, 0); }
  void close(std::string reason) override { request_close(std::move(reason), false); }

  /// Begins to listen to the stream.
  void start();
  /// The turn's end: reads on if it may again, sends, closes if asked to.
  void attend();
  /// Closes now and gives up the owner's reference: the object may be gone on return.
  void finish();
  /// No further requests; closes once all is answered and sent.
  void drain(const char* reason);
  bool draining() const { return drain_reason_ != nullptr; }
  /// The same for a peer that did nothing wrong, with a line in the log.
  void close_now(std::string reason);
  MonoTime last_active() const { return last_active_; }
  /// Closes it if it has been idle, half-open or stalled for too long.
  void check_deadlines(MonoTime now);

  /// Where it stands in the owner's list.
  std::size_t place = 0;
  bool scheduled = false;
  ListenerState& listener_state() { return listener_; }
  const std::string& close_reason() const { return close_reason_; }
  bool close_is_suspicious() const { return close_is_suspicious_; }

 private:
  static constexpr std::size_t kBytesPerTurn = 4 << 20;
  static constexpr std::size_t kPartsPerWrite = 64;
  static constexpr std::size_t kActiveBytes = 1024;

  enum class PendingState : std::uint8_t { kWaiting, kReady, kSkipped };
  struct Pending {
    PendingState state = PendingState::kWaiting;
    std::uint32_t frame_bytes = 0;
    Reply reply;
  };
  struct Outgoing {
    std::array<std::byte, 4> prefix;
    Reply reply;
    std::uint64_t memory = 0;
  };

  ~Connection() override = default;
  void on_readable() override;
  void on_writable() override;
  void reply(std::uint64_t request, Reply reply) override;
  void skip_reply(std::uint64_t request) override;
  void close_for(std::uint64_t request) override;
  Session* session() override { return stream_ ? this : nullptr; }

  /// Adds the time of its scope to work_nanos_, if that is measured.
  class WorkTimer;
  bool may_deliver();
  void read();
  /// One read of the stream; false: nothing more for now.
  bool read_once(std::size_t& budget);
  /// Gives whole frames to the sink; false if it had to stop before the last one.
  bool deliver();
  void dispatch(Slice frame);
  void account_held();
  Pending& pending(std::uint64_t request) { return pending_[request & (pending_.size() - 1)]; }
  void grow_pending();
  void answered(std::uint64_t request);
  void promote();
  void enqueue(Reply reply);
  std::uint64_t in_flight() const {
    return next_request_ - next_reply_ + (out_.size() - out_head_);
  }
  bool has_output() const { return out_head_ < out_.size(); }
  void flush();
  struct Gathered {
    std::array<ByteView, kPartsPerWrite> parts;
    std::size_t count = 0;
    bool file_follows = false;
  };
  /// Memory to be sent, up to the next file range.
  void gather(Gathered& out) const;
  env::IoOutcome send_some();
  void advance(std::size_t bytes);
  void continue_next_turn();
  void request_close(std::string reason, bool suspicious);
  void close_if_drained();

  ShardSessions* sessions_;  // nullptr once finished
  ListenerState& listener_;
  const std::uint64_t id_;
  std::unique_ptr<env::Stream> stream_;  // nullptr once finished
  const env::SocketAddress peer_;
  const env::SocketAddress local_;
  FrameAssembler assembler_;

  // Requests are numbered from 0; those from next_reply_ to next_request_ have no answer sent.
  std::uint64_t next_request_ = 0;
  std::uint64_t next_reply_ = 0;
  std::vector<Pending> pending_;  // a ring; its size is a power of two
  std::vector<Outgoing> out_;     // from out_head_ on
  std::size_t out_head_ = 0;
  bool prefix_sent_ = false;  // of the answer at out_head_
  std::size_t chunk_ = 0;     // its first chunk that is not sent whole
  std::uint64_t chunk_sent_ = 0;
  std::uint32_t prefix_bytes_sent_ = 0;

  std::uint64_t flight_bytes_ = 0;  // ours in the shard's sum
  std::size_t held_bytes_ = 0;      // likewise
  std::uint64_t queued_bytes_ = 0;  // memory of the answers that are not sent
  std::optional<std::list<Connection*>::iterator> large_place_;

  MonoTime created_;
  MonoTime last_active_;
  MonoTime muted_until_;
  std::optional<env::TimerId> mute_timer_;
  std::uint32_t mutes_ = 0;
  bool measured_ = false;
  std::int64_t work_nanos_ = 0;
  bool readable_ = false;
  bool writable_ = true;
  bool stalled_ = false;   // there may be frames or bytes that it was not allowed to take
  bool starving_ = false;  // in the shard's queue for memory
  bool reading_ = false;
  const char* drain_reason_ = nullptr;  // once it is drained
  bool closing_ = false;
  bool close_is_suspicious_ = false;
  std::string close_reason_;

  friend class ShardSessions;
};

}  // namespace moldau::net
