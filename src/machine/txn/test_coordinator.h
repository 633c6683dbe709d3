// SPDX-License-Identifier: Apache-2.0
#pragma once

// The host of a TxnMachine for tests: a log in memory, a world that obeys at once.

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "machine/image/delta.h"
#include "machine/image/record_list.h"
#include "machine/txn/txn_machine.h"

namespace moldau::txn {

/// An image with one topic of four partitions for each name.
inline image::MetadataImage image_with(const std::vector<std::string>& topics,
                                       NodeId leader = NodeId(1)) {
  image::RecordList list;
  std::int64_t number = 0;
  for (const std::string& name : topics) {
    const TopicId id(7, ++number);
    list.topic(name, id);
    for (int index = 0; index < 4; ++index) {
      image::PartitionState state;
      state.replicas = image::ReplicaList({NodeId(1)});
      state.isr = state.replicas;
      state.directories.assign(1, DirectoryId(100, 1));
      state.leader = leader;
      list.partition(id, PartitionId(index), state);
    }
  }
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) EXPECT_TRUE(delta.replay(record).ok());
  return delta.publish(image::Provenance());
}

/// What a client makes of an answer.
struct Outcome {
  Outcome() = default;
  Outcome(ErrorCode e, std::int64_t p, int n) : error(e), producer_id(p), producer_epoch(n) {}
  ErrorCode error = ErrorCode::kNone;
  std::int64_t producer_id = -1;
  int producer_epoch = -1;
  bool operator==(const Outcome&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << error_name(outcome.error) << ' ' << outcome.producer_id << '/'
             << outcome.producer_epoch;
}

inline Outcome failed(ErrorCode error) {
  return {error, -1, -1};
}

/// Thread   one.
struct TestCoordinator {
  explicit TestCoordinator(const TxnSettings& s = TxnSettings(), std::int16_t l = 2)
      : settings(s), level(l), machine(s, LeaderEpoch(5)) {
    perform(machine.loaded(context()));
  }

  TxnContext context() const { return {now, wall, image, level}; }

  void pass(Millis span) {
    now = now + span;
    wall = wall + span.value();
  }

  /// Does the effects in their order; the appended is committed at once.
  void perform(TxnEffects effects) {
    for (auto& record : effects.batch.records) log.push_back(std::move(record));
    for (const ProducerIdToken token : effects.need_producer_id) wanted.push_back(token);
    for (auto& answer : effects.answers) {
      const auto [at, fresh] = answers.emplace(answer.id, std::move(answer.response));
      EXPECT_TRUE(fresh) << "answered twice";
    }
    for (auto& marker : effects.markers) markers.push_back(std::move(marker));
    if (!hold_producer_ids) give_producer_ids();
  }

  void give_producer_ids(std::optional<ErrorCode> error = std::nullopt) {
    for (const ProducerIdToken token : std::exchange(wanted, {})) {
      Result<ProducerId> given = next_producer_id;
      if (error) given = Error(*error);
      if (!error) ++next_producer_id;
      perform(machine.producer_id_given(context(), token, given));
    }
  }

  template <class Response>
  std::optional<Response> taken(AnswerId id) {
    auto node = answers.extract(id);
    if (node.empty()) return std::nullopt;
    return std::get<Response>(node.mapped());
  }

  AnswerId send_init(const std::string& id, std::int64_t producer_id = -1, int epoch = -1,
                     std::int16_t version = 5, int timeout_ms = 60'000) {
    wire::InitProducerIdRequest request;
    request.transactional_id = wire::Text(id);
    request.transaction_timeout_ms = timeout_ms;
    request.producer_id = producer_id;
    request.producer_epoch = static_cast<std::int16_t>(epoch);
    return send_init(request, version);
  }
  AnswerId send_init(const wire::InitProducerIdRequest& request, std::int16_t version) {
    const AnswerId answer = ++last_answer;
    perform(machine.init_producer_id(context(), answer, request, version));
    return answer;
  }
  Outcome init_outcome(AnswerId id) {
    const auto response = taken<wire::InitProducerIdResponse>(id);
    EXPECT_TRUE(response.has_value()) << "no answer";
    if (!response) return {};
    return {static_cast<ErrorCode>(response->error_code), response->producer_id,
            response->producer_epoch};
  }
  Outcome init(const std::string& id, std::int64_t producer_id = -1, int epoch = -1,
               std::int16_t version = 5, int timeout_ms = 60'000) {
    return init_outcome(send_init(id, producer_id, epoch, version, timeout_ms));
  }

