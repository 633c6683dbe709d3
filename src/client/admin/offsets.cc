// SPDX-License-Identifier: Apache-2.0
#include "client/admin/offsets.h"

#include <algorithm>
#include <utility>

#include "client/admin/by_leader.h"
#include "wire/delete_records_request.h"
#include "wire/delete_records_response.h"
#include "wire/list_offsets_request.h"
#include "wire/list_offsets_response.h"

namespace moldau::client::admin {
namespace {

using Keys = std::vector<TopicPartition>;

TopicPartition key_of(const wire::Text& topic, std::int32_t partition) {
  return TopicPartition{topic.str(), PartitionId(partition)};
}

/// The request's topic of a key; keys are sorted, so it is the last one or a new one.
template <class Q>
auto& topic_for(Q& request, const TopicPartition& key) {
  if (request.topics.empty() || !(request.topics.back().name == key.topic))
    request.topics.emplace_back().name = key.topic;
  return request.topics.back();
}

template <class V>
Outcomes<TopicPartition, V> in_order(std::map<TopicPartition, Result<V>> values) {
  Outcomes<TopicPartition, V> out;
  for (auto& [key, value] : values) out.emplace_back(key, std::move(value));
  return out;
}

template <class W>
Keys keys_of(const std::map<TopicPartition, W>& wanted) {
  Keys out;
  for (const auto& [key, value] : wanted) out.push_back(key);
  return out;
}

/// Older versions would take a number below zero for a time.
std::int16_t version_for(Timestamp time) {
  switch (static_cast<OffsetSpec>(time.value())) {
    case OffsetSpec::kMaxTimestamp:
      return 7;
    case OffsetSpec::kEarliestLocal:
      return 8;
    case OffsetSpec::kLatestTiered:
      return 9;
    case OffsetSpec::kEarliestPendingUpload:
      return 11;
    default:
      return wire::ListOffsetsRequest::kMinVersion;
  }
}

}  // namespace

env::Task<Outcomes<TopicPartition, ListedOffset>> list_offsets(
    Cluster& cluster, std::map<TopicPartition, Timestamp> wanted, bool read_committed,
    MonoTime deadline) {
  using Calls = ByLeader<wire::ListOffsetsResponse, wire::ListOffsetsRequest, ListedOffset>;
  const auto* times = &wanted;
  Calls::Build build = [times, read_committed](const Keys& keys) {
    wire::ListOffsetsRequest request;
    request.replica_id = -1;
    request.isolation_level = read_committed ? 1 : 0;
    for (const TopicPartition& key : keys) {
      auto& one = topic_for(request, key).partitions.emplace_back();
      one.partition_index = key.partition.value();
      one.timestamp = times->at(key).value();
    }
    return request;
  };
  Calls::Take take = [](const wire::ListOffsetsResponse& body, Calls::Values& out) {
    for (const auto& topic : body.topics) {
      for (const auto& told : topic.partitions) {
        const TopicPartition key = key_of(topic.name, told.partition_index);
        if (told.error_code != 0) {
          out.insert_or_assign(key, told_error(told.error_code));
          continue;
        }
        ListedOffset one;
        one.offset = Offset(told.offset);
        one.timestamp = Timestamp(told.timestamp);
        one.leader_epoch = LeaderEpoch(told.leader_epoch);
        out.insert_or_assign(key, one);
      }
    }
  };
  std::int16_t least = wire::ListOffsetsRequest::kMinVersion;
  for (const auto& [key, time] : wanted) least = std::max(least, version_for(time));
  const VersionRange versions = {least, wire::ListOffsetsRequest::kMaxVersion};
  Calls calls(cluster, deadline, versions, std::move(build), std::move(take));
  Keys keys = keys_of(wanted);
  auto values = co_await calls.run(std::move(keys));
  co_return in_order<ListedOffset>(std::move(values));
}

env::Task<Outcomes<TopicPartition, Offset>> delete_records(Cluster& cluster,
                                                           std::map<TopicPartition, Offset> before,
                                                           MonoTime deadline) {
  using Calls = ByLeader<wire::DeleteRecordsResponse, wire::DeleteRecordsRequest, Offset>;
  const auto* offsets = &before;
  const auto timeout = static_cast<std::int32_t>(std::clamp<std::int64_t>(
      (cluster.patience(deadline) - cluster.shard().now()) / 1'000'000, 0, INT32_MAX));
  Calls::Build build = [offsets, timeout](const Keys& keys) {
    wire::DeleteRecordsRequest request;
    request.timeout_ms = timeout;
    for (const TopicPartition& key : keys) {
      auto& one = topic_for(request, key).partitions.emplace_back();
      one.partition_index = key.partition.value();
      one.offset = offsets->at(key).value();
    }
    return request;
  };
  Calls::Take take = [](const wire::DeleteRecordsResponse& body, Calls::Values& out) {
    for (const auto& topic : body.topics) {
      for (const auto& told : topic.partitions) {
        const TopicPartition key = key_of(topic.name, told.partition_index);
        if (told.error_code != 0)
          out.insert_or_assign(key, told_error(told.error_code));
        else
          out.insert_or_assign(key, Offset(told.low_watermark));
      }
    }
  };
  const VersionRange versions = {wire::DeleteRecordsRequest::kMinVersion,
                                 wire::DeleteRecordsRequest::kMaxVersion};
  Calls calls(cluster, deadline, versions, std::move(build), std::move(take));
  Keys keys = keys_of(before);
  auto values = co_await calls.run(std::move(keys));
  co_return in_order<Offset>(std::move(values));
}

}  // namespace moldau::client::admin
