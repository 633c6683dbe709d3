// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/broker_config.h"
#include "machine/txn/txn_machine.h"
#include "node/coordinator/coordinators.h"
#include "node/coordinator/marker_writer.h"
#include "node/coordinator/txn_metrics.h"

namespace moldau::coordinator {

inline constexpr std::string_view kTransactionTopic = "__transaction_state";

class TxnCoordinators;

/// What the host must know of transaction machines.
/// Thread   shard-bound.
class TxnKind {
 public:
  using Machine = txn::TxnMachine;
  using Context = txn::TxnContext;
  using AnswerId = txn::AnswerId;
  using Answer = txn::TxnAnswer::Response;
  using Effects = txn::TxnEffects;

  TxnKind(TxnCoordinators& owner, env::Shard& shard, TxnMetrics metrics,
          const config::BrokerConfig& config);

  static constexpr std::string_view kTopic = kTransactionTopic;
  Machine make(LeaderEpoch epoch) const { return Machine(settings_, epoch); }
  Context context(const image::MetadataImage& image) const;
  void replay(Machine& machine, const LoggedBatch& batch) const;
  record::CompressionType compression() const { return record::CompressionType::kNone; }
  Millis commit_timeout() const { return commit_timeout_; }
  std::uint32_t piece_bytes() const { return piece_bytes_; }
  /// Effects beside batch and answers: what is to be done at once, and once all that was appended
  /// is committed.
  void at_once(PartitionId partition, const Effects& effects);
  bool has_later(const Effects& effects) const { return !effects.markers.empty(); }
  void when_committed(PartitionId partition, const image::ImagePtr& image, const Effects& effects);
  Millis count(PartitionId partition, const Machine& machine, const image::MetadataImage& image);
  void forget(PartitionId partition) { metrics_.forget(partition); }
  void was_loaded(Millis took) { metrics_.loaded(took); }
  TxnMetrics& metrics() { return metrics_; }

 private:
  TxnCoordinators& owner_;
  env::Shard& shard_;
  txn::TxnSettings settings_;
  Millis commit_timeout_;
  std::uint32_t piece_bytes_;
  TxnMetrics metrics_;
};

using TxnCoordinator = Coordinator<TxnKind>;

/// Thread   show() on the shard it names.
class TxnCoordinators : public Coordinators<TxnKind> {
 public:
  /// Gives a producer id to `taken`; called on shard 0, and calls it there.
  using TakeProducerId = UniqueFunction<void(UniqueFunction<void(Result<ProducerId>)> taken)>;

  TxnCoordinators(env::Env& env, replica::ReplicaSet& replicas, MarkerWriter& markers,
                  const config::BrokerConfig& config, TakeProducerId take_producer_id);

  void show(std::uint32_t shard, const image::ImagePtr& image) { at(shard).show(image); }
  /// Of the shard that it names.
  TxnMetrics& metrics(std::uint32_t shard) { return at(shard).kind().metrics(); }

 private:
  friend class TxnKind;

  env::Env& env_;
  MarkerWriter& markers_;
  TakeProducerId take_producer_id_;
};

}  // namespace moldau::coordinator
