// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "env/random.h"

namespace moldau::replica {

/// One partition as a consumer or follower asks for it.
struct FetchPartition {
  FetchPartition();
  TopicId topic_id;   // zero before Fetch v13
  std::string topic;  // empty from Fetch v13 on
  PartitionId partition;
  LeaderEpoch current_leader_epoch{-1};
  Offset fetch_offset{0};
  LeaderEpoch last_fetched_epoch{-1};
  Offset follower_log_start{-1};
  std::int32_t bytes_max = 0;
};

/// What was answered for a partition, as far as the session must remember it.
struct FetchAnswer {
  ErrorCode error = ErrorCode::kNone;
  Offset high_watermark{-1};
  Offset log_start{-1};
  std::size_t record_bytes = 0;
  bool must_tell = false;  // diverging epoch or preferred read replica
};

/// One incremental fetch session: the partitions a client is interested in, and what it was
/// last told of each.
///
/// Owner    the cache of its shard.
/// Thread   shard-bound.
/// Source   KIP-227; kafka.server.FetchSession.
class FetchSession {
 public:
  struct Entry {
    Entry();
    FetchPartition asked;
    Offset told_high_watermark{-1};
    Offset told_log_start{-1};
  };

  FetchSession(std::int32_t id, bool uses_topic_ids, bool privileged);

  std::int32_t id() const { return id_; }
  std::int32_t epoch() const { return epoch_; }
  bool uses_topic_ids() const { return uses_topic_ids_; }
  std::size_t size() const { return entries_.size(); }

  void set(const FetchPartition& asked);
  void forget(TopicId topic_id, const std::string& topic, PartitionId partition);
  /// In the order in which they are to be served: those just answered with records go last.
  std::vector<FetchPartition> partitions() const;
  /// True if the answer of this partition must be in the response. Moves it to the end if it
  /// carried records.
  bool note_answer(const FetchPartition& asked, const FetchAnswer& answer);
  void advance_epoch();

 private:
  friend class FetchSessionCache;
  using Key = std::tuple<TopicId, std::string, PartitionId>;
  static Key key_of(const FetchPartition& p) { return {p.topic_id, p.topic, p.partition}; }

  std::int32_t id_;
  std::int32_t epoch_ = 1;
  bool uses_topic_ids_;
  bool privileged_;
  MonoTime created_{0};
  MonoTime last_used_{0};
  std::list<Entry> entries_;
  std::map<Key, std::list<Entry>::iterator> by_key_;
};

struct FetchSessionLimits {
  std::size_t sessions_max = 1000;
  Millis evict_after{120'000};
};

/// The fetch sessions of one shard.
///
/// Thread   shard-bound.
/// Bounds   max.incremental.fetch.session.cache.slots divided by the shards; partitions of a
///          session by the size of the request that made it.
/// Source   KIP-227; FetchSessionCacheShard.
class FetchSessionCache {
 public:
  FetchSessionCache(const FetchSessionLimits& limits, env::Random& random)
      : limits_(limits), random_(random) {}

  /// The session of an incremental request, its epoch checked and advanced.
  /// Errors   kFetchSessionIdNotFound, kInvalidFetchSessionEpoch, kFetchSessionTopicIdError.
  Result<FetchSession*> resume(std::int32_t id, std::int32_t epoch, bool uses_topic_ids,
                               MonoTime now);
  /// A new session with these partitions; nullptr if there is no slot.
  FetchSession* create(const std::vector<FetchPartition>& partitions, bool uses_topic_ids,
                       bool privileged, MonoTime now);
  /// nullptr if it is gone.
  FetchSession* find(std::int32_t id);
  void remove(std::int32_t id);
  std::size_t size() const { return sessions_.size(); }

 private:
  bool make_room(bool privileged, std::size_t size, MonoTime now);

  FetchSessionLimits limits_;
  env::Random& random_;
  std::unordered_map<std::int32_t, std::unique_ptr<FetchSession>> sessions_;
};

}  // namespace moldau::replica
