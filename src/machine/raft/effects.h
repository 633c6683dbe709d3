// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/types.h"
#include "machine/raft/messages.h"

namespace moldau::raft {

/// Names an inbound request towards the host, which keeps the connection behind it.
using RequestToken = Strong<struct RequestTokenTag, std::uint64_t>;
/// Names an outbound request; its answer, failure or time-out comes back with it.
using CorrelationId = Strong<struct CorrelationIdTag, std::uint64_t>;

/// What must survive: an epoch never goes back, a vote is given once per epoch.
struct ElectionState {
  ElectionState() = default;
  NodeId leader_id{-1};
  LeaderEpoch epoch{0};
  ReplicaKey voted;
  bool operator==(const ElectionState&) const = default;
};

/// A request to a peer. A voter or leader is named by its id; a bootstrap server, of which no id
/// is known, by -2, -3, … in the order of the configuration.
struct OutboundRequest {
  OutboundRequest() = default;
  CorrelationId id{0};
  NodeId to{-1};
  std::vector<Endpoint> endpoints;  // empty for bootstrap servers
  Request request;
};

/// Bytes of the log to be put into a fetch answer: at least one batch, at most `bytes_max`
/// unless that one is larger.
struct ReadWanted {
  ReadWanted() = default;
  Offset from{0};
  std::int32_t bytes_max = 0;
};

struct Answer {
  Answer() = default;
  RequestToken token{0};
  Response response;
  /// FetchResponse: records to be read into it.
  std::optional<ReadWanted> read;
  /// FetchSnapshotResponse: this many bytes from its position on are to be read into it.
  std::int64_t snapshot_bytes = 0;
};

/// A part of a snapshot that a follower fetches.
struct SnapshotChunk {
  SnapshotChunk() = default;
  OffsetAndEpoch id;
  std::int64_t position = 0;
  Slice bytes;
  /// The last one: check and freeze the file, cut the whole log, then `snapshot_installed`.
  bool complete = false;
};

/// Up to where an fsync makes the log durable; comes back as it was given. A truncation in
/// between makes it worthless.
struct FlushMark {
  Offset end{0};
  std::uint64_t truncations = 0;
};

/// What follows from a step. To be done in this order, each before the next begins:
///   1. `persist`       quorum-state on disk and synced;
///   2. `truncate_to`   the log loses everything from there;
///   3. `append`        each one batch, offsets and epoch already in it; log.append in order;
///   4. `snapshot`      bytes of a snapshot being fetched;
///   5. `flush`         begin an fsync of the log (may run beside the rest, one may serve several
///                      steps: the newest mark when it begins); `flushed(mark)` comes back;
///   6. `send`, `answers`;
///   7. `high_watermark`, `leader_changed`: tell those who wait.
/// The simulator crashes between any two.
struct RaftEffects {
  RaftEffects() = default;
  std::optional<ElectionState> persist;
  std::optional<Offset> truncate_to;
  std::vector<Slice> append;
  std::optional<SnapshotChunk> snapshot;
  std::optional<FlushMark> flush;
  std::vector<OutboundRequest> send;
  std::vector<Answer> answers;
  std::optional<Offset> high_watermark;
  bool leader_changed = false;
  /// A peer did what no correct peer does (it asked us to cut committed records, say). Nothing
  /// was changed; worth an error in the log.
  std::string fault;
};

}  // namespace moldau::raft
