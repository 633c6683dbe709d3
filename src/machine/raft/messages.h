// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "base/error_code.h"
#include "base/types.h"
#include "machine/raft/voter_set.h"

/// The messages of the quorum as the machine sees them: one partition, no versions. The host
/// maps them from and to the wire.
namespace moldau::raft {

/// A position in the log and the epoch of what stands before it; also the name of a snapshot
/// (first offset that is not in it, epoch of the last record that is).
struct OffsetAndEpoch {
  OffsetAndEpoch() = default;
  OffsetAndEpoch(Offset o, LeaderEpoch e) : offset(o), epoch(e) {}
  Offset offset{0};
  LeaderEpoch epoch{0};
  auto operator<=>(const OffsetAndEpoch&) const = default;
};

/// What every answer says of the leader, so that peers find it.
struct LeaderView {
  LeaderView() = default;
  NodeId leader_id{-1};
  LeaderEpoch epoch{0};
  std::vector<Endpoint> endpoints;
};

struct VoteRequest {
  VoteRequest() = default;
  std::optional<std::string> cluster_id;
  /// Whom the sender believes to talk to; none before v1.
  ReplicaKey voter;
  ReplicaKey candidate;
  LeaderEpoch epoch{0};
  OffsetAndEpoch last;  // the candidate's log end and last epoch
  bool pre_vote = false;
};

struct VoteResponse {
  VoteResponse() = default;
  ErrorCode error = ErrorCode::kNone;
  LeaderView leader;
  bool granted = false;
};

struct BeginQuorumEpochRequest {
  BeginQuorumEpochRequest() = default;
  std::optional<std::string> cluster_id;
  ReplicaKey voter;
  NodeId leader_id{-1};
  LeaderEpoch epoch{0};
  std::vector<Endpoint> leader_endpoints;
};

struct EndQuorumEpochRequest {
  EndQuorumEpochRequest() = default;
  std::optional<std::string> cluster_id;
  NodeId leader_id{-1};
  LeaderEpoch epoch{0};
  /// Who should try first to become leader.
  std::vector<ReplicaKey> preferred;
  std::vector<Endpoint> leader_endpoints;
};

/// The answer to Begin- and EndQuorumEpoch.
struct QuorumEpochResponse {
  QuorumEpochResponse() = default;
  ErrorCode error = ErrorCode::kNone;
  LeaderView leader;
};

struct FetchRequest {
  FetchRequest() = default;
  std::optional<std::string> cluster_id;
  ReplicaKey replica;
  LeaderEpoch current_leader_epoch{0};
  Offset fetch_offset{0};
  LeaderEpoch last_fetched_epoch{0};
  /// What the follower knows of the high watermark: below ours, it is answered at once.
  Offset high_watermark{INT64_MAX};
  Millis max_wait{0};
  std::int32_t bytes_max = 0;
};

struct FetchResponse {
  FetchResponse() = default;
  ErrorCode error = ErrorCode::kNone;
  LeaderView leader;
  Offset high_watermark{-1};
  Offset log_start{-1};
  std::optional<OffsetAndEpoch> diverging;
  std::optional<OffsetAndEpoch> snapshot;
  /// Whole batches.
  Slice records;
};

struct FetchSnapshotRequest {
  FetchSnapshotRequest() = default;
  std::optional<std::string> cluster_id;
  ReplicaKey replica;
  LeaderEpoch current_leader_epoch{0};
  OffsetAndEpoch snapshot;
  std::int64_t position = 0;
  std::int32_t bytes_max = 0;
};

struct FetchSnapshotResponse {
  FetchSnapshotResponse() = default;
  ErrorCode error = ErrorCode::kNone;
  LeaderView leader;
  OffsetAndEpoch snapshot;
  std::int64_t size = 0;
  std::int64_t position = 0;
  Slice bytes;
};

using Request = std::variant<VoteRequest, BeginQuorumEpochRequest, EndQuorumEpochRequest,
                             FetchRequest, FetchSnapshotRequest>;
using Response =
    std::variant<VoteResponse, QuorumEpochResponse, FetchResponse, FetchSnapshotResponse>;

}  // namespace moldau::raft
