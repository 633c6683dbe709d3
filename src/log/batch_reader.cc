// SPDX-License-Identifier: Apache-2.0
#include "log/batch_reader.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"
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

/// The checksum of the batch at position_, piece by piece. False if it is cut off.
Result<bool> BatchReader::check_large(std::size_t bytes) {
  constexpr std::size_t kMagicAt = 16;
  constexpr std::size_t kChecksumAt = 17;
  constexpr std::size_t kChecksumEnd = 21;
  MOLDAU_ASSIGN_OR_RETURN(const bool has_header, fill(kBatchHeaderBytesMax));
  if (!has_header) return false;
  const std::byte* header = buffer_.data() + (position_ - buffer_position_);
  // Old formats have another checksum; their sizes are believed.
  if (header[kMagicAt] != std::byte{2}) return true;
  std::uint32_t expected = 0;
  for (std::size_t i = kChecksumAt; i < kChecksumEnd; ++i)
    expected = expected << 8 | std::to_integer<std::uint32_t>(header[i]);
  const Slice piece = Slice::allocate(std::size_t{256} << 10);
  std::uint32_t checksum = 0;
  for (std::size_t at = kChecksumEnd; at < bytes;) {
    const MutableBytes into = piece.mutable_view().first(std::min(piece.size(), bytes - at));
    MOLDAU_ASSIGN_OR_RETURN(const std::size_t got, file_->read(into, position_ + at));
    if (got < into.size()) return false;
    checksum = crc32c(into, checksum);
    at += got;
  }
  if (checksum == expected) return true;
  return Error(ErrorCode::kCorruptMessage, "a batch of " + std::to_string(bytes) +
                                               " bytes does not match its checksum");
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
  if (!size || end_ - position_ < *size) return std::optional<record::BatchView>();
  if (*size > kUncheckedBytes && *size > buffer_.size()) {
    MOLDAU_ASSIGN_OR_RETURN(const bool good, check_large(*size));
    if (!good) return std::optional<record::BatchView>();
  }
  MOLDAU_ASSIGN_OR_RETURN(const bool whole, fill(*size));
  if (!whole) return std::optional<record::BatchView>();
  MOLDAU_ASSIGN_OR_RETURN(const record::BatchView batch, record::BatchView::parse(bytes_here()));
  batch_position_ = position_;
  position_ += batch.size();
  return std::optional(batch);
}

}  // namespace moldau::log
