// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "machine/raft/voter_set.h"
#include "record/batch_builder.h"
#include "record/batch_view.h"

namespace moldau::raft {

/// Opens every epoch in the log.
struct LeaderChange {
  LeaderChange() = default;
  NodeId leader_id{-1};
  std::vector<ReplicaKey> voters;
  std::vector<ReplicaKey> granting_voters;
  bool operator==(const LeaderChange&) const = default;
};
struct SnapshotHeader {
  Timestamp last_contained_log_timestamp{0};
  bool operator==(const SnapshotHeader&) const = default;
};
struct SnapshotFooter {
  bool operator==(const SnapshotFooter&) const = default;
};
struct KraftVersion {
  std::int16_t level = 0;
  bool operator==(const KraftVersion&) const = default;
};
struct KraftVoters {
  KraftVoters() = default;
  explicit KraftVoters(VoterSet v) : voters(std::move(v)) {}
  VoterSet voters;
  bool operator==(const KraftVoters&) const = default;
};
/// A type we do not know, or a transaction marker: not ours to judge.
struct OtherControl {
  bool operator==(const OtherControl&) const = default;
};

using ControlRecord = std::variant<OtherControl, LeaderChange, SnapshotHeader, SnapshotFooter,
                                   KraftVersion, KraftVoters>;

/// The value of a control record.
/// Thread   pure.
/// Source   LeaderChangeMessage, SnapshotHeaderRecord, SnapshotFooterRecord, KRaftVersionRecord,
///          VotersRecord of Apache Kafka 4.3.
std::string serialize(const LeaderChange& record);
std::string serialize(const SnapshotHeader& record);
std::string serialize(const SnapshotFooter& record);
std::string serialize(const KraftVersion& record);
std::string serialize(const KraftVoters& record);

/// Bounds   lengths against the bytes at hand.
/// Errors   kCorruptMessage.
Result<ControlRecord> parse_control_record(record::ControlRecordType type, ByteView value);

/// The records of a control batch, in order.
/// Errors   kCorruptMessage, kInvalidRecord.
Result<std::vector<ControlRecord>> parse_control_batch(const record::BatchView& batch);

/// A control batch that holds `records`.
Slice build_control_batch(const std::vector<ControlRecord>& records, Offset base_offset,
                          LeaderEpoch epoch, Timestamp now);

}  // namespace moldau::raft
