// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <moldau/pending.h>
#include "machine/client/producer_machine.h"

namespace moldau {

/// What all batches of a producer wait with.
/// Thread   any thread.
struct FateGate {
  std::mutex mutex;
  std::condition_variable changed;
};

/// The outcome that the records of a batch share.
///
/// Owner    PendingSends of its records, and the producer until it is complete.
/// Thread   any thread; what changes is guarded by the gate's mutex.
class BatchFate {
 public:
  explicit BatchFate(std::shared_ptr<FateGate> gate) : gate_(std::move(gate)) {}

  FateGate& gate() { return *gate_; }

  // Under the gate's mutex:
  std::optional<Result<RecordMetadata>> outcome(std::int32_t index, std::int32_t partition) const;
  void add(client::Completion completion) { parts_.push_back(std::move(completion)); }
  struct Waiter {
    std::int32_t index = 0;
    std::int32_t partition = 0;
    PendingSend::Callback callback;
  };
  void add_waiter(Waiter waiter) { waiters_.push_back(std::move(waiter)); }
  /// Those whose records are answered for now.
  std::vector<std::pair<Waiter, Result<RecordMetadata>>> take_ready();

 private:
  const std::shared_ptr<FateGate> gate_;
  std::vector<client::Completion> parts_;
  std::vector<Waiter> waiters_;
};

}  // namespace moldau
