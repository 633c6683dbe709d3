// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "node/handler/services.h"

namespace moldau::handler {

/// The id of a partition that the metadata knows.
inline std::optional<TopicIdPartition> find_partition(const image::MetadataImage& image,
                                                      std::string_view topic,
                                                      std::int32_t partition) {
  const image::TopicImage* found = image.topic(topic);
  if (!found || !found->partition(PartitionId(partition))) return std::nullopt;
  TopicIdPartition id;
  id.topic_id = found->id;
  id.partition = PartitionId(partition);
  return id;
}

/// Runs `work(HostedPartition*)` on the shard of a partition; nullptr if it is not hosted here.
/// The result is a plain value.
template <class F>
auto on_partition(Services& node, TopicIdPartition id, F work)
    -> env::Task<decltype(work(std::declval<replica::HostedPartition*>()))> {
  using T = decltype(work(std::declval<replica::HostedPartition*>()));
  replica::ReplicaHost* host = &node.replicas.owner(id);
  auto there = [host, id, work = std::move(work)]() mutable { return work(host->find(id)); };
  T result = co_await env::call_on(node.shard, host->shard(), std::move(there));
  co_return result;
}

/// As on_partition; work(HostedPartition*, ErrorCode) is also told the error of one that is not
/// hosted here.
template <class F>
auto on_partition_or_error(Services& node, TopicIdPartition id, F work)
    -> env::Task<decltype(work(std::declval<replica::HostedPartition*>(), ErrorCode::kNone))> {
  using T = decltype(work(std::declval<replica::HostedPartition*>(), ErrorCode::kNone));
  replica::ReplicaHost* host = &node.replicas.owner(id);
  auto there = [host, id, work = std::move(work)]() mutable {
    return work(host->find(id), host->error_of_absent(id));
  };
  T result = co_await env::call_on(node.shard, host->shard(), std::move(there));
  co_return result;
}

}  // namespace moldau::handler
