// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"
#include "record/compression.h"

namespace moldau::loadgen {

/// A file of record batches: the least that an append has to do, and nothing else.
///
/// Owner    removes its file when it goes.
/// Thread   one.
/// Durable  nothing.
class ToyLog {
 public:
  explicit ToyLog(std::string path);
  ~ToyLog();
  ToyLog(const ToyLog&) = delete;
  ToyLog& operator=(const ToyLog&) = delete;

  /// Checks one batch (size, checksum, each record's bounds), patches offset and epoch in place
  /// and writes it. Returns its base offset, -1 if it is no good.
  std::int64_t append(MutableBytes batch, record::CompressionContext& context);
  std::int64_t end_offset() const { return end_offset_; }

  /// Where whole batches from `offset` on lie in the file.
  struct Range {
    int fd = -1;
    std::int64_t position = 0;
    std::int64_t size = 0;
  };
  Range read(std::int64_t offset, std::int64_t bytes_max) const;

 private:
  std::string path_;
  int fd_ = -1;
  std::int64_t end_offset_ = 0;
  std::int64_t end_position_ = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> starts_;  // base offset, position
};

}  // namespace moldau::loadgen
