// SPDX-License-Identifier: Apache-2.0
#include "log/log_view.h"

#include <algorithm>

#include "log/batch_reader.h"
#include "record/record_iterator.h"

namespace moldau::log {
namespace {

std::optional<LeaderEpoch> epoch_if_known(LeaderEpoch epoch) {
  return epoch.value() >= 0 ? std::optional(epoch) : std::nullopt;
}

/// The first record of `batch` at or after `from` with a timestamp that `wanted` accepts.
template <class Wanted>
Result<std::optional<FoundOffset>> find_in_batch(const record::BatchView& batch, Offset from,
                                                 record::CompressionContext& context,
                                                 Wanted wanted) {
  record::RecordIterator records(batch, context);
  record::RecordView record;
  while (records.next(record)) {
    if (record.offset < from || !wanted(record.timestamp)) continue;
    const auto epoch = epoch_if_known(batch.leader_epoch());
    return std::optional(
        FoundOffset{record.offset, record.timestamp, epoch.value_or(LeaderEpoch(-1))});
  }
  MOLDAU_TRY(records.status());
  return std::optional<FoundOffset>();
}

/// Where to begin looking for the first record that is not older than `timestamp`.
Result<std::uint32_t> position_for_timestamp(const SegmentView& segment, Timestamp timestamp) {
  MOLDAU_ASSIGN_OR_RETURN(const TimestampOffset near, segment.time_index.lookup(timestamp));
  if (near.timestamp.value() < 0) return std::uint32_t{0};
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> batch, segment.find(near.offset));
  // The entry must name a batch with just this timestamp; a damaged one would hide records.
  if (!batch || batch->max_timestamp != near.timestamp) return std::uint32_t{0};
  return batch->position;
}

Result<std::optional<FoundOffset>> search_segment(const SegmentView& segment, Timestamp timestamp,
                                                  Offset from,
                                                  record::CompressionContext& context) {
  MOLDAU_ASSIGN_OR_RETURN(const std::uint32_t position, position_for_timestamp(segment, timestamp));
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, segment.log->get());
  // Headers tell which batch it is; only that one is read.
  HeaderCursor headers(file, segment.size);
  for (std::uint64_t at = position;;) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> header, headers.at(at));
    if (!header) return std::optional<FoundOffset>();
    at += header->size;
    if (header->max_timestamp < timestamp || header->last_offset < from) continue;
    BatchReader reader(file, header->position, header->end(), header->size);
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<record::BatchView> batch, reader.next());
    if (!batch) return Error(ErrorCode::kCorruptMessage, segment.log->path() + " has changed");
    MOLDAU_ASSIGN_OR_RETURN(
        std::optional<FoundOffset> found,
        find_in_batch(*batch, from, context, [&](Timestamp t) { return t >= timestamp; }));
    if (found) return found;
  }
}

}  // namespace

Result<ReadResult> LogView::read(const ReadRequest& request) const {
  if (request.offset < log_start_offset || request.offset > log_end_offset)
    return Error(ErrorCode::kOffsetOutOfRange, "outside of the log");
  const Offset upper_bound = std::min(request.upper_bound, log_end_offset);
  if (request.offset >= upper_bound) return ReadResult();
  for (std::size_t n = 0; n < segments.size(); ++n) {
    const SegmentView& segment = segments[n];
    const Offset end = n + 1 < segments.size() ? segments[n + 1].base_offset : log_end_offset;
    if (end <= request.offset && n + 1 < segments.size()) continue;
    if (segment.base_offset >= upper_bound) break;
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> first, segment.find(request.offset));
    if (!first) continue;
    std::uint32_t visible = segment.size;
    if (upper_bound < end) {
      MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> bound, segment.find(upper_bound));
      if (bound) visible = bound->position;
    }
    MOLDAU_ASSIGN_OR_RETURN(
        ReadResult out, read_range(*segment.log, segment.base_offset, request, visible, *first));
    if (!request.aborted_transactions) return out;
    Offset until = end;
    const std::uint64_t range_end = out.range.position + out.range.length;
    if (range_end < segment.size) {
      MOLDAU_ASSIGN_OR_RETURN(const std::optional<OffsetPosition> bound,
                              segment.offset_index.first_at_or_after(range_end));
      if (bound) until = bound->offset;
    }
    MOLDAU_ASSIGN_OR_RETURN(out.aborted_transactions, aborted_transactions(request.offset, until));
    return out;
  }
  return ReadResult();
}

Result<std::vector<AbortedTransaction>> LogView::aborted_transactions(Offset fetch_offset,
                                                                      Offset upper_bound) const {
  std::vector<AbortedTransaction> out;
  for (std::size_t n = 0; n < segments.size(); ++n) {
    if (n + 1 < segments.size() && segments[n + 1].base_offset <= fetch_offset) continue;
    MOLDAU_ASSIGN_OR_RETURN(const bool complete,
                            TxnIndex::collect(*segments[n].txn_index, segments[n].txn_entries,
                                              fetch_offset, upper_bound, out));
    if (complete) break;
  }
  return out;
}

Result<std::optional<FoundOffset>> LogView::newest_record(
    record::CompressionContext& context) const {
  const auto newest = std::max_element(
      segments.begin(), segments.end(), [](const SegmentView& a, const SegmentView& b) {
        return a.max_timestamp.timestamp < b.max_timestamp.timestamp;
      });
  if (newest == segments.end() || newest->max_timestamp.timestamp.value() < 0)
    return std::optional<FoundOffset>();
  return search_segment(*newest, newest->max_timestamp.timestamp, Offset(0), context);
}

Result<std::optional<FoundOffset>> LogView::offset_for_timestamp(
    Timestamp timestamp, record::CompressionContext& context) const {
  if (timestamp == kEarliestTimestamp || timestamp == kEarliestLocalTimestamp) {
    FoundOffset found{log_start_offset, Timestamp(-1), LeaderEpoch(-1)};
    if (earliest_epoch && earliest_epoch->start_offset <= log_start_offset)
      found.leader_epoch = earliest_epoch->epoch;
    return std::optional(found);
  }
  if (timestamp == kLatestTimestamp) {
    FoundOffset found{log_end_offset, Timestamp(-1), LeaderEpoch(-1)};
    if (latest_epoch) found.leader_epoch = latest_epoch->epoch;
    return std::optional(found);
  }
  // Without tiered storage nothing was ever uploaded, and nothing is pending.
  if (timestamp == kLatestTieredTimestamp || timestamp == kEarliestPendingUploadTimestamp)
    return std::optional(FoundOffset{Offset(-1), Timestamp(-1), LeaderEpoch(-1)});
  if (timestamp == kMaxTimestamp) return newest_record(context);
  if (timestamp.value() < 0) return Error(ErrorCode::kInvalidRequest, "unknown timestamp");
  for (const SegmentView& segment : segments) {
    if (segment.largest_timestamp() < timestamp) continue;
    return search_segment(segment, timestamp, log_start_offset, context);
  }
  return std::optional<FoundOffset>();
}

}  // namespace moldau::log
