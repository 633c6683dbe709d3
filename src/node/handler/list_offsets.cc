// SPDX-License-Identifier: Apache-2.0
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

Found find_offset(replica::HostedPartition& partition, const Lookup& lookup) {
  Found found;
  found.error = partition.check_leader(lookup.current_leader_epoch);
  if (found.error != ErrorCode::kNone) return found;
  const Offset end = visible_end(partition, lookup);
  if (lookup.timestamp == log::kLatestTimestamp) {
    found.offset.offset = end;
    found.offset.leader_epoch = partition.machine().assignment().leader_epoch;
    return found;
  }
  const log::LogView view = partition.log().view();
  auto searched = view.offset_for_timestamp(lookup.timestamp, partition.host().compression());
  if (!searched.ok()) {
    found.error = searched.error().code;
    return found;
  }
  if (!*searched) return found;
  const bool by_time = lookup.timestamp.value() >= 0 || lookup.timestamp == log::kMaxTimestamp;
  if (by_time && (*searched)->offset >= end) return found;
  found.offset = **searched;
  return found;
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
      if (!timestamp_known(asked.timestamp, request->version())) {
        found.error = ErrorCode::kUnsupportedVersion;
      } else {
        const auto id = find_partition(*node.image, topic.name.view(), asked.partition_index);
        if (!id) {
          found.error = ErrorCode::kUnknownTopicOrPartition;
        } else {
          auto work = [lookup](replica::HostedPartition* partition) {
            Found result;
            result.error = ErrorCode::kNotLeaderOrFollower;
            return partition ? find_offset(*partition, lookup) : result;
          };
          found = co_await on_partition(node, *id, std::move(work));
        }
      }
      answers.partitions.push_back(answer_of(asked.partition_index, found));
    }
  }
  request->answer(response);
}

}  // namespace moldau::handler
