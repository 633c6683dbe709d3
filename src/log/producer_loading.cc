// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>

#include "log/batch_reader.h"
#include "log/log_loader.h"
#include "log/producer_batches.h"

namespace moldau::log {
namespace {

constexpr std::size_t kSnapshotBytesMax = std::size_t{1} << 30;

/// Replays the batches of a segment in [state.end_offset(), end).
Result<void> replay(const Segment& segment, Offset end, partition::ProducerState& state) {
  if (segment.size() == 0) return {};
  const SegmentView view = segment.view();
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> first, view.find(state.end_offset()));
  if (!first) return {};
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, view.log->get());
  BatchReader reader(file, first->position, view.size);
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<record::BatchView> batch, reader.next());
    if (!batch || batch->base_offset() >= end) return {};
    if (batch->has_producer_id()) {
      MOLDAU_ASSIGN_OR_RETURN(const partition::ProducerBatch facts, producer_batch_of(*batch));
      // What is in the log was accepted once; a batch that does not fit any more changes nothing.
      (void)state.append(facts, AppendOrigin::kReplication);
      state.commit();
    }
    state.set_end_offset(batch->next_offset());
  }
}

}  // namespace

Result<partition::ProducerState> load_producers(
    env::Disk& disk, const std::string& directory, std::vector<Offset>& snapshots,
    const std::deque<std::unique_ptr<Segment>>& segments, Offset log_start, Offset end,
    Timestamp now, Millis expiration) {
  partition::ProducerState state;
  Offset from = log_start;
  for (std::size_t n = snapshots.size(); n-- > 0;) {
    if (snapshots[n] > end || snapshots[n] <= log_start) continue;
    const std::string path = directory + "/" + file_name(snapshots[n], kSnapshotSuffix);
    const auto content = env::read_small_file(disk, path, kSnapshotBytesMax);
    if (!content.ok() && content.error().os_error != ENOENT) return content.error();
    if (content.ok() && state.decode_snapshot(as_view(*content), now, expiration).ok()) {
      from = snapshots[n];
      break;
    }
    // Damaged: an older one, or the records themselves, tell the same.
    MOLDAU_TRY(remove_files(disk, {path}));
    snapshots.erase(snapshots.begin() + static_cast<std::ptrdiff_t>(n));
  }
  state.set_end_offset(from);
  for (std::size_t n = 0; n < segments.size(); ++n) {
    if (segments[n]->base_offset() >= end) break;
    if (n + 1 < segments.size() && segments[n + 1]->base_offset() <= state.end_offset()) continue;
    const Result<void> replayed = replay(*segments[n], end, state);
    if (!replayed.ok() && replayed.error().code == ErrorCode::kKafkaStorageError)
      return replayed.error();
  }
  state.set_end_offset(end);
  return state;
}

Result<void> PartitionLog::rebuild_producers(Offset end, Timestamp now) {
  MOLDAU_ASSIGN_OR_RETURN(
      producers_, load_producers(disk_, *directory_, snapshots_, segments_, log_start_offset_, end,
                                 now, config_.producer_id_expiration_ms));
  producers_.on_high_watermark(high_watermark_);
  return {};
}

}  // namespace moldau::log
