// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/hash.h"
#include "node/coordinator/coordinator.h"

namespace moldau::coordinator {

/// The coordinators of one kind on all shards of a node.
///
/// Path     handlers, from any shard → the shard that hosts the key's partition → the machine.
/// Owner    node/assembly.
/// Thread   of(), call() and read() from any shard; stop() on the shard it names.
/// Errors   of calls: see Coordinator; kCoordinatorNotAvailable while the topic is missing.
template <class Kind>
class Coordinators {
 public:
  using One = Coordinator<Kind>;
  using Answer = typename Kind::Answer;

  explicit Coordinators(replica::ReplicaSet& replicas) : replicas_(replicas) {}

  /// The partition of the internal topic that keeps a key; nothing while there is no topic.
  static std::optional<TopicIdPartition> partition_of(const image::MetadataImage& image,
                                                      std::string_view key) {
    const image::TopicImage* topic = image.topic(Kind::kTopic);
    if (!topic || topic->partitions.size() == 0) return std::nullopt;
    TopicIdPartition id;
    id.topic_id = topic->id;
    id.partition = PartitionId(java_abs(java_string_hash(key)) %
                               static_cast<std::int32_t>(topic->partitions.size()));
    return id;
  }

  /// Those that a node leads.
  static std::vector<TopicIdPartition> partitions_led_by(const image::MetadataImage& image,
                                                         NodeId node) {
    std::vector<TopicIdPartition> out;
    const image::TopicImage* topic = image.topic(Kind::kTopic);
    if (!topic) return out;
    for (const auto& [index, state] : topic->partitions) {
      if (state.leader != node) continue;
      TopicIdPartition& id = out.emplace_back();
      id.topic_id = topic->id;
      id.partition = index;
    }
    return out;
  }

  void stop(std::uint32_t shard) { coordinators_[shard]->stop(); }
  One& of(const TopicIdPartition& id) { return at(replicas_.owner_index(id)); }
  One& at(std::uint32_t shard) { return *coordinators_[shard]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(coordinators_.size()); }

  /// `step(Machine&, const Context&, AnswerId) → Effects` on the key's coordinator; its answer.
  /// What the step borrows must live until then.
  template <class Response, class Step>
  env::Task<Result<Response>> call(env::Shard& here, image::ImagePtr image, std::string key,
                                   Step step) {
    const auto id = partition_of(*image, key);
    if (!id) co_return Error(ErrorCode::kCoordinatorNotAvailable, "its topic is not there yet");
    auto run = [index = id->partition, step = std::move(step)](One& one, auto done) mutable {
      one.run(index, std::move(step), std::move(done));
    };
    Result<Answer> heard = co_await ask<Answer>(&here, *id, std::move(run));
    if (!heard.ok()) co_return std::move(heard).error();
    co_return response_of<Response>(std::move(heard).value());
  }
  /// The same for a step of a transaction that is open in that partition or has been verified.
  template <class Response, class Step>
  env::Task<Result<Response>> call_in_transaction(env::Shard& here, TopicIdPartition id,
                                                  TransactionStep transaction, Step step) {
    auto run = [index = id.partition, transaction, step = std::move(step)](One& one,
                                                                           auto done) mutable {
      one.run_in_transaction(index, transaction, std::move(step), std::move(done));
    };
    Result<Answer> heard = co_await ask<Answer>(&here, id, std::move(run));
    if (!heard.ok()) co_return std::move(heard).error();
    co_return response_of<Response>(std::move(heard).value());
  }
  /// The same, once `verify() → Task<Result<TransactionStep>>` has said what is claimed. A guard
  /// lasts until the next marker: where that of the transaction before came between the guard and
  /// the step, both are done once more.
  template <class Response, class Verify, class Step>
  env::Task<Result<Response>> call_verified(env::Shard* here, TopicIdPartition id, Verify verify,
                                            Step step) {
    for (bool is_first = true;; is_first = false) {
      Result<TransactionStep> transaction = co_await verify();
      if (!transaction.ok()) co_return std::move(transaction).error();
      const TransactionStep verified = *transaction;
      Step once = step;
      Result<Response> answer =
          co_await call_in_transaction<Response>(*here, id, verified, std::move(once));
      const bool is_stale = !answer.ok() && answer.error().code == ErrorCode::kInvalidTxnState &&
                            verified.claim.guard.value() != 0;
      if (!is_stale || !is_first) co_return answer;
    }
  }
  env::Task<Result<std::optional<partition::VerificationGuard>>> begin_verification(
      env::Shard& here, TopicIdPartition id, TransactionStep transaction, bool adds_itself) {
    using Guard = std::optional<partition::VerificationGuard>;
    auto run = [index = id.partition, transaction, adds_itself](One& one, auto done) mutable {
      one.begin_verification(index, transaction, adds_itself, std::move(done));
    };
    Result<Guard> heard = co_await ask<Guard>(&here, id, std::move(run));
    co_return heard;
  }
  /// `look(const Machine&, const image::MetadataImage&) → T`.
  template <class T, class Look>
  env::Task<Result<T>> read(env::Shard& here, image::ImagePtr image, std::string key, Look look) {
    const auto id = partition_of(*image, key);
    if (!id) co_return Error(ErrorCode::kCoordinatorNotAvailable, "its topic is not there yet");
    Result<T> heard = co_await read_partition<T>(here, *id, std::move(look));
    co_return heard;
  }
  template <class T, class Look>
  env::Task<Result<T>> read_partition(env::Shard& here, TopicIdPartition id, Look look) {
    auto run = [index = id.partition, look = std::move(look)](One& one, auto done) mutable {
      one.read(index, std::move(look), std::move(done));
    };
    Result<T> heard = co_await ask<T>(&here, id, std::move(run));
    co_return heard;
  }

 protected:
  template <class MakeKind>
  void make(env::Env& env, MakeKind make_kind) {
    for (std::uint32_t s = 0; s < replicas_.size(); ++s)
      coordinators_.push_back(
          std::make_unique<One>(replicas_, s, make_kind(env.shard(env::ShardId(s)))));
  }

 private:
  template <class Response>
  static Response response_of(Answer answer) {
    Response* response = std::get_if<Response>(&answer);
    MOLDAU_CHECK(response, "an answer of another kind");
    return std::move(*response);
  }
  /// `run(One&, done)` on the shard of a partition; what `done` heard, back here.
  template <class T, class Run>
  env::Task<Result<T>> ask(env::Shard* here, TopicIdPartition id, Run run) {
    using Heard = Result<T>;
    One* there = &of(id);
    env::OneShot<Heard> answer(*here);
    env::OneShot<Heard>* slot = &answer;
    there->shard().post([there, slot, here, run = std::move(run)]() mutable {
      run(*there, [slot, here](Heard heard) {
        here->post([slot, heard = std::move(heard)]() mutable { slot->set(std::move(heard)); });
      });
    });
    Heard heard = co_await answer;
    co_return heard;
  }

  replica::ReplicaSet& replicas_;
  std::vector<std::unique_ptr<One>> coordinators_;
};

}  // namespace moldau::coordinator
