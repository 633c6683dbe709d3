// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "machine/client/producer_machine.h"
#include "record/record_iterator.h"

namespace moldau::client {
namespace {

/// The batch may be in the log all the same: the answer was lost, or the leader went on to follow
/// before others had the batch too.
bool error_leaves_doubt(ErrorCode error) {
  if (error == ErrorCode::kOutOfOrderSequenceNumber) return false;
  return error_is_retriable(error) || error == ErrorCode::kUnknownServerError;
}

}  // namespace

ProducerMachine::Queue* ProducerMachine::queue_of(const ProducePlan::Part& part) {
  return topics_.find(part.topic)
      ->second.queues[static_cast<std::size_t>(part.partition.value())]
      .get();
}

// ---- What comes back

void ProducerMachine::answered(const ProducePlan& plan, const wire::ProduceResponse& answer,
                               MonoTime now, std::uint64_t random) {
  for (const ProducePlan::Part& part : plan.parts) {
    Queue& queue = *queue_of(part);
    --queue.on_the_wire;
    part.batch->place = ProducerBatch::Place::kQueued;
    const wire::ProduceResponse::PartitionProduceResponse* found = nullptr;
    for (const auto& topic : answer.responses) {
      if (topic.name.view() != part.topic &&
          (topic.topic_id != part.topic_id || part.topic_id == TopicId()))
        continue;
      for (const auto& partition : topic.partition_responses)
        if (partition.index == part.partition.value()) found = &partition;
    }
    wire::ProduceResponse::PartitionProduceResponse none;
    none.error_code = to_wire(ErrorCode::kNetworkException);
    none.base_offset = -1;
    take_answer(queue, part.batch, now, random, found ? *found : none);
  }
}

void ProducerMachine::failed(const ProducePlan& plan, const Error& why, MonoTime now,
                             std::uint64_t random) {
  wire::ProduceResponse::PartitionProduceResponse none;
  // What was asked for and not answered may have happened: it is asked for again.
  const bool final = why.code == ErrorCode::kUnsupportedVersion;
  none.error_code = to_wire(final ? why.code : ErrorCode::kNetworkException);
  none.base_offset = -1;
  none.error_message = std::string_view(why.detail);
  for (const ProducePlan::Part& part : plan.parts) {
    Queue& queue = *queue_of(part);
    --queue.on_the_wire;
    part.batch->place = ProducerBatch::Place::kQueued;
    take_answer(queue, part.batch, now, random, none);
  }
}

void ProducerMachine::sent_unanswered(const ProducePlan& plan) {
  for (const ProducePlan::Part& part : plan.parts) {
    Queue& queue = *queue_of(part);
    --queue.on_the_wire;
    queue.sequences.forget(*part.batch);
    complete(*part.batch, {});
  }
}

void ProducerMachine::take_answer(Queue& queue, const BatchPtr& batch, MonoTime now,
                                  std::uint64_t random,
                                  const wire::ProduceResponse::PartitionProduceResponse& answer) {
  const ErrorCode error = error_from_wire(answer.error_code);
  if (error_refreshes_metadata(error) || error == ErrorCode::kNetworkException ||
      error == ErrorCode::kUnknownTopicId)
    stale_topics_.insert(queue.topic);
  if (error == ErrorCode::kNone || error == ErrorCode::kDuplicateSequenceNumber) {
    const Offset base(error == ErrorCode::kNone ? answer.base_offset : -1);
    queue.sequences.acknowledged(*batch);
    queue.sequences.forget(*batch);
    Completion out;
    out.base_offset = base;
    out.log_append_time = Timestamp(answer.log_append_time_ms);
    complete(*batch, std::move(out));
    return;
  }
  if (error == ErrorCode::kMessageTooLarge && batch->records > 1 && !batch->done &&
      !batch->maybe_stored)
    return split(queue, batch, now);
  batch->maybe_stored |= error_leaves_doubt(error);
  const bool again = may_try_again(queue, *batch, error, Offset(answer.log_start_offset)) &&
                     static_cast<std::int64_t>(batch->attempts) <= options_.retries;
  if (again && !batch->done) {
    const std::uint32_t failures = batch->attempts - 1;
    return put_back(queue, batch, now + options_.retry.after(failures, random));
  }
  Completion out;
  std::string text(answer.error_message.view());
  out.error = Error(error, std::move(text));
  for (const auto& culprit : answer.record_errors)
    out.culprits.emplace_back(culprit.batch_index,
                              std::string(culprit.batch_index_error_message.view()));
  give_up(queue, batch, std::move(out), !batch->maybe_stored);
  if (error == ErrorCode::kClusterAuthorizationFailed || error == ErrorCode::kProducerFenced ||
      error == ErrorCode::kUnsupportedVersion || error == ErrorCode::kInvalidProducerIdMapping)
    fail_for_ever(Error(error, std::string(answer.error_message.view())));
}

bool ProducerMachine::may_try_again(Queue& queue, const ProducerBatch& batch, ErrorCode error,
                                    Offset log_start_offset) {
  PartitionSequences& sequences = queue.sequences;
  const bool numbered = options_.idempotent && batch.has_sequence();
  if (numbered && error == ErrorCode::kUnknownProducerId) {
    // The broker has forgotten the producer with the records; begin anew unless it says too little.
    if (log_start_offset.value() >= 0) queue.want_restart(batch.base_sequence);
    return true;
  }
  if (numbered && error == ErrorCode::kOutOfOrderSequenceNumber) {
    // Not the next one: an earlier one was not stored either, and will be sent before it again.
    const bool gap = !sequences.doubtful() ? sequences.is_next(batch.base_sequence)
                                           : sequences.follows_doubt(batch.base_sequence);
    if (gap) queue.want_restart(batch.base_sequence);
    return true;
  }
  return error_is_retriable(error);
}

void ProducerMachine::put_back(Queue& queue, const BatchPtr& batch, MonoTime not_before) {
  batch->not_before = not_before;
  auto place = queue.batches.begin();
  if (batch->has_sequence()) {
    // In the order of their sequences, in front of those that have none.
    const auto& order = queue.sequences.under_way();
    const auto rank = [&](const BatchPtr& one) {
      return std::find(order.begin(), order.end(), one) - order.begin();
    };
    const auto own = rank(batch);
    while (place != queue.batches.end() && (*place)->has_sequence() && rank(*place) < own) ++place;
  }
  queue.batches.insert(place, batch);
}

// ---- Ends

void ProducerMachine::complete(ProducerBatch& batch, Completion completion) {
  if (std::exchange(batch.done, true)) return;
  completion.batch = batch.id;
  completion.first_record = batch.first_record;
  completion.records = batch.records;
  memory_used_ -= std::exchange(batch.reserved, 0);
  const auto open = open_batches_.find(batch.id);
  completion.last = --open->second == 0;
  if (completion.last) open_batches_.erase(open);
  completions_.push_back(std::move(completion));
}

void ProducerMachine::give_up(Queue& queue, const BatchPtr& batch, Completion completion,
                              bool fate_known) {
  std::erase(queue.batches, batch);
  if (options_.idempotent && batch->has_sequence()) {
    // Later sequences are refused if this one is missing: the epoch ends here.
    if (fate_known && batch->place == ProducerBatch::Place::kQueued)
      queue.want_restart(batch->base_sequence);
    else
      queue.sequences.doubt(*batch);
  }
  // One on the wire goes on being counted until its answer comes.
  if (batch->place == ProducerBatch::Place::kQueued) queue.sequences.forget(*batch);
  complete(*batch, std::move(completion));
}

void ProducerMachine::abort(const Error& why) {
  for (Queue* queue : active_) {
    std::vector<BatchPtr> all(queue->batches.begin(), queue->batches.end());
    for (const BatchPtr& batch : queue->sequences.under_way()) all.push_back(batch);
    for (const BatchPtr& batch : all) {
      Completion out;
      out.error = why;
      if (!batch->done) give_up(*queue, batch, std::move(out), false);
    }
  }
}

void ProducerMachine::fail_for_ever(const Error& why) {
  if (!fatal_) fatal_ = why;
  abort(why);
}

/// Too large for the broker: the same records in two batches. They share the sequences of the
/// first, so that those behind keep theirs.
void ProducerMachine::split(Queue& queue, const BatchPtr& batch, MonoTime now) {
  record::CompressionContext codecs;
  const auto view = record::BatchView::parse(batch->bytes.view());
  MOLDAU_CHECK(view.ok(), "a batch of ours");
  record::RecordIterator records(*view, codecs);
  record::RecordView record;
  const std::int32_t sizes[2] = {(batch->records + 1) / 2, batch->records / 2};
  std::vector<BatchPtr> parts;
  std::int32_t taken = 0;
  for (const std::int32_t size : sizes) {
    auto part = std::make_shared<ProducerBatch>();
    record::BatchFields fields;
    fields.compression = options_.compression;
    part->builder = record::BatchBuilder(fields, batch->bytes.size() / 2 + 512);
    for (std::int32_t i = 0; i < size; ++i) {
      const bool there = records.next(record);
      MOLDAU_CHECK(there, "a batch of ours");
      const auto copied = part->builder.append_copy(part->builder.next_offset(), record);
      MOLDAU_CHECK(copied.ok(), "half of a batch fits");
    }
    part->id = batch->id;
    part->first_record = batch->first_record + taken;
    part->records = size;
    part->closed = true;
    part->reserved = size == batch->records ? batch->reserved : batch->reserved / 2;
    part->created = batch->created;
    part->not_before = now;
    part->attempts = batch->attempts;
    if (batch->has_sequence()) {
      part->producer_id = batch->producer_id;
      part->producer_epoch = batch->producer_epoch;
      part->base_sequence = sequence_after(batch->base_sequence, taken);
    }
    taken += size;
    parts.push_back(std::move(part));
  }
  memory_used_ -= batch->reserved - parts[0]->reserved - parts[1]->reserved;
  batch->reserved = 0;
  batch->done = true;
  ++open_batches_[batch->id];
  queue.sequences.replace(*batch, parts);
  for (const BatchPtr& part : parts) put_back(queue, part, now);
}

}  // namespace moldau::client
