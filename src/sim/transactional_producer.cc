// SPDX-License-Identifier: Apache-2.0
#include "sim/transactional_producer.h"

#include <algorithm>
#include <utility>

#include "record/batch_builder.h"
#include "sim/consumer.h"
#include "wire/add_offsets_to_txn_request.h"
#include "wire/add_offsets_to_txn_response.h"
#include "wire/add_partitions_to_txn_request.h"
#include "wire/add_partitions_to_txn_response.h"
#include "wire/end_txn_request.h"
#include "wire/fetch_request.h"
#include "wire/init_producer_id_request.h"
#include "wire/offset_fetch_request.h"
#include "wire/txn_offset_commit_response.h"

namespace moldau::sim {
namespace {

using Kind = TransactionStep::Kind;
constexpr std::int16_t kOffsetFetchVersion = 7;
constexpr std::int16_t kFetchVersion = 12;
constexpr std::int64_t kLateMs = 3'000;

const ModelTopic* there(const Model& model, const std::string& name) {
  const auto found = model.topics.find(name);
  const bool is_there =
      found != model.topics.end() && found->second.state == ModelTopic::State::kThere;
  return is_there ? &found->second : nullptr;
}

std::int32_t pick_partition(env::fake::SeededRandom& random, const ModelTopic& topic) {
  return static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(topic.partitions)));
}

}  // namespace

TransactionalProducer::TransactionalProducer(Model& model, env::fake::FakeShard& shard,
                                             TransactionalOptions options)
    : CallingClient(model, shard), options_(std::move(options)), old_(random_.chance(500)) {
  want_coordinators(transforms() ? 2 : 1);
}

bool TransactionalProducer::idle() const {
  return state_ == State::kReady && !transaction_ && !busy();
}

std::string TransactionalProducer::waits_for() const {
  std::string out = options_.name + (old_ ? " (old)" : " (new)") + " is in state " +
                    std::to_string(static_cast<int>(state_));
  if (transaction_) out += " of " + transaction_->name;
  return out + (busy() ? ", waits for an answer" : "") + ", the last error was " +
         std::string(error_name(last_error_));
}

void TransactionalProducer::tell(Kind kind) {
  const TransactionStep step{transaction_->name, kind};
  model_.checks.tell(&Invariant::on_transaction, step);
}

void TransactionalProducer::lost() {
  // A late copy of the old protocol's EndTxn could end the next transaction, and one of its
  // offsets could get into it.
  const bool is_ending = state_ == State::kEnding && transaction_->end_sent;
  const bool has_offsets = state_ == State::kOpen && transaction_->offsets_added;
  if (old_ && (is_ending || has_offsets)) forget_producer(false);
}

void TransactionalProducer::forget_producer(bool for_good) {
  state_ = State::kNoProducer;
  transaction_.reset();
  positions_.clear();
  next_sequence_.clear();
  if (for_good) producer_id_ = ProducerId(-1);
}

void TransactionalProducer::work() {
  const ModelTopic* topic = there(model_, options_.topic);
  if (busy() || !topic || (transforms() && !there(model_, options_.input))) return;
  if (!has_coordinators()) {
    const bool of_transactions = coordinators_found() == 0;
    return find_coordinator(of_transactions ? options_.transactional_id : options_.group,
                            of_transactions);
  }
  if (!model_.draining && random_.chance(options_.restarts)) forget_producer(true);
  if (shard_.now() < retry_at_) return;
  switch (state_) {
    case State::kNoProducer:
      return init_producer();
    case State::kReady:
      return get_ready();
    case State::kOpen:
      return go_on();
    case State::kEnding:
      return end();
  }
}

void TransactionalProducer::init_producer() {
  wire::InitProducerIdRequest request;
  request.transactional_id = std::string_view(options_.transactional_id);
  request.transaction_timeout_ms = options_.timeout_ms;
  if (producer_id_.value() >= 0 && random_.chance(500)) {
    request.producer_id = producer_id_.value();
    request.producer_epoch = producer_epoch_.value();
  }
  const std::int16_t version = old_ ? 4 : 5;
  if (random_.chance(40)) send_late(request, version, Millis(random_.between(1, kLateMs)));
  ask<wire::InitProducerIdResponse>(
      request, version, [this](const wire::InitProducerIdResponse& answer) { on_init(answer); });
}

