// SPDX-License-Identifier: Apache-2.0
#include "os/socket_net.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include "os/real_env.h"
#include "os/socket_address.h"
#include "os/socket_stream.h"

namespace moldau::os {
namespace {

void set_option(int descriptor, int level, int name, int value) {
  // Hints to the kernel; a connection without them still works.
  setsockopt(descriptor, level, name, &value, sizeof(value));
}

/// Accepted sockets inherit these from the listening one, so each accept is a single call.
void set_inherited_options(int descriptor, const env::SocketOptions& options) {
  set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (options.send_buffer_bytes > 0)
    set_option(descriptor, SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes);
  if (options.receive_buffer_bytes > 0)
    set_option(descriptor, SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes);
}

/// Thread   shard-bound.
class Listening final : public env::ListeningSocket, private Pollable {
 public:
  Listening(Reactor& reactor, int descriptor, env::AcceptCallback accepted)
      : reactor_(reactor),
        descriptor_(descriptor),
        local_(local_address_of(descriptor)),
        accepted_(std::move(accepted)),
        token_(reactor.add(descriptor, EPOLLIN, *this)) {}
  ~Listening() override {
    if (rest_timer_) reactor_.cancel(*rest_timer_);
    reactor_.remove(token_, descriptor_);
    close(descriptor_);
  }
  const env::SocketAddress& local() const override { return local_; }
  void pause(bool paused) override {
    paused_ = paused;
    update();
  }

 private:
  void update() {
    reactor_.modify(token_, descriptor_, (paused_ || rest_timer_) ? 0U : std::uint32_t{EPOLLIN});
  }
  void on_events(std::uint32_t events) override;
  void rest(int os_error);

  Reactor& reactor_;
  const int descriptor_;
  const env::SocketAddress local_;
  env::AcceptCallback accepted_;
  Reactor::Token token_;
  bool paused_ = false;
  std::optional<env::TimerId> rest_timer_;
};

void Listening::on_events(std::uint32_t) {
  Reactor& reactor = reactor_;
  const Reactor::Token token = token_;
  for (int i = 0; i < SocketNet::kAcceptsPerTurn; ++i) {
    KernelAddress peer;
    peer.length = sizeof(peer.storage);
    const int descriptor =
        accept4(descriptor_, peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        return rest(errno);
      continue;  // that peer gave up (ECONNABORTED, EPROTO …); the next one may not have
    }
    accepted_(std::make_unique<AcceptedDescriptor>(descriptor, to_text(peer)));
    // The callback may have destroyed or paused this listener.
    if (!reactor.is_registered(token) || paused_) return;
  }
}

void Listening::rest(int os_error) {
  reactor_.env().logger().error(
      "os.net", "cannot accept connections listener={} error=\"{}\" retry_ms={}", local_.text(),
      network_error(os_error, "accept", local_).detail, SocketNet::kAcceptRest.value());
  rest_timer_ = reactor_.call_at(reactor_.now() + SocketNet::kAcceptRest, [this] {
    rest_timer_.reset();
    update();
  });
  update();
}

Result<int> bind_and_listen(const KernelAddress& address, const env::SocketAddress& name,
                            const env::SocketOptions& options) {
  const int descriptor =
      socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return network_error(errno, "socket for", name);
  set_inherited_options(descriptor, options);
  if (address.storage.ss_family == AF_INET6)
    set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, name.host.empty() ? 0 : 1);
  if (bind(descriptor, address.get(), address.length) != 0 ||
      ::listen(descriptor, options.backlog) != 0) {
    const int failed = errno;
    close(descriptor);
    return network_error(failed, "cannot listen on", name);
  }
  return descriptor;
}

}  // namespace

Result<std::unique_ptr<env::ListeningSocket>> SocketNet::listen(const env::SocketAddress& address,
                                                                const env::SocketOptions& options,
                                                                env::AcceptCallback accepted) {
  MOLDAU_ASSIGN_OR_RETURN(const std::vector<KernelAddress> candidates,
                          resolve(address, true, false));
  Result<int> descriptor = network_error(EADDRNOTAVAIL, "cannot listen on", address);
  for (const KernelAddress& candidate : candidates) {
    descriptor = bind_and_listen(candidate, address, options);
    // The next candidate is for machines without IPv6; a port in use is in use.
    if (descriptor.ok() || descriptor.error().os_error == EADDRINUSE) break;
  }
  if (!descriptor.ok()) return std::move(descriptor).error();
  return std::unique_ptr<env::ListeningSocket>(
      std::make_unique<Listening>(reactor_, *descriptor, std::move(accepted)));
}

std::unique_ptr<env::Stream> SocketNet::adopt(std::unique_ptr<env::AcceptedSocket> socket) {
  auto* accepted = dynamic_cast<AcceptedDescriptor*>(socket.get());
  MOLDAU_CHECK(accepted, "a socket of another env");
  const int descriptor = accepted->take();
  MOLDAU_CHECK(descriptor >= 0, "a socket is adopted once");
  return std::make_unique<SocketStream>(reactor_, descriptor, accepted->peer());
}

Result<std::unique_ptr<env::Stream>> SocketNet::connect(const env::SocketAddress& address,
                                                        const env::SocketOptions& options) {
  auto stream = std::make_unique<SocketStream>(reactor_, address, options);
  Result<std::vector<KernelAddress>> numeric = resolve(address, false, true);
  if (numeric.ok())
    stream->connect_to(std::move(numeric).value());
  else
    stream->resolve_and_connect();
  return std::unique_ptr<env::Stream>(std::move(stream));
}

}  // namespace moldau::os
