// SPDX-License-Identifier: Apache-2.0
// Any sequence of requests, results and ticks: each answer comes once, and a machine that replays
// what was appended has the same state.
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "machine/image/delta.h"
#include "machine/image/record_list.h"
#include "machine/txn/transaction_log.h"
#include "machine/txn/txn_machine.h"

namespace moldau::txn {
namespace {

/// Ten of the partitions that may be asked for exist.
image::MetadataImage world() {
  image::RecordList list;
  const TopicId id(7, 1);
  list.topic("t", id);
  for (int index = 0; index < 10; ++index) {
    image::PartitionState state;
    state.replicas = image::ReplicaList({NodeId(1)});
    state.isr = state.replicas;
    state.directories.assign(1, DirectoryId(100, 1));
    state.leader = NodeId(1);
    list.partition(id, PartitionId(index), state);
  }
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records())
    MOLDAU_CHECK(delta.replay(record).ok(), "the image of the fuzzer");
  return delta.publish(image::Provenance());
}

class Driver {
 public:
  Driver(ByteView input, const image::MetadataImage& image) : input_(input), image_(image) {
    settings_.transactional_id_expiration = Millis(100'000);
    settings_.remove_expired_interval = Millis(10'000);
    settings_.producer_id_waits_max = 4;
    settings_.transactional_ids_max = 3;
    settings_.batch_bytes_max = 500;
    settings_.transactions_per_tick_max = 2;
    perform(machine_.loaded(context()));
  }

  void run() {
    while (!input_.empty()) step();
    MOLDAU_CHECK(asked_.size() <= wanted_.size(), "a request without an answer");
    TxnMachine again(settings_, LeaderEpoch(2));
    for (const auto& record : log_) {
      again.replay(record.key,
                   record.value ? std::optional<ByteView>(*record.value) : std::nullopt);
    }
    MOLDAU_CHECK(again.transactional_ids() == machine_.transactional_ids(), "replay equals state");
    for (const auto& listed : machine_.list(context(), ListFilter())) {
      const TransactionMetadata* const found = again.find(listed.transactional_id);
      MOLDAU_CHECK(found != nullptr && *found == *machine_.find(listed.transactional_id),
                   "replay equals state");
      (void)machine_.describe(listed.transactional_id);
    }
  }

 private:
  int byte() {
    if (input_.empty()) return 0;
    const int out = std::to_integer<int>(input_.front());
    input_ = input_.subspan(1);
    return out;
  }
  std::string id() { return std::string(static_cast<std::size_t>(byte() % 4), 'a'); }
  /// What is current, or something near it, or at the edges.
  std::int16_t epoch(const std::string& id) {
    const int choice = byte();
    if (choice >= 250) return static_cast<std::int16_t>(32'513 + choice);
    const TransactionMetadata* const found = machine_.find(id);
    return static_cast<std::int16_t>((found ? found->producer_epoch.value() : 0) + choice % 4 - 2);
  }
  std::int64_t producer_id(const std::string& id) {
    const TransactionMetadata* const found = machine_.find(id);
    const int choice = byte();
    if (!found || choice >= 240) return choice - 245;
    return choice % 8 == 0 ? found->previous_producer_id.value() : found->producer_id.value();
  }
  TxnContext context() const { return {now_, wall_, image_, level_}; }

  void perform(TxnEffects effects) {
    for (auto& record : effects.batch.records) log_.push_back(std::move(record));
    for (const ProducerIdToken token : effects.need_producer_id) wanted_.push_back(token);
    for (const TxnAnswer& answer : effects.answers)
      MOLDAU_CHECK(asked_.erase(answer.id) == 1, "an answer nobody waits for");
    for (auto& marker : effects.markers) markers_.push_back(std::move(marker));
  }
  AnswerId ask() {
    asked_.insert(++last_answer_);
    return last_answer_;
  }

  void step() {
    switch (byte() % 8) {
      case 0:
        return init();
      case 1:
        return add();
      case 2:
      case 3:
        return end();
      case 4:
        return give_producer_id();
      case 5:
        return write_markers();
      case 6:
        return set_worn();
      default:
        level_ = static_cast<std::int16_t>(byte() % 3);
        now_ = now_ + Millis(byte() * 100);
        wall_ = wall_ + byte() * 500;
        perform(machine_.tick(context()));
    }
  }

  void init() {
    wire::InitProducerIdRequest request;
    const std::string name = id();
    request.transactional_id = wire::Text(name);
    request.transaction_timeout_ms = byte() * 100;
    if (byte() % 2 == 0) {
      request.producer_id = producer_id(name);
      request.producer_epoch = epoch(name);
    }
    perform(machine_.init_producer_id(context(), ask(), request,
                                      static_cast<std::int16_t>(byte() % 7)));
  }

  void add() {
    AddPartitionsTransaction transaction;
    const std::string name = id();
    transaction.transactional_id = wire::Text(name);
    transaction.producer_id = producer_id(name);
    transaction.producer_epoch = epoch(name);
    transaction.verify_only = byte() % 4 == 0;
    auto& topic = transaction.topics.emplace_back();
    topic.name = wire::Text("t");
    for (int i = byte() % 80; i > 0; --i) topic.partitions.push_back(i);
    perform(machine_.add_partitions_to_txn(context(), ask(), transaction,
                                           static_cast<std::int16_t>(byte() % 6)));
  }

  void end() {
    wire::EndTxnRequest request;
    const std::string name = id();
    request.transactional_id = wire::Text(name);
    request.producer_id = producer_id(name);
    request.producer_epoch = epoch(name);
    request.committed = byte() % 2 == 0;
    perform(machine_.end_txn(context(), ask(), request, static_cast<std::int16_t>(byte() % 6)));
  }

  void give_producer_id() {
    if (wanted_.empty()) return;
    const ProducerIdToken token = wanted_.front();
    wanted_.pop_front();
    Result<ProducerId> given = ++next_producer_id_;
    if (byte() % 4 == 0) given = Error(ErrorCode::kCoordinatorLoadInProgress);
    perform(machine_.producer_id_given(context(), token, given));
  }

  void write_markers() {
    if (markers_.empty()) return;
    const MarkersToWrite marker = std::move(markers_.front());
    markers_.pop_front();
    std::vector<MarkerResult> results;
    for (const TopicPartition& partition : marker.partitions)
      results.emplace_back(partition, static_cast<ErrorCode>(byte() % 128));
    perform(machine_.markers_written(context(), marker.transactional_id, marker.producer_id,
                                     marker.producer_epoch, results));
  }

  /// A record as another coordinator might have left it, near the last epoch.
  void set_worn() {
    if (machine_.transactional_ids() != 0) return;
    TransactionMetadata worn;
    worn.producer_id = ProducerId(5);
    worn.producer_epoch = kFencedEpochMax - static_cast<std::int16_t>(byte() % 4);
    worn.last_update = worn.start = wall_;
    worn.state = byte() % 2 == 0 ? TransactionState::kOngoing : TransactionState::kEmpty;
    worn.client_transaction_version = static_cast<std::int16_t>(byte() % 3);
    log_.push_back(serialize_transaction("a", worn, 2));
    machine_.replay(log_.back().key, ByteView(*log_.back().value));
  }

  ByteView input_;
  TxnSettings settings_;
  std::int16_t level_ = 2;
  MonoTime now_{0};
  Timestamp wall_{1'700'000'000'000};
  const image::MetadataImage& image_;
  std::vector<record::KeyedRecord> log_;
  std::deque<ProducerIdToken> wanted_;
  std::deque<MarkersToWrite> markers_;
  std::set<AnswerId> asked_;
  AnswerId last_answer_{0};
  ProducerId next_producer_id_{1000};
  TxnMachine machine_{settings_, LeaderEpoch(1)};
};

}  // namespace
}  // namespace moldau::txn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau;
  static const image::MetadataImage kWorld = txn::world();
  txn::Driver(ByteView(reinterpret_cast<const std::byte*>(data), size), kWorld).run();
  return 0;
}
