// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/txn_coordinators.h"

#include <algorithm>
#include <utility>

namespace moldau::coordinator {
namespace {

constexpr std::int32_t kPieceBytesMax = 256 << 10;
constexpr Millis kMarkerTimeout{30'000};

txn::TxnSettings settings_of(const config::BrokerConfig& config) {
  const auto& values = config.values;
  txn::TxnSettings settings;
  settings.transaction_max_timeout = Millis(values.transaction_max_timeout_ms);
  settings.transactional_id_expiration = Millis(values.transactional_id_expiration_ms);
  settings.abort_timed_out_interval =
      Millis(values.transaction_abort_timed_out_transaction_cleanup_interval_ms);
  settings.remove_expired_interval =
      Millis(values.transaction_remove_expired_transaction_cleanup_interval_ms);
  settings.two_phase_commit_enable = values.transaction_two_phase_commit_enable;
  settings.batch_bytes_max = static_cast<std::size_t>(std::max(values.message_max_bytes, 0));
  return settings;
}

}  // namespace

TxnKind::TxnKind(TxnCoordinators& owner, env::Shard& shard, TxnMetrics metrics,
                 const config::BrokerConfig& config)
    : owner_(owner),
      shard_(shard),
      settings_(settings_of(config)),
      commit_timeout_(config.values.request_timeout_ms),
      piece_bytes_(static_cast<std::uint32_t>(
          std::clamp(config.values.transaction_state_log_load_buffer_size, 1, kPieceBytesMax))),
      metrics_(std::move(metrics)) {}

Millis TxnKind::count(PartitionId partition, const Machine& machine,
                      const image::MetadataImage& image) {
  const std::size_t markers = machine.markers_without_leader(image);
  metrics_.count(partition, markers);
  // It looks at each: not for more than a thousandth of the time.
  return std::max(Millis(1'000), Millis(static_cast<std::int64_t>(markers / 10)));
}

txn::TxnContext TxnKind::context(const image::MetadataImage& image) const {
  return {shard_.now(), shard_.wall_now(), image, image.feature_level("transaction.version")};
}

void TxnKind::replay(Machine& machine, const LoggedBatch& batch) const {
  if (batch.is_marker) return;
  for (const record::KeyedRecord& record : batch.content.records)
    machine.replay(record.key,
                   record.value ? std::optional<ByteView>(*record.value) : std::nullopt);
}

void TxnKind::at_once(PartitionId partition, const Effects& effects) {
  for (const txn::ProducerIdToken token : effects.need_producer_id) {
    TxnCoordinators* owner = &owner_;
    env::Shard* home = &shard_;
    const std::uint32_t index = home->id().value();
    owner->env_.shard(env::ShardId(0)).post([owner, home, index, partition, token] {
      owner->take_producer_id_([owner, home, index, partition, token](Result<ProducerId> given) {
        home->post([owner, index, partition, token, given = std::move(given)] {
          owner->at(index).tell(partition,
                                [&](txn::TxnMachine& machine, const txn::TxnContext& context) {
                                  return machine.producer_id_given(context, token, given);
                                });
        });
      });
    });
  }
}

void TxnKind::when_committed(PartitionId partition, const image::ImagePtr& image,
                             const Effects& effects) {
  for (const txn::MarkersToWrite& wanted : effects.markers) {
    const TransactionMarker marker{wanted.producer_id, wanted.producer_epoch,
                                   wanted.coordinator_epoch, wanted.commit,
                                   wanted.transaction_version};
    owner_.markers_.write(
        shard_, image, marker, wanted.partitions, shard_.now() + kMarkerTimeout,
        [owner = &owner_, index = shard_.id().value(), partition,
         transactional_id = wanted.transactional_id, producer_id = wanted.producer_id,
         epoch = wanted.producer_epoch](const std::vector<MarkerOutcome>& outcomes) {
          std::vector<txn::MarkerResult> results;
          for (const MarkerOutcome& outcome : outcomes)
            results.emplace_back(outcome.partition, outcome.error);
          owner->at(index).tell(partition, [&](txn::TxnMachine& machine,
                                               const txn::TxnContext& context) {
            return machine.markers_written(context, transactional_id, producer_id, epoch, results);
          });
        });
  }
}

TxnCoordinators::TxnCoordinators(env::Env& env, replica::ReplicaSet& replicas,
                                 MarkerWriter& markers, const config::BrokerConfig& config,
                                 TakeProducerId take_producer_id)
    : Coordinators(replicas),
      env_(env),
      markers_(markers),
      take_producer_id_(std::move(take_producer_id)) {
  const auto recent_loads = TxnMetrics::recent_loads_of(env);
  make(env, [&](env::Shard& shard) {
    return TxnKind(*this, shard, TxnMetrics(env.metrics(), recent_loads, shard.id()), config);
  });
}

}  // namespace moldau::coordinator
