// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "moldau/record.h"

namespace moldau {

class BatchFate;

/// What will become of one record: for blocking use, callbacks and coroutines.
///
/// Owner    a value; copies mean the same record. May outlive the producer.
/// Thread   any thread.
/// Errors   the broker's, or kRequestTimedOut after delivery.timeout.ms; of a producer that was
///          closed before, kRequestTimedOut too.
class PendingSend {
 public:
  using Callback = std::function<void(const Result<RecordMetadata>&)>;

  PendingSend() = default;
  PendingSend(std::shared_ptr<BatchFate> fate, std::int32_t index, std::int32_t partition)
      : fate_(std::move(fate)), index_(index), partition_(partition) {}

  bool ready() const;
  /// Waits until it is known; kRequestTimedOut if it is not by then, and may still come.
  Result<RecordMetadata> wait(std::chrono::steady_clock::duration patience) const;
  /// Without a limit of its own: delivery.timeout.ms is one.
  Result<RecordMetadata> wait() const;
  /// Calls `callback` once: on the client's thread, which must not be blocked, or at once if it is
  /// known already.
  void then(Callback callback) const;

  /// co_await pending: resumed on the client's thread.
  bool await_ready() const { return ready(); }
  void await_suspend(std::coroutine_handle<> handle) const {
    then([handle](const Result<RecordMetadata>&) { handle.resume(); });
  }
  Result<RecordMetadata> await_resume() const { return wait(); }

 private:
  std::shared_ptr<BatchFate> fate_;
  std::int32_t index_ = 0;
  std::int32_t partition_ = 0;
};

}  // namespace moldau
