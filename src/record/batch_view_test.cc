// SPDX-License-Identifier: Apache-2.0
#include "record/batch_view.h"

#include <gtest/gtest.h>

#include "record/batch_builder.h"

namespace moldau::record {
namespace {

Slice small_batch() {
  CompressionContext context;
  BatchFields fields;
  fields.base_offset = Offset(7);
  BatchBuilder builder(fields);
  for (int i = 0; i < 3; ++i) builder.append({.timestamp = Timestamp(100 + i)}).value();
  return builder.build(context).value();
}

TEST(BatchIteratorTest, EndsWhereABatchIsCutOff) {
  const Slice one = small_batch();
  GrowingBytes set;
  set.append(one.view());
  set.append(one.view());
  for (std::size_t cut = 0; cut <= set.size(); ++cut) {
    BatchIterator batches(set.view().first(cut));
    std::size_t found = 0;
    while (batches.next().value()) ++found;
    EXPECT_EQ(found, cut / one.size());
    EXPECT_EQ(batches.position(), found * one.size());
  }
}

TEST(BatchIteratorTest, RefusesImpossibleSizesAndMagics) {
  const auto code_with = [](std::int32_t length, std::int8_t magic) {
    Slice bytes = small_batch();
    store_big(bytes.data() + at::kLength, length);
    store_big(bytes.data() + at::kMagic, magic);
    return BatchIterator(bytes.view(), 1000).next().code();
  };
  EXPECT_EQ(code_with(49, 2), ErrorCode::kNone);
  EXPECT_EQ(code_with(48, 2), ErrorCode::kCorruptMessage) << "less than the header";
  EXPECT_EQ(code_with(13, 0), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_with(14, 0), ErrorCode::kNone);
  EXPECT_EQ(code_with(21, 1), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_with(-1, 2), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_with(1001, 2), ErrorCode::kCorruptMessage) << "above the maximum";
  EXPECT_EQ(code_with(INT32_MAX, 2), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_with(60, 3), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_with(60, -1), ErrorCode::kCorruptMessage);
}

TEST(BatchViewTest, OffsetAndEpochAreNotInTheChecksum) {
  Slice bytes = small_batch();
  const BatchView batch = BatchView::parse(bytes.view()).value();
  set_base_offset(bytes.mutable_view(), Offset(1'000'000));
  set_leader_epoch(bytes.mutable_view(), LeaderEpoch(12));
  EXPECT_EQ(batch.base_offset(), Offset(1'000'000));
  EXPECT_EQ(batch.next_offset(), Offset(1'000'003));
  EXPECT_EQ(batch.leader_epoch(), LeaderEpoch(12));
  EXPECT_TRUE(batch.crc_is_valid());
  set_last_offset(bytes.mutable_view(), Offset(99));
  EXPECT_EQ(batch.base_offset(), Offset(97));
}

TEST(BatchViewTest, AppendTimeRewritesTheChecksum) {
  Slice bytes = small_batch();
  const BatchView batch = BatchView::parse(bytes.view()).value();
  const std::uint32_t before = batch.crc();
  set_max_timestamp(bytes.mutable_view(), TimestampType::kCreateTime, Timestamp(102));
  EXPECT_EQ(batch.crc(), before) << "nothing to change";
  set_max_timestamp(bytes.mutable_view(), TimestampType::kLogAppendTime, Timestamp(500));
  EXPECT_EQ(batch.timestamp_type(), TimestampType::kLogAppendTime);
  EXPECT_EQ(batch.max_timestamp(), Timestamp(500));
  EXPECT_NE(batch.crc(), before);
  EXPECT_TRUE(batch.check_crc().ok());
}

TEST(BatchViewTest, EveryFlippedBitBehindTheChecksumIsFound) {
  Slice bytes = small_batch();
  const BatchView batch = BatchView::parse(bytes.view()).value();
  for (std::size_t bit = at::kCrc * 8; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1 << bit % 8);
    bytes.data()[bit / 8] ^= mask;
    EXPECT_EQ(batch.check_crc().code(), ErrorCode::kCorruptMessage) << bit;
    bytes.data()[bit / 8] ^= mask;
  }
}

TEST(FormatTest, SequencesWrap) {
  EXPECT_EQ(increment_sequence(INT32_MAX, 1), 0);
  EXPECT_EQ(increment_sequence(INT32_MAX - 1, 3), 1);
  EXPECT_EQ(increment_sequence(5, 0), 5);
}

}  // namespace
}  // namespace moldau::record
