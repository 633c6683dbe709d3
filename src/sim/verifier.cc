// SPDX-License-Identifier: Apache-2.0
#include "sim/verifier.h"

#include <utility>

#include "sim/consumer.h"
#include "wire/fetch_request.h"
#include "wire/fetch_response.h"
#include "wire/list_offsets_request.h"
#include "wire/list_offsets_response.h"

namespace moldau::sim {
namespace {

constexpr std::int16_t kListOffsetsVersion = 6;
constexpr std::int16_t kFetchVersion = 17;
constexpr Millis kRetry{200};

}  // namespace

void Verifier::begin() {
  ++round_;
  done_ = false;
  left_.clear();
  for (const auto& [name, topic] : model_.topics) {
    // A topic that may be deleted while it is read is read at the end only.
    if (topic.churns && !model_.draining) continue;
    if (topic.state != ModelTopic::State::kThere) continue;
    for (std::int32_t p = 0; p < topic.partitions; ++p) left_.emplace_back(name, p);
  }
  if (connection_) connection_->close("begins anew");
  connection_ = Connection::open(shard_, model_.node);
  go_on();
}

void Verifier::again_later() {
  shard_.call_at(shard_.now() + kRetry, [this, round = round_] {
    if (round != round_) return;
    if (connection_->broken()) connection_ = Connection::open(shard_, model_.node);
    go_on();
  });
}

void Verifier::go_on() {
  if (left_.empty()) {
    done_ = true;
    ++model_.full_reads;
    return;
  }
  const ModelTopic& topic = model_.topics.at(left_.front().first);
  reading_ = FullRead();
  reading_.partition = {topic.id, PartitionId(left_.front().second)};
  reading_.durable = topic.durable;
  reading_.expires = topic.expires;
  reading_.compacted = topic.compacted;
  reading_.transactional = topic.transactional;
  reads_committed_ = false;
  life_ = model_.lives_ended;
  model_.checks.tell(&Invariant::on_full_read_begins, reading_.partition);
  // Before the end: all markers of what is stable lie below that.
  if (!topic.transactional) return ask_end();
  list(
      -1,
      [this](Offset stable) {
        reading_.stable = stable;
        ask_end();
      },
      true);
}

void Verifier::ask_end() {
  list(-1, [this](Offset end) {
    reading_.end = end;
    reading_.asked = model_.world.events();
    ask_start();
  });
}

void Verifier::ask_start() {
  list(-2, [this](Offset start) {
    reading_.log_start = start;
    position_ = start;
    fetch();
  });
}

void Verifier::list(std::int64_t timestamp, UniqueFunction<void(Offset)> then, bool stable) {
  wire::ListOffsetsRequest request;
  request.replica_id = -1;
  request.isolation_level = stable ? 1 : 0;
  auto& data = request.topics.emplace_back();
  data.name = std::string_view(left_.front().first);
  auto& part = data.partitions.emplace_back();
  part.partition_index = left_.front().second;
  part.timestamp = timestamp;
  connection_->send(request, kListOffsetsVersion,
                    [this, round = round_, then = std::move(then)](Result<Slice> frame) mutable {
                      if (round != round_) return;
                      if (!frame.ok()) return again_later();
                      const auto answer =
                          body_of<wire::ListOffsetsResponse>(*frame, kListOffsetsVersion);
                      if (!answer.ok())
                        return model_.checks.fail("Protocol", answer.error().text());
                      const auto& one = answer->topics.at(0).partitions.at(0);
                      if (one.error_code != 0) return again_later();
                      then(Offset(one.offset));
                    });
}

void Verifier::end_partition() {
  // Answers of a life that has ended since say nothing of what is there now.
  if (life_ != model_.lives_ended) return again_later();
  for (ReadBatch& batch : reading_.batches) batch.life = life_;
  if (reading_.transactional) {
    const CommittedRead committed{reading_.partition, reading_.log_start, reading_.stable,
                                  reading_.committed};
    model_.checks.tell(&Invariant::on_committed_read, committed);
  }
  model_.checks.tell(&Invariant::on_full_read, reading_);
  left_.pop_front();
  go_on();
}

void Verifier::fetch() {
  if (position_ >= upper()) {
    if (!reading_.transactional || reads_committed_) return end_partition();
    reads_committed_ = true;
    position_ = reading_.log_start;
    return fetch();
  }
  wire::FetchRequest request;
  request.max_bytes = 1 << 20;
  request.isolation_level = reads_committed() ? 1 : 0;
  auto& data = request.topics.emplace_back();
  data.topic_id = reading_.partition.topic;
  auto& part = data.partitions.emplace_back();
  part.partition = reading_.partition.index.value();
  part.fetch_offset = position_.value();
  part.partition_max_bytes = 1 << 20;
  connection_->send(request, kFetchVersion, [this, round = round_](const Result<Slice>& frame) {
    if (round == round_) on_fetched(frame);
  });
}

void Verifier::on_fetched(const Result<Slice>& frame) {
  if (!frame.ok()) return again_later();
  const auto answer = body_of<wire::FetchResponse>(*frame, kFetchVersion);
  if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
  if (answer->responses.empty()) return again_later();
  const auto& part = answer->responses[0].partitions.at(0);
  if (part.error_code != 0) return again_later();
  auto batches = read_batches(part.records.view(), model_.compression);
  if (!batches.ok()) return model_.checks.fail("RecordsAreWhole", batches.error().text());
  if (batches->empty() && reading_.compacted) {
    // Compaction took the rest of what it was asked for.
    position_ = reading_.end;
    return fetch();
  }
  if (batches->empty())
    return model_.checks.fail("OffsetsAreDense", reading_.partition.text() + " has nothing at " +
                                                     std::to_string(position_.value()));
  take(std::move(*batches), part);
  fetch();
}

void Verifier::take(std::vector<ReadBatch> batches,
                    const wire::FetchResponse::PartitionData& answer) {
  if (reads_committed()) {
    // Of the first batch, offsets before the position may be given, too.
    for (auto& [offset, value] : committed_records(batches, aborted_of(answer)))
      if (offset >= position_ && offset < reading_.stable)
        reading_.committed.emplace_back(offset, std::move(value));
    position_ = batches.back().last_offset + 1;
    return;
  }
  for (ReadBatch& batch : batches) {
    position_ = batch.last_offset + 1;
    reading_.batches.push_back(std::move(batch));
  }
}

}  // namespace moldau::sim
