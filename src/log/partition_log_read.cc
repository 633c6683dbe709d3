// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "log/partition_log.h"

namespace moldau::log {

std::size_t PartitionLog::segment_index_of(Offset offset) const {
  // Nearly all reads are at the end.
  if (offset >= active().base_offset()) return segments_.size() - 1;
  const auto after = std::partition_point(
      segments_.begin(), segments_.end(),
      [&](const std::unique_ptr<Segment>& segment) { return segment->base_offset() <= offset; });
  return after == segments_.begin() ? 0 : static_cast<std::size_t>(after - segments_.begin()) - 1;
}

Offset PartitionLog::end_of_segment(std::size_t index) const {
  return index + 1 < segments_.size() ? segments_[index + 1]->base_offset() : log_end_offset_;
}

const BatchPosition* PartitionLog::recall(Offset offset) const {
  if (!recent_) return nullptr;
  const std::size_t kept = std::min(recent_count_, kRecentBatches);
  for (std::size_t n = 1; n <= kept; ++n) {
    const BatchPosition& batch = (*recent_)[(recent_count_ - n) % kRecentBatches];
    if (batch.base_offset <= offset) return offset <= batch.last_offset ? &batch : nullptr;
  }
  return nullptr;
}

/// The first batch of a segment whose last offset is not below `offset`.
Result<std::optional<BatchPosition>> PartitionLog::find_batch(std::size_t index, Offset offset,
                                                              env::Wait wait) const {
  const bool is_active = index + 1 == segments_.size();
  if (const BatchPosition* known = is_active ? recall(offset) : nullptr)
    return std::optional<BatchPosition>(*known);
  SegmentView segment = segments_[index]->view();
  segment.set_wait(wait);
  return segment.find(offset);
}

/// Where a reader that must not see `upper_bound` stops in a segment.
Result<std::uint32_t> PartitionLog::visible_end(std::size_t index, Offset upper_bound,
                                                env::Wait wait) const {
  const Segment& segment = *segments_[index];
  if (upper_bound >= end_of_segment(index)) return segment.size();
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> batch,
                          find_batch(index, upper_bound, wait));
  return batch ? batch->position : segment.size();
}

Result<ReadResult> read_range(const LogFile& log, Offset segment_base_offset,
                              const ReadRequest& request, std::uint32_t visible,
                              const BatchPosition& first) {
  ReadResult out;
  out.segment_base_offset = segment_base_offset;
  out.range.position = first.position;
  if (first.position >= visible) return out;
  const std::uint32_t wanted =
      request.min_one_message ? std::max(request.bytes_max, first.size) : request.bytes_max;
  out.first_batch_incomplete = wanted < first.size;
  out.range.length = std::min(visible - first.position, wanted);
  if (out.range.length == 0) return out;
  MOLDAU_ASSIGN_OR_RETURN(out.range.file, log.get(request.wait));
  return out;
}

Result<std::optional<ReadResult>> PartitionLog::read_segment(std::size_t index,
                                                             const ReadRequest& request,
                                                             Offset upper_bound) const {
  const Segment& segment = *segments_[index];
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> first,
                          find_batch(index, request.offset, request.wait));
  // Compaction may have taken all there was from this offset to the end of the segment.
  if (!first) return std::optional<ReadResult>();
  MOLDAU_ASSIGN_OR_RETURN(const std::uint32_t visible,
                          visible_end(index, upper_bound, request.wait));
  MOLDAU_ASSIGN_OR_RETURN(
      ReadResult out, read_range(*segment.log(), segment.base_offset(), request, visible, *first));
  return std::optional(std::move(out));
}

Result<ReadResult> PartitionLog::read(const ReadRequest& request) const {
  if (failed_ || closed_) return storage_error();
  if (request.offset < log_start_offset_ || request.offset > log_end_offset_)
    return Error(ErrorCode::kOffsetOutOfRange,
                 std::to_string(request.offset.value()) + " is not in [" +
                     std::to_string(log_start_offset_.value()) + ", " +
                     std::to_string(log_end_offset_.value()) + "]");
  const Offset upper_bound = std::min(request.upper_bound, log_end_offset_);
  std::size_t index = segment_index_of(request.offset);
  ReadResult nothing;
  nothing.segment_base_offset = segments_[index]->base_offset();
  if (request.offset >= upper_bound) {
    nothing.range.position = segments_[index]->size();
    return nothing;
  }
  for (; index < segments_.size() && segments_[index]->base_offset() < upper_bound; ++index) {
    MOLDAU_ASSIGN_OR_RETURN(std::optional<ReadResult> out,
                            read_segment(index, request, upper_bound));
    if (!out) continue;
    if (request.aborted_transactions) MOLDAU_TRY(add_aborted(index, request, *out));
    return std::move(*out);
  }
  return nothing;
}

Result<void> PartitionLog::add_aborted(std::size_t index, const ReadRequest& request,
                                       ReadResult& out) const {
  bool any = false;
  for (std::size_t n = index; n < segments_.size(); ++n)
    any = any || !segments_[n]->txn_index().empty();
  if (!any) return {};
  const std::uint64_t end = out.range.position + out.range.length;
  Offset upper_bound = end_of_segment(index);
  if (end < segments_[index]->size()) {
    OffsetIndexView offsets = segments_[index]->view().offset_index;
    offsets.wait = request.wait;
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<OffsetPosition> bound,
                            offsets.first_at_or_after(end));
    if (bound) upper_bound = bound->offset;
  }
  bool complete = false;
  for (std::size_t n = index; n < segments_.size() && !complete; ++n) {
    const TxnIndex& txns = segments_[n]->txn_index();
    MOLDAU_ASSIGN_OR_RETURN(
        complete, TxnIndex::collect(*txns.file(), txns.entries(), request.offset, upper_bound,
                                    out.aborted_transactions, request.wait));
  }
  return {};
}

LogView PartitionLog::view() const {
  return view_of(0);
}

LogView PartitionLog::view_from(Offset offset) const {
  return view_of(segment_index_of(offset));
}

LogView PartitionLog::view_of(std::size_t first_segment) const {
  LogView out;
  out.log_start_offset = log_start_offset_;
  out.log_end_offset = log_end_offset_;
  out.generation = generation_;
  out.earliest_epoch = epochs_.earliest();
  out.latest_epoch = epochs_.latest();
  out.segments.reserve(segments_.size() - first_segment);
  for (std::size_t n = first_segment; n < segments_.size(); ++n)
    out.segments.push_back(segments_[n]->view());
  return out;
}

}  // namespace moldau::log
