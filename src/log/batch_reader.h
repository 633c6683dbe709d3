// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/buffer.h"
#include "base/result.h"
#include "env/disk.h"
#include "record/batch_view.h"

namespace moldau::log {

/// Reads batches (whole) of a file in order, a buffer at a time.
///
/// Owner    borrows nothing: shares the file. A batch given out is valid until the next call.
/// Thread   any thread, one at a time.
/// Bounds   the buffer grows to the largest batch, at most `batch_bytes_max`; beyond
///          kUncheckedBytes only for a batch whose checksum was found right, so that a damaged
///          size takes no memory.
/// Errors   kKafkaStorageError; kCorruptMessage at a size that cannot be (position() stays there).
class BatchReader {
 public:
  static constexpr std::size_t kUncheckedBytes = std::size_t{4} << 20;

  BatchReader(std::shared_ptr<env::File> file, std::uint64_t position, std::uint64_t end,
              std::size_t buffer_bytes = std::size_t{256} << 10,
              std::size_t batch_bytes_max = INT32_MAX);

  /// Nothing at the end, or if the last batch is cut off there.
  Result<std::optional<record::BatchView>> next();
  /// Where the batch that next() gave begins.
  std::uint64_t batch_position() const { return batch_position_; }
  /// Behind the last batch given out.
  std::uint64_t position() const { return position_; }

 private:
  Result<bool> fill(std::size_t bytes);
  Result<bool> check_large(std::size_t bytes);

  std::shared_ptr<env::File> file_;
  std::uint64_t position_;
  std::uint64_t end_;
  std::uint64_t batch_position_ = 0;
  std::size_t batch_bytes_max_;
  Slice buffer_;
  std::uint64_t buffer_position_ = 0;
  std::size_t buffered_ = 0;
};

}  // namespace moldau::log
