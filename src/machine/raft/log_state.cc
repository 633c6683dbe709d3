// SPDX-License-Identifier: Apache-2.0
#include "machine/raft/log_state.h"

#include <algorithm>

#include "machine/raft/control_records.h"

namespace moldau::raft {
namespace {

constexpr Offset kBootstrap{-1};

}  // namespace

LogState::LogState(VoterSet static_voters) : static_voters_(std::move(static_voters)) {}

LeaderEpoch LogState::last_epoch() const {
  if (!epochs_.empty()) return epochs_.back().epoch;
  const auto snapshot = latest_snapshot();
  return snapshot ? snapshot->epoch : LeaderEpoch(0);
}

const VoterSet& LogState::voters() const {
  return voters_.empty() ? static_voters_ : voters_.rbegin()->second;
}

std::int16_t LogState::kraft_version() const {
  return kraft_versions_.empty() ? std::int16_t{0} : kraft_versions_.rbegin()->second;
}

const VoterSet& LogState::voters_before(Offset end) const {
  const auto it = voters_.lower_bound(end);
  return it == voters_.begin() ? static_voters_ : std::prev(it)->second;
}

std::int16_t LogState::kraft_version_before(Offset end) const {
  const auto it = kraft_versions_.lower_bound(end);
  return it == kraft_versions_.begin() ? std::int16_t{0} : std::prev(it)->second;
}

bool LogState::voters_from_bootstrap_only() const {
  return !voters_.empty() && voters_.rbegin()->first == kBootstrap;
}

Offset LogState::voters_offset() const {
  return voters_.empty() ? Offset(-1) : voters_.rbegin()->first;
}

OffsetAndEpoch LogState::end_of_epoch(LeaderEpoch epoch) const {
  if (epoch >= last_epoch()) return last();
  const auto above = std::upper_bound(
      epochs_.begin(), epochs_.end(), epoch,
      [](LeaderEpoch wanted, const EpochStart& entry) { return wanted < entry.epoch; });
  if (above != epochs_.begin()) return {above->offset, std::prev(above)->epoch};
  // Older than the log: what stands before it is in the snapshot there, or nothing.
  const auto snapshot = earliest_snapshot();
  if (snapshot && snapshot->offset == start_) return *snapshot;
  return {start_, LeaderEpoch(0)};
}

FetchPosition LogState::locate(Offset fetch_offset, LeaderEpoch last_fetched_epoch) const {
  FetchPosition position;
  const auto latest = latest_snapshot();
  // An empty follower is faster with a snapshot even if the log still begins at 0.
  if (fetch_offset == Offset(0) && latest) {
    position.kind = FetchPosition::Kind::kSnapshot;
    position.at = *latest;
    return position;
  }
  if (fetch_offset == Offset(0) && start_ == Offset(0)) return position;
  const auto earliest = earliest_snapshot();
  if (earliest && (fetch_offset < start_ ||
                   (fetch_offset == start_ && start_ == earliest->offset &&
                    last_fetched_epoch != earliest->epoch) ||
                   last_fetched_epoch < earliest->epoch)) {
    position.kind = FetchPosition::Kind::kSnapshot;
    position.at = *latest;
    return position;
  }
  const OffsetAndEpoch end = end_of_epoch(last_fetched_epoch);
  if (end.epoch != last_fetched_epoch || end.offset < fetch_offset) {
    position.kind = FetchPosition::Kind::kDiverging;
    position.at = end;
  }
  return position;
}

std::optional<OffsetAndEpoch> LogState::latest_snapshot() const {
  if (snapshots_.empty()) return std::nullopt;
  return snapshots_.rbegin()->first;
}

std::optional<OffsetAndEpoch> LogState::earliest_snapshot() const {
  if (snapshots_.empty()) return std::nullopt;
  return snapshots_.begin()->first;
}

std::optional<std::int64_t> LogState::snapshot_size(OffsetAndEpoch id) const {
  const auto it = snapshots_.find(id);
  if (it == snapshots_.end()) return std::nullopt;
  return it->second;
}

void LogState::note_bootstrap(std::int16_t kraft_version, VoterSet voters) {
  kraft_versions_[kBootstrap] = kraft_version;
  voters_[kBootstrap] = std::move(voters);
}

void LogState::note_snapshot(OffsetAndEpoch id, std::int64_t size) {
  snapshots_[id] = size;
}

void LogState::note_snapshot_voters(OffsetAndEpoch id, std::int16_t kraft_version,
                                    VoterSet voters) {
  const Offset last = id.offset - 1;
  voters_.erase(voters_.begin(), voters_.upper_bound(last));
  kraft_versions_.erase(kraft_versions_.begin(), kraft_versions_.upper_bound(last));
  if (kraft_version > 0) kraft_versions_[last] = kraft_version;
  if (!voters.empty()) voters_[last] = std::move(voters);
}

Result<void> LogState::note_batch(const record::BatchView& batch) {
  if (batch.is_control()) {
    MOLDAU_ASSIGN_OR_RETURN(std::vector<ControlRecord> records, parse_control_batch(batch));
    for (ControlRecord& one : records) {
      if (auto* voters = std::get_if<KraftVoters>(&one))
        voters_[batch.base_offset()] = std::move(voters->voters);
      if (const auto* version = std::get_if<KraftVersion>(&one))
        kraft_versions_[batch.base_offset()] = version->level;
    }
  }
  note_epoch(batch.leader_epoch(), batch.base_offset());
  end_ = batch.next_offset();
  return {};
}

void LogState::note_epoch(LeaderEpoch epoch, Offset start) {
  if (epochs_.empty() || epoch > epochs_.back().epoch) epochs_.push_back({epoch, start});
}

void LogState::skip_to(Offset end) {
  end_ = std::max(end_, end);
}

void LogState::truncate(Offset end) {
  if (end >= end_) return;
  end_ = end;
  while (!epochs_.empty() && epochs_.back().offset >= end) epochs_.pop_back();
  voters_.erase(voters_.lower_bound(end), voters_.end());
  kraft_versions_.erase(kraft_versions_.lower_bound(end), kraft_versions_.end());
}

void LogState::restart_at(OffsetAndEpoch snapshot) {
  start_ = end_ = snapshot.offset;
  epochs_.clear();
  std::erase_if(snapshots_, [&](const auto& entry) { return entry.first < snapshot; });
}

void LogState::set_start(Offset start) {
  start_ = std::max(start_, start);
  end_ = std::max(end_, start_);
  while (epochs_.size() > 1 && epochs_[1].offset <= start_) epochs_.erase(epochs_.begin());
  if (!epochs_.empty()) epochs_.front().offset = std::max(epochs_.front().offset, start_);
  std::erase_if(snapshots_, [&](const auto& entry) { return entry.first.offset < start_; });
}

}  // namespace moldau::raft
