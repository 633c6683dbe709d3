// SPDX-License-Identifier: Apache-2.0
#include "record/validate.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "record/batch_builder.h"
#include "record/record_iterator.h"

namespace moldau::record {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

struct Given {
  BatchFields fields;
  std::vector<std::int64_t> timestamps = {kNow - 5, kNow, kNow - 9};
  bool keys = true;
};

Slice batch_of(const Given& given, CompressionContext& context) {
  BatchBuilder builder(given.fields);
  for (const auto timestamp : given.timestamps) {
    RecordFields record;
    record.timestamp = Timestamp(timestamp);
    if (given.keys) record.key = as_view("key");
    record.value = as_view("value");
    builder.append(record).value();
  }
  return builder.build(context).value();
}

/// Changes bytes behind the checksum's back and makes it right again.
void tamper(Slice& batch, const std::function<void(std::byte*)>& change) {
  change(batch.data());
  store_big(batch.data() + at::kCrc, crc32c(batch.view().subspan(at::kAttributes)));
}

ValidateOptions options() {
  ValidateOptions out;
  out.topic_partition = "t-0";
  out.now = Timestamp(kNow);
  return out;
}

class ValidateTest : public testing::Test {
 protected:
  ValidatedBatch accepted(Slice& bytes, const ValidateOptions& rules) {
    auto outcome = validate_produced(bytes.mutable_view(), rules, context_);
    if (auto* no = std::get_if<RejectedBatch>(&outcome)) {
      ADD_FAILURE() << error_name(no->code) << ": " << no->message;
      return {};
    }
    return std::get<ValidatedBatch>(std::move(outcome));
  }
  RejectedBatch rejected(Slice& bytes, const ValidateOptions& rules) {
    auto outcome = validate_produced(bytes.mutable_view(), rules, context_);
    if (auto* no = std::get_if<RejectedBatch>(&outcome)) return std::move(*no);
    ADD_FAILURE() << "accepted";
    return {};
  }
  std::vector<std::int64_t> offsets_of(const BatchView& batch) {
    std::vector<std::int64_t> out;
    RecordIterator records(batch, context_);
    RecordView record;
    while (records.next(record)) out.push_back(record.offset.value());
    EXPECT_TRUE(records.status().ok());
    return out;
  }

