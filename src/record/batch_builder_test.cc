// SPDX-License-Identifier: Apache-2.0
#include "record/batch_builder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "record/control_record.h"
#include "record/record_iterator.h"

namespace moldau::record {
namespace {

struct Copy {
  std::int64_t offset;
  std::int64_t timestamp;
  std::int32_t sequence;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  bool operator==(const Copy&) const = default;
};

std::optional<std::string> text(const NullableBytes& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(as_text(*bytes));
}

Result<std::vector<Copy>> read_all(BatchView batch, CompressionContext& context) {
  std::vector<Copy> out;
  RecordIterator records(batch, context);
  RecordView record;
  while (records.next(record)) {
    Copy copy{record.offset.value(), record.timestamp.value(), record.sequence,
              text(record.key),      text(record.value),       {}};
    auto headers = record.headers();
    while (auto header = headers.next())
      copy.headers.emplace_back(std::string(header->key), text(header->value));
    out.push_back(std::move(copy));
  }
  MOLDAU_TRY(records.status());
  return out;
}

RecordFields fields_of(std::int64_t timestamp, NullableBytes key, NullableBytes value) {
  RecordFields out;
  out.timestamp = Timestamp(timestamp);
  out.key = key;
  out.value = value;
  return out;
}

class EveryCodec : public testing::TestWithParam<CompressionType> {};
INSTANTIATE_TEST_SUITE_P(Codecs, EveryCodec,
                         testing::Values(CompressionType::kNone, CompressionType::kGzip,
                                         CompressionType::kSnappy, CompressionType::kLz4,
                                         CompressionType::kZstd),
                         [](const auto& i) { return std::string(compression_type_name(i.param)); });

TEST_P(EveryCodec, GivesBackWhatWasAppended) {
  CompressionContext context;
  BatchFields fields;
  fields.base_offset = Offset(1'000'000'000'000);
  fields.leader_epoch = LeaderEpoch(7);
  fields.compression.type = GetParam();
  fields.producer_id = ProducerId(42);
  fields.producer_epoch = ProducerEpoch(3);
  fields.base_sequence = 2147483646;
  BatchBuilder builder(fields);
  const std::vector<HeaderView> headers = {
      {"h", as_view("1")}, {"", std::nullopt}, {"empty", ByteView()}};
  auto first = fields_of(5000, as_view("k"), as_view("v"));
  first.headers = headers;
  ASSERT_TRUE(builder.append(first).ok());
  ASSERT_TRUE(builder.append(fields_of(4000, std::nullopt, as_view("no key"))).ok());
  ASSERT_TRUE(builder.append(fields_of(6000, as_view("tombstone"), std::nullopt)).ok());
  ASSERT_TRUE(
      builder.append_at(Offset(1'000'000'000'300), fields_of(-1, as_view(""), as_view(""))).ok());
  const Slice bytes = builder.build(context).value();

  const BatchView batch = BatchView::parse(bytes.view()).value();
  EXPECT_EQ(batch.size(), bytes.size());
  EXPECT_TRUE(batch.crc_is_valid());
  EXPECT_EQ(batch.base_offset(), Offset(1'000'000'000'000));
  EXPECT_EQ(batch.last_offset(), Offset(1'000'000'000'300));
  EXPECT_EQ(batch.leader_epoch(), LeaderEpoch(7));
  EXPECT_EQ(batch.compression_type(), GetParam());
  EXPECT_EQ(batch.record_count(), 4);
  EXPECT_EQ(batch.base_timestamp(), Timestamp(5000));
  EXPECT_EQ(batch.max_timestamp(), Timestamp(6000));
  EXPECT_EQ(batch.producer_id(), ProducerId(42));
  EXPECT_EQ(batch.last_sequence(), 298);
  EXPECT_FALSE(batch.is_control() || batch.is_transactional() || batch.delete_horizon());

  const std::vector<Copy> expected = {
      {1'000'000'000'000,
       5000,
       2147483646,
       "k",
       "v",
       {{"h", "1"}, {"", std::nullopt}, {"empty", ""}}},
      {1'000'000'000'001, 4000, 2147483647, std::nullopt, "no key", {}},
      {1'000'000'000'002, 6000, 0, "tombstone", std::nullopt, {}},
      {1'000'000'000'300, -1, 298, "", "", {}}};
  EXPECT_EQ(read_all(batch, context).value(), expected);
}

TEST_P(EveryCodec, RecordsLargerThanTheWindowComeWhole) {
  CompressionContext context;
  BatchFields fields;
  fields.compression.type = GetParam();
  BatchBuilder builder(fields);
  std::string large(3 * CompressionContext::kWindowBytes + 11, 'x');
  for (std::size_t i = 0; i < large.size(); i += 3) large[i] = static_cast<char>(i * 31 >> 3);
  std::vector<Copy> expected;
  for (int i = 0; i < 5; ++i) {
    const std::string value = i % 2 == 0 ? large : std::string(i, 'y');
    ASSERT_TRUE(builder.append(fields_of(i, as_view("k"), as_view(value))).ok());
    expected.push_back({i, i, kNoSequence, "k", value, {}});
  }
  const Slice bytes = builder.build(context).value();
  const auto read = read_all(BatchView::parse(bytes.view()).value(), context);
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_TRUE(read.value() == expected);
}

TEST_P(EveryCodec, EveryCutOfTheRecordsIsAnError) {
  CompressionContext context;
  BatchFields fields;
  fields.compression.type = GetParam();
  BatchBuilder builder(fields);
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(builder.append(fields_of(i, as_view("key"), as_view("some value"))).ok());
  const Slice whole = builder.build(context).value();
  for (std::size_t size = kBatchOverhead; size < whole.size(); ++size) {
    Slice cut = Slice::copy_of(whole.view().first(size));
    store_big(cut.data() + at::kLength, static_cast<std::int32_t>(size - kLogOverhead));
    const auto read = read_all(BatchView::parse(cut.view()).value(), context);
    // The last bytes of a gzip trailer or of an lz4 end mark are looked at, those of zstd end a
    // block; only a cut that loses no record may pass.
    if (read.ok()) {
      EXPECT_EQ(read.value().size(), 20U) << size;
    }
    if (GetParam() == CompressionType::kNone) {
      EXPECT_EQ(read.code(), ErrorCode::kInvalidRecord) << size;
    }
  }
}

TEST(BatchBuilderTest, AppendTimeStandsForAllRecords) {
  CompressionContext context;
  BatchFields fields;
  fields.timestamp_type = TimestampType::kLogAppendTime;
  fields.log_append_time = Timestamp(777);
  BatchBuilder builder(fields);
  ASSERT_TRUE(builder.append(fields_of(5, as_view("k"), as_view("v"))).ok());
  const Slice bytes = builder.build(context).value();
  const BatchView batch = BatchView::parse(bytes.view()).value();
  EXPECT_EQ(batch.timestamp_type(), TimestampType::kLogAppendTime);
  EXPECT_EQ(batch.max_timestamp(), Timestamp(777));
  EXPECT_EQ(read_all(batch, context).value().front().timestamp, 777);
}

TEST(BatchBuilderTest, RefusesWhatWouldMakeABadBatch) {
  BatchBuilder builder(BatchFields{});
  EXPECT_EQ(builder.append(fields_of(-2, {}, {})).code(), ErrorCode::kInvalidTimestamp);
  ASSERT_TRUE(builder.append_at(Offset(5), fields_of(1, {}, {})).ok());
  EXPECT_EQ(builder.append_at(Offset(5), fields_of(1, {}, {})).code(), ErrorCode::kInvalidRecord);
  EXPECT_EQ(builder.append_at(Offset(INT64_C(1) << 31), fields_of(1, {}, {})).code(),
            ErrorCode::kInvalidRecord);
  EXPECT_EQ(builder.record_count(), 1);
}

TEST(ControlRecordTest, MarkersComeBack) {
  CompressionContext context;
  BatchFields fields;
  fields.base_offset = Offset(9);
  fields.producer_id = ProducerId(1);
  fields.producer_epoch = ProducerEpoch(2);
  const Slice bytes =
      build_end_transaction_marker(fields, Timestamp(3), ControlRecordType::kAbort, 4, context);
  EXPECT_EQ(bytes.size(), 78U);
  const BatchView batch = BatchView::parse(bytes.view()).value();
  EXPECT_TRUE(batch.is_control());
  EXPECT_TRUE(batch.is_transactional());
  EXPECT_EQ(batch.base_sequence(), kNoSequence);
  RecordIterator records(batch, context);
  RecordView record;
  ASSERT_TRUE(records.next(record));
  const auto marker = parse_end_transaction_marker(record).value();
  EXPECT_EQ(marker.type, ControlRecordType::kAbort);
  EXPECT_EQ(marker.coordinator_epoch, 4);
  EXPECT_FALSE(records.next(record));
  EXPECT_TRUE(records.status().ok());
}

TEST(BatchBuilderTest, AnEmptyBatchKeepsTheProducersState) {
  CompressionContext context;
  BatchFields fields;
  fields.base_offset = Offset(10);
  fields.compression.type = CompressionType::kZstd;
  fields.producer_id = ProducerId(5);
  fields.producer_epoch = ProducerEpoch(0);
  fields.base_sequence = 8;
  BatchBuilder builder(fields);
  ASSERT_TRUE(builder.append(fields_of(50, as_view("k"), as_view("v"))).ok());
  ASSERT_TRUE(builder.append(fields_of(60, as_view("k"), as_view("v"))).ok());
  const Slice whole = builder.build(context).value();
  const Slice bytes = build_empty_batch(BatchView::parse(whole.view()).value());
  const BatchView batch = BatchView::parse(bytes.view()).value();
  EXPECT_TRUE(batch.crc_is_valid());
  EXPECT_EQ(batch.size(), kBatchOverhead);
  EXPECT_EQ(batch.record_count(), 0);
  EXPECT_EQ(batch.last_offset(), Offset(11));
  EXPECT_EQ(batch.last_sequence(), 9);
  EXPECT_EQ(batch.max_timestamp(), Timestamp(60));
  EXPECT_TRUE(read_all(batch, context).value().empty());
}

}  // namespace
}  // namespace moldau::record
