// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "machine/client/backoff.h"
#include "machine/client/cluster_view.h"
#include "machine/client/fetch_session.h"
#include "machine/client/fetched_records.h"
#include "wire/fetch_response.h"
#include "wire/list_offsets_response.h"

namespace moldau::client {

struct FetchOptions {
  std::int32_t max_partition_bytes = 1 << 20;
  Millis metadata_max_age{300'000};  // for so long a preferred replica is read from
  Backoff retry{Millis(100), Millis(1000)};
  bool read_committed = false;
  bool check_crcs = true;
};

/// Where reading begins when a partition has no position, or one that is gone.
/// Thread   a value.
struct OffsetReset {
  enum class Kind { kNone, kEarliest, kLatest, kTimestamp };
  Kind kind = Kind::kLatest;
  Timestamp timestamp;  // kTimestamp
};

/// A fetch request that is to be sent now.
struct FetchPlan {
  struct Part {
    TopicPartition partition;
    FetchWanted wanted;
  };
  FetchPlan() = default;
  NodeId node;
  FetchSessionMove session;
  std::vector<Part> parts;  // of the session, also those that are not named again
};

/// Partitions of one leader whose offsets are to be asked for.
struct ResetPlan {
  struct Part {
    TopicPartition partition;
    Timestamp timestamp;  // -1 latest, -2 earliest
    LeaderEpoch leader_epoch;
  };
  ResetPlan() = default;
  NodeId node;
  std::vector<Part> parts;
};

/// Something about a partition that reading cannot get over by itself.
struct FetchTrouble {
  TopicPartition partition;
  Error error;
  Offset position;
};

/// What a consumer reads: positions, what is fetched ahead, resets, truncations.
///
/// A partition is fetched while nothing of it waits to be read, one request at a time for a broker.
/// Records are handed out in order of offsets, each once; a seek drops what was fetched before it.
///
/// Path     assign/seek → due_resets/due_fetches → the host asks → answered → read.
/// Owner    client::Consumer.
/// Thread   under the host's guard. Pure.
/// Bounds   of each broker one answer of fetch.max.bytes, of a partition max.partition.fetch.bytes
///          and one batch.
/// Errors   in take_troubles(): kOffsetOutOfRange without a reset policy, authorization, corrupt
///          records (the position stays), unknown topic ids; what passes is tried again.
/// Source   Fetcher, OffsetFetcher and SubscriptionState of Apache's clients; KIP-227, KIP-392,
///          KIP-320 by way of KIP-595: the last epoch read goes with each fetch, so that a broker
///          tells a truncation at once and no request of its own is needed.
class FetchMachine {
 public:
  FetchMachine(const FetchOptions& options, OffsetReset reset) : options_(options), reset_(reset) {}

  // ---- What is read

  /// Partitions that stay keep their position.
  void assign(const std::set<TopicPartition>& partitions);
  void seek(const TopicPartition& partition, Offset offset, LeaderEpoch epoch = LeaderEpoch(-1));
  void seek_to(const TopicPartition& partition, OffsetReset where);
  void pause(const TopicPartition& partition, bool paused);
  /// Where the next record comes from; nothing before it is known.
  std::optional<Offset> position(const TopicPartition& partition) const;
  /// Records that are stored and not read yet, as the last answer told.
  std::optional<std::int64_t> lag(const TopicPartition& partition) const;
  /// Topics of which the cluster view should know the leaders.
  std::set<std::string> topics() const;
  std::set<std::string> take_stale_topics() { return std::exchange(stale_topics_, {}); }

  // ---- Requests

  std::vector<ResetPlan> due_resets(const ClusterView& view, MonoTime now);
  void resets_answered(const ResetPlan& plan, const wire::ListOffsetsResponse& answer, MonoTime now,
                       std::uint64_t random);
  void resets_failed(const ResetPlan& plan, MonoTime now, std::uint64_t random);

  /// At most one for each broker to which none is under way.
  std::vector<FetchPlan> due_fetches(const ClusterView& view, MonoTime now);
  /// `frame` holds the bytes of the records.
  void answered(const FetchPlan& plan, const Slice& frame, const wire::FetchResponse& answer,
                MonoTime now, std::uint64_t random);
  void failed(const FetchPlan& plan, const Error& why, MonoTime now, std::uint64_t random);
  /// When to look again if nothing happens.
  MonoTime next_wake(MonoTime now) const;
  std::vector<FetchTrouble> take_troubles() { return std::exchange(troubles_, {}); }

  // ---- Records

  bool has_records() const;
  /// Hands out up to `most` records: take(partition, record, leader epoch). What a record views
  /// lives until take returns. The position follows.
  template <class Take>
  std::size_t read(std::size_t most, record::CompressionContext& codecs, Take take);

 private:
  struct State {
    std::optional<Offset> position;
    LeaderEpoch epoch{-1};  // of the last record read
    std::optional<OffsetReset> reset;
    bool resetting = false;  // asked for
    bool fetching = false;
    bool paused = false;
    std::uint32_t waiting = 0;  // parts that are not read yet
    std::uint32_t failures = 0;
    MonoTime not_before;
    std::optional<NodeId> preferred;
    MonoTime preferred_until;
    Offset end{-1};  // the high watermark, or the last stable offset
  };
  struct Waiting {
    TopicPartition partition;
    FetchedRecords records;
  };

  State* find(const TopicPartition& partition);
  const State* find(const TopicPartition& partition) const;
  void begin_reset(State& state, OffsetReset where);
  std::optional<NodeId> node_for(const TopicPartition& partition, State& state,
                                 const ClusterView& view, MonoTime now);
  void take_part(const FetchPlan::Part& part, State& state, const Slice& frame,
                 const wire::FetchResponse::PartitionData& told, MonoTime now,
                 std::uint64_t random);
  void take_error(const TopicPartition& partition, State& state, ErrorCode error, MonoTime now,
                  std::uint64_t random);
  void try_later(State& state, MonoTime now, std::uint64_t random);
  void drop_waiting(const TopicPartition& partition);
  void finish_front();

  const FetchOptions options_;
  const OffsetReset reset_;
  std::map<TopicPartition, State> states_;
  std::map<NodeId, FetchSession> sessions_;
  std::set<NodeId> fetching_;
  std::deque<Waiting> waiting_;
  std::set<std::string> stale_topics_;
  std::vector<FetchTrouble> troubles_;
};

template <class Take>
std::size_t FetchMachine::read(std::size_t most, record::CompressionContext& codecs, Take take) {
  std::size_t count = 0;
  std::size_t passed = 0;  // parts of paused partitions, which wait
  while (count < most && waiting_.size() > passed) {
    Waiting& front = waiting_.front();
    State* state = find(front.partition);
    // Dropped by a seek or a new assignment.
    if (!state || state->position != front.records.position()) {
      finish_front();
      continue;
    }
    if (state->paused) {
      waiting_.push_back(std::move(front));
      waiting_.pop_front();
      ++passed;
      continue;
    }
    const auto got = front.records.read(most - count, codecs,
                                        [&](const record::RecordView& record, LeaderEpoch epoch) {
                                          take(front.partition, record, epoch);
                                        });
    count += got.records;
    state->position = front.records.position();
    if (got.epoch.value() >= 0) state->epoch = got.epoch;
    if (got.error.code != ErrorCode::kNone)
      troubles_.push_back({front.partition, got.error, front.records.position()});
    if (got.at_end || got.error.code != ErrorCode::kNone) finish_front();
  }
  return count;
}

}  // namespace moldau::client
