// SPDX-License-Identifier: Apache-2.0
#include "client/turns.h"

#include <gtest/gtest.h>

#include "env/fake/fake_env.h"

namespace moldau::client {
namespace {

class TurnsTest : public testing::Test {
 protected:
  env::fake::World world_{1};
  env::fake::FakeDisk disk_{world_};
  env::fake::FakeEnv env_{world_, disk_};
  int turns_taken_ = 0;
  std::unique_ptr<Turns> turns_ =
      std::make_unique<Turns>(env_.shard(env::ShardId(0)), [this] { ++turns_taken_; });
};

TEST_F(TurnsTest, ManyReasonsMakeOneTurn) {
  for (int i = 0; i < 10; ++i) turns_->wake();
  EXPECT_EQ(turns_taken_, 0);
  world_.run_for(Millis(1));
  EXPECT_EQ(turns_taken_, 1);
  turns_->wake();
  world_.run_for(Millis(1));
  EXPECT_EQ(turns_taken_, 2);
}

TEST_F(TurnsTest, OnlyTheLastTimeCounts) {
  const MonoTime now = world_.now();
  turns_->wake_at(now + Millis(100));
  turns_->wake_at(now + Millis(50));
  turns_->wake_at(now + Millis(50));
  world_.run_for(Millis(60));
  EXPECT_EQ(turns_taken_, 1);
  world_.run_for(Millis(60));
  EXPECT_EQ(turns_taken_, 1);
  // The same time again, after it has passed, is at once.
  turns_->wake_at(now + Millis(50));
  world_.run_for(Millis(1));
  EXPECT_EQ(turns_taken_, 2);
}

TEST_F(TurnsTest, NothingComesOnceItIsGone) {
  turns_->wake();
  turns_->wake_at(world_.now() + Millis(5));
  turns_.reset();
  world_.run_for(Millis(50));
  EXPECT_EQ(turns_taken_, 0);
}

}  // namespace
}  // namespace moldau::client
