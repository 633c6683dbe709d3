// SPDX-License-Identifier: Apache-2.0
// The same life of a transactional id, in our records and in those that TransactionMetadata and
// TransactionLog of 4.3.1 make of it.
#include <gtest/gtest.h>

#include "machine/txn/test_coordinator.h"

namespace moldau::txn {
namespace {

const std::vector<const char*> kBumping{
    "000100000000000003e800000000ea6000000000018bcfe56800ffffffffffffffff0100080000000000"
    "0003e8",
    "000100000000000003e800000000ea60010202740200000003000000018bcfe56be80000018bcfe56be8"
    "02000800000000000003e802020002",
    "000100000000000003e800000000ea6001020274030000000300000001000000018bcfe56fd00000018b"
    "cfe56be802000800000000000003e802020002",
    "000100000000000003e800010000ea6002020274030000000300000001000000018bcfe573b80000018b"
    "cfe56be802000800000000000003e802020002",
    "000100000000000003e800010000ea6004010000018bcfe577a00000018bcfe56be80200080000000000"
    "0003e802020002",
    "000100000000000003e800010000ea60010202740200000000000000018bcfe57b880000018bcfe57b88"
    "02000800000000000003e802020002",
    "000100000000000003e800020000ea60030202740200000000000000018bcfe57f700000018bcfe57b88"
    "02000800000000000003e802020002",
    "000100000000000003e800020000ea6005010000018bcfe583580000018bcfe57b880200080000000000"
    "0003e802020002",
    "000100000000000003e800030000c35000000000018bcfe58740ffffffffffffffff0200080000000000"
    "0003e802020002",
    "000100000000000003e800040000c35003010000018bcfe58b280000018bcfe58b280200080000000000"
    "0003e802020002",
    "000100000000000003e800040000c35005010000018bcfe58b280000018bcfe58b280200080000000000"
    "0003e802020002",
};

const std::vector<const char*> kKeepingAtLevel1{
    "000100000000000003e800000000ea6000000000018bcfe56800ffffffffffffffff0100080000000000"
    "0003e8",
    "000100000000000003e800000000ea60010202740200000003000000018bcfe56be80000018bcfe56be8"
    "01000800000000000003e8",
    "000100000000000003e800000000ea6001020274030000000300000001000000018bcfe56fd00000018b"
    "cfe56be801000800000000000003e8",
    "000100000000000003e800000000ea6002020274030000000300000001000000018bcfe573b80000018b"
    "cfe56be801000800000000000003e8",
    "000100000000000003e800000000ea6004010000018bcfe577a00000018bcfe56be80100080000000000"
    "0003e8",
    "000100000000000003e800000000ea60010202740200000000000000018bcfe57b880000018bcfe57b88"
    "01000800000000000003e8",
    "000100000000000003e800010000ea60030202740200000000000000018bcfe57f700000018bcfe57b88"
    "01000800000000000003e8",
    "000100000000000003e800010000ea6005010000018bcfe583580000018bcfe57b880100080000000000"
    "0003e8",
    "000100000000000003e800020000c35000000000018bcfe58740ffffffffffffffff0100080000000000"
    "0003e8",
};

const std::vector<const char*> kKeepingAtLevel0{
    "000000000000000003e800000000ea6000ffffffff0000018bcfe56800ffffffffffffffff",
    "000000000000000003e800000000ea60010000000100017400000001000000030000018bcfe56be80000"
    "018bcfe56be8",
    "000000000000000003e800000000ea6001000000010001740000000200000003000000010000018bcfe5"
    "6fd00000018bcfe56be8",
    "000000000000000003e800000000ea6002000000010001740000000200000003000000010000018bcfe5"
    "73b80000018bcfe56be8",
    "000000000000000003e800000000ea6004000000000000018bcfe577a00000018bcfe56be8",
    "000000000000000003e800000000ea60010000000100017400000001000000000000018bcfe57b880000"
    "018bcfe57b88",
    "000000000000000003e800010000ea60030000000100017400000001000000000000018bcfe57f700000"
    "018bcfe57b88",
    "000000000000000003e800010000ea6005000000000000018bcfe583580000018bcfe57b88",
    "000000000000000003e800020000c35000ffffffff0000018bcfe58740ffffffffffffffff",
};

const std::vector<const char*> kRotating{
    "000100000000000001f47ffe0000ea6000000000018bcfe56800ffffffffffffffff0200080000000000"
    "0001f402020002",
    "000100000000000001f47ffe0000ea60010202740200000000000000018bcfe56be80000018bcfe56be8"
    "02000800000000000001f402020002",
    "000100000000000001f47fff0000ea60020202740200000000000000018bcfe56fd00000018bcfe56be8"
    "03000800000000000001f4010800000000000003e802020002",
    "000100000000000003e800000000ea6004010000018bcfe573b80000018bcfe56be80200080000000000"
    "0001f402020002",
    "000100000000000003e800010000ea6000000000018bcfe577a0ffffffffffffffff0200080000000000"
    "0003e802020002",
    "000100000000000003e800000000ea6000000000018bcfe57b88ffffffffffffffff0200080000000000"
    "0001f402020002",
};

std::vector<std::byte> bytes(std::string_view digits) {
  std::vector<std::byte> out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    out.push_back(static_cast<std::byte>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  return out;
}

void expect_same(const TestCoordinator& c, std::size_t first,
                 const std::vector<const char*>& expected) {
  ASSERT_EQ(c.log.size(), first + expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE(i);
    const auto& ours = c.log[first + i];
    const auto theirs = bytes(expected[i]);
    const auto read = parse_transaction(ours.key, ByteView(theirs));
    ASSERT_TRUE(read.ok()) << read.error().text();
    const auto mine = parse_transaction(ours.key, ByteView(*ours.value));
    EXPECT_EQ(mine->metadata, read->metadata);
    // Theirs have the partitions in the order of a hash.
    if (read->metadata->partitions.size() < 2) {
      EXPECT_EQ(*ours.value, theirs);
    } else {
      EXPECT_EQ(ours.value->size(), theirs.size());
    }
  }
}

constexpr Millis kStep{1'000};

void live(std::int16_t level, bool bumps, const std::vector<const char*>& expected) {
  TestCoordinator c(TxnSettings(), level);
  const auto add_version = static_cast<std::int16_t>(bumps ? 5 : 3);
  c.init("my-txn");
  c.pass(kStep);
  c.add("my-txn", 1000, 0, {3}, add_version);
  c.pass(kStep);
  c.add("my-txn", 1000, 0, {1}, add_version);
  c.pass(kStep);
  c.end("my-txn", 1000, 0, true, bumps ? 5 : 4);
  c.pass(kStep);
  c.write_markers();
  c.pass(kStep);
  c.add("my-txn", 1000, bumps ? 1 : 0, {0}, add_version);
  c.pass(kStep);
  c.init("my-txn", -1, -1, 5, 50'000);
  c.pass(kStep);
  c.write_markers();
  c.pass(kStep);
  c.init("my-txn", -1, -1, 5, 50'000);
  c.pass(kStep);
  if (bumps) c.end("my-txn", 1000, 3, false, 5);
  expect_same(c, 0, expected);
}

TEST(ApacheLivesTest, OfAClientThatBumpsItsEpoch) {
  live(2, true, kBumping);
}

TEST(ApacheLivesTest, OfAClientThatKeepsItsEpoch) {
  live(1, false, kKeepingAtLevel1);
  live(0, false, kKeepingAtLevel0);
}

TEST(ApacheLivesTest, OfAProducerWhoseEpochsRunOut) {
  TestCoordinator c;
  TransactionMetadata worn;
  worn.producer_id = ProducerId(500);
  worn.producer_epoch = ProducerEpoch(32'765);
  worn.last_update = c.wall;
  worn.client_transaction_version = 2;
  c.log.push_back(serialize_transaction("my-txn", worn, 2));
  c.fail_over();
  c.init("my-txn");
  c.pass(kStep);
  c.add("my-txn", 500, 32'766, {0}, 5);
  c.pass(kStep);
  c.end("my-txn", 500, 32'766, true, 5);
  c.pass(kStep);
  c.write_markers();
  c.pass(kStep);
  c.init("my-txn");
  c.pass(kStep);
  worn.producer_epoch = ProducerEpoch(32'766);
  c.machine.replay(c.log[0].key, ByteView(*serialize_transaction("my-txn", worn, 2).value));
  c.next_producer_id = ProducerId(1000);
  c.init("my-txn");
  expect_same(c, 1, kRotating);
}

}  // namespace
}  // namespace moldau::txn
