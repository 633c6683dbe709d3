// SPDX-License-Identifier: Apache-2.0
// The .snapshot file, version 1, as ProducerState reads and writes it:
//
//   | int16 version | uint32 crc-32c of what follows | int32 count | count entries |
//   entry: | int64 producer id | int16 epoch | int32 last sequence | int64 last offset |
//          | int32 offset delta | int64 timestamp | int32 coordinator epoch | int64 txn first |
#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "machine/partition/producer_state.h"

namespace moldau::partition {
namespace {

constexpr std::int16_t kVersion = 1;
constexpr std::size_t kCrcEnd = 6;
constexpr std::size_t kHeaderBytes = 10;
constexpr std::size_t kEntryBytes = 46;
static_assert(kEntryBytes == 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8);

template <class T>
void put(std::string& out, T value) {
  for (std::size_t n = sizeof(T); n-- > 0;)
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * n)));
}

/// Big-endian reader; the caller has checked that the bytes are there.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    std::uint64_t value = 0;
    for (std::size_t n = 0; n < sizeof(T); ++n)
      value = value << 8 | static_cast<std::uint8_t>(bytes_[position_++]);
    return static_cast<T>(value);
  }

 private:
  ByteView bytes_;
  std::size_t position_ = 0;
};

Error damaged(const char* why) {
  return Error(ErrorCode::kCorruptMessage, std::string("producer snapshot: ") + why);
}

}  // namespace

std::string ProducerState::encode_snapshot() const {
  std::vector<std::int64_t> ids;
  ids.reserve(producers_.size());
  for (const auto& [id, entry] : producers_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  std::string entries;
  entries.reserve(4 + ids.size() * kEntryBytes);
  put(entries, static_cast<std::int32_t>(ids.size()));
  for (std::int64_t id : ids) {
    const ProducerEntry& entry = producers_.at(id);
    put(entries, id);
    put(entries, entry.producer_epoch.value());
    put(entries, entry.last_sequence());
    put(entries, entry.last_data_offset().value());
    put(entries, entry.last_offset_delta());
    put(entries, entry.last_timestamp.value());
    put(entries, entry.coordinator_epoch);
    put(entries, entry.current_txn_first_offset.value());
  }
  std::string out;
  out.reserve(kCrcEnd + entries.size());
  put(out, kVersion);
  put(out, crc32c(as_view(entries)));
  return out + entries;
}

Result<void> ProducerState::decode_snapshot(ByteView bytes, Timestamp now, Millis expiration) {
  clear();
  if (bytes.size() < kHeaderBytes) return damaged("cut short");
  Reader reader(bytes);
  if (reader.take<std::int16_t>() != kVersion) return damaged("unknown version");
  if (reader.take<std::uint32_t>() != crc32c(bytes.subspan(kCrcEnd))) return damaged("checksum");
  const auto count = reader.take<std::int32_t>();
  if (count < 0 || static_cast<std::size_t>(count) != (bytes.size() - kHeaderBytes) / kEntryBytes ||
      (bytes.size() - kHeaderBytes) % kEntryBytes != 0)
    return damaged("count does not fit the size");
  for (std::int32_t n = 0; n < count; ++n) {
    ProducerEntry entry;
    const ProducerId id(reader.take<std::int64_t>());
    entry.producer_epoch = ProducerEpoch(reader.take<std::int16_t>());
    BatchMetadata batch;
    batch.last_sequence = reader.take<std::int32_t>();
    batch.last_offset = Offset(reader.take<std::int64_t>());
    batch.offset_delta = reader.take<std::int32_t>();
    batch.timestamp = Timestamp(reader.take<std::int64_t>());
    entry.last_timestamp = batch.timestamp;
    entry.coordinator_epoch = reader.take<std::int32_t>();
    entry.current_txn_first_offset =
        Offset(std::max(reader.take<std::int64_t>(), std::int64_t{-1}));
    if (batch.offset_delta < 0) return clear(), damaged("negative offset delta");
    if (batch.last_offset.value() >= 0) entry.add_batch(batch);
    const bool open = entry.current_txn_first_offset.value() >= 0;
    if (!open && is_expired(entry.last_timestamp, now, expiration)) continue;
    producers_[id.value()] = entry;
    if (open) ongoing_[entry.current_txn_first_offset] = id;
  }
  return {};
}

}  // namespace moldau::partition
