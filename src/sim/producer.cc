// SPDX-License-Identifier: Apache-2.0
#include "sim/producer.h"

#include <algorithm>
#include <utility>

#include "record/batch_builder.h"
#include "wire/init_producer_id_request.h"
#include "wire/init_producer_id_response.h"
#include "wire/produce_request.h"

namespace moldau::sim {
namespace {

constexpr std::int16_t kInitVersion = 4;

record::Compression pick_compression(env::fake::SeededRandom& random) {
  record::Compression compression;
  if (random.chance(850)) return compression;
  constexpr record::CompressionType kTypes[] = {
      record::CompressionType::kGzip, record::CompressionType::kSnappy,
      record::CompressionType::kLz4, record::CompressionType::kZstd};
  compression.type = kTypes[random.below(4)];
  return compression;
}

/// Says that something is wrong with the batch itself, which it is not.
bool blames_batch(ErrorCode code) {
  return code == ErrorCode::kInvalidRecord || code == ErrorCode::kCorruptMessage ||
         code == ErrorCode::kInvalidTimestamp || code == ErrorCode::kMessageTooLarge ||
         code == ErrorCode::kRecordListTooLarge ||
         code == ErrorCode::kUnsupportedForMessageFormat || code == ErrorCode::kInvalidRequest ||
         code == ErrorCode::kUnknownServerError;
}

}  // namespace

bool Producer::idle() const {
  return !asking_ && std::all_of(lanes_.begin(), lanes_.end(),
                                 [](const auto& item) { return item.second.batches.empty(); });
}

std::string Producer::waits_for() const {
  std::string out = options_.name;
  if (asking_) out += " asks for a producer id;";
  for (const auto& [partition, lane] : lanes_) {
    if (lane.batches.empty()) continue;
    const Batch& first = lane.batches.front();
    out += " " + options_.topic + "-" + std::to_string(partition) + " has " +
           std::to_string(lane.batches.size()) + " batches from sequence " +
           std::to_string(first.base_sequence) + (first.in_flight ? ", in flight" : "") +
           " attempts " + std::to_string(first.attempts) + ";";
  }
  return out + " the last error was " + std::string(error_name(last_error_));
}

bool Producer::ends_session(ErrorCode code) {
  return code == ErrorCode::kOutOfOrderSequenceNumber || code == ErrorCode::kInvalidProducerEpoch ||
         code == ErrorCode::kUnknownProducerId;
}

void Producer::on_connected() {
  asking_ = false;
  for (auto& [partition, lane] : lanes_) {
    for (Batch& batch : lane.batches) batch.in_flight = false;
    lane.one_by_one = !lane.batches.empty();
  }
}

void Producer::work() {
  const auto found = model_.topics.find(options_.topic);
  if (found == model_.topics.end()) return;
  // What was sent to a topic that is deleted is not sent again to the next one of its name.
  const bool is_there = found->second.state == ModelTopic::State::kThere;
  if ((!is_there || found->second.id != topic_id_) && !lanes_.empty()) begin_session();
  if (!is_there) return;
  topic_id_ = found->second.id;
  if (options_.idempotent && producer_id_.value() < 0) return ask_for_producer_id();
  for (std::int32_t p = 0; p < found->second.partitions; ++p) {
    Lane& lane = lanes_[p];
    const bool may_add = !model_.draining && !lane.one_by_one &&
                         lane.batches.size() < kInFlightMax && records_made_ < options_.records_max;
    if (may_add && random_.chance(300)) add_batch(lane);
    send_ready(p, lane);
  }
}

void Producer::ask_for_producer_id() {
  if (std::exchange(asking_, true)) return;
  wire::InitProducerIdRequest request;
  request.transactional_id = wire::Text::null();
  request.transaction_timeout_ms = 60'000;
  connection_->send(request, kInitVersion, [this, from = connection_.get()](Result<Slice> frame) {
    if (from != connection_.get()) return;
    asking_ = false;
    if (!frame.ok()) return;
    const auto answer = body_of<wire::InitProducerIdResponse>(*frame, kInitVersion);
    if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
    if (answer->error_code != 0) return;
    producer_id_ = ProducerId(answer->producer_id);
    producer_epoch_ = ProducerEpoch(answer->producer_epoch);
    ++session_;
    ++model_.sessions;
  });
}

void Producer::begin_session() {
  // What is unresolved may or may not be in the log; it is never sent again.
  lanes_.clear();
  known_base_.clear();
  producer_id_ = ProducerId(-1);
  ++session_;
}

void Producer::add_batch(Lane& lane) {
  Batch batch;
  batch.id = ++batches_made_;
  const auto count = static_cast<std::int32_t>(random_.between(1, 4));
  for (std::int32_t i = 0; i < count; ++i) {
    std::string value = options_.name + "." + std::to_string(++records_made_);
    if (options_.keys > 0) value += "@" + std::to_string(random_.below(options_.keys));
    value += "|";
    value.append(random_.chance(30) ? random_.below(6'000) : random_.below(120), 'x');
    batch.values.push_back(std::move(value));
  }
  if (options_.idempotent) {
    batch.base_sequence = lane.next_sequence;
    lane.next_sequence += count;
  }
  batch.bytes = build(batch);
  lane.batches.push_back(std::move(batch));
}

Slice Producer::build(const Batch& batch) {
  record::BatchFields fields;
  fields.compression = pick_compression(random_);
  if (options_.idempotent) {
    fields.producer_id = producer_id_;
    fields.producer_epoch = producer_epoch_;
    fields.base_sequence = batch.base_sequence;
  }
  record::BatchBuilder builder(fields);
  for (const std::string& value : batch.values) {
    record::RecordFields record;
    record.timestamp = model_.world.wall();
    record.value = as_view(value);
    const std::string key = key_of(value);
    if (!key.empty()) record.key = as_view(key);
    builder.append(record).value();
  }
  return builder.build(model_.compression).value();
}

void Producer::send_ready(std::int32_t partition, Lane& lane) {
  if (lane.batches.empty()) {
    lane.one_by_one = false;
    return;
  }
  const std::size_t limit = lane.one_by_one ? 1 : lane.batches.size();
  for (std::size_t i = 0; i < limit && i < lane.batches.size(); ++i) {
    Batch& batch = lane.batches[i];
    if (batch.in_flight) continue;
    if (batch.was_sent && !random_.chance(300)) return;  // waits before it tries again
    send(partition, batch, false);
    if (random_.chance(50) && connected()) send(partition, batch, true);
    if (options_.acks == 0) return lane.batches.clear();
  }
}

void Producer::send(std::int32_t partition, Batch& batch, bool is_copy) {
  batch.in_flight = true;
  batch.was_sent = true;
  const ModelTopic& topic = model_.topics.at(options_.topic);
  const std::int16_t version = random_.chance(500) ? 13 : random_.chance(500) ? 9 : 7;
  wire::ProduceRequest request;
  request.acks = options_.acks;
  request.timeout_ms = 5'000;
  auto& data = request.topic_data.emplace_back();
  if (version >= 13)
    data.topic_id = topic.id;
  else
    data.name = std::string_view(topic.name);
  auto& part = data.partition_data.emplace_back();
  part.index = partition;
  part.records = batch.bytes.view();
  if (options_.acks == 0) return connection_->send_unanswered(request, version);
  connection_->send(
      request, version,
      [this, partition, id = batch.id, session = session_, topic_id = topic.id, version, is_copy,
       from = connection_.get(), life = model_.lives_ended](const Result<Slice>& frame) {
        if (frame.ok() || from == connection_.get())
          answered(partition, id, session, topic_id, version, frame, is_copy, life);
      });
}

void Producer::answered(std::int32_t partition, std::uint64_t batch, std::uint64_t session,
                        TopicId topic, std::int16_t version, const Result<Slice>& frame,
                        bool is_copy, Life life) {
  if (session != session_) return;
  Lane& lane = lanes_[partition];
  if (!frame.ok()) {
    for (Batch& one : lane.batches)
      if (one.id == batch) one.in_flight = false;
    lane.one_by_one = true;
    return;
  }
  const auto answer = body_of<wire::ProduceResponse>(*frame, version);
  if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
  if (answer->responses.size() != 1 || answer->responses[0].partition_responses.size() != 1)
    return model_.checks.fail("Protocol", "a produce answer of another shape");
  const auto& one = answer->responses[0].partition_responses[0];
  const bool is_known = std::any_of(lane.batches.begin(), lane.batches.end(),
                                    [&](const Batch& b) { return b.id == batch; });
  if (!is_known) {
    // A copy of what is resolved: it must have been recognised.
    const auto base = known_base_.find(batch);
    if (options_.idempotent && one.error_code == 0 && one.base_offset >= 0 &&
        base != known_base_.end() && base->second.value() != one.base_offset)
      model_.checks.fail("DuplicatesAreRecognised",
                         options_.name + " batch at " + std::to_string(base->second.value()) +
                             " and at " + std::to_string(one.base_offset));
    return;
  }
  if (is_copy && one.error_code != 0) return;
  settle(lane, partition, batch, topic, one, life);
}

void Producer::settle(Lane& lane, std::int32_t partition, std::uint64_t batch, TopicId topic,
                      const wire::ProduceResponse::PartitionProduceResponse& answer, Life life) {
  const auto found = std::find_if(lane.batches.begin(), lane.batches.end(),
                                  [&](const Batch& b) { return b.id == batch; });
  const auto code = error_from_wire(answer.error_code);
  if (code == ErrorCode::kNone || code == ErrorCode::kDuplicateSequenceNumber) {
    if (answer.base_offset >= 0) {
      const PartitionKey key{topic, PartitionId(partition)};
      acknowledge(key, Offset(answer.base_offset), *found, life);
    }
    lane.batches.erase(found);
    return;
  }
  if (blames_batch(code))
    model_.checks.fail("GoodBatchesAreTaken",
                       options_.name + " got " + std::string(error_name(code)));
  ++model_.produce_errors;
  last_error_ = code;
  found->in_flight = false;
  const bool is_first = found == lane.batches.begin();
  lane.one_by_one = true;
  // Later batches are refused as long as an earlier one is missing; only the first one tells.
  if (ends_session(code) && is_first && ++found->attempts > 2) begin_session();
  if (!ends_session(code)) found->attempts = 0;
}

void Producer::acknowledge(const PartitionKey& partition, Offset base, const Batch& batch,
                           Life life) {
  const bool durable = model_.topics.at(options_.topic).durable;
  if (options_.idempotent) {
    known_base_[batch.id] = base;
    if (known_base_.size() > 64) known_base_.erase(known_base_.begin());
  }
  for (std::size_t i = 0; i < batch.values.size(); ++i) {
    Acked acked{partition, base + static_cast<std::int64_t>(i), batch.values[i], durable, life};
    model_.checks.tell(&Invariant::on_acked, acked);
    ++model_.acked;
  }
}

}  // namespace moldau::sim