void TransactionalProducer::on_init(const wire::InitProducerIdResponse& answer) {
  const ErrorCode code = error_from_wire(answer.error_code);
  if (code == ErrorCode::kNone) {
    producer_id_ = ProducerId(answer.producer_id);
    producer_epoch_ = ProducerEpoch(answer.producer_epoch);
    ++model_.sessions;
    state_ = State::kReady;
    return;
  }
  last_error_ = code;
  if (is_fenced(code)) producer_id_ = ProducerId(-1);
  if (!is_fenced(code) && !is_retriable(code))
    model_.checks.fail("GoodRequestsAreTaken",
                       options_.name + " InitProducerId got " + std::string(error_name(code)));
}

void TransactionalProducer::get_ready() {
  if (model_.draining || made_ >= options_.transactions_max) return;
  if (!transforms()) {
    if (random_.chance(500)) begin({}, 0, 0);
    return;
  }
  if (positions_.empty()) return fetch_positions();
  take_input();
}

void TransactionalProducer::fetch_positions() {
  wire::OffsetFetchRequest request;
  request.group_id = std::string_view(options_.group);
  request.require_stable = true;
  auto& topic = request.topics->emplace_back();
  topic.name = std::string_view(options_.input);
  for (std::int32_t p = 0; p < there(model_, options_.input)->partitions; ++p)
    topic.partition_indexes.push_back(p);
  ask<wire::OffsetFetchResponse>(
      request, kOffsetFetchVersion,
      [this](const wire::OffsetFetchResponse& answer) { on_positions(answer); });
}

void TransactionalProducer::on_positions(const wire::OffsetFetchResponse& answer) {
  if (answer.error_code != 0 || answer.topics.empty() || state_ != State::kReady) return;
  std::map<std::int32_t, std::int64_t> found;
  for (const auto& one : answer.topics.at(0).partitions) {
    last_error_ = error_from_wire(one.error_code);
    if (one.error_code != 0) return;
    found[one.partition_index] = std::max<std::int64_t>(one.committed_offset, 0);
  }
  positions_ = std::move(found);
}

void TransactionalProducer::take_input() {
  const ModelTopic& input = *there(model_, options_.input);
  const std::int32_t partition = pick_partition(random_, input);
  wire::FetchRequest request;
  request.max_wait_ms = 100;
  request.min_bytes = 1;
  auto& data = request.topics.emplace_back();
  data.topic = std::string_view(input.name);
  auto& part = data.partitions.emplace_back();
  part.partition = partition;
  part.fetch_offset = positions_[partition];
  part.partition_max_bytes = 1'000;
  ask<wire::FetchResponse>(
      request, kFetchVersion,
      [this, partition](const wire::FetchResponse& answer) { on_input(partition, answer); });
}

void TransactionalProducer::on_input(std::int32_t partition, const wire::FetchResponse& answer) {
  if (answer.responses.empty() || state_ != State::kReady || model_.draining) return;
  const auto& part = answer.responses.at(0).partitions.at(0);
  if (part.error_code != 0 || part.records.size() == 0) return;
  const auto batches = read_batches(part.records.view(), model_.compression);
  if (!batches.ok()) return model_.checks.fail("RecordsAreWhole", batches.error().text());
  std::int64_t next = positions_[partition];
  const GroupPartition where{options_.group, options_.input, partition};
  std::vector<std::string> origins;
  for (const ReadBatch& batch : *batches) {
    for (const auto& [offset, value] : batch.records) {
      if (offset.value() < next || origins.size() >= 6) continue;
      origins.push_back(where.text() + ":" + std::to_string(offset.value()));
      next = offset.value() + 1;
    }
  }
  if (!origins.empty()) begin(std::move(origins), partition, next);
}

