// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/broker_config.h"
#include "env/env.h"
#include "machine/image/delta.h"
#include "machine/share/share_machine.h"
#include "node/coordinator/coordinators.h"
#include "node/coordinator/share_metrics.h"

namespace moldau::coordinator {

inline constexpr std::string_view kShareTopic = "__share_group_state";

/// What the host must know of share machines.
/// Thread   shard-bound.
class ShareKind {
 public:
  using Machine = share::ShareMachine;
  using Context = share::ShareContext;
  using AnswerId = share::AnswerId;
  using Answer = share::ShareResponse;
  using Effects = share::ShareEffects;

  ShareKind(replica::ReplicaHost& host, std::shared_ptr<RecentValues> recent_loads,
            const config::BrokerConfig& config);

  static constexpr std::string_view kTopic = kShareTopic;
  Machine make(LeaderEpoch) const { return Machine(settings_); }
  Context context(const image::MetadataImage& image) const;
  void replay(Machine& machine, const LoggedBatch& batch) const;
  record::CompressionType compression() const { return compression_; }
  Millis commit_timeout() const { return commit_timeout_; }
  std::uint32_t piece_bytes() const { return piece_bytes_; }
  void at_once(PartitionId, const Effects&) {}
  bool has_later(const Effects& effects) const { return effects.prune_before.has_value(); }
  /// Takes from the log what is redundant.
  void when_committed(PartitionId partition, const image::ImagePtr& image, const Effects& effects);
  /// Metrics.
  Millis count(PartitionId partition, const Machine& machine, const image::MetadataImage&);
  void forget(PartitionId partition) { metrics_.forget(partition); }
  void changed(LoadState from, LoadState to) { runtime_metrics_.changed(from, to); }
  void was_loaded(Millis took) { runtime_metrics_.loaded(took); }
  void was_committed(Millis after) { runtime_metrics_.committed(after); }

 private:
  replica::ReplicaHost& host_;
  share::ShareStateSettings settings_;
  record::CompressionType compression_;
  Millis commit_timeout_;
  std::uint32_t piece_bytes_;
  ShareStateMetrics metrics_;
  RuntimeMetrics runtime_metrics_;
};

using ShareCoordinator = Coordinator<ShareKind>;

/// The share coordinators of a node. The key of a state is SharePartitionKey::text().
/// Thread   show() and image() on the shard they name.
class ShareCoordinators : public Coordinators<ShareKind> {
 public:
  ShareCoordinators(env::Env& env, replica::ReplicaSet& replicas,
                    const config::BrokerConfig& config);

  void show(std::uint32_t shard, const image::ImagePtr& image,
            const image::MetadataChanges& changes);
  /// The image in force on the shard; null before the first.
  const image::ImagePtr& image(std::uint32_t shard) const { return images_[shard]; }

  /// `method` of the machine that has the state of `asked->key`. `asked` must live until then.
  template <class Outcome, class Asked, class Method>
  env::Task<Result<Outcome>> call_state(env::Shard* here, image::ImagePtr image, const Asked* asked,
                                        Method method) {
    auto step = [asked, method](share::ShareMachine& machine, const share::ShareContext& context,
                                share::AnswerId id) {
      return (machine.*method)(context, id, *asked);
    };
    std::string key = asked->key.text();
    const MonoTime begun = here->now();
    Result<Outcome> answer = co_await this->template call<Outcome>(*here, std::move(image),
                                                                   std::move(key), std::move(step));
    if constexpr (std::is_same_v<Asked, share::WriteState>)
      write_times_->record(here->id(), (here->now() - begun) / 1'000'000);
    co_return answer;
  }

 private:
  std::vector<image::ImagePtr> images_;  // per shard, the last one shown
  std::shared_ptr<RecentValues> write_times_;
};

}  // namespace moldau::coordinator
