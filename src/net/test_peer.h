// SPDX-License-Identifier: Apache-2.0
// For the tests of net/: a client on loopback, a sink made of a function, a log that remembers.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/session.h"
#include "os/running_env.h"

namespace moldau::net {

inline std::string framed(const std::string& body) {
  std::string out(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<char>(body.size() >> (24 - 8 * i));
  return out + body;
}

/// Lines as they come.
/// Thread   any thread.
class RememberingLogger final : public env::Logger {
 public:
  bool enabled(env::LogLevel, std::string_view) const override { return true; }
  void write(env::LogLevel, std::string_view, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    text_.append(text).append("\n");
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// Thread   shard-bound.
class FunctionSink final : public RequestSink {
 public:
  using Function = std::function<void(Session&, Slice, ReplySlot)>;
  explicit FunctionSink(Function function) : function_(std::move(function)) {}
  void on_request(Session& session, Slice frame, ReplySlot slot) override {
    function_(session, std::move(frame), std::move(slot));
  }

 private:
  Function function_;
};

/// A client whose socket lives on shard 0; its calls wait.
/// Thread   made and called on the test's thread.
class TestPeer final : private env::StreamObserver {
 public:
  TestPeer(os::RunningEnv& running, const env::SocketAddress& to, env::SocketOptions options = {})
      : running_(running) {
    running_.call(0, [&] {
      stream_ = running_.shard(0).net().connect(to, options).value();
      stream_->observe(*this);
    });
  }
  ~TestPeer() override { close(); }

  void send(const std::string& text) {
    running_.call(0, [&] {
      pending_ += text;
      flush();
    });
  }
  void close() {
    running_.call(0, [&] { stream_.reset(); });
  }
  /// While false, what the server sends stays in the kernel.
  void set_reading(bool reading) {
    running_.call(0, [&] {
      reading_ = reading;
      if (reading) on_readable();
    });
  }
  /// Waits until so many bytes have come in all, or the end; gives all that came.
  std::string wait_for(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return received_.size() >= bytes || ended_; });
    return received_;
  }
  std::string wait_for_end() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_; });
    return received_;
  }
  bool ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  void on_readable() override {
    if (!reading_ || !stream_) return;
    std::byte buffer[65536];
    for (;;) {
      const env::IoOutcome outcome = stream_->read(buffer);
      if (outcome.kind == env::IoOutcome::Kind::kWouldBlock) return;
      const std::lock_guard lock(mutex_);
      if (outcome.kind == env::IoOutcome::Kind::kDone)
        received_.append(reinterpret_cast<const char*>(buffer), outcome.bytes);
      else
        ended_ = true;
      changed_.notify_all();
      if (ended_) return;
    }
  }
  void on_writable() override { flush(); }
  void flush() {
    while (!pending_.empty() && stream_) {
      const ByteView all = as_view(pending_);
      const env::IoOutcome outcome = stream_->write(std::span<const ByteView>(&all, 1));
      if (outcome.kind != env::IoOutcome::Kind::kDone) return;
      pending_.erase(0, outcome.bytes);
    }
  }

  os::RunningEnv& running_;
  std::unique_ptr<env::Stream> stream_;  // shard 0's, like the next two
  std::string pending_;
  bool reading_ = true;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::string received_;
  bool ended_ = false;
};

}  // namespace moldau::net
