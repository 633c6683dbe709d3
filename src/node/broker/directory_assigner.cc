// SPDX-License-Identifier: Apache-2.0
#include "node/broker/directory_assigner.h"

#include <algorithm>

#include "wire/assign_replicas_to_dirs_request.h"
#include "wire/assign_replicas_to_dirs_response.h"

namespace moldau::broker {
namespace {

using Request = wire::AssignReplicasToDirsRequest;
using Response = wire::AssignReplicasToDirsResponse;

constexpr Millis kPauseMin{100};
constexpr Millis kPauseMax{10'000};
constexpr Millis kPatience{60'000};

std::shared_ptr<Request> request_of(NodeId self, BrokerEpoch epoch,
                                    const std::vector<DirectoryAssignment>& assignments) {
  auto message = std::make_shared<Request>();
  message->broker_id = self.value();
  message->broker_epoch = epoch.value();
  for (const DirectoryAssignment& one : assignments) {
    // One entry each: the answers come in the order of the questions.
    auto& of_directory = message->directories.emplace_back();
    of_directory.id = one.directory;
    auto& of_topic = of_directory.topics.emplace_back();
    of_topic.topic_id = one.partition.topic_id;
    of_topic.partitions.emplace_back().partition_index = one.partition.partition.value();
  }
  return message;
}

/// Trying again changes nothing about these.
bool is_final(ErrorCode code) {
  return code == ErrorCode::kNone || code == ErrorCode::kUnknownTopicId ||
         code == ErrorCode::kUnknownTopicOrPartition || code == ErrorCode::kNotLeaderOrFollower ||
         code == ErrorCode::kUnsupportedVersion;
}

}  // namespace

DirectoryAssigner::DirectoryAssigner(env::Env& env, NodeId self, LifecycleHost& lifecycle,
                                     quorum::Quorum& quorum)
    : env_(env),
      shard_(env.shard(env::ShardId(0))),
      self_(self),
      lifecycle_(lifecycle),
      quorum_(quorum) {}

void DirectoryAssigner::assign_all(std::vector<DirectoryAssignment> assignments) {
  if (!assignments.empty()) tasks_.spawn(run(std::move(assignments)));
}

env::Task<Result<void>> DirectoryAssigner::assign(TopicIdPartition partition,
                                                  DirectoryId directory) {
  std::vector<DirectoryAssignment> one(1);
  one.front().partition = partition;
  one.front().directory = directory;
  const Result<Codes> codes = co_await send(&one);
  if (!codes.ok()) co_return codes.error();
  const ErrorCode code = codes->front();
  if (code != ErrorCode::kNone) co_return Error(code);
  co_return Result<void>();
}

env::Task<void> DirectoryAssigner::run(std::vector<DirectoryAssignment> assignments) {
  Millis pause = kPauseMin;
  while (!assignments.empty() && !stopping_) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(assignments.size(), kAtOnce));
    const std::vector<DirectoryAssignment> some(assignments.begin(), assignments.begin() + count);
    const Result<Codes> codes = co_await send(&some);
    ErrorCode worst = codes.ok() ? ErrorCode::kNone : codes.error().code;
    std::vector<DirectoryAssignment> left;
    for (std::size_t i = 0; i < some.size(); ++i) {
      const ErrorCode code = codes.ok() ? (*codes)[i] : worst;
      if (code != ErrorCode::kNone) worst = code;
      if (!is_final(code)) left.push_back(some[i]);
    }
    if (worst != ErrorCode::kNone)
      env_.logger().warn("broker", "assigning {} replicas to directories failed: {}",
                         some.size(), error_name(worst));
    assignments.erase(assignments.begin(), assignments.begin() + count);
    assignments.insert(assignments.end(), left.begin(), left.end());
    if (left.empty()) {
      pause = kPauseMin;
      continue;
    }
    const MonoTime again = shard_.now() + pause;
    co_await env::sleep_until(shard_, again);
    pause = std::min(Millis(pause.value() * 2), kPauseMax);
  }
}

env::Task<Result<DirectoryAssigner::Codes>> DirectoryAssigner::send(
    const std::vector<DirectoryAssignment>* assignments) {
  while (lifecycle_.broker_epoch().value() < 0 && !stopping_) {
    const MonoTime soon = shard_.now() + Millis(20);
    co_await env::sleep_until(shard_, soon);
  }
  const std::shared_ptr<Request> message =
      request_of(self_, lifecycle_.broker_epoch(), *assignments);
  quorum::DecideFn<Response> decide = [message](controller::ControllerMachine& machine,
                                                const controller::RequestContext&) {
    return machine.decide_assign_replicas_to_dirs(*message);
  };
  const MonoTime deadline = shard_.now() + kPatience;
  Result<Response> answer = co_await quorum_.submit<Response>(shard_, std::move(decide), deadline);
  if (!answer.ok()) co_return answer.error();
  const ErrorCode code = error_from_wire(answer->error_code);
  if (code != ErrorCode::kNone) co_return Error(code);
  Codes codes;
  for (const auto& directory : answer->directories)
    for (const auto& topic : directory.topics)
      for (const auto& partition : topic.partitions)
        codes.push_back(error_from_wire(partition.error_code));
  if (codes.size() != assignments->size()) co_return Error(ErrorCode::kUnknownServerError);
  co_return codes;
}

}  // namespace moldau::broker
