// SPDX-License-Identifier: Apache-2.0
#include "record/record_view.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "record/batch_builder.h"
#include "record/record_iterator.h"

namespace moldau::record {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

TEST(VarintTest, ReadsAndWritesEveryLength) {
  for (const std::int64_t n :
       {INT64_C(0), INT64_C(-1), INT64_C(63), INT64_C(64), INT64_C(-65), INT64_C(8191),
        INT64_C(8192), INT64_C(1) << 31, INT64_MAX, INT64_MIN}) {
    std::byte buffer[kVarlongBytesMax] = {};
    const std::byte* end = write_varlong(buffer, n);
    EXPECT_EQ(static_cast<std::size_t>(end - buffer), varlong_size(n));
    std::int64_t read = 0;
    EXPECT_EQ(read_varlong(buffer, end, read), end);
    EXPECT_EQ(read, n);
    EXPECT_EQ(read_varlong_fast(buffer, read), end);
    EXPECT_EQ(read, n);
    EXPECT_EQ(read_varlong(buffer, end - 1, read), nullptr) << "cut off";
    if (n != static_cast<std::int32_t>(n)) continue;
    std::int32_t small = 0;
    EXPECT_EQ(read_varint(buffer, end, small), end);
    EXPECT_EQ(small, n);
    EXPECT_EQ(read_varint_fast(buffer, small), end);
    EXPECT_EQ(small, n);
  }
}

TEST(VarintTest, RefusesOnesThatDoNotEnd) {
  const std::vector<std::byte> endless(20, std::byte{0x80});
  std::int32_t n = 0;
  std::int64_t wide = 0;
  EXPECT_EQ(read_varint(endless.data(), endless.data() + 20, n), nullptr);
  EXPECT_EQ(read_varint_fast(endless.data(), n), nullptr);
  EXPECT_EQ(read_varlong(endless.data(), endless.data() + 20, wide), nullptr);
  EXPECT_EQ(read_varlong_fast(endless.data(), wide), nullptr);
}

RecordFault fault_of(const std::vector<std::byte>& bytes) {
  RawRecord record;
  return parse_record(bytes.data(), bytes.data() + bytes.size(), record);
}

TEST(RecordViewTest, NamesWhatIsWrong) {
  // length 6, attributes, timestamp, offset, null key, null value, no headers
  EXPECT_EQ(fault_of(bytes_of({12, 0, 0, 0, 1, 1, 0})), RecordFault::kNone);
  EXPECT_EQ(fault_of(bytes_of({12, 0, 0, 0, 1, 1})), RecordFault::kCutOff);
  EXPECT_EQ(fault_of(bytes_of({})), RecordFault::kCutOff);
  EXPECT_EQ(fault_of(bytes_of({11})), RecordFault::kSizeMismatch) << "negative length";
  EXPECT_EQ(fault_of(bytes_of({0})), RecordFault::kBadStructure) << "empty record";
  EXPECT_EQ(fault_of(bytes_of({14, 0, 0, 0, 1, 1, 0, 0})), RecordFault::kSizeMismatch);
  EXPECT_EQ(fault_of(bytes_of({12, 0, 0, 0, 6, 1, 0})), RecordFault::kBadStructure) << "key";
  EXPECT_EQ(fault_of(bytes_of({12, 0, 0, 0, 1, 4, 0})), RecordFault::kBadStructure) << "value";
  EXPECT_EQ(fault_of(bytes_of({12, 0, 0, 0, 1, 1, 1})), RecordFault::kBadHeaderCount);
  EXPECT_EQ(fault_of(bytes_of({12, 0, 0, 0, 1, 1, 2})), RecordFault::kBadHeaderCount);
  EXPECT_EQ(fault_of(bytes_of({16, 0, 0, 0, 1, 1, 2, 1, 0})), RecordFault::kBadHeaderKey);
  EXPECT_EQ(fault_of(bytes_of({16, 0, 0, 0, 1, 1, 2, 0, 1})), RecordFault::kNone);
  EXPECT_EQ(fault_of(bytes_of({16, 0, 0, 0, 1, 1, 2, 0, 4})), RecordFault::kBadStructure);
}

/// The hot path takes short cuts; it must find the same in any bytes as the one without.
TEST(RecordViewTest, TheFastWalkAgreesWithTheCheckedOne) {
  constexpr unsigned kSeed = 20261121;
  std::mt19937 random(kSeed);
  int sound = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::vector<std::byte> bytes(20 + random() % 40);
    // Small values are likely to be lengths that fit.
    for (auto& byte : bytes)
      byte = static_cast<std::byte>(random() % 3 == 0 ? random() % 256 : random() % 24);
    if (random() % 2 == 0) bytes[0] = static_cast<std::byte>((bytes.size() - 1 - random() % 4) * 2);
    if (random() % 2 == 0) bytes[bytes.size() - 1 - random() % 3] = std::byte{0};
    RawRecord fast{};
    RawRecord checked{};
    const std::byte* end = bytes.data() + bytes.size();
    const bool fast_ok = parse_record(bytes.data(), end, fast) == RecordFault::kNone;
    const bool checked_ok = parse_record_checked(bytes.data(), end, checked) == RecordFault::kNone;
    ASSERT_EQ(fast_ok, checked_ok) << "seed " << kSeed << " round " << round;
    if (!fast_ok) continue;
    ++sound;
    ASSERT_EQ(fast.size, checked.size);
    ASSERT_EQ(fast.end, checked.end);
    ASSERT_EQ(fast.timestamp_delta, checked.timestamp_delta);
    ASSERT_EQ(fast.offset_delta, checked.offset_delta);
    ASSERT_EQ(fast.key_size, checked.key_size);
    ASSERT_EQ(fast.key, checked.key);
    ASSERT_EQ(fast.value_size, checked.value_size);
    ASSERT_EQ(fast.value, checked.value);
    ASSERT_EQ(fast.header_count, checked.header_count);
    ASSERT_EQ(fast.headers, checked.headers);
  }
  EXPECT_GT(sound, 100) << "the bytes must reach the end now and then";
}

