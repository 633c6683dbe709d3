// SPDX-License-Identifier: Apache-2.0
#include "toy_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/hash.h"
#include "loadgen_codec.h"
#include "record/varint.h"

namespace moldau::loadgen {
namespace {

constexpr std::size_t kHeaderBytes = 61;
constexpr std::size_t kCrcFrom = 21;

void store(std::byte* to, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i, value >>= 8) to[i] = static_cast<std::byte>(value);
}

/// Steps over a field with a length in front; -1 stands for null.
const std::byte* skip_field(const std::byte* p, const std::byte* end) {
  std::int32_t size = 0;
  p = p == nullptr ? nullptr : record::read_varint(p, end, size);
  if (p == nullptr || size < -1 || end - p < size) return nullptr;
  return p + std::max(size, 0);
}

/// Whether `count` records fill `records` exactly.
bool walk(ByteView records, std::int32_t count) {
  const std::byte* p = records.data();
  const std::byte* const all = p + records.size();
  for (std::int32_t i = 0; i < count; ++i) {
    std::int32_t size = 0;
    std::int64_t timestamp_delta = 0;
    std::int32_t offset_delta = 0;
    std::int32_t headers = 0;
    p = record::read_varint(p, all, size);
    if (p == nullptr || size < 1 || all - p < size) return false;
    const std::byte* const end = p + size;
    p = record::read_varlong(p + 1, end, timestamp_delta);
    if (p == nullptr) return false;
    p = record::read_varint(p, end, offset_delta);
    if (p == nullptr || offset_delta != i) return false;
    p = skip_field(skip_field(p, end), end);
    if (p == nullptr) return false;
    p = record::read_varint(p, end, headers);
    for (; p != nullptr && headers > 0; --headers) p = skip_field(skip_field(p, end), end);
    if (p != end) return false;
  }
  return p == all;
}

}  // namespace

ToyLog::ToyLog(std::string path) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) {
    std::perror(path_.c_str());
    std::exit(3);
  }
}

ToyLog::~ToyLog() {
  ::close(fd_);
  ::unlink(path_.c_str());
}

std::int64_t ToyLog::append(MutableBytes batch, record::CompressionContext& context) {
  if (batch.size() < kHeaderBytes) return -1;
  In in(batch);
  (void)in.number<std::int64_t>();
  const auto length = in.number<std::uint32_t>();
  (void)in.number<std::int32_t>();
  const auto magic = in.number<std::int8_t>();
  const auto crc = in.number<std::uint32_t>();
  const auto attributes = in.number<std::uint16_t>();
  const auto last_delta = in.number<std::int32_t>();
  (void)in.bytes(8 + 8 + 8 + 2 + 4);
  const auto count = in.number<std::int32_t>();
  if (length + 12 != batch.size() || magic != 2 || count < 1 || last_delta != count - 1) return -1;
  if (crc32c(batch.subspan(kCrcFrom)) != crc) return -1;
  const auto type = static_cast<record::CompressionType>(attributes & 7);
  const ByteView records = batch.subspan(kHeaderBytes);
  if (type == record::CompressionType::kNone) {
    if (!walk(records, count)) return -1;
  } else {
    const auto plain = record::decompress(context, type, records);
    if (!plain.ok() || !walk(plain->view(), count)) return -1;
  }
  const std::int64_t base = end_offset_;
  store(batch.data(), static_cast<std::uint64_t>(base), 8);
  store(batch.data() + 12, 0, 4);
  if (::pwrite(fd_, batch.data(), batch.size(), end_position_) !=
      static_cast<ssize_t>(batch.size()))
    return -1;
  starts_.emplace_back(base, end_position_);
  end_offset_ += count;
  end_position_ += static_cast<std::int64_t>(batch.size());
  return base;
}

ToyLog::Range ToyLog::read(std::int64_t offset, std::int64_t bytes_max) const {
  if (offset >= end_offset_ || offset < 0) return {};
  auto from = std::upper_bound(starts_.begin(), starts_.end(), offset,
                               [](std::int64_t o, const auto& start) { return o < start.first; });
  const std::int64_t position = (from - 1)->second;
  return {fd_, position, std::min(bytes_max, end_position_ - position)};
}

}  // namespace moldau::loadgen
