// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "env/disk.h"

namespace moldau::net {

/// Bytes of a file that go to the peer without being copied through us.
/// Owner    shares the file: its segment may be deleted while it is being sent.
struct FileRange {
  std::shared_ptr<env::File> file;
  std::uint64_t position = 0;
  std::uint64_t length = 0;
};

using ReplyChunk = std::variant<Slice, FileRange>;

/// A whole response without its size prefix, which net/ puts in front.
/// Thread   a value.
/// Bounds   size() fits an int32; a larger one closes the connection.
struct Reply {
  Reply() = default;
  explicit Reply(Slice bytes) { add(std::move(bytes)); }

  void add(Slice bytes) {
    if (!bytes.empty()) chunks.emplace_back(std::move(bytes));
  }
  void add(FileRange range) {
    if (range.length > 0) chunks.emplace_back(std::move(range));
  }
  std::uint64_t size() const;
  /// Only what lies in memory: what a slow reader costs.
  std::uint64_t memory_size() const;

  std::vector<ReplyChunk> chunks;
};

}  // namespace moldau::net
