// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "machine/raft/messages.h"
#include "machine/raft/voter_set.h"
#include "record/batch_view.h"

namespace moldau::raft {

/// Where a fetch stands in comparison with the leader's log.
struct FetchPosition {
  FetchPosition() = default;
  enum class Kind { kValid, kDiverging, kSnapshot } kind = Kind::kValid;
  /// kDiverging: the end of the largest epoch not above the asked one; kSnapshot: its id.
  OffsetAndEpoch at;
};

/// What raft must know of the metadata log: where it begins and ends, where epochs begin, which
/// snapshots there are, and the voters and kraft.version that its control records set. The
/// voters in force are the latest in the log, committed or not.
///
/// Path     the host feeds it while it loads (snapshot, then every batch), the machine afterwards.
/// Thread   a value.
/// Bounds   one entry per epoch, snapshot and voter change between log start and end.
/// Source   ReplicatedLog, KRaftControlRecordStateMachine, VoterSetHistory; KIP-853.
class LogState {
 public:
  LogState() = default;
  /// Voters of controller.quorum.voters: in force until the log holds some.
  explicit LogState(VoterSet static_voters);

  Offset start() const { return start_; }
  Offset end() const { return end_; }
  LeaderEpoch last_epoch() const;
  OffsetAndEpoch last() const { return {end_, last_epoch()}; }

  const VoterSet& voters() const;
  std::int16_t kraft_version() const;
  /// What was in force for records before `end`: what a snapshot that ends there must say.
  const VoterSet& voters_before(Offset end) const;
  std::int16_t kraft_version_before(Offset end) const;
  /// True if the voters stand in the 0-0 checkpoint only, so that the first leader must write
  /// them into the log.
  bool voters_from_bootstrap_only() const;
  /// The offset of the control batch that set the voters in force; -1 if none in the log did.
  Offset voters_offset() const;

  /// Where `epoch` ended, or the largest epoch below it that we know.
  OffsetAndEpoch end_of_epoch(LeaderEpoch epoch) const;
  FetchPosition locate(Offset fetch_offset, LeaderEpoch last_fetched_epoch) const;

  std::optional<OffsetAndEpoch> latest_snapshot() const;
  std::optional<OffsetAndEpoch> earliest_snapshot() const;
  /// Its bytes, or nothing if there is none of that name.
  std::optional<std::int64_t> snapshot_size(OffsetAndEpoch id) const;

  /// The 0-0 checkpoint of `format`: sets voters, is no snapshot to be served.
  void note_bootstrap(std::int16_t kraft_version, VoterSet voters);
  void note_snapshot(OffsetAndEpoch id, std::int64_t size);
  /// The control records of the snapshot that is loaded (it replaces what came before).
  void note_snapshot_voters(OffsetAndEpoch id, std::int16_t kraft_version, VoterSet voters);
  /// A batch that follows the end. Control batches are looked into.
  /// Errors   kCorruptMessage, kInvalidRecord: a control record that cannot be read.
  Result<void> note_batch(const record::BatchView& batch);
  /// Loading may leave out what a snapshot stands for: where the epochs there begin, in order,
  /// then where it ends. The voters there are those of note_snapshot_voters.
  void note_epoch(LeaderEpoch epoch, Offset start);
  void skip_to(Offset end);
  /// Everything from `end` on is gone.
  void truncate(Offset end);
  /// Everything is gone: the log begins anew behind a snapshot.
  void restart_at(OffsetAndEpoch snapshot);
  /// The log lost its beginning; snapshots that end before it are gone too.
  void set_start(Offset start);
  void forget_snapshot(OffsetAndEpoch id) { snapshots_.erase(id); }

 private:
  struct EpochStart {
    LeaderEpoch epoch;
    Offset offset;
  };

  Offset start_{0};
  Offset end_{0};
  std::vector<EpochStart> epochs_;
  std::map<OffsetAndEpoch, std::int64_t> snapshots_;
  VoterSet static_voters_;
  // By offset of the control batch; kBootstrap for what the 0-0 checkpoint says.
  std::map<Offset, VoterSet> voters_;
  std::map<Offset, std::int16_t> kraft_versions_;
};

}  // namespace moldau::raft
