// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_function.h"
#include "env/env.h"
#include "machine/share/share_effects.h"
#include "node/coordinator/share_coordinators.h"

namespace moldau::coordinator {

/// Where the leader of a partition and the group coordinator keep the state of share partitions.
///
/// Thread   any shard: `here` is the caller's, where the Task goes on.
/// Errors   in the outcomes: those of ShareMachine, and kCoordinatorNotAvailable,
///          kNotCoordinator, kCoordinatorLoadInProgress once it has been tried for a while.
/// Source   org.apache.kafka.server.share.persister.Persister.
class SharePersister {
 public:
  virtual ~SharePersister() = default;

  virtual env::Task<share::StateOutcome> initialize(env::Shard* here,
                                                    share::InitializeState asked) = 0;
  virtual env::Task<share::ReadOutcome> read(env::Shard* here, share::ReadState asked) = 0;
  virtual env::Task<share::StateOutcome> write(env::Shard* here, share::WriteState asked) = 0;
  virtual env::Task<share::StateOutcome> remove(env::Shard* here, share::DeleteState asked) = 0;
  virtual env::Task<share::SummaryOutcome> summary(env::Shard* here,
                                                   share::SharePartitionKey key) = 0;
};

/// The share coordinators of this node. Creates their topic when it is first needed.
/// Owner    node/assembly; borrows the coordinators.
/// Thread   as SharePersister.
class LocalSharePersister final : public SharePersister {
 public:
  /// `create_topic` is called on any shard, maybe often.
  LocalSharePersister(ShareCoordinators& coordinators, UniqueFunction<void()> create_topic)
      : coordinators_(coordinators), create_topic_(std::move(create_topic)) {}

  env::Task<share::StateOutcome> initialize(env::Shard* here,
                                            share::InitializeState asked) override;
  env::Task<share::ReadOutcome> read(env::Shard* here, share::ReadState asked) override;
  env::Task<share::StateOutcome> write(env::Shard* here, share::WriteState asked) override;
  env::Task<share::StateOutcome> remove(env::Shard* here, share::DeleteState asked) override;
  env::Task<share::SummaryOutcome> summary(env::Shard* here, share::SharePartitionKey key) override;

 private:
  template <class Outcome, class Asked, class Method>
  env::Task<Outcome> call(env::Shard* here, const Asked* asked, Method method);

  ShareCoordinators& coordinators_;
  UniqueFunction<void()> create_topic_;
};

}  // namespace moldau::coordinator
