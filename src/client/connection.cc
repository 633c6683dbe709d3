// SPDX-License-Identifier: Apache-2.0
#include "client/connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace moldau::client {
namespace {

using Kind = env::IoOutcome::Kind;
constexpr std::size_t kPartsPerWrite = 64;
constexpr std::size_t kIdBytes = 4;

std::int32_t int32_at(ByteView bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < kIdBytes; ++i)
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  return static_cast<std::int32_t>(value);
}

Slice size_of(const Slice& body) {
  Slice size = Slice::allocate(kIdBytes);
  for (std::size_t i = 0; i < kIdBytes; ++i)
    size.data()[i] = static_cast<std::byte>(body.size() >> (24 - 8 * i));
  return size;
}

std::string reason(const char* what, int os_error) {
  const char* why = os_error == 0 ? nullptr : strerrordesc_np(os_error);
  return why ? fmt::format("{}: {}", what, why) : std::string(what);
}

}  // namespace

Connection::Connection(env::Shard& shard, Inbox& inbox, env::SocketAddress to, Events events)
    : shard_(shard),
      inbox_(inbox),
      to_(std::move(to)),
      events_(std::move(events)),
      assembler_(kFrameBytesMax, inbox.credit),
      last_used_(shard.now()) {}

Connection::~Connection() {
  shard_.disarm(*this);
  if (timer_) shard_.cancel(*timer_);
}

Result<std::shared_ptr<Connection>> Connection::open(env::Shard& shard, Inbox& inbox,
                                                     const env::SocketAddress& to,
                                                     const env::SocketOptions& options,
                                                     Events events) {
  MOLDAU_ASSIGN_OR_RETURN(std::unique_ptr<env::Stream> stream, shard.net().connect(to, options));
  std::shared_ptr<Connection> made(new Connection(shard, inbox, to, std::move(events)));
  made->stream_ = std::move(stream);
  made->stream_->observe(*made);
  return made;
}

// ---- Sending

void Connection::send(std::int32_t correlation_id, Slice request, MonoTime deadline,
                      Answered answered) {
  waiting_.push_back({correlation_id, deadline, std::move(answered)});
  if (ended_) return finish(Error(ErrorCode::kNetworkException, "the connection has ended"));
  watch(deadline);
  put(std::move(request));
}

void Connection::send_unanswered(Slice request) {
  if (!ended_) put(std::move(request));
}

void Connection::put(Slice request) {
  last_used_ = shard_.now();
  out_.push_back(size_of(request));
  out_.push_back(std::move(request));
  if (stands_) shard_.arm(*this);
}

void Connection::flush() {
  while (!out_.empty() && stands_ && !ended_) {
    std::array<ByteView, kPartsPerWrite> parts;
    std::size_t count = 0;
    for (auto part = out_.begin(); part != out_.end() && count < parts.size(); ++part, ++count)
      parts[count] = part->view();
    parts[0] = parts[0].subspan(written_);
    const env::IoOutcome sent = stream_->write(std::span(parts).first(count));
    if (sent.kind == Kind::kWouldBlock) return;
    if (sent.kind != Kind::kDone)
      return close(Error(ErrorCode::kNetworkException, reason("writing failed", sent.os_error)));
    std::size_t bytes = sent.bytes;
    while (bytes > 0) {
      const std::size_t part = std::min(bytes, out_.front().size() - written_);
      written_ += part;
      bytes -= part;
      if (written_ < out_.front().size()) break;
      out_.pop_front();
      written_ = 0;
    }
  }
}

void Connection::on_writable() {
  const auto keep = shared_from_this();
  // A connection that failed is told of in the same way; reading tells them apart.
  if (!stands_) on_readable();
  if (ended_) return;
  if (!std::exchange(stands_, true) && events_.stands) events_.stands();
  flush();
}

// ---- Receiving

void Connection::on_readable() {
  const auto keep = shared_from_this();
  while (!ended_) {
    if (inbox_.slab.empty()) inbox_.slab = Slice::allocate(Inbox::kSlabBytes);
    const env::IoOutcome got = stream_->read(assembler_.space(inbox_.slab));
    if (got.kind == Kind::kDone) {
      assembler_.received(got.bytes);
      take_frames();
      if (got.drained) break;
      continue;
    }
    if (got.kind == Kind::kWouldBlock) break;
    const char* what = stands_ ? "the broker closed the connection" : "cannot connect";
    close(Error(ErrorCode::kNetworkException, reason(what, got.os_error)));
  }
  if (assembler_.settle()) inbox_.slab = Slice();
}

void Connection::take_frames() {
  while (!ended_) {
    Result<std::optional<Slice>> frame = assembler_.next();
    if (!frame.ok())
      return close(Error(ErrorCode::kNetworkException,
                         "what came is no answer of a broker: " + frame.error().detail));
    if (!*frame) return;
    answer(std::move(**frame));
  }
}

void Connection::answer(Slice frame) {
  if (frame.size() < kIdBytes || waiting_.empty() || int32_at(frame.view()) != waiting_.front().id)
    return close(Error(ErrorCode::kNetworkException, "an answer came that nothing waits for"));
  last_used_ = shard_.now();
  Answered answered = std::move(waiting_.front().answered);
  waiting_.pop_front();
  answered(std::move(frame));
}

// ---- Ending

void Connection::watch(MonoTime deadline) {
  if (timer_ && timer_at_ <= deadline) return;
  if (timer_) shard_.cancel(*timer_);
  timer_at_ = deadline;
  timer_ = shard_.call_at(deadline, [weak = weak_from_this()] {
    if (const auto here = weak.lock()) here->on_deadline();
  });
}

void Connection::on_deadline() {
  timer_.reset();
  if (ended_ || waiting_.empty()) return;
  const auto first =
      std::min_element(waiting_.begin(), waiting_.end(),
                       [](const Waiting& a, const Waiting& b) { return a.deadline < b.deadline; });
  if (first->deadline > shard_.now()) return watch(first->deadline);
  close(Error(ErrorCode::kRequestTimedOut, "no answer came in time"));
}

void Connection::close(Error why) {
  if (std::exchange(ended_, true)) return;
  out_.clear();
  // Later, since the stream or a callback may be what calls.
  shard_.post([self = shared_from_this(), why = std::move(why)] {
    self->stream_.reset();
    self->assembler_.clear();
    self->finish(why);
    if (self->events_.ended) std::exchange(self->events_.ended, {})(why);
    self->events_ = {};
  });
}

void Connection::abandon() {
  ended_ = true;
  events_ = {};
  waiting_.clear();
  out_.clear();
  stream_.reset();
  assembler_.clear();
}

void Connection::finish(const Error& why) {
  const MonoTime now = shard_.now();
  shard_.post([self = shared_from_this(), waiting = std::exchange(waiting_, {}), why,
               now]() mutable {
    const bool timed_out = why.code == ErrorCode::kRequestTimedOut;
    for (Waiting& one : waiting) {
      const bool late = timed_out && one.deadline <= now;
      one.answered(Error(late ? ErrorCode::kRequestTimedOut : ErrorCode::kNetworkException,
                         late || !timed_out ? why.detail : "an earlier request was not answered"));
    }
  });
}

}  // namespace moldau::client
