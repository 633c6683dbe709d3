// SPDX-License-Identifier: Apache-2.0
// KIP-98, KIP-360
#include "machine/partition/producer_state.h"

#include <gtest/gtest.h>

#include <climits>

namespace moldau::partition {
namespace {

constexpr ProducerId kId{7};

ProducerBatch data(std::int32_t first, std::int32_t last, std::int64_t offset, int epoch = 0,
                   bool transactional = false) {
  ProducerBatch out;
  out.producer_id = kId;
  out.producer_epoch = ProducerEpoch(static_cast<std::int16_t>(epoch));
  out.first_sequence = first;
  out.last_sequence = last;
  out.first_offset = Offset(offset);
  out.last_offset = Offset(offset + (last >= first ? last - first : last + 1 + (INT_MAX - first)));
  out.max_timestamp = Timestamp(1000);
  out.is_transactional = transactional;
  return out;
}

ProducerBatch marker(std::int64_t offset, bool abort, int epoch = 0, int coordinator = 0) {
  ProducerBatch out;
  out.producer_id = kId;
  out.producer_epoch = ProducerEpoch(static_cast<std::int16_t>(epoch));
  out.first_offset = out.last_offset = Offset(offset);
  out.is_control = out.is_transactional = true;
  out.marker = EndTransactionMarker{abort, coordinator};
  return out;
}

ErrorCode append(ProducerState& state, const ProducerBatch& batch,
                 AppendOrigin origin = AppendOrigin::kClient) {
  return state.append(batch, origin).code();
}

TEST(ProducerStateTest, AcceptsSequencesInOrderOnly) {
  ProducerState state;
  EXPECT_EQ(append(state, data(0, 2, 0)), ErrorCode::kNone);
  EXPECT_EQ(append(state, data(4, 4, 3)), ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(append(state, data(1, 3, 3)), ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(append(state, data(3, 3, 3)), ErrorCode::kNone);
  EXPECT_EQ(append(state, data(9, 9, 4), AppendOrigin::kReplication), ErrorCode::kNone);
}

TEST(ProducerStateTest, WrapsSequencesAfterTheLargestInt) {
  ProducerState state;
  EXPECT_EQ(append(state, data(INT_MAX - 1, 1, 0), AppendOrigin::kReplication), ErrorCode::kNone);
  EXPECT_EQ(state.find(kId)->batch(0).first_sequence(), INT_MAX - 1);
  EXPECT_EQ(append(state, data(2, 2, 4)), ErrorCode::kNone);
  EXPECT_EQ(append(state, data(INT_MAX, INT_MAX, 5, 1), AppendOrigin::kReplication),
            ErrorCode::kNone);
  EXPECT_EQ(append(state, data(0, 0, 6, 1)), ErrorCode::kNone);
}

TEST(ProducerStateTest, RemembersFiveBatches) {
  ProducerState state;
  for (int n = 0; n < 6; ++n) EXPECT_EQ(append(state, data(n, n, n)), ErrorCode::kNone);
  for (int n = 1; n < 6; ++n) {
    const auto verdict = state.append(data(n, n, 100), AppendOrigin::kClient);
    ASSERT_TRUE(verdict.ok() && verdict->duplicate) << n;
    EXPECT_EQ(verdict->duplicate->last_offset, Offset(n));
  }
  // An older retry is refused, never appended.
  EXPECT_EQ(append(state, data(0, 0, 100)), ErrorCode::kOutOfOrderSequenceNumber);
}

TEST(ProducerStateTest, FencesOldEpochsAndBeginsNewOnesAtZero) {
  ProducerState state;
  EXPECT_EQ(append(state, data(5, 5, 0, 3)), ErrorCode::kNone) << "an unknown producer may go on";
  EXPECT_EQ(append(state, data(6, 6, 1, 2)), ErrorCode::kInvalidProducerEpoch);
  EXPECT_EQ(append(state, data(6, 6, 1, 4)), ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(append(state, data(0, 0, 1, 4)), ErrorCode::kNone);
  EXPECT_EQ(state.find(kId)->batch_count(), 1U);
}

TEST(ProducerStateTest, FollowsATransactionToItsMarker) {
  ProducerState state;
  EXPECT_EQ(append(state, data(0, 0, 10, 0, true)), ErrorCode::kNone);
  EXPECT_EQ(state.first_unstable_offset(), Offset(10));
  EXPECT_EQ(append(state, data(1, 1, 11, 0, false)), ErrorCode::kInvalidTxnState);
  const auto verdict = state.append(marker(12, true), AppendOrigin::kCoordinator);
  ASSERT_TRUE(verdict.ok() && verdict->completed);
  EXPECT_EQ(verdict->completed->first_offset, Offset(10));
  EXPECT_TRUE(verdict->completed->is_aborted);
  EXPECT_EQ(verdict->completed->last_stable_offset, Offset(13));
  EXPECT_EQ(state.first_unstable_offset(), Offset(10)) << "until the marker is replicated";
  state.on_high_watermark(Offset(12));
  EXPECT_EQ(state.first_unstable_offset(), Offset(10));
  state.on_high_watermark(Offset(13));
  EXPECT_FALSE(state.first_unstable_offset());
  EXPECT_EQ(append(state, marker(14, false, 0, 3), AppendOrigin::kCoordinator), ErrorCode::kNone);
  EXPECT_EQ(append(state, marker(15, false, 0, 2), AppendOrigin::kCoordinator),
            ErrorCode::kTransactionCoordinatorFenced);
}

TEST(ProducerStateTest, ReturnsToAMarkExactly) {
  ProducerState state;
  ASSERT_EQ(append(state, data(0, 0, 0, 0, true)), ErrorCode::kNone);
  state.commit();
  const std::string before = state.encode_snapshot();
  const ProducerState::Mark mark = state.mark();
  ASSERT_EQ(append(state, data(1, 1, 1, 0, true)), ErrorCode::kNone);
  ASSERT_EQ(append(state, marker(2, false), AppendOrigin::kCoordinator), ErrorCode::kNone);
  ASSERT_EQ(append(state, data(2, 2, 3, 0, true)), ErrorCode::kNone);
  ProducerBatch other = data(0, 0, 4);
  other.producer_id = ProducerId(8);
  ASSERT_EQ(append(state, other), ErrorCode::kNone);
  EXPECT_NE(state.encode_snapshot(), before);
  state.roll_back_to(mark);
  EXPECT_EQ(state.encode_snapshot(), before);
  EXPECT_EQ(state.first_undecided_offset(), Offset(0));
  EXPECT_EQ(state.first_unstable_offset(), Offset(0));
  EXPECT_EQ(state.find(ProducerId(8)), nullptr);
  EXPECT_EQ(append(state, data(1, 1, 1, 0, true)), ErrorCode::kNone);
}

TEST(ProducerStateTest, ReadsItsOwnSnapshotAndRefusesAnyFlippedByte) {
  ProducerState state;
  ASSERT_EQ(append(state, data(0, 4, 0)), ErrorCode::kNone);
  ProducerBatch other = data(0, 0, 5, 2, true);
  other.producer_id = ProducerId(8);
  ASSERT_EQ(append(state, other), ErrorCode::kNone);
  const std::string bytes = state.encode_snapshot();
  EXPECT_EQ(bytes.size(), 10U + 2 * 46);
  EXPECT_EQ(ProducerState().encode_snapshot().size(), 10U);
  ProducerState again;
  ASSERT_TRUE(again.decode_snapshot(as_view(bytes), Timestamp(1000), Millis(100)).ok());
  EXPECT_EQ(again.encode_snapshot(), bytes);
  EXPECT_EQ(again.first_undecided_offset(), Offset(5));
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    std::string damaged = bytes;
    damaged[n] ^= 0x10;
    EXPECT_FALSE(again.decode_snapshot(as_view(damaged), Timestamp(0), Millis(100)).ok()) << n;
    EXPECT_FALSE(again.decode_snapshot(as_view(bytes).first(n), Timestamp(0), Millis(100)).ok());
  }
}

TEST(ProducerStateTest, ForgetsProducersThatWereQuietForLong) {
  ProducerState state;
  ASSERT_EQ(append(state, data(0, 0, 0)), ErrorCode::kNone);
  ProducerBatch other = data(0, 0, 1, 0, true);
  other.producer_id = ProducerId(8);
  ASSERT_EQ(append(state, other), ErrorCode::kNone);
  state.commit();
  EXPECT_EQ(state.remove_expired(Timestamp(1099), Millis(100)), 0U);
  EXPECT_EQ(state.remove_expired(Timestamp(1100), Millis(100)), 1U);
  EXPECT_EQ(state.find(kId), nullptr);
  EXPECT_NE(state.find(ProducerId(8)), nullptr) << "its transaction is open";
  ProducerState loaded;
  ASSERT_TRUE(
      loaded.decode_snapshot(as_view(state.encode_snapshot()), Timestamp(9999), Millis(1)).ok());
  EXPECT_EQ(loaded.size(), 1U);
}

}  // namespace
}  // namespace moldau::partition
