// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "node/handler/on_partition.h"
#include "wire/list_offsets_request.h"
#include "wire/list_offsets_response.h"

namespace moldau::handler {
namespace {

using Answer = wire::ListOffsetsResponse::ListOffsetsPartitionResponse;

struct Lookup {
  Lookup() = default;
  Timestamp timestamp{0};
  LeaderEpoch current_leader_epoch{-1};
  bool read_committed = false;
  bool is_consumer = true;
};

struct Found {
  Found() = default;
  ErrorCode error = ErrorCode::kNone;
  log::FoundOffset offset;
};

/// What a client may see as the end of the log.
Offset visible_end(replica::HostedPartition& partition, const Lookup& lookup) {
  if (!lookup.is_consumer) return partition.log().log_end_offset();
  return lookup.read_committed ? partition.log().last_stable_offset()
                               : partition.machine().high_watermark();
}

/// What the partition's shard knows at once, or a view in which the pool is to search.
struct Search {
  Search() = default;
  Found found;
  /// Set if files must be read.
  std::shared_ptr<const log::LogView> view;
  env::PoolId pool;
  Offset end{0};
  /// The replica moves to another log dir just now.
  bool later = false;
};

bool is_by_time(Timestamp timestamp) {
  return timestamp.value() >= 0 || timestamp == log::kMaxTimestamp;
}

Search begin_search(replica::HostedPartition* partition, ErrorCode absent, const Lookup& lookup) {
  Search search;
  Found& found = search.found;
  found.error = absent;
  if (!partition) return search;
  found.error = partition->check_leader(lookup.current_leader_epoch);
  if (found.error != ErrorCode::kNone) return search;
  search.end = visible_end(*partition, lookup);
  search.pool = partition->identity().pool;
  search.later = partition->renaming();
  if (lookup.timestamp == log::kLatestTimestamp) {
    found.offset.offset = search.end;
    found.offset.leader_epoch = partition->machine().assignment().leader_epoch;
    search.later = false;
    return search;
  }
  auto view = std::make_shared<log::LogView>(partition->log().view());
  if (is_by_time(lookup.timestamp)) {
    search.view = std::move(view);
    return search;
  }
  search.later = false;
  const auto special =
      view->offset_for_timestamp(lookup.timestamp, partition->host().compression());
  if (!special.ok()) found.error = special.error().code;
  if (special.ok() && *special) found.offset = **special;
  return search;
}

bool is_unchanged(replica::HostedPartition* partition, std::uint64_t generation) {
  return partition && !partition->renaming() && partition->log().generation() == generation;
}

/// A search by time reads files, so it runs on the pool; what it found counts if the log was
/// neither truncated nor compacted nor moved meanwhile.
env::Task<Found> find_offset(Services& node, TopicIdPartition id, Lookup lookup) {
  constexpr int kTriesMax = 100;
  constexpr Millis kPause{5};
  using Searched = Result<std::optional<log::FoundOffset>>;
  Found found;
  for (int i = 0; i < kTriesMax; ++i) {
    auto begin = [lookup](replica::HostedPartition* partition, ErrorCode absent) {
      return begin_search(partition, absent, lookup);
    };
    const Search search = co_await on_partition_or_error(node, id, std::move(begin));
    found = search.found;
    if (!search.view && !search.later) co_return found;
    if (!search.later) {
      auto look = [view = search.view, timestamp = lookup.timestamp]() -> Searched {
        record::CompressionContext context;
        return view->offset_for_timestamp(timestamp, context);
      };
      const Searched searched = co_await env::blocking(node.shard, search.pool, std::move(look));
      auto check = [generation = search.view->generation](replica::HostedPartition* partition) {
        return is_unchanged(partition, generation);
      };
      const bool unchanged = co_await on_partition(node, id, std::move(check));
      if (searched.ok() && unchanged) {
        if (*searched && (*searched)->offset < search.end) found.offset = **searched;
        co_return found;
      }
      // Retention may have taken a segment away: the next view does not have it.
      const bool vanished = !searched.ok() && searched.error().os_error == ENOENT;
      if (!searched.ok() && unchanged && !vanished) {
        found.error = searched.error().code;
        co_return found;
      }
    }
    const MonoTime again = node.shard.now() + kPause;
    co_await env::sleep_until(node.shard, again);
  }
  found.error = ErrorCode::kKafkaStorageError;
  co_return found;
}

Answer answer_of(std::int32_t index, const Found& found) {
  Answer answer;
  answer.partition_index = index;
  answer.error_code = to_wire(found.error);
  if (found.error != ErrorCode::kNone) return answer;
  answer.timestamp = found.offset.timestamp.value();
  answer.offset = found.offset.offset.value();
  answer.leader_epoch = found.offset.leader_epoch.value();
  return answer;
}

/// Special timestamps came one by one: an older version must not get an answer it cannot know.
bool timestamp_known(std::int64_t timestamp, std::int16_t version) {
  switch (timestamp) {
    case -3:
      return version >= 7;
    case -4:
      return version >= 8;
    case -5:
      return version >= 9;
    case -6:
      return version >= 11;
    default:
      return timestamp >= -2;
  }
}

}  // namespace

env::Task<void> handle_list_offsets(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::ListOffsetsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::ListOffsetsRequest message = std::move(decoded).value();
  wire::ListOffsetsResponse response;
  AuthorizedNames described(node, *request, AclOperation::kDescribe, AclResourceType::kTopic);
  for (const auto& topic : message.topics) described.count(topic.name.view());
  for (std::size_t t = 0; t < message.topics.size(); ++t) {
    const auto& topic = message.topics[t];
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
      const auto& asked = topic.partitions[p];
      Found found;
      Lookup lookup;
      lookup.timestamp = Timestamp(asked.timestamp);
      lookup.current_leader_epoch = LeaderEpoch(asked.current_leader_epoch);
      lookup.read_committed = message.isolation_level == 1;
      lookup.is_consumer = message.replica_id == -1;
      if (!described.contains(topic.name.view())) {
        found.error = ErrorCode::kTopicAuthorizationFailed;
      } else if (!timestamp_known(asked.timestamp, request->version())) {
        found.error = ErrorCode::kUnsupportedVersion;
      } else {
        const auto id = find_partition(*node.image, topic.name.view(), asked.partition_index);
        if (!id) {
          found.error = ErrorCode::kUnknownTopicOrPartition;
        } else {
          found = co_await find_offset(node, *id, lookup);
        }
      }
      answers.partitions.push_back(answer_of(asked.partition_index, found));
    }
  }
  request->answer(response);
}

}  // namespace moldau::handler