  CompressionContext context_;
};

TEST_F(ValidateTest, AGoodBatchIsAppendedAsItCame) {
  for (int codec = 0; codec <= 4; ++codec) {
    Given given;
    given.fields.compression.type = static_cast<CompressionType>(codec);
    Slice bytes = batch_of(given, context_);
    const Slice before = Slice::copy_of(bytes.view());
    ValidatedBatch out = accepted(bytes, options());
    EXPECT_EQ(out.bytes.data(), bytes.data());
    EXPECT_TRUE(out.rebuilt.empty());
    EXPECT_EQ(std::memcmp(bytes.data(), before.data(), bytes.size()), 0);
    EXPECT_EQ(out.record_count, 3);
    EXPECT_EQ(out.max_timestamp, Timestamp(kNow));
    EXPECT_EQ(out.uncompressed_size, kBatchOverhead + 3 * 15U);
    out.assign(Offset(100), LeaderEpoch(9));
    EXPECT_EQ(out.view().base_offset(), Offset(100));
    EXPECT_EQ(out.view().last_offset(), Offset(102));
    EXPECT_EQ(out.view().leader_epoch(), LeaderEpoch(9));
    EXPECT_TRUE(out.view().crc_is_valid());
  }
}

TEST_F(ValidateTest, AWrongChecksumIsCorrupt) {
  Slice bytes = batch_of({}, context_);
  bytes.data()[bytes.size() - 1] ^= std::byte{1};
  const auto no = rejected(bytes, options());
  EXPECT_EQ(no.code, ErrorCode::kCorruptMessage);
  EXPECT_EQ(no.reason, RejectReason::kInvalidChecksum);
}

TEST_F(ValidateTest, HeaderFieldsMustAgree) {
  const auto code_after = [&](std::size_t at, std::int32_t value) {
    Slice bytes = batch_of({}, context_);
    tamper(bytes, [&](std::byte* p) { store_big(p + at, value); });
    return rejected(bytes, options()).code;
  };
  EXPECT_EQ(code_after(at::kLastOffsetDelta, 3), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_after(at::kLastOffsetDelta, -1), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_after(at::kLastOffsetDelta, INT32_MAX), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_after(at::kRecordCount, 2), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_after(at::kRecordCount, 0), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_after(at::kRecordCount, -3), ErrorCode::kInvalidRecord);
}

TEST_F(ValidateTest, TheCountMustBeThatOfTheRecords) {
  for (int codec = 0; codec <= 4; ++codec) {
    for (const int claimed : {2, 4}) {
      Given given;
      given.fields.compression.type = static_cast<CompressionType>(codec);
      Slice bytes = batch_of(given, context_);
      tamper(bytes, [&](std::byte* p) {
        store_big(p + at::kRecordCount, claimed);
        store_big(p + at::kLastOffsetDelta, claimed - 1);
      });
      EXPECT_EQ(rejected(bytes, options()).code, ErrorCode::kInvalidRecord) << codec;
    }
  }
}

TEST_F(ValidateTest, ClientsMayNotWriteControlRecords) {
  Given given;
  given.fields.control = true;
  Slice bytes = batch_of(given, context_);
  EXPECT_EQ(rejected(bytes, options()).code, ErrorCode::kInvalidRecord);
  ValidateOptions ours = options();
  ours.origin = AppendOrigin::kCoordinator;
  ours.compression = Compression{CompressionType::kZstd, {}};
  const auto out = accepted(bytes, ours);
  EXPECT_TRUE(out.rebuilt.empty()) << "plain control batches stay plain";
}

TEST_F(ValidateTest, AProducerIdNeedsASequence) {
  Given given;
  given.fields.producer_id = ProducerId(1);
  given.fields.producer_epoch = ProducerEpoch(0);
  Slice bytes = batch_of(given, context_);
  const auto no = rejected(bytes, options());
  EXPECT_EQ(no.code, ErrorCode::kInvalidRecord);
  EXPECT_EQ(no.reason, RejectReason::kInvalidSequence);
}

TEST_F(ValidateTest, ABaseOffsetOfAProducerIsZero) {
  Slice bytes = batch_of({}, context_);
  set_base_offset(bytes.mutable_view(), Offset(1));
  EXPECT_EQ(rejected(bytes, options()).code, ErrorCode::kInvalidRecord);
}

TEST_F(ValidateTest, CompactedTopicsNeedKeys) {
  Given given;
  given.keys = false;
  Slice bytes = batch_of(given, context_);
  ValidateOptions rules = options();
  rules.compacted = true;
  const auto no = rejected(bytes, rules);
  EXPECT_EQ(no.code, ErrorCode::kInvalidRecord);
  EXPECT_EQ(no.reason, RejectReason::kNoKeyInCompactedTopic);
  EXPECT_EQ(no.records_without_key, 3);
  ASSERT_EQ(no.record_errors.size(), 3U);
  EXPECT_EQ(no.record_errors[2].batch_index, 2);
  EXPECT_EQ(no.record_errors[2].message,
            "Compacted topic cannot accept message without key in topic partition t-0");
}

TEST_F(ValidateTest, RecordErrorsAreBounded) {
  Given given;
  given.keys = false;
  given.timestamps.assign(3000, kNow);
  Slice bytes = batch_of(given, context_);
  ValidateOptions rules = options();
  rules.compacted = true;
  const auto no = rejected(bytes, rules);
  EXPECT_EQ(no.record_errors.size(), kRecordErrorsMax);
  EXPECT_EQ(no.records_without_key, 3000);
}

TEST_F(ValidateTest, CreateTimesMustLieInTheWindow) {
  ValidateOptions rules = options();
  rules.timestamp_before_max = Millis(10);
  rules.timestamp_after_max = Millis(20);
  const auto outcome = [&](std::int64_t timestamp) {
    Given given;
    given.timestamps = {kNow, timestamp};
    Slice bytes = batch_of(given, context_);
    auto out = validate_produced(bytes.mutable_view(), rules, context_);
    auto* no = std::get_if<RejectedBatch>(&out);
    if (no == nullptr) return std::string("fine");
    EXPECT_EQ(no->code, ErrorCode::kInvalidTimestamp);
    EXPECT_EQ(no->record_errors.size(), 1U);
    return no->record_errors.front().message;
  };
  EXPECT_EQ(outcome(kNow - 10), "fine");
  EXPECT_EQ(outcome(kNow + 20), "fine");
  EXPECT_EQ(outcome(-1), "fine");
  EXPECT_EQ(outcome(kNow - 11),
            "Timestamp 1699999999989 of message with offset 1 is out of range. The timestamp "
            "should be within [1699999999990, 1700000000020]");
  EXPECT_NE(outcome(kNow + 21), "fine");
  EXPECT_NE(outcome(0), "fine");
}

TEST_F(ValidateTest, AppendTimeIsWrittenIntoTheHeader) {
  for (const auto codec : {CompressionType::kNone, CompressionType::kLz4}) {
    Given given;
    given.fields.compression.type = codec;
    given.timestamps = {1, -1};
    Slice bytes = batch_of(given, context_);
    ValidateOptions rules = options();
    rules.timestamp_type = TimestampType::kLogAppendTime;
    const auto out = accepted(bytes, rules);
    EXPECT_TRUE(out.rebuilt.empty());
    EXPECT_EQ(out.max_timestamp, Timestamp(kNow));
    EXPECT_EQ(out.view().max_timestamp(), Timestamp(kNow));
    EXPECT_EQ(out.view().timestamp_type(), TimestampType::kLogAppendTime);
    EXPECT_TRUE(out.view().crc_is_valid());
  }
}

TEST_F(ValidateTest, AProducerMayNotSetAppendTimeItself) {
  Given given;
  given.fields.timestamp_type = TimestampType::kLogAppendTime;
  given.fields.log_append_time = Timestamp(kNow - 1);
  Slice bytes = batch_of(given, context_);
  ValidateOptions rules = options();
  rules.timestamp_type = TimestampType::kLogAppendTime;
  EXPECT_EQ(rejected(bytes, rules).code, ErrorCode::kInvalidTimestamp);
  // With create time Kafka lets it pass and clears the bit.
  const auto out = accepted(bytes, options());
  EXPECT_EQ(out.view().timestamp_type(), TimestampType::kCreateTime);
  EXPECT_EQ(out.view().max_timestamp(), Timestamp(kNow - 1));
  EXPECT_TRUE(out.view().crc_is_valid());
}

TEST_F(ValidateTest, AWrongMaxTimestampIsCorrected) {
  Slice bytes = batch_of({}, context_);
  tamper(bytes, [](std::byte* p) { store_big(p + at::kMaxTimestamp, std::int64_t{5}); });
  const auto out = accepted(bytes, options());
  EXPECT_EQ(out.view().max_timestamp(), Timestamp(kNow));
  EXPECT_TRUE(out.view().crc_is_valid());
}

TEST_F(ValidateTest, ADifferentCodecIsRecompressed) {
  for (int from = 0; from <= 4; ++from) {
    for (int to = 0; to <= 4; ++to) {
      if (from == to) continue;
      Given given;
      given.fields.compression.type = static_cast<CompressionType>(from);
      given.fields.producer_id = ProducerId(77);
      given.fields.producer_epoch = ProducerEpoch(1);
      given.fields.base_sequence = 5;
      given.fields.transactional = true;
      Slice bytes = batch_of(given, context_);
      ValidateOptions rules = options();
      rules.compression = Compression{static_cast<CompressionType>(to), {}};
      auto out = accepted(bytes, rules);
      out.assign(Offset(50), LeaderEpoch(1));
      const BatchView batch = out.view();
      EXPECT_EQ(batch.compression_type(), static_cast<CompressionType>(to));
      EXPECT_EQ(batch.producer_id(), ProducerId(77));
      EXPECT_EQ(batch.base_sequence(), 5);
      EXPECT_TRUE(batch.is_transactional());
      EXPECT_TRUE(batch.crc_is_valid());
      EXPECT_EQ(batch.max_timestamp(), Timestamp(kNow));
      EXPECT_EQ(offsets_of(batch), (std::vector<std::int64_t>{50, 51, 52}));
    }
  }
}

TEST_F(ValidateTest, WrongOffsetsOfRecordsAreRewrittenOrRefused) {
  const auto batch_of = [&](CompressionType codec) {
    BatchFields fields;
    fields.compression.type = codec;
    BatchBuilder builder(fields);
    RecordFields record;
    record.timestamp = Timestamp(kNow);
    builder.append_at(Offset(0), record).value();
    builder.append_at(Offset(5), record).value();
    builder.set_last_offset(Offset(1));
    return builder.build(context_).value();
  };
  Slice plain = batch_of(CompressionType::kNone);
  auto out = accepted(plain, options());
  out.assign(Offset(10), LeaderEpoch(0));
  EXPECT_EQ(offsets_of(out.view()), (std::vector<std::int64_t>{10, 11}));
  Slice packed = batch_of(CompressionType::kZstd);
  EXPECT_EQ(rejected(packed, options()).code, ErrorCode::kInvalidRecord);
  ValidateOptions other = options();
  other.compression = Compression{CompressionType::kLz4, {}};
  out = accepted(packed, other);
  out.assign(Offset(10), LeaderEpoch(0));
  EXPECT_EQ(offsets_of(out.view()), (std::vector<std::int64_t>{10, 11}));
}

TEST_F(ValidateTest, SizesAreLimitedBeforeAndAfter) {
  Given given;
  given.timestamps.assign(200, kNow);
  given.fields.compression.type = CompressionType::kZstd;
  Slice bytes = batch_of(given, context_);
  ValidateOptions rules = options();
  rules.message_bytes_max = bytes.size() - 1;
  EXPECT_EQ(rejected(bytes, rules).code, ErrorCode::kMessageTooLarge);
  rules.message_bytes_max = bytes.size();
  accepted(bytes, rules);
  rules.compression = Compression{};
  EXPECT_EQ(rejected(bytes, rules).code, ErrorCode::kMessageTooLarge);
}

TEST_F(ValidateTest, ABombIsStoppedAtTheLimit) {
  for (int codec = 1; codec <= 4; ++codec) {
    Given given;
    given.fields.compression.type = static_cast<CompressionType>(codec);
    BatchBuilder builder(given.fields);
    const std::string zeros(8 << 20, '\0');
    RecordFields record;
    record.timestamp = Timestamp(kNow);
    record.value = as_view(zeros);
    builder.append(record).value();
    Slice bytes = builder.build(context_).value();
    accepted(bytes, options());
    context_.limits.output_bytes_max = 1 << 20;
    EXPECT_EQ(rejected(bytes, options()).code, ErrorCode::kMessageTooLarge) << codec;
    context_.limits = {};
  }
}

TEST_F(ValidateTest, UnknownCodecsAreRefused) {
  for (int code = 5; code <= 7; ++code) {
    Slice bytes = batch_of({}, context_);
    tamper(bytes,
           [&](std::byte* p) { store_big(p + at::kAttributes, static_cast<std::uint16_t>(code)); });
    EXPECT_EQ(rejected(bytes, options()).code, ErrorCode::kUnsupportedCompressionType);
  }
}

TEST(CheckProduceRecordsTest, FollowsTheRulesOfTheApi) {
  CompressionContext context;
  Given given;
  given.fields.compression.type = CompressionType::kZstd;
  const Slice one = batch_of(given, context);
  EXPECT_TRUE(check_produce_records(one.view(), 7).ok());
  EXPECT_EQ(check_produce_records(one.view(), 6).code(), ErrorCode::kUnsupportedCompressionType);
  EXPECT_EQ(check_produce_records({}, 9).code(), ErrorCode::kInvalidRecord);
  GrowingBytes two;
  two.append(one.view());
  two.append(one.view());
  EXPECT_EQ(check_produce_records(two.view(), 9).code(), ErrorCode::kInvalidRecord);
  two.truncate(one.size() + 30);
  EXPECT_TRUE(check_produce_records(two.view(), 9).ok()) << "a cut batch at the end is no batch";
  two.data()[at::kMagic] = std::byte{1};
  EXPECT_EQ(check_produce_records(two.view(), 9).code(), ErrorCode::kInvalidRecord);
  two.data()[at::kMagic] = std::byte{3};
  EXPECT_EQ(check_produce_records(two.view(), 9).code(), ErrorCode::kCorruptMessage);
}

TEST(CheckRecordSetTest, SummarisesWhatAFollowerAppends) {
  CompressionContext context;
  GrowingBytes set;
  std::int64_t base = 20;
  for (const std::int64_t timestamp : {kNow, kNow + 5, kNow + 5}) {
    Given given;
    given.fields.base_offset = Offset(base);
    given.fields.leader_epoch = LeaderEpoch(static_cast<std::int32_t>(base));
    given.timestamps = {timestamp, kNow - 5};
    set.append(batch_of(given, context).view());
    base += 2;
  }
  const std::size_t size = set.size();
  set.append(set.view().first(40));
  const auto all = check_record_set(set.view()).value();
  EXPECT_EQ(all.first_offset, Offset(20));
  EXPECT_EQ(all.last_offset_of_first_batch, Offset(21));
  EXPECT_EQ(all.last_offset, Offset(25));
  EXPECT_EQ(all.last_leader_epoch, LeaderEpoch(24));
  EXPECT_EQ(all.max_timestamp, Timestamp(kNow + 5));
  EXPECT_EQ(all.shallow_offset_of_max_timestamp, Offset(23));
  EXPECT_EQ(all.valid_bytes, size);
  EXPECT_EQ(all.batch_count, 3);
  EXPECT_EQ(check_record_set(set.view(), LeaderEpoch(22)).value().batch_count, 2);
  set_base_offset({set.data() + size / 3, size / 3}, Offset(20));
  EXPECT_EQ(check_record_set(set.view()).code(), ErrorCode::kInvalidRecord);
  set.data()[size - 1] ^= std::byte{1};
  set_base_offset({set.data() + size / 3, size / 3}, Offset(22));
  EXPECT_EQ(check_record_set(set.view()).code(), ErrorCode::kCorruptMessage);
}

}  // namespace
}  // namespace moldau::record
