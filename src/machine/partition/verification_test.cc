// SPDX-License-Identifier: Apache-2.0
// KIP-890, KIP-1228
#include <gtest/gtest.h>

#include <climits>

#include "machine/partition/producer_state.h"

namespace moldau::partition {
namespace {

constexpr ProducerId kId{7};
constexpr Timestamp kNow{1000};

ProducerBatch data(std::int32_t sequence, std::int64_t offset, int epoch = 0) {
  ProducerBatch out;
  out.producer_id = kId;
  out.producer_epoch = ProducerEpoch(static_cast<std::int16_t>(epoch));
  out.first_sequence = out.last_sequence = sequence;
  out.first_offset = out.last_offset = Offset(offset);
  out.max_timestamp = kNow;
  out.is_transactional = true;
  return out;
}

ProducerBatch marker(std::int64_t offset, int epoch) {
  ProducerBatch out = data(-1, offset, epoch);
  out.is_control = true;
  out.marker = EndTransactionMarker{false, 0};
  return out;
}

TransactionClaim claim(VerificationGuard guard) {
  TransactionClaim out;
  out.must_be_verified = true;
  out.guard = guard;
  return out;
}

TransactionClaim of_version(std::int8_t version) {
  TransactionClaim out;
  out.transaction_version = version;
  return out;
}

class VerificationTest : public testing::Test {
 protected:
  VerificationGuard begin(const ProducerBatch& batch, bool adds_itself = false) {
    auto guard = state_.begin_verification(batch, adds_itself, kNow);
    EXPECT_TRUE(guard.ok());
    return guard.ok() && *guard ? **guard : VerificationGuard(0);
  }
  ErrorCode append(const ProducerBatch& batch, const TransactionClaim& what) {
    return state_.append(batch, AppendOrigin::kClient, what).code();
  }
  ErrorCode mark(std::int64_t offset, int epoch, std::int8_t version = 0) {
    return state_.append(marker(offset, epoch), AppendOrigin::kCoordinator, of_version(version))
        .code();
  }

