// SPDX-License-Identifier: Apache-2.0
#include "record/record_view.h"

namespace moldau::record {

std::string_view record_fault_text(RecordFault fault) {
  switch (fault) {
    case RecordFault::kNone:
      return "no fault";
    case RecordFault::kCutOff:
      return "incorrect declared batch size, premature end of records";
    case RecordFault::kBadStructure:
      return "found invalid record structure";
    case RecordFault::kBadHeaderCount:
      return "found invalid number of record headers";
    case RecordFault::kBadHeaderKey:
      return "invalid negative header key size";
    case RecordFault::kSizeMismatch:
      return "record size does not match its fields";
  }
  return "unknown fault";
}

RecordFault check_headers(const std::byte* p, const std::byte* end, std::int32_t count) {
  // The smallest header takes two bytes, but Kafka compares with one; the end is checked anyway.
  if (count < 0 || count > end - p) return RecordFault::kBadHeaderCount;
  for (; count > 0; --count) {
    std::int32_t size;
    p = read_varint(p, end, size);
    if (p == nullptr) return RecordFault::kBadStructure;
    if (size < 0) return RecordFault::kBadHeaderKey;
    if (size > end - p) return RecordFault::kBadStructure;
    p = read_varint(p + size, end, size);
    if (p == nullptr || size > end - p) return RecordFault::kBadStructure;
    if (size > 0) p += size;
  }
  return p == end ? RecordFault::kNone : RecordFault::kSizeMismatch;
}

RecordFault parse_record_checked(const std::byte* p, const std::byte* end, RawRecord& out) {
  const std::byte* const begin = p;
  std::int32_t size;
  p = read_varint(p, end, size);
  if (p == nullptr) return RecordFault::kCutOff;
  if (size < 0) return RecordFault::kSizeMismatch;
  if (size > end - p) return RecordFault::kCutOff;
  end = p + size;
  out.end = end;
  out.size = static_cast<std::int32_t>(end - begin);
  // One byte of attributes that nobody uses yet.
  if (size == 0) return RecordFault::kBadStructure;
  p = read_varlong(p + 1, end, out.timestamp_delta);
  if (p == nullptr) return RecordFault::kBadStructure;
  p = read_varint(p, end, out.offset_delta);
  if (p == nullptr) return RecordFault::kBadStructure;
  p = read_varint(p, end, out.key_size);
  if (p == nullptr || out.key_size > end - p) return RecordFault::kBadStructure;
  out.key = p;
  if (out.key_size > 0) p += out.key_size;
  p = read_varint(p, end, out.value_size);
  if (p == nullptr || out.value_size > end - p) return RecordFault::kBadStructure;
  out.value = p;
  if (out.value_size > 0) p += out.value_size;
  p = read_varint(p, end, out.header_count);
  if (p == nullptr) return RecordFault::kBadStructure;
  out.headers = p;
  return check_headers(p, end, out.header_count);
}

std::optional<HeaderView> HeaderIterator::next() {
  if (left_ <= 0) return std::nullopt;
  --left_;
  HeaderView header;
  std::int32_t size = 0;
  p_ = read_varint(p_, end_, size);
  header.key = as_text({p_, static_cast<std::size_t>(size)});
  p_ = read_varint(p_ + size, end_, size);
  if (size >= 0) {
    header.value = ByteView(p_, static_cast<std::size_t>(size));
    p_ += size;
  }
  return header;
}

}  // namespace moldau::record