  static AddPartitionsTransaction transaction(const std::string& id, std::int64_t producer_id,
                                              int epoch, const std::vector<int>& partitions,
                                              const std::string& topic = "t") {
    AddPartitionsTransaction out;
    out.transactional_id = wire::Text(id);
    out.producer_id = producer_id;
    out.producer_epoch = static_cast<std::int16_t>(epoch);
    auto& added = out.topics.emplace_back();
    added.name = wire::Text(topic);
    added.partitions.assign(partitions.begin(), partitions.end());
    return out;
  }
  /// The errors of the partitions, in the order asked for.
  std::vector<ErrorCode> add_all(const AddPartitionsTransaction& asked, std::int16_t version) {
    const AnswerId answer = ++last_answer;
    perform(machine.add_partitions_to_txn(context(), answer, asked, version));
    const auto result = taken<AddPartitionsResult>(answer);
    EXPECT_TRUE(result.has_value()) << "no answer";
    std::vector<ErrorCode> out;
    for (const auto& topic : result->topic_results) {
      for (const auto& partition : topic.results_by_partition)
        out.push_back(static_cast<ErrorCode>(partition.partition_error_code));
    }
    return out;
  }
  ErrorCode add(const std::string& id, std::int64_t producer_id, int epoch,
                const std::vector<int>& partitions, std::int16_t version) {
    return add_all(transaction(id, producer_id, epoch, partitions), version).at(0);
  }

  AnswerId send_end(const std::string& id, std::int64_t producer_id, int epoch, bool commit,
                    std::int16_t version) {
    wire::EndTxnRequest request;
    request.transactional_id = wire::Text(id);
    request.producer_id = producer_id;
    request.producer_epoch = static_cast<std::int16_t>(epoch);
    request.committed = commit;
    const AnswerId answer = ++last_answer;
    perform(machine.end_txn(context(), answer, request, version));
    return answer;
  }
  Outcome end_outcome(AnswerId id) {
    const auto response = taken<wire::EndTxnResponse>(id);
    EXPECT_TRUE(response.has_value()) << "no answer";
    if (!response) return {};
    return {static_cast<ErrorCode>(response->error_code), response->producer_id,
            response->producer_epoch};
  }
  Outcome end(const std::string& id, std::int64_t producer_id, int epoch, bool commit,
              std::int16_t version) {
    return end_outcome(send_end(id, producer_id, epoch, commit, version));
  }

  void written(const MarkersToWrite& asked, ErrorCode error = ErrorCode::kNone) {
    std::vector<MarkerResult> results;
    for (const TopicPartition& partition : asked.partitions) results.emplace_back(partition, error);
    perform(machine.markers_written(context(), asked.transactional_id, asked.producer_id,
                                    asked.producer_epoch, results));
  }
  /// All markers under way are written.
  void write_markers() {
    for (const MarkersToWrite& asked : std::exchange(markers, {})) written(asked);
  }

  void tick() { perform(machine.tick(context())); }

  /// Another coordinator loads what this one has appended.
  void fail_over() {
    machine = TxnMachine(settings, LeaderEpoch(6));
    for (const auto& record : log) {
      machine.replay(record.key,
                     record.value ? std::optional<ByteView>(*record.value) : std::nullopt);
    }
    wanted.clear();
    answers.clear();
    markers.clear();
    perform(machine.loaded(context()));
  }

  const TransactionMetadata& metadata(const std::string& id) const {
    const TransactionMetadata* const found = machine.find(id);
    EXPECT_NE(found, nullptr);
    return *found;
  }
  TransactionState state(const std::string& id) const { return metadata(id).state; }

  TxnSettings settings;
  std::int16_t level;
  MonoTime now{1'000'000'000};
  Timestamp wall{1'700'000'000'000};
  image::MetadataImage image = image_with({"t", "__consumer_offsets"});
  std::vector<record::KeyedRecord> log;
  std::vector<ProducerIdToken> wanted;
  bool hold_producer_ids = false;
  ProducerId next_producer_id{1000};
  std::map<AnswerId, TxnAnswer::Response> answers;
  AnswerId last_answer{0};
  std::vector<MarkersToWrite> markers;
  TxnMachine machine;
};

}  // namespace moldau::txn
