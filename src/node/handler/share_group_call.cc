// SPDX-License-Identifier: Apache-2.0
#include "node/handler/share_group_call.h"

#include "node/park/parallel.h"

namespace moldau::handler {
namespace {

constexpr std::size_t kAtOnce = 64;

env::Task<void> initialize_one(Services* node, StateWork* work, std::size_t index) {
  const group::ShareStart& start = work->partitions[index];
  share::InitializeState asked;
  asked.key = share::SharePartitionKey(work->group_id, start.topic_id, start.partition);
  asked.state_epoch = work->state_epoch;
  asked.start_offset = start.start_offset;
  share::StateOutcome outcome =
      co_await node->share->persister().initialize(&node->shard, std::move(asked));
  work->outcomes[index] = std::move(outcome);
}

env::Task<void> remove_one(Services* node, StateWork* work, std::size_t index) {
  const group::ShareStart& start = work->partitions[index];
  share::DeleteState asked;
  asked.key = share::SharePartitionKey(work->group_id, start.topic_id, start.partition);
  share::StateOutcome outcome =
      co_await node->share->persister().remove(&node->shard, std::move(asked));
  work->outcomes[index] = std::move(outcome);
}

env::Task<void> settle_some(Services* node, group::ShareSettlement what) {
  if (what.partitions.empty()) co_return;
  auto step = [&what](group::GroupMachine& machine, const group::GroupContext& context,
                      group::AnswerId id) { return machine.settle_share(context, id, what); };
  image::ImagePtr image = node->image;
  std::string group_id = what.group_id;
  // If that fails, a later heartbeat begins once more.
  (void)co_await node->groups->call<group::ShareSettled>(node->shard, std::move(image),
                                                         std::move(group_id), std::move(step));
}

}  // namespace

env::Task<void> initialize_states(Services& node, StateWork* work) {
  work->outcomes.resize(work->partitions.size());
  env::TaskScope tasks;
  Services* services = &node;
  park::WorkAt each = [services, work](std::size_t index) {
    return initialize_one(services, work, index);
  };
  co_await park::run_parallel(node.shard, tasks, work->partitions.size(), kAtOnce, std::move(each));
}

env::Task<void> remove_states(Services& node, StateWork* work) {
  work->outcomes.resize(work->partitions.size());
  env::TaskScope tasks;
  Services* services = &node;
  park::WorkAt each = [services, work](std::size_t index) {
    return remove_one(services, work, index);
  };
  co_await park::run_parallel(node.shard, tasks, work->partitions.size(), kAtOnce, std::move(each));
}

env::Task<void> settle_states(Services& node, const StateWork* work,
                              group::ShareSettlement::What good,
                              std::optional<group::ShareSettlement::What> bad) {
  group::ShareSettlement done;
  group::ShareSettlement failed;
  done.group_id = work->group_id;
  failed.group_id = work->group_id;
  done.what = good;
  failed.what = bad.value_or(good);
  for (std::size_t i = 0; i < work->partitions.size(); ++i) {
    const bool ok = work->outcomes[i].error == ErrorCode::kNone;
    (ok ? done : failed).partitions.push_back(work->partitions[i]);
  }
  if (!bad) failed.partitions.clear();
  co_await settle_some(&node, std::move(done));
  co_await settle_some(&node, std::move(failed));
}

}  // namespace moldau::handler
