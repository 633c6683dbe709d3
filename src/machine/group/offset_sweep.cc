// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "machine/group/offset_protocol.h"

namespace moldau::group {
namespace {

bool is_expired(const CommittedOffset& offset, Timestamp from, Timestamp now, Millis retention) {
  if (offset.expire != Timestamp(-1)) return now >= offset.expire;
  // Wraps as in Java: the time of a commit may come from a hostile log.
  const auto age =
      static_cast<std::uint64_t>(now.value()) - static_cast<std::uint64_t>(from.value());
  return static_cast<std::int64_t>(age) >= retention.value();
}

}  // namespace

void OffsetProtocol::topics_deleted(std::span<const DeletedTopic> topics) {
  if (topics.empty()) return;
  if (deletions_.empty() || !deletions_.back().next_group.empty()) deletions_.emplace_back();
  auto& to = deletions_.back().topics;
  to.insert(to.end(), topics.begin(), topics.end());
}

void OffsetProtocol::sweep(Step& step) {
  if (!deletions_.empty()) {
    if (!sweep_deleted(step, deletions_.front())) return;
    deletions_.pop_front();
  }
  if (!next_check_) return;
  if (!checking_) {
    if (step.context.now < *next_check_) return;
    begin_checks(step.context.now);
    checking_.emplace();
  }
  if (sweep_expired(step, *checking_)) checking_.reset();
}

std::optional<MonoTime> OffsetProtocol::next_sweep() const {
  if (!deletions_.empty() || checking_) return MonoTime(0);
  return next_check_;
}

bool OffsetProtocol::sweep_expired(Step& step, std::string& next_group) {
  std::vector<std::string> ids;
  const auto& groups = groups_.groups();
  auto at = groups.lower_bound(next_group);
  for (; at != groups.end() && ids.size() < kGroupsPerSweep; ++at) ids.emplace_back(at->first);
  const std::optional<std::string> behind =
      at == groups.end() ? std::nullopt : std::optional<std::string>(at->first);
  for (const std::string& id : ids) {
    if (expire_group(step, id)) continue;
    next_group = id;
    return false;
  }
  if (behind) next_group = *behind;
  return !behind.has_value();
}

bool OffsetProtocol::expire_group(Step& step, const std::string& group_id) {
  const Group& group = *groups_.find(group_id);
  std::vector<record::KeyedRecord> records;
  bool all_expired = !offsets_.has_transactions(group_id);
  if (const TopicOffsets* topics = offsets_.topics(group_id)) {
    for (const auto& [topic, partitions] : *topics) {
      const bool is_kept = group.is_subscribed_to(topic);
      for (const auto& [partition, offset] : partitions) {
        const auto from = group.expires_from(offset.commit);
        if (is_kept || !from ||
            !is_expired(offset, *from, step.context.wall, settings_.offsets_retention) ||
            offsets_.is_pending(group_id, topic, partition)) {
          all_expired = false;
          continue;
        }
        records.push_back(offset_commit_tombstone(group_id, topic, partition));
      }
    }
  }
  for (record::KeyedRecord& record : records) {
    if (!step.can_ever_fit(record)) continue;
    if (!step.has_room(record)) return false;
    step.write(std::move(record));
    ++counts_.offset_expirations;
  }
  if (!all_expired || !group.is_empty()) return true;
  std::vector<record::KeyedRecord> tombstones;
  group.append_tombstones(tombstones);
  if (!step.has_room(tombstones)) return !step.is_begun();
  step.write(std::move(tombstones));
  return true;
}

bool OffsetProtocol::sweep_deleted(Step& step, Deletion& deletion) {
  for (std::size_t i = 0; i < kGroupsPerSweep; ++i) {
    const auto id = offsets_.group_from(deletion.next_group);
    if (!id) return true;
    if (!delete_topics_of(step, *id, deletion.topics)) {
      deletion.next_group = *id;
      return false;
    }
    // The next id in order of bytes.
    deletion.next_group = *id + '\0';
  }
  return false;
}

bool OffsetProtocol::delete_topics_of(Step& step, const std::string& group_id,
                                      const std::vector<DeletedTopic>& topics) {
  std::vector<record::KeyedRecord> records;
  const auto all = offsets_.partitions(group_id);
  for (const DeletedTopic& topic : topics) {
    const auto at = all.find(topic.name);
    if (at == all.end()) continue;
    for (const PartitionId partition : at->second) {
      const CommittedOffset* offset = offsets_.find(group_id, topic.name, partition);
      // Already committed for the next topic of that name.
      if (offset != nullptr && !offset->topic_id.is_zero() && offset->topic_id != topic.id) {
        continue;
      }
      records.push_back(offset_commit_tombstone(group_id, topic.name, partition));
    }
  }
  for (record::KeyedRecord& record : records) {
    if (!step.can_ever_fit(record)) continue;
    if (!step.has_room(record)) return false;
    step.write(std::move(record));
    ++counts_.offset_deletions;
  }
  return true;
}

}  // namespace moldau::group