TEST(RecordIteratorTest, SaysWhenBytesRemain) {
  CompressionContext context;
  BatchBuilder builder(BatchFields{});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(builder.append({.timestamp = Timestamp(i)}).ok());
  Slice bytes = builder.build(context).value();
  store_big(bytes.data() + at::kRecordCount, 2);
  RecordIterator records(BatchView::parse(bytes.view()).value(), context);
  RecordView record;
  EXPECT_TRUE(records.next(record));
  EXPECT_FALSE(records.next(record)) << "Kafka gives out one record less, too";
  EXPECT_EQ(records.status().code(), ErrorCode::kInvalidRecord);
}

TEST(RecordIteratorTest, ManyIteratorsOnOneContextDoNotDisturbEachOther) {
  CompressionContext context;
  std::vector<Slice> batches;
  for (int codec = 1; codec <= 4; ++codec) {
    BatchFields fields;
    fields.compression.type = static_cast<CompressionType>(codec);
    for (int copy = 0; copy < 2; ++copy) {
      BatchBuilder builder(fields);
      const std::string value(30'000, static_cast<char>('a' + codec + copy));
      for (int i = 0; i < 20; ++i)
        ASSERT_TRUE(
            builder.append({.timestamp = Timestamp(i), .key = {}, .value = as_view(value)}).ok());
      batches.push_back(builder.build(context).value());
    }
  }
  std::vector<std::unique_ptr<RecordIterator>> open;
  for (const auto& bytes : batches)
    open.push_back(
        std::make_unique<RecordIterator>(BatchView::parse(bytes.view()).value(), context));
  for (int i = 0; i < 20; ++i) {
    for (std::size_t at = 0; at < open.size(); ++at) {
      RecordView record;
      ASSERT_TRUE(open[at]->next(record)) << open[at]->status().error().text();
      const auto letter = static_cast<std::byte>('a' + at / 2 + 1 + at % 2);
      ASSERT_EQ(record.value->front(), letter);
      ASSERT_EQ(record.value->back(), letter);
      ASSERT_EQ(record.value->size(), 30'000U);
    }
  }
}

}  // namespace
}  // namespace moldau::record
