// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "config/broker_config.h"
#include "env/env.h"
#include "machine/group/group_machine.h"
#include "machine/image/delta.h"
#include "machine/security/authorizer.h"
#include "node/coordinator/coordinators.h"
#include "node/coordinator/group_metrics.h"

namespace moldau::coordinator {

inline constexpr std::string_view kGroupTopic = "__consumer_offsets";

class GroupCoordinators;

/// What the host must know of group machines.
/// Thread   shard-bound.
class GroupKind {
 public:
  using Machine = group::GroupMachine;
  using Context = group::GroupContext;
  using AnswerId = group::AnswerId;
  using Answer = group::GroupResponse;
  using Effects = group::GroupEffects;

  GroupKind(GroupCoordinators& owner, env::Shard& shard, env::Metrics& metrics,
            std::shared_ptr<RecentValues> recent_loads, const config::BrokerConfig& config);

  static constexpr std::string_view kTopic = kGroupTopic;
  Machine make(LeaderEpoch) const { return Machine(settings_); }
  Context context(const image::MetadataImage& image);
  void replay(Machine& machine, const LoggedBatch& batch) const;
  record::CompressionType compression() const { return compression_; }
  Millis commit_timeout() const { return commit_timeout_; }
  std::uint32_t piece_bytes() const { return piece_bytes_; }
  /// Regular expressions are matched against all topics on the pool.
  void at_once(PartitionId partition, const Effects& effects);
  bool has_later(const Effects&) const { return false; }
  void when_committed(PartitionId, const image::ImagePtr&, const Effects&) {}
  /// Metrics. Takes some 0.1 µs for each group: not more than a thousandth of the time.
  Millis count(PartitionId partition, const Machine& machine, const image::MetadataImage&);
  void forget(PartitionId partition) { metrics_.forget(partition); }
  void changed(LoadState from, LoadState to) { runtime_metrics_.changed(from, to); }
  void was_loaded(Millis took) { runtime_metrics_.loaded(took); }
  void was_committed(Millis after) { runtime_metrics_.committed(after); }
  /// Of the machines that are made from now on.
  void set_settings(const group::GroupSettings& settings) { settings_ = settings; }

 private:
  GroupCoordinators& owner_;
  env::Shard& shard_;
  group::GroupSettings settings_;
  record::CompressionType compression_;
  Millis commit_timeout_;
  std::uint32_t piece_bytes_;
  GroupMetrics metrics_;
  RuntimeMetrics runtime_metrics_;
};

using GroupCoordinator = Coordinator<GroupKind>;

/// Thread   show() on the shard it names.
class GroupCoordinators : public Coordinators<GroupKind> {
 public:
  /// `authorizer`: null if none is configured.
  GroupCoordinators(env::Env& env, replica::ReplicaSet& replicas,
                    const config::BrokerConfig& config,
                    std::shared_ptr<const security::AuthorizerSettings> authorizer);
  ~GroupCoordinators() { *alive_ = false; }
  GroupCoordinators(const GroupCoordinators&) = delete;
  GroupCoordinators& operator=(const GroupCoordinators&) = delete;

  /// `image` is in force on shard `shard`; `changes` is what is new in it.
  /// `config`: with dynamic configs applied.
  void show(std::uint32_t shard, const image::ImagePtr& image,
            const image::MetadataChanges& changes,
            const std::shared_ptr<const config::BrokerConfig>& config);

 private:
  friend class GroupKind;

  void resolve(env::Shard& shard, PartitionId partition, group::RegexQuestion question);
  void follow_config(std::uint32_t shard,
                     const std::shared_ptr<const config::BrokerConfig>& config);

  env::Logger& logger_;
  const std::shared_ptr<const security::AuthorizerSettings> authorizer_;
  // Per shard, the last ones shown.
  std::vector<image::ImagePtr> images_;
  std::vector<std::shared_ptr<const config::BrokerConfig>> configs_;
  // What the pool works on calls back only while this is there.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace moldau::coordinator
