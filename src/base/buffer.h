// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/types.h"

namespace moldau {

/// A counted slice of a buffer: received frames and encoded answers travel as these.
///
/// Copying counts a reference, never bytes. The bytes may be changed in place only by whoever
/// knows that it is the only one who cares (offsets are patched into received batches).
/// Owner    the last Slice frees the buffer.
/// Thread   the count is atomic; the bytes are handed over by message.
class Slice {
 public:
  Slice() = default;
  /// A new buffer of exactly `size` bytes, not initialised.
  static Slice allocate(std::size_t size);
  static Slice copy_of(ByteView bytes);

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteView view() const { return {data_, size_}; }
  MutableBytes mutable_view() const { return {data_, size_}; }

  /// A part that shares the buffer; checked.
  Slice sub(std::size_t from, std::size_t size) const;

 private:
  std::shared_ptr<std::byte[]> owner_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace moldau