void TransactionalProducer::begin(std::vector<std::string> origins, std::int32_t partition,
                                  std::int64_t read_to) {
  const ModelTopic& topic = *there(model_, options_.topic);
  Transaction next;
  next.name = options_.name + "." + std::to_string(++made_);
  next.commit = random_.chance(750);
  const std::int64_t count =
      transforms() ? static_cast<std::int64_t>(origins.size()) : random_.between(1, 6);
  for (std::int64_t i = 0; i < count; ++i) {
    std::string value = next.name + "#" + std::to_string(i);
    if (transforms()) value += "<" + origins[static_cast<std::size_t>(i)];
    value += "|";
    value.append(random_.below(100), 'x');
    if (next.batches.empty() || random_.chance(600))
      next.batches.emplace_back().partition = pick_partition(random_, topic);
    next.batches.back().values.push_back(std::move(value));
  }
  if (transforms()) next.read_to.emplace(partition, read_to);
  transaction_ = std::move(next);
  state_ = State::kOpen;
}

void TransactionalProducer::go_on() {
  Transaction& open = *transaction_;
  if (shard_.now() < open.silent_until && !model_.draining) return;
  std::vector<Batch*> left;
  for (Batch& batch : open.batches) {
    const bool same_partition = std::any_of(left.begin(), left.end(), [&](const Batch* other) {
      return other->partition == batch.partition;
    });
    if (!batch.is_acked && !same_partition) left.push_back(&batch);
  }
  const bool owes_offsets = open.read_to && !open.offsets_done;
  if (left.empty() && !owes_offsets) {
    state_ = State::kEnding;
    if (options_.may_be_silent && random_.chance(30))
      open.silent_until =
          shard_.now() + Millis(random_.between(options_.timeout_ms / 2, options_.timeout_ms * 3));
    return;
  }
  // An abort does not wait for everything.
  if (!open.commit && random_.chance(200)) {
    state_ = State::kEnding;
    return;
  }
  if (owes_offsets && (left.empty() || random_.chance(200)))
    return old_ && !open.offsets_added ? add_offsets() : commit_offsets();
  const auto is_added = [&](const Batch* batch) { return open.added.contains(batch->partition); };
  if (old_ && !std::all_of(left.begin(), left.end(), is_added)) return add_partitions();
  if (random_.chance(500)) left.resize(1);
  produce(std::move(left));
}

void TransactionalProducer::add_partitions() {
  wire::AddPartitionsToTxnRequest request;
  request.v3_and_below_transactional_id = std::string_view(options_.transactional_id);
  request.v3_and_below_producer_id = producer_id_.value();
  request.v3_and_below_producer_epoch = producer_epoch_.value();
  auto& topic = request.v3_and_below_topics.emplace_back();
  topic.name = std::string_view(options_.topic);
  std::set<std::int32_t> wanted;
  for (const Batch& batch : transaction_->batches) wanted.insert(batch.partition);
  topic.partitions.assign(wanted.begin(), wanted.end());
  ask<wire::AddPartitionsToTxnResponse>(
      request, 3, [this, wanted](const wire::AddPartitionsToTxnResponse& answer) {
        if (state_ != State::kOpen) return;
        for (const auto& result : answer.results_by_topic_v3_and_below)
          for (const auto& one : result.results_by_partition)
            if (one.partition_error_code != 0)
              return judge(error_from_wire(one.partition_error_code), "AddPartitionsToTxn");
        transaction_->added = wanted;
      });
}

void TransactionalProducer::add_offsets() {
  wire::AddOffsetsToTxnRequest request;
  request.transactional_id = std::string_view(options_.transactional_id);
  request.producer_id = producer_id_.value();
  request.producer_epoch = producer_epoch_.value();
  request.group_id = std::string_view(options_.group);
  ask<wire::AddOffsetsToTxnResponse>(
      request, 3, [this](const wire::AddOffsetsToTxnResponse& answer) {
        if (state_ != State::kOpen) return;
        if (answer.error_code != 0)
          return judge(error_from_wire(answer.error_code), "AddOffsetsToTxn");
        transaction_->offsets_added = true;
      });
}

