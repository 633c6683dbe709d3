// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/types.h"
#include "machine/group/streams_topics.h"
#include "machine/image/image.h"
#include "record/keyed_record.h"
#include "wire/alter_share_group_offsets_response.h"
#include "wire/api_keys.h"
#include "wire/consumer_group_heartbeat_response.h"
#include "wire/delete_groups_response.h"
#include "wire/delete_share_group_offsets_response.h"
#include "wire/heartbeat_response.h"
#include "wire/join_group_response.h"
#include "wire/leave_group_response.h"
#include "wire/offset_commit_response.h"
#include "wire/offset_delete_response.h"
#include "wire/share_group_heartbeat_response.h"
#include "wire/streams_group_heartbeat_response.h"
#include "wire/sync_group_response.h"
#include "wire/txn_offset_commit_response.h"

namespace moldau::group {

/// Under which a request came in; the host's own numbers.
using AnswerId = Strong<struct AnswerIdTag, std::uint64_t>;

/// What a decision may look at besides the state.
struct GroupContext {
  GroupContext(MonoTime n, Timestamp w, Uuid id, const image::MetadataImage& i)
      : now(n), wall(w), fresh_id(id), image(i) {}
  MonoTime now;
  Timestamp wall;
  /// Random, another one for each call: becomes part of a member id.
  Uuid fresh_id;
  const image::MetadataImage& image;
};

/// Who asks.
struct GroupCaller {
  GroupCaller(AnswerId a, std::int16_t v, std::string_view id, std::string_view host,
              std::string_view who = {})
      : answer(a), version(v), client_id(id), client_host(host), principal(who) {}
  AnswerId answer;
  /// Of the request.
  std::int16_t version;
  std::string_view client_id;
  /// As Java prints it: "/127.0.0.1".
  std::string_view client_host;
  /// "User:ANONYMOUS"
  std::string_view principal;
};

/// The answer to a member of a streams group, and what the node has to create for it.
struct StreamsHeartbeat {
  wire::StreamsGroupHeartbeatResponse response;
  ConfiguredStreamsTopics missing_topics;
};

/// Partitions whose state the node has to begin with the share coordinator.
struct ShareStart {
  TopicId topic_id;
  PartitionId partition;
  /// -1: the leader is to find it.
  Offset start_offset{-1};
};

/// The answer to a member of a share group, and what the node has to begin for it.
struct ShareHeartbeat {
  wire::ShareGroupHeartbeatResponse response;
  std::int32_t state_epoch = 0;
  std::vector<ShareStart> initialize;
};

/// An answer about the offsets of a share group, and what the node has to do before it is true.
struct ShareOffsetsAltered {
  wire::AlterShareGroupOffsetsResponse response;
  std::int32_t state_epoch = 0;
  std::vector<ShareStart> initialize;
};
struct ShareOffsetsDeleted {
  wire::DeleteShareGroupOffsetsResponse response;
  std::vector<ShareStart> remove;
};

/// What came of it.
struct ShareSettlement {
  enum class What : std::uint8_t { kInitialized, kNotInitialized, kDeleted };
  ShareSettlement() = default;
  std::string group_id;
  What what = What::kInitialized;
  std::vector<ShareStart> partitions;
};
struct ShareSettled {};

using GroupResponse =
    std::variant<wire::JoinGroupResponse, wire::SyncGroupResponse, wire::HeartbeatResponse,
                 wire::LeaveGroupResponse, wire::OffsetCommitResponse,
                 wire::TxnOffsetCommitResponse, wire::OffsetDeleteResponse,
                 wire::DeleteGroupsResponse::DeletableGroupResult,
                 wire::ConsumerGroupHeartbeatResponse, ShareHeartbeat, ShareOffsetsAltered,
                 ShareOffsetsDeleted, ShareSettled, StreamsHeartbeat>;

/// The response to one request; it owns all its bytes.
struct GroupAnswer {
  GroupAnswer(AnswerId i, GroupResponse r) : id(i), response(std::move(r)) {}
  AnswerId id;
  GroupResponse response;
};

/// Expressions of a group that are to be matched against all topics of the image that the member
/// who asked may describe.
struct RegexQuestion {
  std::string group_id;
  std::vector<std::string> regexes;
  /// Of the member, as GroupCaller has them, and its request.
  std::string principal;
  std::string client_host;
  wire::ApiKey api = wire::ApiKey::kConsumerGroupHeartbeat;
};

/// What a step wants done, in this order: append the batch (if it has records), then release the
/// answers when everything appended so far is committed. The machine has replayed the batch.
/// Questions are worked out elsewhere and told the machine by regexes_resolved; one that gets lost
/// is asked again when the machine is loaded anew.
struct GroupEffects {
  record::KeyedBatch batch;
  std::vector<GroupAnswer> answers;
  std::vector<RegexQuestion> questions;

  bool is_empty() const { return batch.records.empty() && answers.empty() && questions.empty(); }
};

}  // namespace moldau::group
