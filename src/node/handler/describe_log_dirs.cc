// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "node/broker/log_directories.h"
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "wire/describe_log_dirs_request.h"
#include "wire/describe_log_dirs_response.h"

namespace moldau::handler {
namespace {

using Response = wire::DescribeLogDirsResponse;

/// One hosted replica.
struct ReplicaSize {
  std::uint32_t directory = 0;
  TopicPartition name;
  std::int64_t bytes = 0;
  std::int64_t lag = 0;
  bool is_future = false;
};

/// What shard 0 knows of a log directory.
struct DirectoryState {
  std::string path;
  bool offline = false;
  bool cordoned = false;
  std::int64_t total = -1;
  std::int64_t usable = -1;
};

env::Task<std::vector<ReplicaSize>> sizes_of_all(Services& node) {
  std::vector<ReplicaSize> all;
  for (std::uint32_t s = 0; s < node.replicas.size(); ++s) {
    replica::ReplicaHost* host = &node.replicas.host(s);
    auto gather = [host] {
      std::vector<ReplicaSize> sizes;
      host->for_each([&](replica::HostedPartition& partition) {
        ReplicaSize& one = sizes.emplace_back();
        one.directory = partition.identity().directory;
        one.name = partition.identity().name;
        one.bytes = static_cast<std::int64_t>(partition.log().size_bytes());
        const auto& future = partition.future();
        if (!future) return;
        ReplicaSize& second = sizes.emplace_back();
        second.directory = future->directory;
        second.name = partition.identity().name;
        second.bytes = static_cast<std::int64_t>(future->bytes);
        second.lag = std::max<std::int64_t>(partition.log().log_end_offset() - future->log_end, 0);
        second.is_future = true;
      });
      return sizes;
    };
    auto sizes = co_await env::call_on(node.shard, host->shard(), std::move(gather));
    for (ReplicaSize& one : sizes) all.push_back(std::move(one));
  }
  co_return all;
}

/// Statvfs is short and this request rare.
std::vector<DirectoryState> directories_of(broker::LogDirectories& directories) {
  std::vector<DirectoryState> all;
  for (std::uint32_t i = 0; i < directories.size(); ++i) {
    broker::LogDirectories::Entry& entry = directories.entry(i);
    DirectoryState& one = all.emplace_back();
    one.path = entry.path;
    one.offline = entry.offline || !entry.directory;
    one.cordoned = entry.cordoned;
    if (one.offline) continue;
    auto space = entry.directory->space();
    if (!space.ok()) continue;
    one.total = static_cast<std::int64_t>(space->total);
    one.usable = static_cast<std::int64_t>(space->available);
  }
  return all;
}

bool wanted(const wire::DescribeLogDirsRequest& message, const TopicPartition& name) {
  if (!message.topics) return true;
  for (const auto& topic : *message.topics) {
    if (topic.topic.view() != name.topic) continue;
    for (std::int32_t index : topic.partitions)
      if (index == name.partition.value()) return true;
  }
  return false;
}

Response response_of(const wire::DescribeLogDirsRequest& message,
                     const std::vector<DirectoryState>& directories,
                     const std::vector<ReplicaSize>& sizes) {
  Response response;
  for (std::uint32_t d = 0; d < directories.size(); ++d) {
    auto& result = response.results.emplace_back();
    result.log_dir = directories[d].path;
    result.total_bytes = directories[d].total;
    result.usable_bytes = directories[d].usable;
    result.is_cordoned = directories[d].cordoned;
    if (directories[d].offline) {
      result.error_code = to_wire(ErrorCode::kKafkaStorageError);
      continue;
    }
    std::map<std::string, std::vector<const ReplicaSize*>> by_topic;
    for (const ReplicaSize& one : sizes)
      if (one.directory == d && wanted(message, one.name)) by_topic[one.name.topic].push_back(&one);
    for (const auto& [name, replicas] : by_topic) {
      auto& topic = result.topics.emplace_back();
      topic.name = name;
      for (const ReplicaSize* replica : replicas) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition_index = replica->name.partition.value();
        partition.partition_size = replica->bytes;
        partition.offset_lag = replica->lag;
        partition.is_future_key = replica->is_future;
      }
    }
  }
  return response;
}

}  // namespace

env::Task<void> handle_describe_log_dirs(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::DescribeLogDirsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::DescribeLogDirsRequest message = std::move(decoded).value();
  if (!cluster_authorized(node, *request, AclOperation::kDescribe)) {
    Response refused;
    refused.error_code = to_wire(ErrorCode::kClusterAuthorizationFailed);
    request->answer(refused);
    co_return;
  }
  broker::LogDirectories* directories = node.directories;
  auto look = [directories] { return directories_of(*directories); };
  env::Shard& zero = node.env.shard(env::ShardId(0));
  const auto states = co_await env::call_on(node.shard, zero, std::move(look));
  const auto sizes = co_await sizes_of_all(node);
  const Response response = response_of(message, states, sizes);
  request->answer(response);
}

}  // namespace moldau::handler
