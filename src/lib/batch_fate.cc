// SPDX-License-Identifier: Apache-2.0
#include "lib/batch_fate.h"

namespace moldau {
namespace {

/// Of a batch with bad records those that the broker names say why, the others that they were
/// refused with them (KIP-467).
Error error_of(const client::Completion& part, std::int32_t index) {
  if (part.culprits.empty()) return part.error;
  for (const auto& [culprit, why] : part.culprits)
    if (culprit == index) return {ErrorCode::kInvalidRecord, why.empty() ? part.error.detail : why};
  return {part.error.code, "it was part of a batch which had one more more invalid records"};
}

}  // namespace

std::optional<Result<RecordMetadata>> BatchFate::outcome(std::int32_t index,
                                                         std::int32_t partition) const {
  for (const client::Completion& part : parts_) {
    const std::int32_t within = index - part.first_record;
    if (within < 0 || within >= part.records) continue;
    if (!part.ok()) return Result<RecordMetadata>(error_of(part, within));
    RecordMetadata out;
    out.partition = partition;
    if (part.base_offset.value() >= 0) out.offset = part.base_offset.value() + within;
    out.log_append_time_ms = part.log_append_time.value();
    return Result<RecordMetadata>(out);
  }
  return std::nullopt;
}

std::vector<std::pair<BatchFate::Waiter, Result<RecordMetadata>>> BatchFate::take_ready() {
  std::vector<std::pair<Waiter, Result<RecordMetadata>>> ready;
  std::vector<Waiter> rest;
  for (Waiter& waiter : waiters_) {
    auto known = outcome(waiter.index, waiter.partition);
    if (known)
      ready.emplace_back(std::move(waiter), std::move(*known));
    else
      rest.push_back(std::move(waiter));
  }
  waiters_ = std::move(rest);
  return ready;
}

bool PendingSend::ready() const {
  if (!fate_) return true;
  const std::lock_guard lock(fate_->gate().mutex);
  return fate_->outcome(index_, partition_).has_value();
}

Result<RecordMetadata> PendingSend::wait(std::chrono::steady_clock::duration patience) const {
  if (!fate_) return Error(ErrorCode::kInvalidRequest, "nothing was sent");
  std::unique_lock lock(fate_->gate().mutex);
  std::optional<Result<RecordMetadata>> known;
  fate_->gate().changed.wait_for(lock, patience, [&] {
    known = fate_->outcome(index_, partition_);
    return known.has_value();
  });
  if (known) return std::move(*known);
  return Error(ErrorCode::kRequestTimedOut, "the record is not answered for yet");
}

Result<RecordMetadata> PendingSend::wait() const {
  constexpr std::chrono::hours kLongerThanAnyDelivery{24 * 365};
  return wait(kLongerThanAnyDelivery);
}

void PendingSend::then(Callback callback) const {
  if (!fate_) return callback(Error(ErrorCode::kInvalidRequest, "nothing was sent"));
  std::optional<Result<RecordMetadata>> known;
  {
    const std::lock_guard lock(fate_->gate().mutex);
    known = fate_->outcome(index_, partition_);
    if (!known) {
      BatchFate::Waiter waiter;
      waiter.index = index_;
      waiter.partition = partition_;
      waiter.callback = std::move(callback);
      fate_->add_waiter(std::move(waiter));
    }
  }
  if (known) callback(*known);
}

}  // namespace moldau
