// SPDX-License-Identifier: Apache-2.0
#include "net/connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "net/shard_sessions.h"

namespace moldau::net {
namespace {

using Kind = env::IoOutcome::Kind;

constexpr Millis kForgetQueuesAfter{5'000};

/// Keeps a connection's memory while a message that names it is under way.
class Retained {
 public:
  explicit Retained(ReplyTarget& target) : target_(&target) { target.retain(); }
  Retained(Retained&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
  Retained& operator=(Retained&&) = delete;
  ~Retained() {
    if (target_) target_->release();
  }

 private:
  ReplyTarget* target_;
};

std::string describe(const char* what, int os_error) {
  const char* why = strerrordesc_np(os_error);
  return fmt::format("{}: {}", what, why ? why : "unknown error");
}

}  // namespace

class Connection::WorkTimer {
 public:
  WorkTimer(Connection& connection, std::int64_t sign) {
    if (!connection.measured_) return;
    connection_ = &connection;
    sign_ = sign;
    began_ = connection.sessions_->precise_now();
  }
  WorkTimer(const WorkTimer&) = delete;
  WorkTimer& operator=(const WorkTimer&) = delete;
  ~WorkTimer() {
    if (connection_)
      connection_->work_nanos_ += sign_ * (connection_->sessions_->precise_now() - began_);
  }

 private:
  Connection* connection_ = nullptr;
  std::int64_t sign_ = 1;
  MonoTime began_;
};

Connection::Connection(ShardSessions& sessions, ListenerState& listener, std::uint64_t id,
                       std::unique_ptr<env::Stream> stream)
    : sessions_(&sessions),
      listener_(listener),
      id_(id),
      stream_(std::move(stream)),
      peer_(stream_->peer()),
      local_(stream_->local()),
      assembler_(sessions.options().request_bytes_max, sessions.credit()),
      created_(sessions.shard().now()),
      last_active_(created_) {}

const std::string& Connection::listener() const {
  return listener_.name;
}
env::Shard& Connection::shard() const {
  return sessions_->shard();
}

void Connection::start() {
  stream_->observe(*this);
}

// ---- Reading

void Connection::on_readable() {
  readable_ = true;
  read();
}

bool Connection::may_deliver() {
  if (closing_ || draining()) return false;
  const SocketServerOptions& options = sessions_->options();
  if (mutes_ == 0 && in_flight() < options.requests_in_flight_max &&
      queued_bytes_ < options.queued_bytes_max) {
    if (sessions_->memory_short()) {
      sessions_->wait_for_memory(*this);
      return false;
    }
    if (muted_until_ <= sessions_->shard().now()) return true;
  }
  return false;
}

void Connection::read() {
  if (closing_ || reading_) return;
  const WorkTimer timer(*this, 1);
  reading_ = true;
  stalled_ = !deliver();
  std::size_t budget = kBytesPerTurn;
  while (readable_ && !stalled_ && !closing_) {
    if (budget == 0) {
      continue_next_turn();
      break;
    }
    if (!may_deliver() || !sessions_->may_grow(*this)) {
      stalled_ = true;  // whoever ends the reason schedules this connection
      break;
    }
    if (!read_once(budget)) break;
    stalled_ = !deliver();
  }
  if (assembler_.settle()) sessions_->replace_slab();
  account_held();
  reading_ = false;
}

bool Connection::read_once(std::size_t& budget) {
  const MutableBytes space = assembler_.space(sessions_->slab());
  const env::IoOutcome outcome = stream_->read(space);
  switch (outcome.kind) {
    case Kind::kDone:
      assembler_.received(outcome.bytes);
      listener_.bytes_in.add(outcome.bytes);
      if (outcome.drained) readable_ = false;
      // A peer that dribbles a frame byte by byte is not active.
      if (outcome.bytes >= kActiveBytes) last_active_ = sessions_->shard().now();
      budget -= std::min(budget, outcome.bytes);
      return true;
    case Kind::kWouldBlock:
      readable_ = false;
      return false;
    case Kind::kClosed:
      readable_ = false;
      request_close("the peer closed it", false);
      return false;
    case Kind::kFailed:
      readable_ = false;
      request_close(describe("reading failed", outcome.os_error), false);
      return false;
  }
  return false;
}

bool Connection::deliver() {
  while (assembler_.unread() > 0) {
    if (!may_deliver()) return false;
    Result<std::optional<Slice>> frame = assembler_.next();
    if (!frame.ok()) {
      request_close(frame.error().detail, true);
      return false;
    }
    if (!*frame) return true;
    dispatch(std::move(**frame));
  }
  return true;
}

void Connection::dispatch(Slice frame) {
  if (next_request_ - next_reply_ == pending_.size()) grow_pending();
  const std::uint64_t request = next_request_++;
  const auto bytes = static_cast<std::uint32_t>(frame.size());
  pending(request) = Pending{PendingState::kWaiting, bytes, {}};
  flight_bytes_ += bytes;
  sessions_->add_flight(bytes);
  listener_.requests.add();
  last_active_ = sessions_->shard().now();
  const WorkTimer not_ours(*this, -1);
  sessions_->sink().on_request(*this, std::move(frame), ReplySlot(*this, request));
}

void Connection::grow_pending() {
  std::vector<Pending> larger(pending_.empty() ? 4 : pending_.size() * 2);
  for (std::uint64_t i = next_reply_; i < next_request_; ++i)
    larger[i & (larger.size() - 1)] = std::move(pending(i));
  pending_ = std::move(larger);
}

void Connection::account_held() {
  const std::size_t before = std::exchange(held_bytes_, assembler_.held());
  if (before != held_bytes_) sessions_->change_held(*this, before, held_bytes_);
}

void Connection::unmute() {
  MOLDAU_CHECK(mutes_ > 0, "unmute without mute");
  --mutes_;
  if (stalled_ && stream_) sessions_->schedule(*this);
}

void Connection::mute_until(MonoTime when) {
  if (!stream_ || when <= muted_until_) return;
  muted_until_ = when;
  env::Shard& shard = sessions_->shard();
  if (mute_timer_) shard.cancel(*mute_timer_);
  mute_timer_ = shard.call_at(when, [this] {
    mute_timer_.reset();
    if (stalled_) sessions_->schedule(*this);
  });
}

void Connection::continue_next_turn() {
  stalled_ = true;
  sessions_->shard().post([this, retained = Retained(*this)] {
    if (stream_) sessions_->schedule(*this);
  });
}

// ---- Answering

void Connection::reply(std::uint64_t request, Reply reply) {
  if (!stream_) return;
  answered(request);
  const std::uint64_t memory = reply.memory_size();
  flight_bytes_ += memory;
  queued_bytes_ += memory;
  sessions_->add_flight(memory);
  if (request == next_reply_) {
    ++next_reply_;
    enqueue(std::move(reply));
    promote();
  } else {
    pending(request).state = PendingState::kReady;
    pending(request).reply = std::move(reply);
  }
  sessions_->schedule(*this);
}

void Connection::skip_reply(std::uint64_t request) {
  if (!stream_) return;
  answered(request);
  pending(request).state = PendingState::kSkipped;
  promote();
  sessions_->schedule(*this);
}

void Connection::close_for(std::uint64_t request) {
  if (!stream_) return;
  request_close(fmt::format("request {} on it was not to be answered", request), false);
}

void Connection::answered(std::uint64_t request) {
  Pending& entry = pending(request);
  flight_bytes_ -= entry.frame_bytes;
  sessions_->remove_flight(entry.frame_bytes);
  entry.frame_bytes = 0;
}

void Connection::promote() {
  while (next_reply_ < next_request_) {
    Pending& entry = pending(next_reply_);
    if (entry.state == PendingState::kWaiting) return;
    ++next_reply_;
    if (entry.state == PendingState::kReady) enqueue(std::move(entry.reply));
  }
}

void Connection::enqueue(Reply reply) {
  const std::uint64_t size = reply.size();
  if (size > std::numeric_limits<std::int32_t>::max())
    return request_close(fmt::format("an answer of {} bytes fits no frame", size), true);
  Outgoing outgoing;
  const std::uint32_t swapped = __builtin_bswap32(static_cast<std::uint32_t>(size));
  std::memcpy(outgoing.prefix.data(), &swapped, sizeof(swapped));
  outgoing.memory = reply.memory_size();
  outgoing.reply = std::move(reply);
  out_.push_back(std::move(outgoing));
}

// ---- Sending

void Connection::on_writable() {
  writable_ = true;
  if (has_output()) sessions_->schedule(*this);
}

void Connection::gather(Gathered& out) const {
  for (std::size_t i = out_head_; i < out_.size(); ++i) {
    const Outgoing& outgoing = out_[i];
    const bool first = i == out_head_;
    const std::uint32_t skip = first ? prefix_bytes_sent_ : 0;
    if (skip < outgoing.prefix.size()) {
      if (out.count == kPartsPerWrite) return;
      out.parts[out.count++] = ByteView(outgoing.prefix).subspan(skip);
    }
    const auto& chunks = outgoing.reply.chunks;
    for (std::size_t c = first ? chunk_ : 0; c < chunks.size(); ++c) {
      const auto* slice = std::get_if<Slice>(&chunks[c]);
      out.file_follows = slice == nullptr;
      if (!slice || out.count == kPartsPerWrite) return;
      out.parts[out.count++] = slice->view().subspan(first && c == chunk_ ? chunk_sent_ : 0);
    }
  }
}

env::IoOutcome Connection::send_some() {
  Gathered memory;
  gather(memory);
  if (memory.count > 0) {
    const std::span<const ByteView> parts(memory.parts.data(), memory.count);
    return memory.file_follows ? stream_->write_more(parts) : stream_->write(parts);
  }
  const auto& range = *std::get_if<FileRange>(&out_[out_head_].reply.chunks[chunk_]);
  return stream_->send_file(*range.file, range.position + chunk_sent_, range.length - chunk_sent_);
}

void Connection::advance(std::size_t bytes) {
  listener_.bytes_out.add(bytes);
  for (;;) {
    Outgoing& outgoing = out_[out_head_];
    const std::size_t prefix =
        std::min<std::size_t>(bytes, outgoing.prefix.size() - prefix_bytes_sent_);
    prefix_bytes_sent_ += static_cast<std::uint32_t>(prefix);
    bytes -= prefix;
    auto& chunks = outgoing.reply.chunks;
    while (chunk_ < chunks.size()) {
      const auto* slice = std::get_if<Slice>(&chunks[chunk_]);
      const std::uint64_t size =
          slice ? slice->size() : std::get_if<FileRange>(&chunks[chunk_])->length;
      const std::uint64_t here = std::min<std::uint64_t>(bytes, size - chunk_sent_);
      chunk_sent_ += here;
      bytes -= here;
      if (chunk_sent_ < size) return;
      ++chunk_;
      chunk_sent_ = 0;
    }
    if (prefix_bytes_sent_ < outgoing.prefix.size()) return;
    flight_bytes_ -= outgoing.memory;
    queued_bytes_ -= outgoing.memory;
    sessions_->remove_flight(outgoing.memory);
    outgoing.reply.chunks.clear();
    prefix_bytes_sent_ = 0;
    chunk_ = 0;
    if (++out_head_ == out_.size()) {
      out_.clear();
      out_head_ = 0;
      return;
    }
    if (bytes == 0) return;
  }
}

void Connection::flush() {
  const WorkTimer timer(*this, 1);
  std::size_t budget = kBytesPerTurn;
  while (writable_ && has_output()) {
    if (budget == 0) return continue_next_turn();
    const env::IoOutcome outcome = send_some();
    if (outcome.kind == Kind::kDone) {
      last_active_ = sessions_->shard().now();
      budget -= std::min(budget, outcome.bytes);
      advance(outcome.bytes);
    } else if (outcome.kind == Kind::kWouldBlock) {
      writable_ = false;
    } else {
      out_.clear();
      out_head_ = 0;
      request_close(outcome.kind == Kind::kClosed ? "the peer closed it"
                                                  : describe("sending failed", outcome.os_error),
                    false);
    }
  }
}

// ---- The turn's end

void Connection::attend() {
  flush();
  // Sending may have made room for more requests; their answers leave with a later round.
  if (stalled_) read();
  if (draining()) close_if_drained();
  if (closing_) finish();
}

void Connection::request_close(std::string reason, bool suspicious) {
  if (closing_) return;
  closing_ = true;
  close_reason_ = std::move(reason);
  close_is_suspicious_ = suspicious;
  sessions_->schedule(*this);
}

void Connection::close_now(std::string reason) {
  close_reason_ = std::move(reason);
  close_is_suspicious_ = true;
  finish();
}

void Connection::drain(const char* reason) {
  drain_reason_ = reason;
  close_if_drained();
}

void Connection::close_if_drained() {
  if (in_flight() == 0) request_close(drain_reason_, false);
}

void Connection::finish() {
  ShardSessions& sessions = *sessions_;
  closing_ = true;
  if (mute_timer_) sessions.shard().cancel(*mute_timer_);
  mute_timer_.reset();
  stream_.reset();
  sessions.remove_flight(std::exchange(flight_bytes_, 0));
  sessions.change_held(*this, std::exchange(held_bytes_, 0), 0);
  assembler_.clear();
  sessions.removed(*this);
  sessions_ = nullptr;
  pending_ = {};
  out_ = {};
  out_head_ = 0;
  drop_attachment();
  release();
}

void Connection::check_deadlines(MonoTime now) {
  const SocketServerOptions& options = sessions_->options();
  if (in_flight() == 0 && now >= last_active_ + kForgetQueuesAfter) {
    // What a burst has left behind; 20,000 idle connections would feel it.
    pending_ = {};
    out_ = {};
  }
  if (next_request_ == 0 && now >= created_ + options.first_request_max)
    return request_close(fmt::format("no request within {} ms", options.first_request_max.value()),
                         false);
  if (now >= last_active_ + options.idle_max && next_reply_ == next_request_)
    return request_close(fmt::format("idle for {} ms", options.idle_max.value()), false);
  if (now < last_active_ + options.stall_max) return;
  if (sessions_->memory_short() && has_output() && !writable_)
    return request_close("memory is short and its peer does not read", true);
  if (sessions_->large_frames_wait() && sessions_->oldest_large() == this && !stalled_)
    return request_close("memory is short and its peer does not finish a large request", true);
}

}  // namespace moldau::net
