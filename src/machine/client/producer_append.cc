// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>

#include "machine/client/producer_machine.h"
#include "record/format.h"

namespace moldau::client {
namespace {

/// Of a record in front of its payload and of its deltas, at most.
constexpr std::size_t kRecordOverheadMax = 21;
/// A ratio that was seen counts at once if it is worse, slowly if it is better.
constexpr double kRatioWorse = 0.05;
constexpr double kRatioBetter = 0.005;
/// Room for being wrong about it.
constexpr double kRatioCare = 1.05;

std::size_t bytes_of(const OutgoingRecord& record) {
  std::size_t bytes = kRecordOverheadMax + (record.key ? record.key->size() : 0) +
                      (record.value ? record.value->size() : 0);
  for (const record::HeaderView& header : record.headers)
    bytes += 10 + header.key.size() + (header.value ? header.value->size() : 0);
  return bytes;
}

}  // namespace

void ProducerMachine::learn(const std::string& name, const TopicView& view) {
  Topic& topic = topics_[name];
  topic.id = view.id;
  while (topic.queues.size() < view.partitions.size()) {
    auto queue = std::make_unique<Queue>();
    queue->of = &topic;
    queue->topic = name;
    queue->partition = PartitionId(static_cast<std::int32_t>(topic.queues.size()));
    topic.queues.push_back(std::move(queue));
  }
  for (std::size_t i = 0; i < view.partitions.size(); ++i) {
    Queue& queue = *topic.queues[i];
    const PartitionView& told = view.partitions[i];
    // A new leader is tried at once (KIP-951).
    if (queue.leader_epoch < told.leader_epoch && !queue.batches.empty())
      queue.batches.front()->not_before = MonoTime(0);
    queue.leader = told.leader;
    queue.leader_epoch = told.leader_epoch;
  }
}

std::int32_t ProducerMachine::partitions_of(std::string_view name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? 0 : static_cast<std::int32_t>(found->second.queues.size());
}

void ProducerMachine::refresh_loads(Topic& topic) {
  std::vector<StickyPartitioner::Load> loads;
  loads.reserve(topic.queues.size());
  for (const auto& queue : topic.queues)
    loads.push_back({queue->partition, static_cast<std::uint32_t>(queue->batches.size()),
                     queue->leader.value() >= 0});
  topic.sticky.set_loads(loads, options_.adaptive);
}

Result<void> ProducerMachine::check_size(const OutgoingRecord& record) const {
  const std::size_t bytes = record::kBatchOverhead + bytes_of(record);
  if (bytes > options_.max_request_size)
    return Error(ErrorCode::kMessageTooLarge,
                 fmt::format("The message is {} bytes when serialized which is larger than {}, "
                             "which is the value of the max.request.size configuration.",
                             bytes, options_.max_request_size));
  if (bytes > options_.buffer_memory)
    return Error(ErrorCode::kMessageTooLarge,
                 fmt::format("The message is {} bytes when serialized which is larger than the "
                             "total memory buffer you have configured with the buffer.memory "
                             "configuration.",
                             bytes));
  if (record.timestamp < record::kNoTimestamp)
    return Error(ErrorCode::kInvalidTimestamp,
                 fmt::format("Invalid timestamp: {}. Timestamp should always be non-negative or "
                             "null.",
                             record.timestamp.value()));
  return {};
}

ProducerMachine::Queue* ProducerMachine::choose_queue(Topic& topic, const OutgoingRecord& record,
                                                      std::uint64_t random, bool& sticky) {
  const auto count = static_cast<std::int32_t>(topic.queues.size());
  PartitionId partition;
  if (record.partition) {
    partition = *record.partition;
  } else if (record.key && !options_.ignore_keys) {
    partition = partition_of_key(*record.key, count);
  } else {
    sticky = true;
    if (!topic.sticky.has_partition()) refresh_loads(topic);
    partition = topic.sticky.partition(random);
  }
  if (partition.value() < 0 || partition.value() >= count) return nullptr;
  return topic.queues[static_cast<std::size_t>(partition.value())].get();
}

std::size_t ProducerMachine::bytes_limit(const Topic& topic) const {
  if (options_.compression.type == record::CompressionType::kNone) return options_.batch_size;
  return static_cast<std::size_t>(static_cast<double>(options_.batch_size) /
                                  std::min(1.0, topic.ratio * kRatioCare));
}

ProducerBatch* ProducerMachine::open_batch(Topic& topic, Queue& queue, std::size_t bytes,
                                           MonoTime now) {
  if (!queue.batches.empty()) {
    ProducerBatch& last = *queue.batches.back();
    if (!last.closed && last.builder.uncompressed_size() + bytes <= bytes_limit(topic))
      return &last;
    last.closed = true;
  }
  const std::size_t reserved = std::max(options_.batch_size, record::kBatchOverhead + bytes);
  if (!has_room(reserved)) return nullptr;
  auto batch = std::make_shared<ProducerBatch>();
  record::BatchFields fields;
  fields.compression = options_.compression;
  batch->builder = record::BatchBuilder(fields, reserved);
  batch->id = next_batch_++;
  batch->created = now;
  batch->reserved = reserved;
  memory_used_ += reserved;
  open_batches_.emplace(batch->id, 1);
  queue.batches.push_back(std::move(batch));
  if (!std::exchange(queue.active, true)) active_.push_back(&queue);
  return queue.batches.back().get();
}

void ProducerMachine::drop_last(Queue& queue) {
  const BatchPtr batch = queue.batches.back();
  queue.batches.pop_back();
  memory_used_ -= batch->reserved;
  open_batches_.erase(batch->id);
}

Result<std::optional<Appended>> ProducerMachine::append(const OutgoingRecord& record, MonoTime now,
                                                        std::uint64_t random) {
  if (fatal_) return *fatal_;
  MOLDAU_TRY(check_size(record));
  const auto found = topics_.find(record.topic);
  if (found == topics_.end() || found->second.queues.empty()) return std::optional<Appended>();
  Topic& topic = found->second;
  bool sticky = false;
  Queue* queue = choose_queue(topic, record, random, sticky);
  if (!queue) return std::optional<Appended>();
  const std::size_t bytes = bytes_of(record);
  ProducerBatch* batch = open_batch(topic, *queue, bytes, now);
  if (!batch) return std::optional<Appended>();
  const std::size_t before = batch->builder.uncompressed_size();
  auto taken = batch->builder.append({record.timestamp, record.key, record.value, record.headers});
  if (!taken.ok()) {
    if (batch->records == 0) drop_last(*queue);
    return std::move(taken).error();
  }
  const std::size_t size = batch->builder.uncompressed_size();
  if (size >= bytes_limit(topic)) batch->closed = true;
  if (sticky)
    topic.sticky.produced(size - before, options_.batch_size,
                          batch->closed || size + bytes > bytes_limit(topic));
  Appended out;
  out.batch = batch->id;
  out.index = batch->first_record + batch->records++;
  out.partition = queue->partition;
  out.wake = batch->records == 1 || batch->closed || pressed_;
  return std::optional<Appended>(out);
}

std::size_t ProducerMachine::size_of(const Queue& queue, const ProducerBatch& batch) const {
  if (!batch.bytes.empty()) return batch.bytes.size();
  const std::size_t size = batch.builder.uncompressed_size();
  if (options_.compression.type == record::CompressionType::kNone) return size;
  return static_cast<std::size_t>(static_cast<double>(size) *
                                  std::min(1.0, queue.of->ratio * kRatioCare));
}

void ProducerMachine::encode(Queue& queue, ProducerBatch& batch,
                             record::CompressionContext& codecs) {
  batch.closed = true;
  if (options_.idempotent && !batch.has_sequence()) {
    queue.sequences.adopt(identity_);
    queue.sequences.assign(batch);
  }
  if (!batch.bytes.empty()) return;
  batch.builder.set_producer(batch.producer_id, batch.producer_epoch, batch.base_sequence, false);
  batch.uncompressed = batch.builder.uncompressed_size();
  Result<Slice> built = batch.builder.build(codecs);
  // Codec and level were checked with the configuration.
  MOLDAU_CHECK(built.ok(), built.error().text());
  batch.bytes = std::move(built).value();
  Topic& topic = *queue.of;
  const double ratio =
      static_cast<double>(batch.bytes.size()) / static_cast<double>(batch.uncompressed);
  topic.ratio = ratio > topic.ratio ? std::max(ratio, topic.ratio + kRatioWorse)
                                    : std::max(ratio, topic.ratio - kRatioBetter);
}

}  // namespace moldau::client
