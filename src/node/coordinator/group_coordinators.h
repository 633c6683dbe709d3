// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "config/broker_config.h"
#include "env/env.h"
#include "machine/group/group_machine.h"
#include "machine/image/delta.h"
#include "node/coordinator/coordinator.h"

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

  std::string_view topic() const { return kGroupTopic; }
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

/// The group coordinators of all shards of a node.
///
/// Path     handlers, from any shard → the shard that hosts the group's partition → GroupMachine.
/// Owner    node/assembly.
/// Thread   on(), call() and read() from any shard; show() and stop() on the shard they name.
/// Errors   of calls: see Coordinator; kCoordinatorNotAvailable while the topic is missing.
class GroupCoordinators {
 public:
  GroupCoordinators(env::Env& env, replica::ReplicaSet& replicas,
                    const config::BrokerConfig& config);

  /// The partition of `__consumer_offsets` that keeps a group; nothing while there is no topic.
  static std::optional<TopicIdPartition> partition_of(const image::MetadataImage& image,
                                                      std::string_view group_id);

  /// To be called on shard `shard` with each image that is in force.
  void show(std::uint32_t shard, const image::ImagePtr& image,
            const image::MetadataChanges& changes);
  void stop(std::uint32_t shard) { coordinators_[shard]->stop(); }
  GroupCoordinator& of(const TopicIdPartition& id) {
    return *coordinators_[replicas_.owner_index(id)];
  }
  GroupCoordinator& at(std::uint32_t shard) { return *coordinators_[shard]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(coordinators_.size()); }

  /// `step(GroupMachine&, const GroupContext&, AnswerId) → GroupEffects` on the group's
  /// coordinator; its answer. What the step borrows must live until then.
  template <class Response, class Step>
  env::Task<Result<Response>> call(env::Shard& here, image::ImagePtr image, std::string group_id,
                                   Step step);
  /// `look(const GroupMachine&, const image::MetadataImage&) → T`.
  template <class T, class Look>
  env::Task<Result<T>> read(env::Shard& here, image::ImagePtr image, std::string group_id,
                            Look look);
  template <class T, class Look>
  env::Task<Result<T>> read_partition(env::Shard& here, TopicIdPartition id, Look look);

 private:
  /// `ask(GroupCoordinator&, done)` on the shard of a partition; what `done` heard, back here.
  template <class T, class Ask>
  env::Task<Result<T>> ask(env::Shard* here, TopicIdPartition id, Ask ask);

  replica::ReplicaSet& replicas_;
  std::vector<std::unique_ptr<GroupCoordinator>> coordinators_;
  std::vector<image::ImagePtr> images_;  // per shard, the last one shown
};

template <class T, class Ask>
env::Task<Result<T>> GroupCoordinators::ask(env::Shard* here, TopicIdPartition id, Ask ask) {
  using Heard = Result<T>;
  GroupCoordinator* there = &of(id);
  env::OneShot<Heard> answer(*here);
  env::OneShot<Heard>* slot = &answer;
  there->shard().post([there, slot, here, ask = std::move(ask)]() mutable {
    ask(*there, [slot, here](Heard heard) {
      here->post([slot, heard = std::move(heard)]() mutable { slot->set(std::move(heard)); });
    });
  });
  Heard heard = co_await answer;
  co_return heard;
}

template <class Response, class Step>
env::Task<Result<Response>> GroupCoordinators::call(env::Shard& here, image::ImagePtr image,
                                                    std::string group_id, Step step) {
  const auto id = partition_of(*image, group_id);
  if (!id) co_return Error(ErrorCode::kCoordinatorNotAvailable, "no topic of offsets yet");
  auto run = [index = id->partition, step = std::move(step)](GroupCoordinator& there,
                                                             auto done) mutable {
    there.run(index, std::move(step), std::move(done));
  };
  Result<group::GroupResponse> heard =
      co_await ask<group::GroupResponse>(&here, *id, std::move(run));
  if (!heard.ok()) co_return std::move(heard).error();
  Response* response = std::get_if<Response>(&*heard);
  MOLDAU_CHECK(response, "an answer of another kind");
  co_return std::move(*response);
}

template <class T, class Look>
env::Task<Result<T>> GroupCoordinators::read(env::Shard& here, image::ImagePtr image,
                                             std::string group_id, Look look) {
  const auto id = partition_of(*image, group_id);
  if (!id) co_return Error(ErrorCode::kCoordinatorNotAvailable, "no topic of offsets yet");
  Result<T> heard = co_await read_partition<T>(here, *id, std::move(look));
  co_return heard;
}

template <class T, class Look>
env::Task<Result<T>> GroupCoordinators::read_partition(env::Shard& here, TopicIdPartition id,
                                                       Look look) {
  auto run = [index = id.partition, look = std::move(look)](GroupCoordinator& there,
                                                            auto done) mutable {
    there.read(index, std::move(look), std::move(done));
  };
  Result<T> heard = co_await ask<T>(&here, id, std::move(run));
  co_return heard;
}

}  // namespace moldau::coordinator
