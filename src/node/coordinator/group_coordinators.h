// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "config/broker_config.h"
#include "env/env.h"
#include "machine/group/group_machine.h"
#include "machine/image/delta.h"
#include "node/coordinator/coordinators.h"

namespace moldau::coordinator {

inline constexpr std::string_view kGroupTopic = "__consumer_offsets";

/// What the host must know of group machines.
/// Thread   shard-bound.
class GroupKind {
 public:
  using Machine = group::GroupMachine;
  using Context = group::GroupContext;
  using AnswerId = group::AnswerId;
  using Answer = group::GroupResponse;
  using Effects = group::GroupEffects;

  GroupKind(env::Shard& shard, const config::BrokerConfig& config);

  static constexpr std::string_view kTopic = kGroupTopic;
  Machine make(LeaderEpoch) const { return Machine(settings_); }
  Context context(const image::MetadataImage& image);
  void replay(Machine& machine, const LoggedBatch& batch) const;
  record::CompressionType compression() const { return compression_; }
  Millis commit_timeout() const { return commit_timeout_; }
  std::uint32_t piece_bytes() const { return piece_bytes_; }

 private:
  env::Shard& shard_;
  group::GroupSettings settings_;
  record::CompressionType compression_;
  Millis commit_timeout_;
  std::uint32_t piece_bytes_;
};

using GroupCoordinator = Coordinator<GroupKind>;

/// Thread   show() on the shard it names.
class GroupCoordinators : public Coordinators<GroupKind> {
 public:
  GroupCoordinators(env::Env& env, replica::ReplicaSet& replicas,
                    const config::BrokerConfig& config);

  /// `image` is in force on shard `shard`; `changes` is what is new in it.
  void show(std::uint32_t shard, const image::ImagePtr& image,
            const image::MetadataChanges& changes);

 private:
  std::vector<image::ImagePtr> images_;  // per shard, the last one shown
};

}  // namespace moldau::coordinator
