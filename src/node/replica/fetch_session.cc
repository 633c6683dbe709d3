// SPDX-License-Identifier: Apache-2.0
#include "node/replica/fetch_session.h"

#include <limits>

namespace moldau::replica {

FetchPartition::FetchPartition() = default;
FetchSession::Entry::Entry() = default;

FetchSession::FetchSession(std::int32_t id, bool uses_topic_ids, bool privileged)
    : id_(id), uses_topic_ids_(uses_topic_ids), privileged_(privileged) {}

void FetchSession::set(const FetchPartition& asked) {
  const Key key = key_of(asked);
  auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    found->second->asked = asked;
    return;
  }
  Entry entry;
  entry.asked = asked;
  by_key_.emplace(key, entries_.insert(entries_.end(), std::move(entry)));
}

void FetchSession::forget(TopicId topic_id, const std::string& topic, PartitionId partition) {
  auto found = by_key_.find(Key(topic_id, topic, partition));
  if (found == by_key_.end()) return;
  entries_.erase(found->second);
  by_key_.erase(found);
}

std::vector<FetchPartition> FetchSession::partitions() const {
  std::vector<FetchPartition> all;
  all.reserve(entries_.size());
  for (const Entry& entry : entries_) all.push_back(entry.asked);
  return all;
}

bool FetchSession::note_answer(const FetchPartition& asked, const FetchAnswer& answer) {
  auto found = by_key_.find(key_of(asked));
  if (found == by_key_.end()) return true;
  Entry& entry = *found->second;
  bool tell = answer.record_bytes > 0 || answer.must_tell;
  if (entry.told_high_watermark != answer.high_watermark) {
    entry.told_high_watermark = answer.high_watermark;
    tell = true;
  }
  if (entry.told_log_start != answer.log_start) {
    entry.told_log_start = answer.log_start;
    tell = true;
  }
  if (answer.error != ErrorCode::kNone) {
    // Whatever follows the error must be told again.
    entry.told_high_watermark = Offset(-1);
    tell = true;
  }
  if (answer.record_bytes > 0) entries_.splice(entries_.end(), entries_, found->second);
  return tell;
}

void FetchSession::advance_epoch() {
  epoch_ = epoch_ == std::numeric_limits<std::int32_t>::max() ? 1 : epoch_ + 1;
}

FetchSession* FetchSessionCache::find(std::int32_t id) {
  auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

Result<FetchSession*> FetchSessionCache::resume(std::int32_t id, std::int32_t epoch,
                                                bool uses_topic_ids, MonoTime now) {
  FetchSession* session = find(id);
  if (!session) return Error(ErrorCode::kFetchSessionIdNotFound);
  if (session->epoch_ != epoch) return Error(ErrorCode::kInvalidFetchSessionEpoch);
  if (session->uses_topic_ids_ != uses_topic_ids)
    return Error(ErrorCode::kFetchSessionTopicIdError);
  session->last_used_ = now;
  session->advance_epoch();
  return session;
}

FetchSession* FetchSessionCache::create(const std::vector<FetchPartition>& partitions,
                                        bool uses_topic_ids, bool privileged, MonoTime now) {
  if (!make_room(privileged, partitions.size(), now)) return nullptr;
  std::int32_t id = 0;
  while (id == 0 || sessions_.contains(id))
    id = static_cast<std::int32_t>(random_.next() & 0x7FFFFFFF);
  auto session = std::make_unique<FetchSession>(id, uses_topic_ids, privileged);
  session->created_ = session->last_used_ = now;
  for (const FetchPartition& partition : partitions) session->set(partition);
  FetchSession* made = session.get();
  sessions_.emplace(id, std::move(session));
  return made;
}

bool FetchSessionCache::make_room(bool privileged, std::size_t size, MonoTime now) {
  if (sessions_.size() < limits_.sessions_max) return true;
  if (limits_.sessions_max == 0) return false;
  // The longest unused goes if it is stale; else a smaller one of a lower kind that is old enough.
  FetchSession* victim = nullptr;
  for (const auto& [id, session] : sessions_) {
    const bool stale = now > session->last_used_ + limits_.evict_after;
    const bool weaker = (privileged && !session->privileged_) ||
                        (privileged == session->privileged_ && size > session->size());
    const bool old = now > session->created_ + limits_.evict_after;
    if (!stale && !(weaker && old)) continue;
    if (!victim || session->last_used_ < victim->last_used_) victim = session.get();
  }
  if (!victim) return false;
  remove(victim->id());
  return true;
}

void FetchSessionCache::remove(std::int32_t id) {
  sessions_.erase(id);
}

}  // namespace moldau::replica
