// SPDX-License-Identifier: Apache-2.0
#include "os/socket_stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace moldau::os {
namespace {

using Kind = env::IoOutcome::Kind;
constexpr std::uint32_t kEdges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr std::size_t kPartsPerCall = 64;
/// One call of sendfile; longer ones would keep the shard from its other connections.
constexpr std::size_t kSendFileBytesMax = 1 << 20;

}  // namespace

AcceptedDescriptor::~AcceptedDescriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

SocketStream::SocketStream(Reactor& reactor, int descriptor, env::SocketAddress peer)
    : reactor_(reactor), descriptor_(descriptor), peer_(std::move(peer)) {}

SocketStream::SocketStream(Reactor& reactor, const env::SocketAddress& to,
                           const env::SocketOptions& options)
    : reactor_(reactor), state_(State::kResolving), options_(options), peer_(to) {}

SocketStream::~SocketStream() {
  if (lookup_) lookup_->stream = nullptr;
  close_descriptor();
}

void SocketStream::close_descriptor() {
  if (token_) reactor_.remove(*token_, descriptor_);
  token_.reset();
  if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
}

void SocketStream::observe(env::StreamObserver& observer) {
  observer_ = &observer;
  if (descriptor_ >= 0 && !token_) register_events();
  if (state_ == State::kFailed) fail_later(os_error_);
}

void SocketStream::register_events() {
  token_ = reactor_.add(descriptor_, kEdges, *this);
}

void SocketStream::resolve_and_connect() {
  lookup_ = std::make_shared<Lookup>(Lookup{this});
  auto found = std::make_shared<std::optional<Result<std::vector<KernelAddress>>>>();
  reactor_.run_blocking(
      env::kGeneralPool, [found, to = peer_] { found->emplace(resolve(to, false, false)); },
      [found, lookup = lookup_] {
        if (lookup->stream) lookup->stream->on_resolved(std::move(**found));
      });
}

void SocketStream::on_resolved(Result<std::vector<KernelAddress>> addresses) {
  lookup_.reset();
  if (!addresses.ok()) return fail_later(addresses.error().os_error);
  connect_to(std::move(addresses).value());
}

void SocketStream::connect_to(std::vector<KernelAddress> addresses) {
  // Reversed, so that the next one is at the back.
  std::reverse(addresses.begin(), addresses.end());
  addresses_ = std::move(addresses);
  state_ = State::kConnecting;
  try_next_address();
}

void SocketStream::try_next_address() {
  while (!addresses_.empty()) {
    const KernelAddress address = addresses_.back();
    addresses_.pop_back();
    close_descriptor();
    descriptor_ = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor_ < 0) {
      os_error_ = errno;
      continue;
    }
    const int on = 1;
    setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(descriptor_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    if (options_.send_buffer_bytes > 0)
      setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUF, &options_.send_buffer_bytes, sizeof(int));
    if (options_.receive_buffer_bytes > 0)
      setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &options_.receive_buffer_bytes, sizeof(int));
    if (connect(descriptor_, address.get(), address.length) == 0 || errno == EINPROGRESS) {
      peer_ = to_text(address);
      if (observer_) register_events();
      return;
    }
    os_error_ = errno;
  }
  close_descriptor();
  fail_later(os_error_);
}

void SocketStream::fail_later(int os_error) {
  state_ = State::kFailed;
  os_error_ = os_error != 0 ? os_error : EHOSTUNREACH;
  if (lookup_) lookup_->stream = nullptr;
  lookup_ = std::make_shared<Lookup>(Lookup{this});
  reactor_.post([lookup = lookup_] {
    if (lookup->stream && lookup->stream->observer_) lookup->stream->tell(true, true);
  });
}

void SocketStream::tell(bool readable, bool writable) {
  // The observer may destroy this stream in its first call.
  const std::shared_ptr<Lookup> lookup = lookup_;
  Reactor& reactor = reactor_;
  const std::optional<Reactor::Token> token = token_;
  env::StreamObserver& observer = *observer_;
  if (readable) observer.on_readable();
  if (!writable) return;
  if (token ? reactor.is_registered(*token) : lookup && lookup->stream) observer.on_writable();
}

bool SocketStream::finish_connecting() {
  int failed = 0;
  socklen_t length = sizeof(failed);
  if (getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &failed, &length) != 0) failed = errno;
  if (failed == 0) {
    state_ = State::kConnected;
    addresses_ = {};
    return true;
  }
  os_error_ = failed;
  try_next_address();
  return false;
}

void SocketStream::on_events(std::uint32_t events) {
  if (state_ == State::kConnecting) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0 || !finish_connecting()) return;
  }
  const bool first = std::exchange(first_event_, false);
  const bool broken = events & (EPOLLHUP | EPOLLERR);
  ending_ = ending_ || broken || (events & EPOLLRDHUP);
  tell(first || broken || (events & (EPOLLIN | EPOLLRDHUP)),
       first || broken || (events & EPOLLOUT));
}

env::IoOutcome SocketStream::not_connected() const {
  if (state_ == State::kFailed) return {Kind::kFailed, 0, os_error_};
  return {Kind::kWouldBlock, 0, 0};
}

env::IoOutcome SocketStream::outcome_of(ssize_t bytes) {
  if (bytes > 0) return {Kind::kDone, static_cast<std::size_t>(bytes), 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {Kind::kWouldBlock, 0, 0};
  return {Kind::kFailed, 0, errno};
}

env::IoOutcome SocketStream::read(MutableBytes into) {
  if (state_ != State::kConnected) return not_connected();
  ssize_t got = 0;
  do {
    got = recv(descriptor_, into.data(), into.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got == 0 && !into.empty()) return {Kind::kClosed, 0, 0};
  env::IoOutcome outcome = outcome_of(got);
  // A short read has emptied the socket: what comes later makes an edge of its own. Unless the
  // end was already told: that edge is used up, so the reader has to go on until it sees it.
  outcome.drained = got > 0 && static_cast<std::size_t>(got) < into.size() && !ending_;
  return outcome;
}

env::IoOutcome SocketStream::write_more(std::span<const ByteView> parts) {
  return send(parts, MSG_MORE);
}

env::IoOutcome SocketStream::send(std::span<const ByteView> parts, int flags) {
  if (state_ != State::kConnected) return not_connected();
  iovec vectors[kPartsPerCall];
  msghdr message{};
  message.msg_iov = vectors;
  message.msg_iovlen = std::min(parts.size(), kPartsPerCall);
  for (std::size_t i = 0; i < message.msg_iovlen; ++i)
    vectors[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
  ssize_t sent = 0;
  do {
    sent = sendmsg(descriptor_, &message, MSG_NOSIGNAL | flags);
  } while (sent < 0 && errno == EINTR);
  return outcome_of(sent);
}

env::IoOutcome SocketStream::send_file(env::File& file, std::uint64_t position,
                                       std::size_t length) {
  if (state_ != State::kConnected) return not_connected();
  auto offset = static_cast<off_t>(position);
  ssize_t sent = 0;
  do {
    sent = sendfile(descriptor_, file.descriptor(), &offset, std::min(length, kSendFileBytesMax));
  } while (sent < 0 && errno == EINTR);
  // The file ends before the range does: the peer would wait for bytes that will not come.
  if (sent == 0) return {Kind::kFailed, 0, ENODATA};
  return outcome_of(sent);
}

const env::SocketAddress& SocketStream::local() const {
  if (local_.host.empty() && descriptor_ >= 0) local_ = local_address_of(descriptor_);
  return local_;
}

}  // namespace moldau::os
