// SPDX-License-Identifier: Apache-2.0
// KIP-227: incremental fetch sessions.
#include "node/replica/fetch_session.h"

#include <gtest/gtest.h>

namespace moldau::replica {
namespace {

class Counting final : public env::Random {
 public:
  std::uint64_t next() override { return ++n_; }

 private:
  std::uint64_t n_ = 0;
};

FetchPartition ask(int partition, int offset = 0) {
  FetchPartition p;
  p.topic_id = Uuid(1, 2);
  p.partition = PartitionId(partition);
  p.fetch_offset = Offset(offset);
  p.bytes_max = 100;
  return p;
}

FetchAnswer told(int hw, std::size_t bytes = 0) {
  FetchAnswer a;
  a.high_watermark = Offset(hw);
  a.log_start = Offset(0);
  a.record_bytes = bytes;
  return a;
}

TEST(FetchSessionTest, OnlyWhatChangedIsTold) {
  Counting random;
  FetchSessionCache cache(FetchSessionLimits{}, random);
  FetchSession* session = cache.create({ask(0), ask(1)}, true, false, MonoTime(0));
  ASSERT_NE(session, nullptr);
  EXPECT_TRUE(session->note_answer(ask(0), told(5)));
  EXPECT_FALSE(session->note_answer(ask(0), told(5)));
  EXPECT_TRUE(session->note_answer(ask(0), told(6)));
  EXPECT_TRUE(session->note_answer(ask(0), told(6, 10)));
  EXPECT_EQ(session->partitions().front().partition, PartitionId(1));
}

TEST(FetchSessionTest, AfterAnErrorTheHighWatermarkIsToldAgain) {
  Counting random;
  FetchSessionCache cache(FetchSessionLimits{}, random);
  FetchSession* session = cache.create({ask(0)}, true, false, MonoTime(0));
  (void)session->note_answer(ask(0), told(5));
  FetchAnswer bad = told(5);
  bad.error = ErrorCode::kNotLeaderOrFollower;
  EXPECT_TRUE(session->note_answer(ask(0), bad));
  EXPECT_TRUE(session->note_answer(ask(0), told(5)));
}

TEST(FetchSessionTest, EpochsAreChecked) {
  Counting random;
  FetchSessionCache cache(FetchSessionLimits{}, random);
  const std::int32_t id = cache.create({ask(0)}, true, false, MonoTime(0))->id();
  EXPECT_EQ(cache.resume(id, 2, true, MonoTime(0)).code(), ErrorCode::kInvalidFetchSessionEpoch);
  EXPECT_EQ(cache.resume(id, 1, false, MonoTime(0)).code(), ErrorCode::kFetchSessionTopicIdError);
  EXPECT_TRUE(cache.resume(id, 1, true, MonoTime(0)).ok());
  EXPECT_TRUE(cache.resume(id, 2, true, MonoTime(0)).ok());
  EXPECT_EQ(cache.resume(id + 1, 1, true, MonoTime(0)).code(), ErrorCode::kFetchSessionIdNotFound);
}

TEST(FetchSessionTest, AFullCacheKeepsSessionsThatAreInUse) {
  Counting random;
  FetchSessionLimits limits;
  limits.sessions_max = 1;
  FetchSessionCache cache(limits, random);
  const std::int32_t first = cache.create({ask(0)}, true, false, MonoTime(0))->id();
  EXPECT_EQ(cache.create({ask(0)}, true, false, MonoTime(1)), nullptr);
  EXPECT_NE(cache.create({ask(0)}, true, false, MonoTime(0) + Millis(120'001)), nullptr);
  EXPECT_EQ(cache.find(first), nullptr);
}

}  // namespace
}  // namespace moldau::replica
