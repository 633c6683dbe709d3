// SPDX-License-Identifier: Apache-2.0
// The follower's and observer's side of replication.
#include <algorithm>

#include "machine/raft/raft_machine.h"
#include "record/batch_view.h"

namespace moldau::raft {

void RaftMachine::on_fetch_response(NodeId from, const FetchResponse& response, Now now,
                                    RaftEffects& out) {
  const bool useful = learn(response.error, response.leader, now, out);
  if (!useful || role_ != Role::kFollower || from != leader_id_) {
    peers_.back_off(from, now.mono + config_.retry_backoff);
    return;
  }
  deadline_ = now.mono + config_.fetch_timeout;
  fetched_from_leader_ = true;
  if (response.diverging) {
    truncate_to_leader(*response.diverging, out);
  } else if (response.snapshot) {
    begin_download(*response.snapshot, out);
  } else {
    take_records(response, out);
    raise_high_watermark(std::min(response.high_watermark, log_.end()), out);
  }
  if (!out.fault.empty()) peers_.back_off(from, now.mono + config_.fetch_wait_max);
}

void RaftMachine::take_records(const FetchResponse& response, RaftEffects& out) {
  record::BatchIterator batches(response.records.view());
  for (;;) {
    const std::size_t from = batches.position();
    auto next = batches.next();
    if (!next.ok()) {
      out.fault = "a fetched batch is not whole: " + next.error().detail;
      return;
    }
    if (!next->has_value()) return;
    const record::BatchView& batch = **next;
    const bool in_order = batch.is_v2() && batch.base_offset() == log_.end() &&
                          batch.last_offset() >= batch.base_offset() &&
                          batch.leader_epoch() >= log_.last_epoch();
    if (!in_order || !batch.crc_is_valid()) {
      out.fault = "a fetched batch at offset " + std::to_string(batch.base_offset().value()) +
                  " does not continue the log or is damaged";
      return;
    }
    // Of a leader we do not know yet; it will be fetched again once we do.
    if (batch.leader_epoch() > epoch_) return;
    if (auto noted = log_.note_batch(batch); !noted.ok()) {
      out.fault = "a fetched control batch cannot be read: " + noted.error().detail;
      return;
    }
    out.append.push_back(response.records.sub(from, batch.size()));
    if (config_.may_vote)
      want_flush(out);
    else
      flushed_end_ = log_.end();
  }
}

void RaftMachine::truncate_to_leader(const OffsetAndEpoch& diverging, RaftEffects& out) {
  const OffsetAndEpoch ours = log_.end_of_epoch(diverging.epoch);
  const Offset to =
      ours.epoch == diverging.epoch ? std::min(ours.offset, diverging.offset) : ours.offset;
  if (to < high_watermark_ || to < log_.start() || diverging.offset.value() < 0) {
    out.fault = "leader " + std::to_string(leader_id_.value()) + " asks to cut to offset " +
                std::to_string(to.value()) + ", but everything before " +
                std::to_string(high_watermark_.value()) + " is committed";
    return;
  }
  if (to >= log_.end()) return;
  log_.truncate(to);
  flushed_end_ = std::min(flushed_end_, to);
  ++truncations_;
  out.truncate_to = to;
}

void RaftMachine::begin_download(const OffsetAndEpoch& id, RaftEffects& out) {
  // One that ends before what we hold would throw committed records away.
  if (id.epoch.value() < 0 || id.offset <= Offset(0) || id.offset < high_watermark_ ||
      id.offset < log_.start()) {
    out.fault = "leader " + std::to_string(leader_id_.value()) + " offers snapshot " +
                std::to_string(id.offset.value()) + "-" + std::to_string(id.epoch.value()) +
                ", which ends before what is committed here";
    return;
  }
  Download download;
  download.id = id;
  download_ = download;
}

void RaftMachine::on_fetch_snapshot_response(const FetchSnapshotResponse& response, Now now,
                                             RaftEffects& out) {
  const bool useful = learn(response.error, response.leader, now, out);
  if (!download_) return;
  const auto got = static_cast<std::int64_t>(response.bytes.size());
  if (!useful || response.snapshot != download_->id || response.position != download_->position ||
      got == 0 || response.position + got > response.size) {
    // Whatever it was: a Fetch tells what to do next.
    download_.reset();
    return;
  }
  deadline_ = now.mono + config_.fetch_timeout;
  fetched_from_leader_ = true;
  SnapshotChunk chunk;
  chunk.id = download_->id;
  chunk.position = response.position;
  chunk.bytes = response.bytes;
  download_->position += got;
  chunk.complete = download_->installing = download_->position == response.size;
  out.snapshot = std::move(chunk);
}

void RaftMachine::raise_high_watermark(Offset offset, RaftEffects& out) {
  if (offset <= high_watermark_) return;
  high_watermark_ = offset;
  out.high_watermark = offset;
}

}  // namespace moldau::raft
