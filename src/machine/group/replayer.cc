// SPDX-License-Identifier: Apache-2.0
#include "machine/group/replayer.h"

#include <memory>
#include <utility>

#include "machine/group/classic_group.h"
#include "machine/group/group_records.h"
#include "machine/group/record_framing.h"
#include "wire/consumer_group_metadata_key.h"
#include "wire/group_metadata_key.h"
#include "wire/group_metadata_value.h"
#include "wire/legacy_offset_commit_key.h"
#include "wire/offset_commit_key.h"
#include "wire/offset_commit_value.h"
#include "wire/share_group_metadata_key.h"
#include "wire/streams_group_metadata_key.h"

namespace moldau::group {
namespace {

/// One line for each kind of group besides the classic one.
constexpr ReplayKind kKinds[] = {
    replay_consumer_record,
    replay_streams_record,
    replay_share_record,
};

}  // namespace

void Replayer::replay(ByteView key, std::optional<ByteView> value,
                      std::optional<ProducerId> producer) {
  ++sequence_;
  const auto parts = split_number(key);
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
      return replay_other_kind(parts->first, parts->second, value);
  }
}

void Replayer::replay_other_kind(std::int16_t type, ByteView key, std::optional<ByteView> value) {
  for (const ReplayKind replay_kind : kKinds) {
    switch (replay_kind(target_, type, key, value)) {
      case Replayed::kNotMine:
        continue;
      case Replayed::kApplied:
        if (value) count_epoch(type);
        return;
      case Replayed::kDamaged:
        ++counts_.damaged_records;
        return;
    }
  }
  ++counts_.unknown_records;
}

void Replayer::count_epoch(std::int16_t type) {
  switch (type) {
    case wire::ConsumerGroupMetadataKey::kRecordType:
      ++counts_.consumer_rebalances;
      return;
    case wire::ShareGroupMetadataKey::kRecordType:
      ++counts_.share_rebalances;
      return;
    case wire::StreamsGroupMetadataKey::kRecordType:
      ++counts_.streams_rebalances;
      return;
    default:
      return;
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
  if (!value) {
    // While a group becomes another kind its classic record goes in the batch that makes it anew.
    const Group* there = groups_.find(id);
    if (there != nullptr && there->type() == GroupType::kClassic) groups_.remove(id);
    return;
  }
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
