// SPDX-License-Identifier: Apache-2.0
#include "machine/group/replayer.h"

#include <memory>
#include <utility>

#include "machine/group/classic_group.h"
#include "machine/group/group_records.h"
#include "wire/encode.h"
#include "wire/group_metadata_key.h"
#include "wire/group_metadata_value.h"
#include "wire/legacy_offset_commit_key.h"
#include "wire/offset_commit_key.h"
#include "wire/offset_commit_value.h"
#include "wire/reader.h"

namespace moldau::group {
namespace {

/// The number in front, and what is behind it.
std::optional<std::pair<std::int16_t, ByteView>> split(ByteView bytes) {
  if (bytes.size() < 2) return std::nullopt;
  return std::pair(wire::load_big_endian<std::int16_t>(bytes.data()), bytes.subspan(2));
}

/// A value with its version in front.
template <class M>
std::optional<M> parse_value(ByteView bytes) {
  const auto parts = split(bytes);
  if (!parts) return std::nullopt;
  auto message = wire::decode_exactly<M>(parts->second, parts->first);
  if (!message.ok()) return std::nullopt;
  return std::move(*message);
}

}  // namespace

void Replayer::replay(ByteView key, std::optional<ByteView> value,
                      std::optional<ProducerId> producer) {
  ++sequence_;
  const auto parts = split(key);
  if (!parts) {
    ++counts_.damaged_records;
    return;
  }
  switch (parts->first) {
    case wire::LegacyOffsetCommitKey::kRecordType:
    case wire::OffsetCommitKey::kRecordType:
      return replay_offset(parts->second, value, producer);
    case wire::GroupMetadataKey::kRecordType:
      return replay_classic(parts->second, value);
    default:
      ++counts_.unknown_records;
  }
}

void Replayer::replay_offset(ByteView key, std::optional<ByteView> value,
                             std::optional<ProducerId> producer) {
  // The legacy key has the same fields.
  const auto where = wire::decode_exactly<wire::OffsetCommitKey>(key, 0);
  if (!where.ok() || where->partition < 0 || where->group.size() > kStringBytesMax ||
      where->topic.size() > kStringBytesMax) {
    ++counts_.damaged_records;
    return;
  }
  const std::string_view group = where->group.view();
  const std::string_view topic = where->topic.view();
  const PartitionId partition(where->partition);
  if (!value) return offsets_.remove(group, topic, partition);

  const auto from = parse_value<wire::OffsetCommitValue>(*value);
  if (!from) {
    ++counts_.damaged_records;
    return;
  }
  CommittedOffset offset;
  offset.offset = Offset(from->offset);
  offset.leader_epoch = LeaderEpoch(from->leader_epoch);
  offset.metadata = from->metadata.str();
  offset.commit = Timestamp(from->commit_timestamp);
  offset.expire = Timestamp(from->expire_timestamp);
  offset.topic_id = from->topic_id;
  offset.sequence = sequence_;
  // A group that nobody has joined: a simple group, which has no record of its own.
  if (groups_.find(group) == nullptr) {
    groups_.add(std::make_unique<ClassicGroup>(std::string(group)));
  }
  if (producer) {
    offsets_.put_pending(*producer, group, topic, partition, std::move(offset));
  } else {
    offsets_.put(group, topic, partition, std::move(offset));
  }
}

void Replayer::replay_classic(ByteView key, std::optional<ByteView> value) {
  const auto which = wire::decode_exactly<wire::GroupMetadataKey>(key, 0);
  if (!which.ok() || which->group.size() > kStringBytesMax) {
    ++counts_.damaged_records;
    return;
  }
  const std::string_view id = which->group.view();
  if (!value) return groups_.remove(id);

  const auto from = parse_value<wire::GroupMetadataValue>(*value);
  if (!from || !ClassicGroup::is_sound(*from)) {
    ++counts_.damaged_records;
    return;
  }
  Group* group = groups_.find(id);
  if (group == nullptr || group->type() != GroupType::kClassic) {
    group = &groups_.add(std::make_unique<ClassicGroup>(std::string(id)));
  }
  static_cast<ClassicGroup*>(group)->replay(*from);
}

}  // namespace moldau::group
