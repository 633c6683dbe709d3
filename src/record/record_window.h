// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "record/compression.h"
#include "record/record_view.h"

namespace moldau::record {

/// A moving window over the decompressed records of a v2 batch.
///
/// Path     RecordIterator and the validator → this → Decompressor.
/// Owner    borrows the batch's bytes and the context; gives its buffer back to the context.
/// Thread   as the context.
/// Bounds   CompressionContext::kWindowBytes; whole records that are larger grow it up to the
///          context's output limit, skimmed records never do.
/// Errors   those of Decompressor, and kInvalidRecord for records that do not hold together.
class RecordWindow {
 public:
  static Result<RecordWindow> open(CompressionContext& context, CompressionType type,
                                   ByteView records);
  ~RecordWindow();
  RecordWindow(RecordWindow&&) noexcept = default;
  RecordWindow& operator=(RecordWindow&&) = delete;

  /// The next record, whole; its views live until the next call.
  Result<RecordFault> next(RawRecord& record);
  /// The next record without its bytes: the pointers in `record` mean nothing.
  Result<RecordFault> skim(RawRecord& record);
  /// True if no byte is left.
  Result<bool> at_end();

 private:
  class FieldReader;

  RecordWindow(CompressionContext& context, Decompressor stream, std::vector<std::byte> buffer);

  /// Tries to have `n` bytes from position_ on in one piece; says how many there are.
  Result<std::size_t> ensure(std::size_t n);
  Result<std::size_t> length_of_next(std::int32_t& size);
  Result<RecordFault> skim_large(RawRecord& record, std::size_t length);
  Result<bool> skip(std::size_t n);

  CompressionContext* context_;
  Decompressor stream_;
  std::vector<std::byte> buffer_;
  std::size_t position_ = 0;
  std::size_t filled_ = 0;
  bool stream_ended_ = false;
};

}  // namespace moldau::record
