// SPDX-License-Identifier: Apache-2.0
#include "env/fake/fake_net.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "env/fake/fake_env.h"

namespace moldau::env::fake {
namespace {

using Outcome = IoOutcome::Kind;

/// One call of send_file, as the real one bounds it.
constexpr std::size_t kSendFileBytesMax = 64 << 10;

}  // namespace

Result<std::unique_ptr<ListeningSocket>> FakeNet::listen(const SocketAddress& address,
                                                         const SocketOptions& options,
                                                         AcceptCallback accepted) {
  SocketAddress local = address;
  if (local.host.empty() || local.host == "0.0.0.0" || local.host == "localhost")
    local.host = shard_.env().host();
  auto listener = std::make_unique<FakeListener>(shard_, local, local.host, options.backlog,
                                                 std::move(accepted));
  MOLDAU_ASSIGN_OR_RETURN(const std::uint16_t port, shard_.env().world().network().add_listener(
                                                        local.host, local.port, *listener));
  listener->set_port(port);
  return std::unique_ptr<ListeningSocket>(std::move(listener));
}

std::unique_ptr<Stream> FakeNet::adopt(std::unique_ptr<AcceptedSocket> socket) {
  auto* accepted = dynamic_cast<FakeAccepted*>(socket.get());
  MOLDAU_CHECK(accepted, "a socket of another env");
  std::shared_ptr<Link> link = accepted->take();
  MOLDAU_CHECK(link, "a socket is adopted once");
  return std::make_unique<FakeStream>(shard_, std::move(link), 1);
}

Result<std::unique_ptr<Stream>> FakeNet::connect(const SocketAddress& address,
                                                 const SocketOptions&) {
  std::shared_ptr<Link> link = shard_.env().world().network().connect(shard_, address);
  return std::unique_ptr<Stream>(std::make_unique<FakeStream>(shard_, std::move(link), 0));
}

FakeListener::FakeListener(FakeShard& shard, SocketAddress local, std::string host, int backlog,
                           AcceptCallback accepted)
    : shard_(shard),
      local_(std::move(local)),
      host_(std::move(host)),
      backlog_max_(static_cast<std::size_t>(std::max(backlog, 1))),
      accepted_(std::move(accepted)) {}

FakeListener::~FakeListener() {
  Network& network = shard_.env().world().network();
  // A dead process has lost its ports already; they may be somebody else's by now.
  if (!shard_.env().dead() && local_.port != 0) network.remove_listener(host_, local_.port);
  for (const auto& link : backlog_) network.break_link(link);
}

void FakeListener::pause(bool paused) {
  paused_ = paused;
  if (!paused && !backlog_.empty()) accept_later();
}

bool FakeListener::add(std::shared_ptr<Link> link) {
  if (backlog_.size() >= backlog_max_) return false;
  backlog_.push_back(std::move(link));
  accept_later();
  return true;
}

void FakeListener::accept_later() {
  shard_.add_event([weak = std::weak_ptr<FakeListener*>(self_)] {
    if (const auto self = weak.lock()) (*self)->accept_one();
  });
}

void FakeListener::accept_one() {
  const std::weak_ptr<FakeListener*> weak = self_;
  while (!weak.expired() && !paused_ && !backlog_.empty()) {
    std::shared_ptr<Link> link = std::move(backlog_.front());
    backlog_.pop_front();
    accepted_(std::make_unique<FakeAccepted>(shard_.env().world().network(), std::move(link)));
  }
}

FakeAccepted::~FakeAccepted() {
  if (link_) network_.close(link_, 1);
}

FakeStream::FakeStream(FakeShard& shard, std::shared_ptr<Link> link, int side)
    : shard_(shard), link_(std::move(link)), side_(side) {
  link_->ends[side_].shard = &shard;
  link_->ends[side_].process = shard.env().alive();
}

FakeStream::~FakeStream() {
  if (shard_.env().dead())
    link_->ends[side_].closed = true;
  else
    shard_.env().world().network().close(link_, side_);
  link_->ends[side_].shard = nullptr;
}

void FakeStream::observe(StreamObserver& observer) {
  link_->ends[side_].observer = &observer;
  if (link_->state != Link::State::kConnecting)
    shard_.env().world().network().tell(link_, side_, true, true);
}

IoOutcome FakeStream::broken() const {
  if (shard_.env().dead()) return {Outcome::kFailed, 0, ECONNRESET};
  switch (link_->state) {
    case Link::State::kConnecting:
      return {Outcome::kWouldBlock};
    case Link::State::kRefused:
      return {Outcome::kFailed, 0, ECONNREFUSED};
    default:
      return {Outcome::kFailed, 0, ECONNRESET};
  }
}

IoOutcome FakeStream::read(MutableBytes into) {
  if (link_->state != Link::State::kConnected || shard_.env().dead()) return broken();
  LinkPipe& pipe = link_->pipes[side_];
  const std::size_t there = pipe.arrived.size() - pipe.read_at;
  if (there == 0) return {pipe.end_arrived ? Outcome::kClosed : Outcome::kWouldBlock};
  if (into.empty()) return {Outcome::kWouldBlock};
  const bool was_full = there + pipe.under_way >= pipe.window;
  SeededRandom& random = shard_.env().world().network().random();
  std::size_t count = std::min(into.size(), there);
  if (count > 1 && random.chance(30)) count = 1 + random.below(count);
  std::memcpy(into.data(), pipe.arrived.data() + pipe.read_at, count);
  pipe.read_at += count;
  if (pipe.read_at > (64 << 10)) {
    pipe.arrived.erase(0, pipe.read_at);
    pipe.read_at = 0;
  }
  LinkEnd& sender = link_->ends[1 - side_];
  if (was_full || sender.wants_room) {
    sender.wants_room = false;
    shard_.env().world().network().tell(link_, 1 - side_, false, true);
  }
  IoOutcome outcome{Outcome::kDone, count};
  outcome.drained = count == there && count < into.size() && !pipe.end_arrived;
  return outcome;
}

IoOutcome FakeStream::write(std::span<const ByteView> parts) {
  if (link_->state != Link::State::kConnected || shard_.env().dead()) return broken();
  if (link_->pipes[side_].end_arrived && link_->ends[1 - side_].closed)
    return {Outcome::kFailed, 0, EPIPE};
  Network& network = shard_.env().world().network();
  std::size_t total = 0;
  for (const ByteView part : parts) {
    if (part.empty()) continue;
    const std::size_t sent = network.send(link_, side_, part);
    total += sent;
    if (sent < part.size()) break;
  }
  if (total > 0) return {Outcome::kDone, total};
  link_->ends[side_].wants_room = true;
  return {Outcome::kWouldBlock};
}

std::size_t FakeStream::room() {
  const LinkPipe& pipe = link_->pipes[1 - side_];
  const std::uint64_t unread = pipe.arrived.size() - pipe.read_at + pipe.under_way;
  return unread >= pipe.window ? 0 : static_cast<std::size_t>(pipe.window - unread);
}

IoOutcome FakeStream::send_file(File& file, std::uint64_t position, std::size_t length) {
  if (link_->state != Link::State::kConnected || shard_.env().dead()) return broken();
  const std::size_t count = std::min({length, kSendFileBytesMax, room()});
  if (count == 0) {
    link_->ends[side_].wants_room = true;
    return {Outcome::kWouldBlock};
  }
  std::string bytes(count, '\0');
  const Result<std::size_t> got =
      file.read({reinterpret_cast<std::byte*>(bytes.data()), bytes.size()}, position);
  if (!got.ok()) return {Outcome::kFailed, 0, got.error().os_error};
  // The file ends before the range does: the peer would wait for bytes that will not come.
  if (*got == 0) return {Outcome::kFailed, 0, ENODATA};
  const ByteView part = as_view(bytes).first(*got);
  return write(std::span<const ByteView>(&part, 1));
}

}  // namespace moldau::env::fake
