// SPDX-License-Identifier: Apache-2.0
#include "base/buffer.h"

#include <cstring>

namespace moldau {

Slice Slice::allocate(std::size_t size) {
  Slice slice;
  slice.owner_ = std::make_shared_for_overwrite<std::byte[]>(size);
  slice.data_ = slice.owner_.get();
  slice.size_ = size;
  return slice;
}

Slice Slice::copy_of(ByteView bytes) {
  Slice slice = allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(slice.data_, bytes.data(), bytes.size());
  return slice;
}

Slice Slice::sub(std::size_t from, std::size_t size) const {
  MOLDAU_CHECK(from <= size_ && size <= size_ - from, "slice out of its buffer");
  Slice slice = *this;
  slice.data_ += from;
  slice.size_ = size;
  return slice;
}

}  // namespace moldau
