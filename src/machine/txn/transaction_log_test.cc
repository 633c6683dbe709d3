// SPDX-License-Identifier: Apache-2.0
#include "machine/txn/transaction_log.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace moldau::txn {
namespace {

std::string hex(ByteView bytes) {
  std::string out;
  for (const std::byte b : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[std::to_integer<int>(b) >> 4];
    out += kDigits[std::to_integer<int>(b) & 15];
  }
  return out;
}

std::vector<std::byte> bytes(std::string_view digits) {
  std::vector<std::byte> out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    out.push_back(static_cast<std::byte>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  return out;
}

TransactionMetadata sample(TransactionState state) {
  TransactionMetadata out;
  out.producer_id = out.previous_producer_id = ProducerId(1000);
  out.producer_epoch = ProducerEpoch(0);
  out.timeout = Millis(60000);
  out.state = state;
  out.last_update = Timestamp(1700000000000);
  return out;
}

TransactionMetadata ongoing(std::int16_t client_version) {
  TransactionMetadata out = sample(TransactionState::kOngoing);
  out.partitions.insert(TopicPartition{"t", PartitionId(3)});
  out.start = out.last_update = Timestamp(1700000000001);
  out.client_transaction_version = client_version;
  return out;
}

struct Golden {
  TransactionMetadata metadata;
  std::int16_t level;
  const char* value;
};

// The bytes are what TransactionLog.valueToBytes of 4.3.1 returns for the same fields.
std::vector<Golden> goldens() {
  TransactionMetadata prepared = ongoing(2);
  prepared.state = TransactionState::kPrepareCommit;
  prepared.next_producer_id = ProducerId(2000);
  prepared.producer_epoch = ProducerEpoch(32767);
  prepared.last_update = Timestamp(1700000000002);
  TransactionMetadata complete = ongoing(2);
  complete.state = TransactionState::kCompleteCommit;
  complete.producer_id = ProducerId(2000);
  complete.partitions.clear();
  complete.last_update = Timestamp(1700000000003);
  return {
      {sample(TransactionState::kEmpty), 0,
       "000000000000000003e800000000ea6000ffffffff0000018bcfe56800ffffffffffffffff"},
      {sample(TransactionState::kEmpty), 1,
       "000100000000000003e800000000ea6000000000018bcfe56800ffffffffffffffff0100080000000000"
       "0003e8"},
      {ongoing(2), 2,
       "000100000000000003e800000000ea60010202740200000003000000018bcfe568010000018bcfe5680102"
       "000800000000000003e802020002"},
      {prepared, 2,
       "000100000000000003e87fff0000ea60020202740200000003000000018bcfe568020000018bcfe5680103"
       "000800000000000003e8010800000000000007d002020002"},
      {complete, 2,
       "000100000000000007d000000000ea6004010000018bcfe568030000018bcfe5680102000800000000000003"
       "e802020002"},
      {ongoing(0), 0,
       "000000000000000003e800000000ea60010000000100017400000001000000030000018bcfe56801000001"
       "8bcfe56801"},
  };
}

TEST(TransactionLogTest, WritesWhatApacheWrites) {
  for (const Golden& golden : goldens()) {
    const auto record = serialize_transaction("my-txn", golden.metadata, golden.level);
    EXPECT_EQ(hex(record.key), "000000066d792d74786e");
    EXPECT_EQ(hex(*record.value), golden.value);
  }
  EXPECT_EQ(hex(serialize_tombstone("my-txn").key), "000000066d792d74786e");
  EXPECT_FALSE(serialize_tombstone("my-txn").value.has_value());
}

TEST(TransactionLogTest, ReadsWhatItWrites) {
  for (const Golden& golden : goldens()) {
    const auto value = bytes(golden.value);
    const auto read = parse_transaction(bytes("000000066d792d74786e"), ByteView(value));
    ASSERT_TRUE(read.ok()) << read.error().text();
    EXPECT_EQ(read->transactional_id, "my-txn");
    TransactionMetadata expected = golden.metadata;
    // Version 0 does not have it.
    if (golden.level == 0) expected.previous_producer_id = ProducerId(-1);
    EXPECT_EQ(*read->metadata, expected);
  }
  const auto tombstone = parse_transaction(bytes("000000066d792d74786e"), std::nullopt);
  ASSERT_TRUE(tombstone.ok());
  EXPECT_FALSE(tombstone->metadata.has_value());
}

TEST(TransactionLogTest, RefusesWhatCannotBe) {
  const std::string key = "000000066d792d74786e";
  const std::string good = goldens()[2].value;
  const auto refused = [](const std::string& k, const std::string& v) {
    const auto key_bytes = bytes(k);
    const auto value_bytes = bytes(v);
    const auto read = parse_transaction(key_bytes, ByteView(value_bytes));
    return !read.ok() && read.code() == ErrorCode::kInvalidRecord;
  };
  EXPECT_FALSE(refused(key, good));
  EXPECT_TRUE(refused("", good));
  EXPECT_TRUE(refused("000100066d792d74786e", good)) << "type";
  EXPECT_TRUE(refused(key + "00", good)) << "key too long";
  EXPECT_TRUE(refused(key, "")) << "no version";
  EXPECT_TRUE(refused(key, "0002" + good.substr(4))) << "version";
  EXPECT_TRUE(refused(key, good + "00")) << "value too long";
  for (std::size_t cut = 2; cut < good.size(); cut += 2)
    EXPECT_TRUE(refused(key, good.substr(0, cut))) << cut;
  const auto with = [&](std::size_t at, std::string_view digits) {
    std::string out = good;
    return out.replace(at, digits.size(), digits);
  };
  EXPECT_TRUE(refused(key, with(4, "ff"))) << "producer id";
  EXPECT_TRUE(refused(key, with(20, "ff"))) << "producer epoch";
  EXPECT_TRUE(refused(key, with(32, "06"))) << "Dead";
  EXPECT_TRUE(refused(key, with(32, "07"))) << "PrepareEpochFence";
  EXPECT_TRUE(refused(key, with(32, "ff"))) << "state";
  EXPECT_TRUE(refused(key, with(42, "ff"))) << "partition";
}

TEST(TransactionLogTest, NamesStatesAsKafkaDoes) {
  for (int number = 0; number <= 7; ++number) {
    const auto state = static_cast<TransactionState>(number);
    EXPECT_EQ(state_named(state_name(state)), state);
  }
  EXPECT_EQ(state_name(TransactionState::kPrepareEpochFence), "PrepareEpochFence");
  EXPECT_FALSE(state_named("empty").has_value());
}

}  // namespace
}  // namespace moldau::txn
