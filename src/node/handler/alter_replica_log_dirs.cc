// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "node/broker/replica_alter_log_dirs.h"
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "wire/alter_replica_log_dirs_request.h"
#include "wire/alter_replica_log_dirs_response.h"

namespace moldau::handler {
namespace {

using Response = wire::AlterReplicaLogDirsResponse;

/// Each replica of the request once; the last log dir named for it counts.
std::map<TopicPartition, std::string> wishes_of(const wire::AlterReplicaLogDirsRequest& message) {
  std::map<TopicPartition, std::string> wishes;
  for (const auto& dir : message.dirs)
    for (const auto& topic : dir.topics)
      for (std::int32_t partition : topic.partitions) {
        TopicPartition name;
        name.topic = topic.name.str();
        name.partition = PartitionId(partition);
        wishes[std::move(name)] = dir.path.str();
      }
  return wishes;
}

/// On shard 0, one replica after the other.
env::Task<void> alter_all(const std::map<TopicPartition, std::string>* wishes,
                          broker::ReplicaAlterLogDirs* moves, image::ImagePtr image,
                          std::vector<ErrorCode>* codes, env::Shard* back,
                          env::OneShot<bool>* done) {
  for (const auto& [name, path] : *wishes) {
    const ErrorCode code = co_await moves->alter(name.topic, name.partition, path, image);
    codes->push_back(code);
  }
  back->post([done] { done->set(true); });
}

Response response_of(const std::map<TopicPartition, std::string>& wishes,
                     const std::vector<ErrorCode>& codes) {
  Response response;
  std::size_t next = 0;
  for (const auto& [name, path] : wishes) {
    if (response.results.empty() || response.results.back().topic_name.view() != name.topic)
      response.results.emplace_back().topic_name = std::string_view(name.topic);
    auto& partition = response.results.back().partitions.emplace_back();
    partition.partition_index = name.partition.value();
    partition.error_code = to_wire(codes[next++]);
  }
  return response;
}

}  // namespace

env::Task<void> handle_alter_replica_log_dirs(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::AlterReplicaLogDirsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::AlterReplicaLogDirsRequest message = std::move(decoded).value();
  const std::map<TopicPartition, std::string> wishes = wishes_of(message);
  std::vector<ErrorCode> codes;
  if (!cluster_authorized(node, *request, AclOperation::kAlter)) {
    codes.assign(wishes.size(), ErrorCode::kClusterAuthorizationFailed);
    const Response refused = response_of(wishes, codes);
    request->answer(refused);
    co_return;
  }
  codes.reserve(wishes.size());
  env::OneShot<bool> done(node.shard);
  auto begin = [moves = node.alter_log_dirs, image = node.image, wishes = &wishes, codes = &codes,
                back = &node.shard,
                slot = &done] { moves->spawn(alter_all(wishes, moves, image, codes, back, slot)); };
  node.env.shard(env::ShardId(0)).post(std::move(begin));
  (void)co_await done;
  const Response response = response_of(wishes, codes);
  request->answer(response);
}

}  // namespace moldau::handler
