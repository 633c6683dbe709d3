// SPDX-License-Identifier: Apache-2.0
#include "wire/records.h"

#include "base/buffer.h"

namespace moldau::wire {

Records Records::copy_of(ByteView bytes) {
  auto slice = std::make_shared<Slice>(Slice::copy_of(bytes));
  const ByteView view = slice->view();
  return owned(view, std::move(slice));
}

}  // namespace moldau::wire
