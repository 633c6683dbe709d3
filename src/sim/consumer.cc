// SPDX-License-Identifier: Apache-2.0
#include "sim/consumer.h"

#include <set>
#include <utility>

#include "record/batch_view.h"
#include "record/control_record.h"
#include "record/record_iterator.h"
#include "wire/fetch_request.h"
#include "wire/fetch_response.h"
#include "wire/list_offsets_request.h"
#include "wire/list_offsets_response.h"

namespace moldau::sim {
namespace {

constexpr std::int16_t kListOffsetsVersion = 6;

}  // namespace

Result<std::vector<ReadBatch>> read_batches(ByteView records, record::CompressionContext& context) {
  std::vector<ReadBatch> out;
  record::BatchIterator batches(records);
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(const auto batch, batches.next());
    if (!batch) return out;
    MOLDAU_TRY(batch->check_crc());
    ReadBatch& one = out.emplace_back();
    one.base_offset = batch->base_offset();
    one.last_offset = batch->last_offset();
    one.producer = batch->producer_id();
    one.epoch = batch->producer_epoch();
    one.base_sequence = batch->base_sequence();
    one.is_transactional = batch->is_transactional();
    one.is_control = batch->is_control();
    record::RecordIterator iterator(*batch, context);
    record::RecordView record;
    while (iterator.next(record)) {
      one.records.emplace_back(record.offset, as_text(record.value.value_or(ByteView())));
      if (!one.is_control) continue;
      MOLDAU_ASSIGN_OR_RETURN(const auto marker, record::parse_end_transaction_marker(record));
      one.is_abort = marker.type == record::ControlRecordType::kAbort;
    }
    MOLDAU_TRY(iterator.status());
  }
}

std::vector<std::pair<Offset, std::string>> committed_records(
    const std::vector<ReadBatch>& batches,
    const std::vector<std::pair<ProducerId, Offset>>& aborted) {
  std::vector<std::pair<Offset, std::string>> out;
  std::vector<std::pair<ProducerId, Offset>> ahead = aborted;
  std::set<ProducerId> hidden;
  for (const ReadBatch& batch : batches) {
    std::erase_if(ahead, [&](const auto& one) {
      if (one.second > batch.last_offset) return false;
      hidden.insert(one.first);
      return true;
    });
    if (batch.is_control) {
      if (batch.is_abort) hidden.erase(batch.producer);
      continue;
    }
    if (batch.is_transactional && hidden.contains(batch.producer)) continue;
    out.insert(out.end(), batch.records.begin(), batch.records.end());
  }
  return out;
}

std::vector<std::pair<ProducerId, Offset>> aborted_of(
    const wire::FetchResponse::PartitionData& answer) {
  std::vector<std::pair<ProducerId, Offset>> out;
  if (!answer.aborted_transactions) return out;
  for (const auto& one : *answer.aborted_transactions)
    out.emplace_back(ProducerId(one.producer_id), Offset(one.first_offset));
  return out;
}

void Consumer::work() {
  const auto found = model_.topics.find(topic_);
  if (busy_ || found == model_.topics.end() || found->second.state != ModelTopic::State::kThere)
    return;
  const ModelTopic& topic = found->second;
  const auto partition =
      static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(topic.partitions)));
  if (random_.chance(30))
    list_offset(topic, partition, random_.chance(700));
  else
    fetch(topic, partition);
}

