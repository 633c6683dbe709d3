// SPDX-License-Identifier: Apache-2.0
#include "sim/connection.h"

#include <utility>

namespace moldau::sim {
namespace {

using Outcome = env::IoOutcome::Kind;
constexpr std::size_t kReadBytes = 16 << 10;

std::uint32_t big_endian_at(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

}  // namespace

std::shared_ptr<Connection> Connection::open(env::fake::FakeShard& shard,
                                             const env::SocketAddress& to) {
  std::shared_ptr<Connection> connection(new Connection(shard));
  auto stream = shard.net().connect(to, {});
  connection->stream_ = std::move(stream).value();
  connection->stream_->observe(*connection);
  return connection;
}

Connection::~Connection() = default;

void Connection::put(std::int32_t id, ByteView body, Answered answered) {
  waiting_.emplace(id, std::move(answered));
  if (broken_) {
    broken_ = false;
    return close("the connection was closed before");
  }
  shard_.call_at(shard_.now() + kPatience, [weak = weak_from_this(), id] {
    const auto here = weak.lock();
    if (here && here->waiting_.contains(id)) here->close("no answer in time");
  });
  put_bytes(body);
}

void Connection::put_bytes(ByteView body) {
  const auto size = static_cast<std::uint32_t>(body.size());
  for (int shift = 24; shift >= 0; shift -= 8) out_ += static_cast<char>(size >> shift & 0xFFU);
  out_ += as_text(body);
  on_writable();
}

void Connection::close(const std::string& why) {
  if (std::exchange(broken_, true)) return;
  // Later, since the caller may be called by the stream or hold an iterator.
  shard_.post([self = shared_from_this(), why] {
    self->stream_.reset();
    auto waiting = std::exchange(self->waiting_, {});
    for (auto& [id, answered] : waiting) answered(Error(ErrorCode::kNetworkException, why));
  });
}

void Connection::on_writable() {
  while (!out_.empty() && !broken_ && stream_) {
    const ByteView part = as_view(out_);
    const env::IoOutcome sent = stream_->write(std::span<const ByteView>(&part, 1));
    if (sent.kind == Outcome::kWouldBlock) return;
    if (sent.kind != Outcome::kDone) return close("write failed");
    out_.erase(0, sent.bytes);
  }
}

void Connection::on_readable() {
  std::byte buffer[kReadBytes];
  while (!broken_ && stream_) {
    const env::IoOutcome got = stream_->read(buffer);
    if (got.kind == Outcome::kWouldBlock) break;
    if (got.kind != Outcome::kDone) {
      take_frames();
      return close("read failed");
    }
    in_ += as_text({buffer, got.bytes});
  }
  take_frames();
}

void Connection::take_frames() {
  const auto keep = shared_from_this();
  while (in_.size() >= 8 && !broken_) {
    const std::uint32_t size = big_endian_at(in_, 0);
    if (size < 4 || size > kFrameBytesMax) return close("a frame of a size that cannot be");
    if (in_.size() < 4 + std::size_t{size}) return;
    const auto id = static_cast<std::int32_t>(big_endian_at(in_, 4));
    const Slice frame = Slice::copy_of(as_view(in_).subspan(4, size));
    in_.erase(0, 4 + std::size_t{size});
    auto waiting = waiting_.extract(id);
    if (waiting.empty()) return close("an answer to no request");
    waiting.mapped()(frame);
  }
}

}  // namespace moldau::sim
