// SPDX-License-Identifier: Apache-2.0
#include "net/reply.h"

namespace moldau::net {

std::uint64_t Reply::size() const {
  std::uint64_t sum = 0;
  for (const ReplyChunk& chunk : chunks) {
    if (const auto* slice = std::get_if<Slice>(&chunk))
      sum += slice->size();
    else
      sum += std::get_if<FileRange>(&chunk)->length;
  }
  return sum;
}

std::uint64_t Reply::memory_size() const {
  std::uint64_t sum = 0;
  for (const ReplyChunk& chunk : chunks)
    if (const auto* slice = std::get_if<Slice>(&chunk)) sum += slice->size();
  return sum;
}

}  // namespace moldau::net