void Consumer::fetch(const ModelTopic& topic, std::int32_t partition) {
  const std::int16_t version = random_.chance(500) ? 17 : 11;
  wire::FetchRequest request;
  request.max_wait_ms = static_cast<std::int32_t>(random_.below(400));
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  request.isolation_level = committed_only() ? 1 : 0;
  auto& data = request.topics.emplace_back();
  if (version >= 13)
    data.topic_id = topic.id;
  else
    data.topic = std::string_view(topic.name);
  auto& part = data.partitions.emplace_back();
  part.partition = partition;
  part.fetch_offset = positions_[{topic.id, PartitionId(partition)}].value();
  part.partition_max_bytes = static_cast<std::int32_t>(random_.between(100, 20'000));
  busy_ = true;
  connection_->send(
      request, version,
      [this, &topic, partition, version, id = topic.id, asked = model_.world.events(),
       life = model_.lives_ended, from = connection_.get()](const Result<Slice>& frame) {
        if (from != connection_.get()) return;
        busy_ = false;
        if (topic.id == id) on_fetched(topic, partition, version, asked, life, frame);
      });
}

void Consumer::on_fetched(const ModelTopic& topic, std::int32_t partition, std::int16_t version,
                          std::uint64_t asked, Life life, const Result<Slice>& frame) {
  if (!frame.ok()) return;
  const auto answer = body_of<wire::FetchResponse>(*frame, version);
  if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
  if (answer->responses.size() != 1 || answer->responses[0].partitions.size() != 1) return;
  const auto& part = answer->responses[0].partitions[0];
  const PartitionKey key{topic.id, PartitionId(partition)};
  if (error_from_wire(part.error_code) == ErrorCode::kOffsetOutOfRange)
    return list_offset(topic, partition, true);
  if (part.error_code != 0) return;
  const Watermarks seen{key,
                        asked,
                        model_.world.events(),
                        Offset(part.log_start_offset),
                        Offset(part.high_watermark),
                        topic.durable,
                        life};
  model_.checks.tell(&Invariant::on_watermarks, seen);
  if (committed_only()) watch_stable(key, part);
  if (part.records.is_null() || part.records.size() == 0) return;
  auto batches = read_batches(part.records.view(), model_.compression);
  if (!batches.ok()) return model_.checks.fail("RecordsAreWhole", batches.error().text());
  Offset& position = positions_[key];
  for (ReadBatch& batch : *batches) {
    batch.life = life;
    if (batch.last_offset >= Offset(part.high_watermark))
      model_.checks.fail("NothingAboveTheHighWatermark",
                         key.text() + " " + std::to_string(batch.last_offset.value()));
    model_.checks.tell(&Invariant::on_read, key, batch);
    if (!committed_only()) position = std::max(position, batch.last_offset + 1);
    model_.read += batch.records.size();
  }
  if (committed_only()) take_committed(key, std::move(*batches), part);
}

void Consumer::take_committed(const PartitionKey& key, std::vector<ReadBatch> batches,
                              const wire::FetchResponse::PartitionData& answer) {
  Offset& position = positions_[key];
  const CommittedRead read{key, std::max(position, batches.front().base_offset),
                           batches.back().last_offset + 1,
                           committed_records(batches, aborted_of(answer))};
  if (batches.back().last_offset >= Offset(answer.last_stable_offset))
    model_.checks.fail("NothingAboveTheLastStableOffset",
                       key.text() + " " + std::to_string(batches.back().last_offset.value()));
  model_.checks.tell(&Invariant::on_committed_read, read);
  position = std::max(position, read.to);
}

void Consumer::watch_stable(const PartitionKey& key,
                            const wire::FetchResponse::PartitionData& answer) {
  constexpr std::int64_t kLongest = 500 * std::int64_t{1'000'000};
  Stable& stable = stable_[key];
  const MonoTime now = shard_.now();
  const bool stands = answer.last_stable_offset == stable.offset &&
                      answer.last_stable_offset < answer.high_watermark;
  stable.stuck = stands ? stable.stuck + std::min(now - stable.seen, kLongest) : 0;
  stable.offset = answer.last_stable_offset;
  stable.seen = now;
  if (stable.stuck > hang_limit_.value() * 1'000'000)
    model_.checks.fail("NoHangingTransaction",
                       key.text() + " has been stable up to " + std::to_string(stable.offset) +
                           " for " + std::to_string(stable.stuck / 1'000'000) + " ms");
}

void Consumer::list_offset(const ModelTopic& topic, std::int32_t partition, bool earliest) {
  wire::ListOffsetsRequest request;
  request.replica_id = -1;
  request.isolation_level = committed_only() ? 1 : 0;
  auto& data = request.topics.emplace_back();
  data.name = std::string_view(topic.name);
  auto& part = data.partitions.emplace_back();
  part.partition_index = partition;
  part.timestamp = earliest ? -2 : -1;
  busy_ = true;
  const PartitionKey key{topic.id, PartitionId(partition)};
  connection_->send(request, kListOffsetsVersion,
                    [this, key, from = connection_.get()](const Result<Slice>& frame) {
                      if (from != connection_.get()) return;
                      busy_ = false;
                      if (!frame.ok()) return;
                      const auto answer =
                          body_of<wire::ListOffsetsResponse>(*frame, kListOffsetsVersion);
                      if (!answer.ok())
                        return model_.checks.fail("Protocol", answer.error().text());
                      const auto& one = answer->topics.at(0).partitions.at(0);
                      if (one.error_code == 0) positions_[key] = Offset(one.offset);
                    });
}

}  // namespace moldau::sim
