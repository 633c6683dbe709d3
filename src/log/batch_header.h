// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "base/types.h"
#include "env/disk.h"

namespace moldau::log {

/// A batch in a segment, from its header alone.
struct BatchPosition {
  /// Of magic 0 and 1: that of the (last inner) message, too.
  Offset base_offset{0};
  Offset last_offset{0};
  Timestamp max_timestamp{-1};
  LeaderEpoch leader_epoch{-1};
  std::uint32_t position = 0;
  std::uint32_t size = 0;

  std::uint32_t end() const { return position + size; }
};

/// Enough to know size and magic; enough to know all of BatchPosition.
inline constexpr std::size_t kBatchHeaderBytesMin = 17;
inline constexpr std::size_t kBatchHeaderBytesMax = 43;

/// The batch whose header begins `bytes`, at `position` of a segment that ends at `end`. Nothing
/// if it is cut off there.
/// Errors   kCorruptMessage: size, magic or offsets that cannot be.
Result<std::optional<BatchPosition>> parse_batch_header(ByteView bytes, std::uint64_t position,
                                                        std::uint64_t end);

/// Looks at headers of a segment one after the other, reading little.
/// Owner    shares the file.
/// Thread   any thread, one at a time.
class HeaderCursor {
 public:
  HeaderCursor(std::shared_ptr<env::File> file, std::uint64_t end,
               env::Wait wait = env::Wait::kForDevice);
  /// The batch at `position`; nothing at the end, or if the batch is cut off there.
  Result<std::optional<BatchPosition>> at(std::uint64_t position);

 private:
  std::shared_ptr<env::File> file_;
  std::uint64_t end_;
  env::Wait wait_;
  std::array<std::byte, 4096> buffer_;
  std::uint64_t buffer_position_ = 0;
  std::size_t buffered_ = 0;
};

}  // namespace moldau::log
