// SPDX-License-Identifier: Apache-2.0
#include "log/batch_reader.h"

#include <algorithm>
#include <cstring>

#include "log/batch_header.h"

namespace moldau::log {

BatchReader::BatchReader(std::shared_ptr<env::File> file, std::uint64_t position, std::uint64_t end,
                         std::size_t buffer_bytes, std::size_t batch_bytes_max)
    : file_(std::move(file)),
      position_(position),
      end_(end),
      batch_bytes_max_(batch_bytes_max),
      buffer_(Slice::allocate(std::max<std::size_t>(buffer_bytes, kBatchHeaderBytesMax))),
      buffer_position_(position) {}

Result<bool> BatchReader::fill(std::size_t bytes) {
  if (end_ - position_ < bytes) return false;
  if (position_ >= buffer_position_ && position_ + bytes <= buffer_position_ + buffered_)
    return true;
  if (bytes > buffer_.size()) buffer_ = Slice::allocate(bytes);
  buffer_position_ = position_;
  MutableBytes into(buffer_.data(), std::min<std::uint64_t>(buffer_.size(), end_ - position_));
  MOLDAU_ASSIGN_OR_RETURN(buffered_, file_->read(into, position_));
  return buffered_ >= bytes;
}

Result<std::optional<record::BatchView>> BatchReader::next() {
  MOLDAU_ASSIGN_OR_RETURN(const bool has_header, fill(kBatchHeaderBytesMin));
  if (!has_header) return std::optional<record::BatchView>();
  const auto bytes_here = [this] {
    const std::size_t from = position_ - buffer_position_;
    return ByteView(buffer_.data() + from, buffered_ - from);
  };
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<std::size_t> size,
                          record::batch_size_of(bytes_here(), batch_bytes_max_));
  if (!size) return std::optional<record::BatchView>();
  MOLDAU_ASSIGN_OR_RETURN(const bool whole, fill(*size));
  if (!whole) return std::optional<record::BatchView>();
  MOLDAU_ASSIGN_OR_RETURN(const record::BatchView batch, record::BatchView::parse(bytes_here()));
  batch_position_ = position_;
  position_ += batch.size();
  return std::optional(batch);
}

}  // namespace moldau::log
