// SPDX-License-Identifier: Apache-2.0
#include "machine/group/group_records.h"

#include <utility>
#include <vector>

#include "machine/group/classic_group.h"
#include "machine/group/record_framing.h"
#include "wire/group_metadata_key.h"
#include "wire/offset_commit_key.h"
#include "wire/offset_commit_value.h"

namespace moldau::group {
namespace {

constexpr std::int16_t kGroupMetadataVersion = 3;
constexpr std::int16_t kOffsetCommitVersion = 4;
/// The only one that can carry an explicit time of expiry.
constexpr std::int16_t kExpiringOffsetCommitVersion = 1;

std::vector<std::byte> group_key(std::string_view group_id) {
  wire::GroupMetadataKey key;
  key.group = group_id;
  return framed(wire::GroupMetadataKey::kRecordType, key, 0);
}

std::vector<std::byte> offset_key(std::string_view group_id, std::string_view topic,
                                  PartitionId partition) {
  wire::OffsetCommitKey key;
  key.group = group_id;
  key.topic = topic;
  key.partition = partition.value();
  return framed(wire::OffsetCommitKey::kRecordType, key, 0);
}

record::KeyedRecord group_record(std::string_view group_id, const wire::GroupMetadataValue& value) {
  record::KeyedRecord out;
  out.key = group_key(group_id);
  out.value = framed(kGroupMetadataVersion, value, kGroupMetadataVersion);
  return out;
}

wire::Text nullable(const std::optional<std::string>& text) {
  return text ? wire::Text(std::string_view(*text)) : wire::Text::null();
}

}  // namespace

record::KeyedRecord empty_group_record(std::string_view group_id, Timestamp wall) {
  wire::GroupMetadataValue value;
  value.protocol = wire::Text::null();
  value.leader = wire::Text::null();
  value.current_state_timestamp = wall.value();
  return group_record(group_id, value);
}

record::KeyedRecord emptied_group_record(const ClassicGroup& group, Timestamp wall) {
  wire::GroupMetadataValue value;
  value.protocol_type = group.protocol_type();
  value.generation = static_cast<std::int32_t>(static_cast<std::uint32_t>(group.generation()) + 1);
  value.protocol = wire::Text::null();
  value.leader = wire::Text::null();
  value.current_state_timestamp = wall.value();
  return group_record(group.id(), value);
}

record::KeyedRecord group_metadata_record(const ClassicGroup& group,
                                          const std::map<std::string_view, ByteView>* assignments) {
  wire::GroupMetadataValue value;
  value.protocol_type = group.protocol_type();
  value.generation = group.generation();
  value.protocol = nullable(group.protocol());
  value.leader = nullable(group.leader());
  value.current_state_timestamp = group.state_timestamp().value();
  value.members.reserve(group.members().size());
  for (const auto& [id, member] : group.members()) {
    auto& to = value.members.emplace_back();
    to.member_id = std::string_view(id);
    to.group_instance_id = nullable(member.group_instance_id);
    to.client_id = std::string_view(member.client_id);
    to.client_host = std::string_view(member.client_host);
    to.rebalance_timeout = static_cast<std::int32_t>(member.rebalance_timeout.value());
    to.session_timeout = static_cast<std::int32_t>(member.session_timeout.value());
    if (group.protocol()) {
      if (const auto metadata = member.metadata(*group.protocol())) to.subscription = *metadata;
    }
    to.assignment = ByteView(member.assignment);
    if (assignments != nullptr) {
      const auto at = assignments->find(id);
      to.assignment = at == assignments->end() ? ByteView() : at->second;
    }
  }
  return group_record(group.id(), value);
}

record::KeyedRecord group_metadata_tombstone(std::string_view group_id) {
  record::KeyedRecord out;
  out.key = group_key(group_id);
  return out;
}

record::KeyedRecord offset_commit_record(std::string_view group_id, std::string_view topic,
                                         PartitionId partition, const CommittedOffset& offset) {
  const bool expires = offset.expire != Timestamp(-1);
  wire::OffsetCommitValue value;
  value.offset = offset.offset.value();
  value.leader_epoch = offset.leader_epoch.value();
  value.metadata = std::string_view(offset.metadata);
  value.commit_timestamp = offset.commit.value();
  value.expire_timestamp = offset.expire.value();
  value.topic_id = offset.topic_id;
  const std::int16_t version = expires ? kExpiringOffsetCommitVersion : kOffsetCommitVersion;
  record::KeyedRecord out;
  out.key = offset_key(group_id, topic, partition);
  out.value = framed(version, value, version);
  return out;
}

record::KeyedRecord offset_commit_tombstone(std::string_view group_id, std::string_view topic,
                                            PartitionId partition) {
  record::KeyedRecord out;
  out.key = offset_key(group_id, topic, partition);
  return out;
}

std::size_t batch_bytes(const record::KeyedRecord& record) {
  // Length, attributes, deltas, two lengths, no headers: varints of at most so many bytes.
  constexpr std::size_t kFraming = 5 + 1 + 10 + 5 + 5 + 5 + 1;
  return kFraming + record.key.size() + (record.value ? record.value->size() : 0);
}

}  // namespace moldau::group