  ProducerState state_;
};

TEST_F(VerificationTest, ABeginningNeedsItsGuard) {
  EXPECT_EQ(append(data(0, 0), claim(VerificationGuard(0))), ErrorCode::kInvalidTxnState);
  const VerificationGuard guard = begin(data(0, 0));
  EXPECT_NE(guard, VerificationGuard(0));
  EXPECT_EQ(begin(data(0, 0)), guard) << "one for all that wait";
  EXPECT_EQ(append(data(0, 0), claim(VerificationGuard(guard.value() + 1))),
            ErrorCode::kInvalidTxnState);
  EXPECT_EQ(append(data(0, 0), claim(guard)), ErrorCode::kNone);
  EXPECT_EQ(begin(data(1, 1)), VerificationGuard(0)) << "the transaction is open";
  EXPECT_EQ(append(data(1, 1), claim(VerificationGuard(0))), ErrorCode::kNone);
}

TEST_F(VerificationTest, AMarkerMakesTheGuardVoid) {
  const VerificationGuard guard = begin(data(0, 0));
  EXPECT_EQ(mark(0, 0), ErrorCode::kNone);
  EXPECT_EQ(append(data(0, 1), claim(guard)), ErrorCode::kInvalidTxnState);
  const VerificationGuard next = begin(data(0, 1));
  EXPECT_NE(next, guard);
  EXPECT_EQ(append(data(0, 1), claim(next)), ErrorCode::kNone);
}

TEST_F(VerificationTest, AnotherEpochIsNotTheOpenTransaction) {
  EXPECT_EQ(append(data(0, 0), claim(begin(data(0, 0)))), ErrorCode::kNone);
  EXPECT_NE(begin(data(0, 1, 1)), VerificationGuard(0));
  EXPECT_EQ(append(data(0, 1, 1), claim(VerificationGuard(0))), ErrorCode::kInvalidTxnState);
}

TEST_F(VerificationTest, ALaterBatchDoesNotOvertakeTheOneThatIsTriedAgain) {
  const VerificationGuard guard = begin(data(3, 0));
  begin(data(2, 0));
  EXPECT_EQ(append(data(3, 0), claim(guard)), ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(append(data(2, 0), claim(guard)), ErrorCode::kNone);
  EXPECT_EQ(append(data(3, 1), claim(guard)), ErrorCode::kNone);
}

TEST_F(VerificationTest, ANewEpochForgetsTheLowestSequence) {
  begin(data(0, 0, 0));
  const VerificationGuard guard = begin(data(5, 0, 1));
  EXPECT_EQ(append(data(6, 0, 1), claim(guard)), ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(append(data(5, 0, 1), claim(guard)), ErrorCode::kNone);
}

TEST_F(VerificationTest, WhoAddsItselfBeginsWithZero) {
  const VerificationGuard guard = begin(data(4, 0), true);
  EXPECT_EQ(append(data(4, 0), claim(guard)), ErrorCode::kOutOfOrderSequenceNumber);
}

TEST_F(VerificationTest, LingeringOnesExpireAndTheirNumberIsBounded) {
  begin(data(0, 0));
  EXPECT_EQ(state_.remove_expired(Timestamp(kNow.value() + 10), Millis(10)), 0U);
  const VerificationGuard again = begin(data(0, 0));
  EXPECT_EQ(again, VerificationGuard(2));
  for (std::size_t n = 1; n < ProducerState::kVerificationsMax; ++n) {
    ProducerBatch other = data(0, 0);
    other.producer_id = ProducerId(static_cast<std::int64_t>(100 + n));
    begin(other);
  }
  ProducerBatch one_more = data(0, 0);
  one_more.producer_id = ProducerId(99);
  EXPECT_EQ(state_.begin_verification(one_more, false, kNow).code(), ErrorCode::kNotEnoughReplicas);
  EXPECT_EQ(begin(data(0, 0)), again);
}

TEST_F(VerificationTest, WithAnEpochForEachTransactionALateMarkerIsRefused) {
  EXPECT_EQ(append(data(0, 0, 4), claim(begin(data(0, 0, 4)))), ErrorCode::kNone);
  EXPECT_EQ(mark(1, 4, 2), ErrorCode::kInvalidProducerEpoch) << "that of the transaction before";
  EXPECT_EQ(mark(1, 3, 2), ErrorCode::kInvalidProducerEpoch);
  EXPECT_EQ(mark(1, 5, 2), ErrorCode::kNone);
  EXPECT_EQ(mark(2, 5, 2), ErrorCode::kNone) << "the same marker again";
  EXPECT_FALSE(state_.first_undecided_offset().has_value());
  EXPECT_EQ(append(data(0, 3, 5), claim(begin(data(0, 3, 5)))), ErrorCode::kNone);
  EXPECT_EQ(mark(4, 5, 0), ErrorCode::kNone) << "without: the epoch stays";
}

TEST_F(VerificationTest, TheLastEpochMayBeMarkedWithItself) {
  EXPECT_EQ(append(data(0, 0, SHRT_MAX), claim(begin(data(0, 0, SHRT_MAX)))), ErrorCode::kNone);
  EXPECT_EQ(mark(1, SHRT_MAX, 2), ErrorCode::kNone);
}

TEST_F(VerificationTest, TellsBeforeItIsAppended) {
  const auto check = [&](int epoch, VerificationGuard guard) {
    return state_.check_transactional(kId, ProducerEpoch(static_cast<std::int16_t>(epoch)),
                                      claim(guard));
  };
  EXPECT_EQ(check(1, VerificationGuard(0)), ErrorCode::kInvalidTxnState);
  const VerificationGuard guard = begin(data(0, 0, 1));
  EXPECT_EQ(check(1, guard), ErrorCode::kNone);
  EXPECT_EQ(append(data(0, 0, 1), claim(guard)), ErrorCode::kNone);
  EXPECT_EQ(check(1, VerificationGuard(0)), ErrorCode::kNone);
  EXPECT_EQ(mark(1, 2, 2), ErrorCode::kNone);
  EXPECT_EQ(check(1, begin(data(0, 2, 1))), ErrorCode::kInvalidProducerEpoch);
}

}  // namespace
}  // namespace moldau::partition
