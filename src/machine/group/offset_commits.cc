// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <utility>

#include "machine/group/offset_protocol.h"

namespace moldau::group {
namespace {

/// As Java counts a string.
std::size_t utf16_units(std::string_view utf8) {
  std::size_t units = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) units += byte >= 0xF0 ? 2 : 1;
  }
  return units;
}

Timestamp expiry_of(Timestamp wall, std::int64_t retention_ms) {
  if (retention_ms == -1) return Timestamp(-1);
  std::int64_t at = 0;
  if (__builtin_add_overflow(wall.value(), retention_ms, &at)) {
    at = std::numeric_limits<std::int64_t>::max();
  }
  // -1 would mean that there is none.
  return Timestamp(std::max<std::int64_t>(at, 0));
}

/// Partitions of OffsetCommit and TxnOffsetCommit have the same fields.
template <class Partition>
CommittedOffset offset_of(const Partition& partition, const TopicId& topic_id, Timestamp wall,
                          Timestamp expire) {
  CommittedOffset out;
  out.offset = Offset(partition.committed_offset);
  // Below 0 is none.
  out.leader_epoch = LeaderEpoch(std::max(partition.committed_leader_epoch, -1));
  out.metadata = partition.committed_metadata.str();
  out.commit = wall;
  out.expire = expire;
  out.topic_id = topic_id;
  return out;
}

template <class Topic>
void respond_partition(Topic& topic, std::int32_t index, ErrorCode error) {
  auto& out = topic.partitions.emplace_back();
  out.partition_index = index;
  out.error_code = static_cast<std::int16_t>(error);
}

/// Every partition that has no error yet gets this one.
template <class Response>
void fail_all(Response& response, ErrorCode error) {
  for (auto& topic : response.topics) {
    for (auto& partition : topic.partitions) {
      if (partition.error_code == 0) partition.error_code = static_cast<std::int16_t>(error);
    }
  }
}

/// The name of a topic that a request names by id; empty if there is none.
std::string_view name_of(const wire::Text& name, const TopicId& id,
                         const image::MetadataImage& image) {
  if (name.size() > 0 || id.is_zero()) return name.view();
  const image::TopicImage* topic = image.topic(id);
  return topic == nullptr ? std::string_view() : std::string_view(topic->name);
}

/// Whether the group takes the commit of every partition: one of an old epoch spoils it as a whole.
/// Those that are `refused` for their own sake are not looked at.
template <class Request, class IdOf, class Refused>
ErrorCode check_partitions(const Group* group, const Committer& committer, const Request& request,
                           IdOf id_of, Refused refused) {
  if (group == nullptr) return ErrorCode::kNone;
  for (const auto& topic : request.topics) {
    const TopicId id = id_of(topic);
    if (committer.transactional && id.is_zero()) {
      // There is no such topic: only a member of the newest epoch may commit for it.
      const ErrorCode error = group->check_partition_commit(committer, {}, id, PartitionId(-1));
      if (error != ErrorCode::kNone) return error;
      continue;
    }
    for (const auto& partition : topic.partitions) {
      if (refused(partition)) continue;
      const ErrorCode error = group->check_partition_commit(committer, topic.name.view(), id,
                                                            PartitionId(partition.partition_index));
      if (error != ErrorCode::kNone) return error;
    }
  }
  return ErrorCode::kNone;
}

}  // namespace

bool OffsetProtocol::is_metadata_too_large(const wire::Text& metadata) const {
  const auto most = static_cast<std::size_t>(settings_.offset_metadata_max);
  return metadata.size() > kStringBytesMax ||
         (metadata.size() > most && utf16_units(metadata.view()) > most);
}

ErrorCode OffsetProtocol::check_commit(std::string_view group_id, const Committer& committer,
                                       ErrorCode if_unknown) const {
  if (group_id.size() > kStringBytesMax) return ErrorCode::kInvalidGroupId;
  const Group* group = groups_.find(group_id);
  if (group != nullptr) return group->check_offset_commit(committer);
  // From an administrator, or a consumer that does not use groups: makes a simple group.
  return committer.generation < 0 ? ErrorCode::kNone : if_unknown;
}

