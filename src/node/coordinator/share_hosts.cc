// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/share_hosts.h"

#include <algorithm>
#include <utility>

namespace moldau::coordinator {

ShareHosts::ShareHosts(env::Env& env, replica::ReplicaSet& replicas,
                       ShareCoordinators& coordinators,
                       std::shared_ptr<const config::BrokerConfig> config,
                       UniqueFunction<void()> create_topic)
    : env_(env),
      replicas_(replicas),
      persister_(coordinators, std::move(create_topic)),
      home_(env.shard(env::ShardId(0))),
      sessions_(
          static_cast<std::size_t>(std::max(1, config->values.group_share_max_share_sessions))) {
  for (std::uint32_t s = 0; s < replicas.size(); ++s)
    hosts_.push_back(std::make_unique<SharePartitionHost>(replicas.host(s), persister_, config));
}

env::Task<Result<share::SessionPlan>> ShareHosts::fetch_session(env::Shard* here,
                                                                share::SessionRequest request) {
  auto step = [this, &request] { return sessions_.fetch(request); };
  Result<share::SessionPlan> plan = co_await env::call_on(*here, home_, std::move(step));
  co_return plan;
}

env::Task<Result<void>> ShareHosts::acknowledge_session(env::Shard* here, share::ShareMember member,
                                                        std::int32_t epoch) {
  auto step = [this, &member, epoch] { return sessions_.acknowledge(member, epoch); };
  Result<void> result = co_await env::call_on(*here, home_, std::move(step));
  co_return result;
}

env::Task<void> ShareHosts::tell_again(env::Shard* here, share::ShareMember member,
                                       std::vector<TopicIdPartition> partitions) {
  auto step = [this, &member, &partitions] {
    for (const TopicIdPartition& partition : partitions) sessions_.tell_again(member, partition);
    return true;
  };
  (void)co_await env::call_on(*here, home_, std::move(step));
}

env::Task<share::StateOutcome> ShareHosts::acknowledge(
    env::Shard* here, share::SharePartitionKey key, std::string member_id,
    std::vector<share::Acknowledgement> batches) {
  const TopicIdPartition id = key.topic_partition();
  SharePartitionHost* host = &of(id);
  env::OneShot<share::StateOutcome> answer(*here);
  env::OneShot<share::StateOutcome>* slot = &answer;
  const auto* asked = &batches;
  const auto* which = &key;
  const auto* member = &member_id;
  shard_of(id).post([host, slot, here, asked, which, member] {
    host->acknowledge(*which, *member, *asked, [slot, here](share::StateOutcome outcome) {
      here->post([slot, outcome = std::move(outcome)]() mutable { slot->set(std::move(outcome)); });
    });
  });
  share::StateOutcome outcome = co_await answer;
  co_return outcome;
}

// --- the end of sessions ------------------------------------------------------------------------

/// A member on its way out; on shard 0.
struct ShareHosts::Leaving {
  std::string group_id;
  std::size_t open = 0;
  UniqueFunction<void()> done;
};

/// On shard 0.
void ShareHosts::leave(const share::ShareMember& member,
                       const std::vector<TopicIdPartition>& partitions,
                       UniqueFunction<void()> done) {
  auto leaving = std::make_shared<Leaving>();
  leaving->group_id = member.group_id;
  leaving->open = partitions.size() + 1;
  leaving->done = std::move(done);
  for (const TopicIdPartition& id : partitions) {
    SharePartitionHost* host = &of(id);
    share::SharePartitionKey key(member.group_id, id.topic_id, id.partition);
    shard_of(id).post([this, host, key = std::move(key), member_id = member.member_id, leaving] {
      host->release(key, member_id, [this, leaving](const share::StateOutcome&) {
        home_.post([this, leaving] { left(leaving); });
      });
    });
  }
  left(leaving);
}

void ShareHosts::left(const std::shared_ptr<Leaving>& leaving) {
  if (--leaving->open > 0) return;
  if (!sessions_.has_group(leaving->group_id)) forget(leaving->group_id);
  if (leaving->done) leaving->done();
}

void ShareHosts::forget(const std::string& group_id) {
  for (std::uint32_t s = 0; s < replicas_.size(); ++s) {
    SharePartitionHost* host = hosts_[s].get();
    env_.shard(env::ShardId(s)).post([host, group_id] { host->forget_group(group_id); });
  }
}

env::Task<void> ShareHosts::end_session(env::Shard* here, share::ShareMember member) {
  env::OneShot<bool> answer(*here);
  env::OneShot<bool>* slot = &answer;
  const share::ShareMember* who = &member;
  home_.post([this, slot, here, who] {
    auto done = [slot, here] { here->post([slot] { slot->set(true); }); };
    const auto partitions = sessions_.remove(*who);
    if (!partitions.ok()) return done();
    leave(*who, *partitions, std::move(done));
  });
  (void)co_await answer;
}

void ShareHosts::disconnected(std::uint64_t connection) {
  home_.post([this, connection] {
    const auto ended = sessions_.disconnected(share::ConnectionNumber(connection));
    for (const auto& [member, partitions] : ended) leave(member, partitions, nullptr);
  });
}

}  // namespace moldau::coordinator
