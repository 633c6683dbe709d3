// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "log/batch_header.h"
#include "log/segment.h"

namespace moldau::log {

HeaderCursor::HeaderCursor(std::shared_ptr<env::File> file, std::uint64_t end, env::Wait wait)
    : file_(std::move(file)), end_(end), wait_(wait) {}

Result<std::optional<BatchPosition>> HeaderCursor::at(std::uint64_t position) {
  if (position >= end_ || end_ - position < kBatchHeaderBytesMin)
    return std::optional<BatchPosition>();
  const std::uint64_t want = std::min<std::uint64_t>(end_ - position, kBatchHeaderBytesMax);
  if (position < buffer_position_ || position + want > buffer_position_ + buffered_) {
    buffer_position_ = position;
    MutableBytes into(buffer_.data(), std::min<std::uint64_t>(buffer_.size(), end_ - position));
    MOLDAU_ASSIGN_OR_RETURN(buffered_, file_->read(into, position, wait_));
    if (buffered_ < want) return std::optional<BatchPosition>();
  }
  const std::size_t from = position - buffer_position_;
  return parse_batch_header(ByteView(buffer_.data() + from, buffered_ - from), position, end_);
}

Result<std::optional<BatchPosition>> SegmentView::find(Offset offset, std::uint32_t from) const {
  if (size == 0) return std::optional<BatchPosition>();
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log->get(wait()));
  HeaderCursor cursor(file, size, wait());
  std::uint64_t position = from;
  const Result<OffsetPosition> near = offset_index.lookup(offset);
  if (!near.ok() && env::is_cold(near.error())) return near.error();
  if (near.ok() && near->position > position && near->position < size) {
    // The index may be damaged: believe it only where it leads to a batch that is not beyond.
    const auto there = cursor.at(near->position);
    if (!there.ok() && env::is_cold(there.error())) return there.error();
    if (there.ok() && *there && (*there)->base_offset >= base_offset &&
        (*there)->base_offset <= offset)
      position = near->position;
  }
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> batch, cursor.at(position));
    if (!batch || batch->last_offset >= offset) return batch;
    position += batch->size;
  }
}

Result<std::optional<BatchPosition>> SegmentView::last_batch() const {
  if (size == 0) return std::optional<BatchPosition>();
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log->get());
  HeaderCursor cursor(file, size);
  std::uint64_t position = 0;
  if (offset_index.entries() > 0) {
    const auto near = offset_index.entry(offset_index.entries() - 1);
    if (near.ok() && near->position < size) {
      const auto there = cursor.at(near->position);
      if (there.ok() && *there && (*there)->base_offset >= base_offset &&
          (*there)->base_offset <= near->offset)
        position = near->position;
    }
  }
  std::optional<BatchPosition> last;
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(std::optional<BatchPosition> batch, cursor.at(position));
    if (!batch) return last;
    last = batch;
    position += batch->size;
  }
}

}  // namespace moldau::log
