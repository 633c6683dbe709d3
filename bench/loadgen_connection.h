// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "loadgen_codec.h"

namespace moldau::loadgen {

/// A socket connected to a port of this machine, without Nagle's delay; -1 if refused. A receive
/// buffer of 0 bytes is left to the kernel.
int connect_to(std::uint16_t port, int receive_buffer = 0);

/// A connection that never blocks: frames out, frames in. What breaks it ends the program.
/// Thread   one.
class Connection {
 public:
  explicit Connection(std::uint16_t port, int receive_buffer = 0);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }
  bool wants_write() const { return !out_.empty(); }
  void send(std::shared_ptr<const Frame> frame);
  void flush();
  /// Reads what is there; calls `take` for each whole answer.
  void receive(const std::function<void(ByteView)>& take);

 private:
  int fd_;
  std::deque<std::shared_ptr<const Frame>> out_;
  std::size_t sent_ = 0;
  std::vector<std::byte> in_;
  std::size_t filled_ = 0;
};

/// A blocking connection that may break at any time; then it is not good() any more.
/// Thread   one.
class Line {
 public:
  explicit Line(std::uint16_t port) : fd_(connect_to(port)), good_(fd_ >= 0) {}
  ~Line();
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  bool good() const { return good_; }

  void send(const Frame& frame);
  std::optional<Frame> receive();
  /// One request and its answer.
  std::optional<Frame> ask(const Frame& frame);

 private:
  bool fill(std::byte* to, std::size_t size);
  int fd_;
  bool good_ = false;
};

}  // namespace moldau::loadgen
