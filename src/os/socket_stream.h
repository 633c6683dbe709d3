// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "env/net.h"
#include "os/reactor.h"
#include "os/socket_address.h"

namespace moldau::os {

/// A connection that was accepted and is not yet part of a shard.
/// Owner    closes the descriptor unless it is taken.
/// Thread   a value.
class AcceptedDescriptor final : public env::AcceptedSocket {
 public:
  AcceptedDescriptor(int descriptor, env::SocketAddress peer)
      : descriptor_(descriptor), peer_(std::move(peer)) {}
  ~AcceptedDescriptor() override;
  const env::SocketAddress& peer() const override { return peer_; }
  int take() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
  env::SocketAddress peer_;
};

/// A TCP connection, accepted or being made.
/// Thread   shard-bound.
class SocketStream final : public env::Stream, private Pollable {
 public:
  /// An accepted connection.
  SocketStream(Reactor& reactor, int descriptor, env::SocketAddress peer);
  /// One to be made; nothing happens before connect_to().
  SocketStream(Reactor& reactor, const env::SocketAddress& to, const env::SocketOptions& options);
  ~SocketStream() override;

  void observe(env::StreamObserver& observer) override;
  env::IoOutcome read(MutableBytes into) override;
  env::IoOutcome write(std::span<const ByteView> parts) override { return send(parts, 0); }
  env::IoOutcome write_more(std::span<const ByteView> parts) override;
  env::IoOutcome send_file(env::File& file, std::uint64_t position, std::size_t length) override;
  const env::SocketAddress& peer() const override { return peer_; }
  const env::SocketAddress& local() const override;

  /// Tries the addresses one after the other.
  void connect_to(std::vector<KernelAddress> addresses);
  /// Resolves the peer's name on the general pool, then connects.
  void resolve_and_connect();

 private:
  enum class State { kResolving, kConnecting, kConnected, kFailed };
  // Outlives the stream while a name is being looked up.
  struct Lookup {
    SocketStream* stream;
  };

  void on_events(std::uint32_t events) override;
  env::IoOutcome send(std::span<const ByteView> parts, int flags);
  void on_resolved(Result<std::vector<KernelAddress>> addresses);
  void try_next_address();
  /// True if the connection stands now; otherwise it failed or the next address is tried.
  bool finish_connecting();
  void fail_later(int os_error);
  void register_events();
  void close_descriptor();
  env::IoOutcome outcome_of(ssize_t bytes);
  env::IoOutcome not_connected() const;
  void tell(bool readable, bool writable);

  Reactor& reactor_;
  int descriptor_ = -1;
  std::optional<Reactor::Token> token_;
  env::StreamObserver* observer_ = nullptr;
  State state_ = State::kConnected;
  bool first_event_ = true;
  bool ending_ = false;  // the peer has sent all it will
  int os_error_ = 0;
  env::SocketOptions options_;
  env::SocketAddress peer_;
  mutable env::SocketAddress local_;
  std::vector<KernelAddress> addresses_;  // still to be tried
  std::shared_ptr<Lookup> lookup_;
};

}  // namespace moldau::os
