// SPDX-License-Identifier: Apache-2.0
#include "wire/text.h"

#include <cstring>
#include <limits>

#include "base/check.h"

namespace moldau::wire {
namespace {

std::uint32_t checked(std::size_t size) {
  MOLDAU_CHECK(size <= std::numeric_limits<std::int32_t>::max(), "too long for a message");
  return static_cast<std::uint32_t>(size);
}

}  // namespace

ByteHolder ByteHolder::borrow(const void* data, std::size_t size) {
  ByteHolder out;
  out.data_ = static_cast<const std::byte*>(data);
  out.size_ = checked(size);
  return out;
}

ByteHolder ByteHolder::own(const void* data, std::size_t size) {
  ByteHolder out = borrow(data, size);
  if (size > 0) out.clone();
  return out;
}

void ByteHolder::clone() {
  auto* copy = new std::byte[size_];
  std::memcpy(copy, data_, size_);
  data_ = copy;
  state_ = State::kOwned;
}

void ByteHolder::drop() {
  delete[] data_;
}

}  // namespace moldau::wire
