// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "base/unique_function.h"
#include "env/disk.h"

namespace moldau::env {

struct SocketAddress {
  std::string host;  // numeric once a socket exists
  std::uint16_t port = 0;
  std::string text() const { return host + ":" + std::to_string(port); }
};

/// What a non-blocking call on a stream came to.
struct IoOutcome {
  enum class Kind { kDone, kWouldBlock, kClosed, kFailed };
  Kind kind = Kind::kDone;
  std::size_t bytes = 0;  // kDone only; > 0
  int os_error = 0;       // kFailed only
  /// kDone of a read: the caller may stop as if kWouldBlock had come; on_readable tells of more.
  bool drained = false;
};

/// Told when a stream may go on. Edge-triggered: read or write until kWouldBlock.
/// Thread   the stream's shard, from its loop, never from inside a call on the stream.
class StreamObserver {
 public:
  virtual ~StreamObserver() = default;
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;
};

/// One TCP connection, non-blocking.
/// Owner    its session. Destroying closes.
/// Thread   shard-bound.
class Stream {
 public:
  virtual ~Stream() = default;
  /// The observer must outlive the stream; on_readable and on_writable come at least once.
  virtual void observe(StreamObserver& observer) = 0;
  virtual IoOutcome read(MutableBytes into) = 0;
  virtual IoOutcome write(std::span<const ByteView> parts) = 0;
  /// Like write; another write or send_file follows at once, and both may travel together.
  virtual IoOutcome write_more(std::span<const ByteView> parts) { return write(parts); }
  /// File bytes to the socket without copying through us.
  virtual IoOutcome send_file(File& file, std::uint64_t position, std::size_t length) = 0;
  virtual const SocketAddress& peer() const = 0;
  virtual const SocketAddress& local() const = 0;
};

/// A connection that was accepted but belongs to no shard yet; may be posted to another one.
/// Thread   a value.
class AcceptedSocket {
 public:
  virtual ~AcceptedSocket() = default;
  virtual const SocketAddress& peer() const = 0;
};

/// A listening socket; accepting stops when it is destroyed.
/// Thread   shard-bound.
class ListeningSocket {
 public:
  virtual ~ListeningSocket() = default;
  /// With the port that the kernel chose for port 0.
  virtual const SocketAddress& local() const = 0;
  /// While paused, connections wait in the kernel's backlog.
  virtual void pause(bool paused) = 0;
};

using AcceptCallback = UniqueFunction<void(std::unique_ptr<AcceptedSocket>)>;

struct SocketOptions {
  int backlog = 50;
  int send_buffer_bytes = -1;     // -1: as the kernel chooses
  int receive_buffer_bytes = -1;  // likewise
};

/// The network as one shard sees it.
/// Thread   shard-bound.
/// Errors   kNetworkException with os_error.
class Net {
 public:
  virtual ~Net() = default;
  virtual Result<std::unique_ptr<ListeningSocket>> listen(const SocketAddress& address,
                                                          const SocketOptions& options,
                                                          AcceptCallback accepted) = 0;
  /// Makes an accepted connection one of this shard.
  virtual std::unique_ptr<Stream> adopt(std::unique_ptr<AcceptedSocket> socket) = 0;
  /// Begins to connect to a numeric address or a name the pool has resolved; the observer's
  /// on_writable tells that it stands, a failed read or write that it does not.
  virtual Result<std::unique_ptr<Stream>> connect(const SocketAddress& address,
                                                  const SocketOptions& options) = 0;
};

}  // namespace moldau::env