void TransactionalProducer::commit_offsets() {
  wire::TxnOffsetCommitRequest request;
  request.transactional_id = std::string_view(options_.transactional_id);
  request.group_id = std::string_view(options_.group);
  request.producer_id = producer_id_.value();
  request.producer_epoch = producer_epoch_.value();
  auto& topic = request.topics.emplace_back();
  topic.name = std::string_view(options_.input);
  auto& part = topic.partitions.emplace_back();
  part.partition_index = transaction_->read_to->first;
  part.committed_offset = transaction_->read_to->second;
  const std::int16_t version = old_ ? 3 : 5;
  if (!old_ && random_.chance(50)) send_late(request, version, Millis(random_.between(1, kLateMs)));
  ask<wire::TxnOffsetCommitResponse>(
      request, version, [this](const wire::TxnOffsetCommitResponse& answer) {
        if (state_ != State::kOpen) return;
        const std::int16_t code = answer.topics.at(0).partitions.at(0).error_code;
        if (code != 0) return judge(error_from_wire(code), "TxnOffsetCommit");
        transaction_->offsets_done = true;
      });
}

Slice TransactionalProducer::build(Batch& batch) {
  batch.base_sequence = next_sequence_[batch.partition];
  next_sequence_[batch.partition] += static_cast<std::int32_t>(batch.values.size());
  record::BatchFields fields;
  fields.producer_id = producer_id_;
  fields.producer_epoch = producer_epoch_;
  fields.base_sequence = batch.base_sequence;
  fields.transactional = true;
  record::BatchBuilder builder(fields);
  for (const std::string& value : batch.values) {
    record::RecordFields record;
    record.timestamp = model_.world.wall();
    record.value = as_view(value);
    builder.append(record).value();
  }
  return builder.build(model_.compression).value();
}

void TransactionalProducer::produce(std::vector<Batch*> batches) {
  const ModelTopic& topic = *there(model_, options_.topic);
  const std::int16_t version = old_ ? 11 : random_.chance(500) ? 12 : 13;
  wire::ProduceRequest request;
  request.transactional_id = std::string_view(options_.transactional_id);
  request.acks = -1;
  request.timeout_ms = 5'000;
  auto& data = request.topic_data.emplace_back();
  if (version >= 13)
    data.topic_id = topic.id;
  else
    data.name = std::string_view(topic.name);
  for (Batch* batch : batches) {
    if (!std::exchange(batch->was_sent, true)) batch->bytes = build(*batch);
    auto& part = data.partition_data.emplace_back();
    part.index = batch->partition;
    part.records = batch->bytes.view();
  }
  if (!old_ && random_.chance(50)) send_late(request, version, Millis(random_.between(1, kLateMs)));
  if (!transaction_->commit && random_.chance(old_ ? 250 : 100)) {
    // It is on its way while the transaction is aborted, with the same epoch by an old producer.
    send_late(request, version, Millis(random_.between(0, old_ ? 8 : 40)));
    transaction_->is_careless = old_;
    state_ = State::kEnding;
    return;
  }
  ask<wire::ProduceResponse>(
      request, version,
      [this, id = topic.id, life = model_.lives_ended](const wire::ProduceResponse& answer) {
        if (state_ == State::kOpen) on_produced(id, answer, life);
      });
}

void TransactionalProducer::on_produced(TopicId topic, const wire::ProduceResponse& answer,
                                        Life life) {
  if (answer.responses.size() != 1)
    return model_.checks.fail("Protocol", "a produce answer of another shape");
  ErrorCode worst = ErrorCode::kNone;
  for (const auto& one : answer.responses.at(0).partition_responses) {
    const ErrorCode code = error_from_wire(one.error_code);
    const auto batch = std::find_if(
        transaction_->batches.begin(), transaction_->batches.end(), [&](const Batch& candidate) {
          return candidate.partition == one.index && candidate.was_sent && !candidate.is_acked;
        });
    if (batch == transaction_->batches.end()) continue;
    if (code == ErrorCode::kNone || code == ErrorCode::kDuplicateSequenceNumber) {
      acknowledge(topic, *batch, Offset(one.base_offset), life);
    } else if (worst == ErrorCode::kNone || is_retriable(worst)) {
      worst = code;
    }
  }
  if (worst != ErrorCode::kNone) judge(worst, "Produce");
}

void TransactionalProducer::acknowledge(TopicId topic, Batch& batch, Offset base, Life life) {
  batch.is_acked = true;
  if (base.value() < 0) return;
  const bool durable = model_.topics.at(options_.topic).durable;
  for (std::size_t i = 0; i < batch.values.size(); ++i) {
    Acked acked{{topic, PartitionId(batch.partition)},
                base + static_cast<std::int64_t>(i),
                batch.values[i],
                durable,
                life};
    model_.checks.tell(&Invariant::on_acked, acked);
    ++model_.acked;
  }
}

