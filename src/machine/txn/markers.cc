// SPDX-License-Identifier: Apache-2.0
// The markers of a transaction that is being ended: who still needs one, and when to try again.
#include <algorithm>
#include <utility>

#include "machine/txn/txn_machine.h"

namespace moldau::txn {
namespace {

bool exists(const image::MetadataImage& image, const TopicPartition& partition) {
  const image::TopicImage* const topic = image.topic(std::string_view(partition.topic));
  return topic != nullptr && topic->partition(partition.partition) != nullptr;
}

}  // namespace

void TxnMachine::retry_markers_at(Named& named, MonoTime at) {
  auto& [id, entry] = named;
  if (entry.retry_at) retries_.erase({*entry.retry_at, id});
  entry.retry_at = at;
  retries_.emplace(at, id);
}

void TxnMachine::send_markers(const TxnContext& context, Named& named, TxnEffects& effects) {
  Entry& entry = named.second;
  const TransactionMetadata& hard = entry.hard;
  MOLDAU_CHECK(hard.is_preparing(), "markers of a transaction that is not being ended");
  unindex(named);
  if (!entry.markers) {
    entry.markers = std::make_unique<MarkerProgress>();
    entry.markers->missing = entry.markers->to_send = hard.partitions;
    entry.markers->pause = settings_.marker_retry_pause;
  }
  MarkerProgress& progress = *entry.markers;
  MarkersToWrite markers;
  for (const TopicPartition& partition : std::exchange(progress.to_send, {})) {
    // A partition that was deleted has nothing left to commit or abort.
    if (exists(context.image, partition)) {
      markers.partitions.push_back(partition);
    } else {
      progress.missing.erase(partition);
    }
  }
  if (progress.missing.empty()) return complete(context, named, effects);
  if (markers.partitions.empty()) return;
  markers.transactional_id = named.first;
  markers.producer_id = hard.producer_id;
  markers.producer_epoch = hard.producer_epoch;
  markers.coordinator_epoch = coordinator_epoch_;
  markers.commit = hard.state == TransactionState::kPrepareCommit;
  markers.transaction_version = hard.client_transaction_version >= 2 ? 2 : 0;
  effects.markers.push_back(std::move(markers));
}

bool TxnMachine::is_settled(ErrorCode error) {
  switch (error) {
    case ErrorCode::kNone:
      return true;
    // The partition has seen a later epoch of the producer: this transaction is over there, and no
    // marker of it will ever be taken.
    case ErrorCode::kInvalidProducerEpoch:
    // The producer could not have written there.
    case ErrorCode::kUnsupportedForMessageFormat:
    case ErrorCode::kUnsupportedVersion:
      ++counters_.markers_refused;
      return true;
    default:
      return false;
  }
}

TxnEffects TxnMachine::markers_written(const TxnContext& context, std::string_view transactional_id,
                                       ProducerId producer_id, ProducerEpoch producer_epoch,
                                       std::span<const MarkerResult> results) {
  TxnEffects effects = begin(context);
  const auto at = entries_.find(transactional_id);
  if (at == entries_.end()) return effects;
  Entry& entry = at->second;
  if (!entry.hard.is_preparing() || !entry.markers || entry.hard.producer_id != producer_id ||
      entry.hard.producer_epoch != producer_epoch)
    return effects;
  MarkerProgress& progress = *entry.markers;
  for (const MarkerResult& result : results) {
    if (!progress.missing.contains(result.partition) || progress.to_send.contains(result.partition))
      continue;
    if (is_settled(result.error)) {
      progress.missing.erase(result.partition);
      continue;
    }
    progress.to_send.insert(result.partition);
    // Another coordinator has written there: most likely we are no longer asked.
    if (result.error == ErrorCode::kTransactionCoordinatorFenced)
      progress.pause = settings_.marker_retry_pause_max;
  }
  if (progress.missing.empty()) {
    complete(context, *at, effects);
  } else if (!progress.to_send.empty() && !entry.retry_at) {
    retry_markers_at(*at, context.now + progress.pause);
    progress.pause = std::min(Millis(progress.pause.value() * 2), settings_.marker_retry_pause_max);
  }
  return effects;
}

std::size_t TxnMachine::markers_without_leader(const image::MetadataImage& image) const {
  std::size_t count = 0;
  for (const auto& [at, id] : retries_) {
    const auto found = entries_.find(id);
    if (found == entries_.end() || !found->second.markers) continue;
    for (const TopicPartition& partition : found->second.markers->to_send) {
      const image::TopicImage* topic = image.topic(std::string_view(partition.topic));
      const image::PartitionState* state = topic ? topic->partition(partition.partition) : nullptr;
      if (state && !state->has_leader()) ++count;
    }
  }
  return count;
}

}  // namespace moldau::txn