void OffsetProtocol::commit(Step& step, const GroupCaller& caller,
                            const wire::OffsetCommitRequest& request) {
  const std::string_view group_id = request.group_id.view();
  const std::string_view member_id = request.member_id.view();
  const Committer committer(member_id, optional_view(request.group_instance_id),
                            request.generation_id_or_member_epoch, false, caller.version);
  ErrorCode refused = check_commit(
      group_id, committer,
      caller.version >= 9 ? ErrorCode::kGroupIdNotFound : ErrorCode::kIllegalGeneration);
  if (refused == ErrorCode::kNone) {
    refused = check_partitions(
        groups_.find(group_id), committer, request,
        [](const auto& topic) { return topic.topic_id; },
        [&](const auto& one) { return is_metadata_too_large(one.committed_metadata); });
  }
  const Timestamp wall = step.context.wall;
  const Timestamp expire = expiry_of(wall, request.retention_time_ms);
  std::vector<record::KeyedRecord> records;
  wire::OffsetCommitResponse response;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name.own();
    out.topic_id = topic.topic_id;
    const std::string_view name = name_of(topic.name, topic.topic_id, step.context.image);
    const bool is_unknown = name.empty() && !topic.topic_id.is_zero();
    for (const auto& partition : topic.partitions) {
      ErrorCode error = refused;
      if (error == ErrorCode::kNone && is_unknown) error = ErrorCode::kUnknownTopicId;
      if (error == ErrorCode::kNone &&
          (partition.partition_index < 0 || name.size() > kStringBytesMax)) {
        error = ErrorCode::kUnknownTopicOrPartition;
      }
      if (error == ErrorCode::kNone && is_metadata_too_large(partition.committed_metadata)) {
        error = ErrorCode::kOffsetMetadataTooLarge;
      }
      respond_partition(out, partition.partition_index, error);
      if (error != ErrorCode::kNone) continue;
      records.push_back(offset_commit_record(group_id, name, PartitionId(partition.partition_index),
                                             offset_of(partition, topic.topic_id, wall, expire)));
    }
  }
  if (refused == ErrorCode::kNone) {
    // Commits keep a session alive.
    Group* group = groups_.find(group_id);
    if (group != nullptr && group->type() == GroupType::kClassic) {
      auto& classic = static_cast<ClassicGroup&>(*group);
      ClassicMember* member = classic.member(member_id);
      if (member != nullptr) classic_.restart_session(step, classic, *member);
    }
  }
  if (step.has_room(records)) {
    counts_.offset_commits += static_cast<std::int64_t>(records.size());
    step.write(std::move(records));
  } else {
    fail_all(response, ErrorCode::kUnknownServerError);
  }
  step.answer(caller.answer, std::move(response));
}

void OffsetProtocol::commit_transactional(Step& step, const GroupCaller& caller,
                                          const wire::TxnOffsetCommitRequest& request) {
  const std::string_view group_id = request.group_id.view();
  const Committer committer(request.member_id.view(), optional_view(request.group_instance_id),
                            request.generation_id, true, caller.version);
  ErrorCode refused = check_commit(group_id, committer, ErrorCode::kIllegalGeneration);
  if (refused == ErrorCode::kNone) {
    const auto id_of = [&](const auto& topic) {
      const TopicId* id = step.context.image.topic_ids().find(topic.name.view());
      return id == nullptr ? TopicId() : *id;
    };
    refused = check_partitions(
        groups_.find(group_id), committer, request, id_of,
        [&](const auto& one) { return is_metadata_too_large(one.committed_metadata); });
  }
  if (refused == ErrorCode::kStaleMemberEpoch) refused = ErrorCode::kIllegalGeneration;
  if (group_id.empty()) refused = ErrorCode::kInvalidGroupId;
  const Timestamp wall = step.context.wall;
  std::vector<record::KeyedRecord> records;
  wire::TxnOffsetCommitResponse response;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name.own();
    for (const auto& partition : topic.partitions) {
      ErrorCode error = refused;
      if (error == ErrorCode::kNone &&
          (partition.partition_index < 0 || topic.name.size() > kStringBytesMax)) {
        error = ErrorCode::kUnknownTopicOrPartition;
      }
      if (error == ErrorCode::kNone && is_metadata_too_large(partition.committed_metadata)) {
        error = ErrorCode::kOffsetMetadataTooLarge;
      }
      respond_partition(out, partition.partition_index, error);
      if (error != ErrorCode::kNone) continue;
      records.push_back(offset_commit_record(group_id, topic.name.view(),
                                             PartitionId(partition.partition_index),
                                             offset_of(partition, TopicId(), wall, Timestamp(-1))));
    }
  }
  if (!records.empty() && step.has_room(records)) {
    counts_.offset_commits += static_cast<std::int64_t>(records.size());
    step.begin_transactional(ProducerId(request.producer_id),
                             ProducerEpoch(request.producer_epoch));
    step.write(std::move(records));
  } else if (!records.empty()) {
    fail_all(response, ErrorCode::kUnknownServerError);
  }
  step.answer(caller.answer, std::move(response));
}

}  // namespace moldau::group