void TransactionalProducer::judge(ErrorCode code, std::string_view api) {
  last_error_ = code;
  ++model_.produce_errors;
  if (is_retriable(code)) {
    retry_at_ = shard_.now() + Millis(random_.between(1, 100));
  } else if (is_fenced(code)) {
    forget_producer(true);
    retry_at_ = shard_.now() + Millis(random_.between(1, 1'500));
  } else if (code == ErrorCode::kInvalidTxnState || code == ErrorCode::kTransactionAbortable ||
             code == ErrorCode::kOutOfOrderSequenceNumber ||
             code == ErrorCode::kUnknownProducerId) {
    transaction_->commit = false;
    state_ = State::kEnding;
  } else {
    model_.checks.fail("GoodRequestsAreTaken", options_.name + " " + std::string(api) + " got " +
                                                   std::string(error_name(code)));
  }
}

void TransactionalProducer::end() {
  Transaction& open = *transaction_;
  if (shard_.now() < open.silent_until && !model_.draining) return;
  const auto unclear = [](const Batch& batch) { return batch.was_sent && !batch.is_acked; };
  if (!std::exchange(open.end_sent, true))
    tell(open.commit ? Kind::kCommitAsked : Kind::kAbortAsked);
  // With the same epoch what is under way could get into the next transaction.
  if (old_ && !open.is_careless && std::any_of(open.batches.begin(), open.batches.end(), unclear))
    return forget_producer(false);
  // The coordinator may know nothing of it.
  const bool is_empty = std::none_of(open.batches.begin(), open.batches.end(),
                                     [](const Batch& batch) { return batch.is_acked; }) &&
                        open.added.empty() && !open.offsets_added && !open.offsets_done;
  if (old_ && is_empty) return forget_producer(false);
  wire::EndTxnRequest request;
  request.transactional_id = std::string_view(options_.transactional_id);
  request.producer_id = producer_id_.value();
  request.producer_epoch = producer_epoch_.value();
  request.committed = open.commit;
  const std::int16_t version = old_ ? 4 : 5;
  if (!old_ && random_.chance(150))
    send_late(request, version, Millis(random_.between(1, kLateMs)));
  ask<wire::EndTxnResponse>(request, version,
                            [this, commit = open.commit](const wire::EndTxnResponse& answer) {
                              if (state_ == State::kEnding) on_ended(commit, answer);
                            });
}

void TransactionalProducer::on_ended(bool commit, const wire::EndTxnResponse& answer) {
  const ErrorCode code = error_from_wire(answer.error_code);
  if (code != ErrorCode::kNone) {
    last_error_ = code;
    ++model_.produce_errors;
    if (is_retriable(code)) {
      retry_at_ = shard_.now() + Millis(random_.between(1, 100));
      return;
    }
    if (code == ErrorCode::kInvalidTxnState && commit) tell(Kind::kNotCommitted);
    if (code != ErrorCode::kInvalidTxnState && !is_fenced(code))
      model_.checks.fail("GoodRequestsAreTaken",
                         options_.name + " EndTxn got " + std::string(error_name(code)));
    forget_producer(is_fenced(code));
    retry_at_ = shard_.now() + Millis(random_.between(1, 1'500));
    return;
  }
  if (commit) {
    tell(Kind::kCommitted);
    ++model_.transactions_committed;
    if (transaction_->read_to)
      positions_[transaction_->read_to->first] = transaction_->read_to->second;
  }
  if (!old_) {
    producer_id_ = ProducerId(answer.producer_id);
    producer_epoch_ = ProducerEpoch(answer.producer_epoch);
    next_sequence_.clear();
  }
  if (transaction_->is_careless) {
    // The next transaction must not meet what is still under way.
    forget_producer(false);
    retry_at_ = shard_.now() + Millis(random_.between(1, 1'500));
    return;
  }
  transaction_.reset();
  state_ = State::kReady;
}

}  // namespace moldau::sim
