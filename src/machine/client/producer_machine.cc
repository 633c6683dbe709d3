// SPDX-License-Identifier: Apache-2.0
#include "machine/client/producer_machine.h"

#include <algorithm>
#include <limits>

namespace moldau::client {
namespace {

constexpr MonoTime kNever{std::numeric_limits<std::int64_t>::max()};
constexpr std::int16_t kEpochMax = std::numeric_limits<std::int16_t>::max();

}  // namespace

bool ProducerMachine::may_restart(const Queue& queue) {
  return queue.restart_from && queue.on_the_wire == 0 &&
         !queue.sequences.any_before(*queue.restart_from);
}

void ProducerMachine::set_identity(const ProducerIdentity& identity) {
  identity_ = identity;
  for (Queue* queue : active_) {
    if (may_restart(*queue)) {
      queue->restart_from.reset();
      queue->sequences.restart(identity_);
    }
  }
}

/// Ends doubts that can be ended, and bumps the epoch for those that cannot (KIP-360). That is
/// done when nothing of the partitions concerned is on the wire, and nothing waits to be sent
/// again that may be in the log already: what was refused gets new sequences, nobody else does.
void ProducerMachine::settle_sequences() {
  if (!options_.idempotent || !identity_.valid()) return;
  bool possible = false;
  for (Queue* queue : active_) {
    PartitionSequences& sequences = queue->sequences;
    if (sequences.doubtful() && !sequences.any_under_way() && !sequences.resolve())
      queue->restart_from = 0;
    possible |= may_restart(*queue);
  }
  if (!possible) return;
  if (identity_.epoch.value() == kEpochMax) {
    identity_ = {};  // a new id is asked for; set_identity() goes on from here
    return;
  }
  set_identity({identity_.id, identity_.epoch + 1});
}

bool ProducerMachine::sequence_allows(const Queue& queue, const ProducerBatch& batch) const {
  if (!options_.idempotent) return true;
  const PartitionSequences& sequences = queue.sequences;
  if (batch.has_sequence()) {
    if (queue.restart_from && !sequence_precedes(batch.base_sequence, *queue.restart_from))
      return false;
    return sequences.is_first(batch);
  }
  if (queue.restart_from || sequences.doubtful()) return false;
  // A broker that knows nothing of a producer takes any sequence for its first one: until it has
  // acknowledged one, a later batch must not overtake.
  if (sequences.stale(identity_) || !sequences.any_acknowledged())
    return !sequences.any_under_way();
  return static_cast<std::int32_t>(sequences.under_way().size()) < options_.max_in_flight;
}

bool ProducerMachine::sendable(const Queue& queue, const ProducerBatch& batch, MonoTime now) const {
  if (batch.attempts > 0) return now >= batch.not_before;
  return batch.closed || queue.batches.size() > 1 || pressed_ || batch.id < flush_below_ ||
         now >= batch.created + options_.linger;
}

BatchPtr ProducerMachine::next_of(Queue& queue, MonoTime now) {
  if (queue.batches.empty()) return nullptr;
  const BatchPtr& batch = queue.batches.front();
  if (batch->records == 0 || !sendable(queue, *batch, now)) return nullptr;
  // One request at a time keeps the order without sequences too.
  if (options_.max_in_flight == 1 && queue.on_the_wire > 0) return nullptr;
  if (!sequence_allows(queue, *batch)) return nullptr;
  return batch;
}

std::map<NodeId, std::vector<ProducerMachine::Queue*>> ProducerMachine::by_leader() {
  std::map<NodeId, std::vector<Queue*>> found;
  for (Queue* queue : active_) {
    if (queue->batches.empty()) continue;
    if (queue->leader.value() < 0)
      stale_topics_.insert(queue->topic);
    else
      found[queue->leader].push_back(queue);
  }
  return found;
}

void ProducerMachine::forget_idle() {
  std::erase_if(active_, [](Queue* queue) {
    queue->active = !queue->batches.empty() || queue->sequences.any_under_way() ||
                    queue->sequences.doubtful() || queue->restart_from;
    return !queue->active;
  });
}

std::optional<ProducePlan> ProducerMachine::plan_for(NodeId node, const std::vector<Queue*>& queues,
                                                     MonoTime now,
                                                     record::CompressionContext& codecs) {
  ProducePlan plan;
  plan.node = node;
  std::size_t bytes = 0;
  const std::size_t first = turn_++ % queues.size();
  for (std::size_t i = 0; i < queues.size(); ++i) {
    Queue* queue = queues[(first + i) % queues.size()];
    const BatchPtr batch = next_of(*queue, now);
    if (!batch) continue;
    // Judged before it is numbered: what has a sequence must be sent next.
    if (bytes + size_of(*queue, *batch) > options_.max_request_size && !plan.parts.empty()) break;
    encode(*queue, *batch, codecs);
    bytes += batch->bytes.size();
    queue->batches.pop_front();
    if (batch->attempts == 0) queue->sequences.track(batch);
    ++batch->attempts;
    batch->place = ProducerBatch::Place::kOnTheWire;
    ++queue->on_the_wire;
    plan.parts.push_back({queue->topic, queue->of->id, queue->partition, batch});
  }
  if (plan.parts.empty()) return std::nullopt;
  return plan;
}

void ProducerMachine::expire(MonoTime now) {
  for (Queue* queue : active_) {
    std::vector<BatchPtr> late;
    const auto is_late = [&](const BatchPtr& batch) {
      return !batch->done && now >= batch->created + options_.delivery_timeout;
    };
    for (const BatchPtr& batch : queue->batches)
      if (is_late(batch)) late.push_back(batch);
    for (const BatchPtr& batch : queue->sequences.under_way())
      if (batch->place == ProducerBatch::Place::kOnTheWire && is_late(batch)) late.push_back(batch);
    for (const BatchPtr& batch : late) {
      Completion out;
      out.error = Error(ErrorCode::kRequestTimedOut,
                        "Expiring " + std::to_string(batch->records) + " record(s) for " +
                            queue->topic + "-" + std::to_string(queue->partition.value()) + ":" +
                            std::to_string((now - batch->created) / 1'000'000) +
                            " ms has passed since batch creation");
      give_up(*queue, batch, std::move(out), batch->attempts == 0);
    }
  }
}

MonoTime ProducerMachine::next_wake(MonoTime now) const {
  MonoTime next = kNever;
  for (Queue* queue : active_) {
    for (const BatchPtr& batch : queue->sequences.under_way())
      if (!batch->done) next = std::min(next, batch->created + options_.delivery_timeout);
    if (queue->batches.empty()) continue;
    const ProducerBatch& batch = *queue->batches.front();
    next = std::min(next, batch.created + options_.delivery_timeout);
    const MonoTime due = batch.attempts > 0 ? batch.not_before : batch.created + options_.linger;
    // What is due and was not sent waits for an event, not for a time.
    if (due > now) next = std::min(next, due);
  }
  return next;
}

}  // namespace moldau::client
