// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "env/env.h"
#include "machine/share/share_session.h"
#include "node/coordinator/share_partition_host.h"

namespace moldau::coordinator {

/// All that serves share consumers on a node: the share partitions of each shard, the sessions on
/// shard 0, and where state is kept.
///
/// Path     handlers → this.
/// Owner    node/assembly; borrows the coordinators.
/// Thread   the shard they name, else any shard.
class ShareHosts {
 public:
  ShareHosts(env::Env& env, replica::ReplicaSet& replicas, ShareCoordinators& coordinators,
             std::shared_ptr<const config::BrokerConfig> config,
             UniqueFunction<void()> create_topic);

  SharePersister& persister() { return persister_; }
  SharePartitionHost& of(const TopicIdPartition& id) { return *hosts_[replicas_.owner_index(id)]; }
  env::Shard& shard_of(const TopicIdPartition& id) { return replicas_.owner(id).shard(); }
  /// Of the shard that it names.
  ShareGroupMetrics& metrics(std::uint32_t shard) { return hosts_[shard]->metrics(); }

  /// Of the shard that it names.
  void show(std::uint32_t shard, const image::ImagePtr& image,
            std::shared_ptr<const config::BrokerConfig> config) {
    hosts_[shard]->show(image, std::move(config));
  }
  void stop(std::uint32_t shard) { hosts_[shard]->stop(); }

  env::Task<Result<share::SessionPlan>> fetch_session(env::Shard* here,
                                                      share::SessionRequest request);
  env::Task<Result<void>> acknowledge_session(env::Shard* here, share::ShareMember member,
                                              std::int32_t epoch);
  env::Task<void> tell_again(env::Shard* here, share::ShareMember member,
                             std::vector<TopicIdPartition> partitions);
  env::Task<share::StateOutcome> acknowledge(env::Shard* here, share::SharePartitionKey key,
                                             std::string member_id,
                                             std::vector<share::Acknowledgement> batches);
  /// Ends the session; all that the member holds is available again when this ends.
  env::Task<void> end_session(env::Shard* here, share::ShareMember member);
  /// What is in memory of a group is read anew. Returns at once.
  void forget(const std::string& group_id);
  /// The sessions of a connection end. Returns at once.
  void disconnected(std::uint64_t connection);

 private:
  struct Leaving;
  void leave(const share::ShareMember& member, const std::vector<TopicIdPartition>& partitions,
             UniqueFunction<void()> done);
  void left(const std::shared_ptr<Leaving>& leaving);

  env::Env& env_;
  replica::ReplicaSet& replicas_;
  LocalSharePersister persister_;
  std::vector<std::unique_ptr<SharePartitionHost>> hosts_;
  /// On shard 0.
  env::Shard& home_;
  share::ShareSessionTable sessions_;
};

}  // namespace moldau::coordinator
