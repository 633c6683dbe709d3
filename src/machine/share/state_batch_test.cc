// SPDX-License-Identifier: Apache-2.0
#include "machine/share/state_batch.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace moldau::share {
namespace {

using enum DeliveryState;
using Batches = std::vector<StateBatch>;

StateBatch batch(std::int64_t first, std::int64_t last, DeliveryState state, std::int16_t count) {
  return {Offset(first), Offset(last), state, count};
}

TEST(StateBatchTest, JoinsNeighboursOfTheSameFate) {
  EXPECT_EQ(combine_state_batches({batch(0, 4, kAcknowledged, 1)}, {batch(5, 9, kAcknowledged, 1)},
                                  Offset(-1)),
            Batches({batch(0, 9, kAcknowledged, 1)}));
  EXPECT_EQ(combine_state_batches({batch(0, 4, kAcknowledged, 1)}, {batch(5, 9, kAcknowledged, 2)},
                                  Offset(-1)),
            Batches({batch(0, 4, kAcknowledged, 1), batch(5, 9, kAcknowledged, 2)}));
}

TEST(StateBatchTest, LetsMoreDeliveriesWinAndThenTheLaterState) {
  EXPECT_EQ(
      combine_state_batches({batch(0, 9, kAvailable, 1)}, {batch(3, 5, kAvailable, 2)}, Offset(-1)),
      Batches(
          {batch(0, 2, kAvailable, 1), batch(3, 5, kAvailable, 2), batch(6, 9, kAvailable, 1)}));
  EXPECT_EQ(combine_state_batches({batch(0, 9, kAvailable, 2)}, {batch(3, 15, kAcknowledged, 1)},
                                  Offset(-1)),
            Batches({batch(0, 9, kAvailable, 2), batch(10, 15, kAcknowledged, 1)}));
  EXPECT_EQ(
      combine_state_batches({batch(0, 9, kAvailable, 1)}, {batch(0, 9, kArchived, 1)}, Offset(-1)),
      Batches({batch(0, 9, kArchived, 1)}));
}

TEST(StateBatchTest, CutsOffWhatLiesBeforeTheStart) {
  EXPECT_EQ(combine_state_batches({batch(0, 9, kAvailable, 1), batch(12, 13, kArchived, 1)}, {},
                                  Offset(8)),
            Batches({batch(8, 9, kAvailable, 1), batch(12, 13, kArchived, 1)}));
  EXPECT_EQ(combine_state_batches({batch(0, 9, kAvailable, 1)}, {}, Offset(10)), Batches());
}

// Whatever overlaps, each offset has the best fate that any batch gave it.
TEST(StateBatchTest, GivesEachOffsetItsBestFate) {
  for (std::uint32_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto draw = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    std::map<std::int64_t, std::pair<std::int16_t, DeliveryState>> best;
    const std::int64_t start = draw(3) == 0 ? -1 : draw(20);
    const auto some = [&] {
      Batches out;
      for (int i = draw(6); i > 0; --i) {
        const std::int64_t first = draw(40);
        const auto state =
            static_cast<DeliveryState>(std::array{0, 2, 4}[static_cast<std::size_t>(draw(3))]);
        out.push_back(
            batch(first, first + draw(12), state, static_cast<std::int16_t>(1 + draw(3))));
        for (std::int64_t o = first; o <= out.back().last.value(); ++o)
          if (o >= start) best[o] = std::max(best[o], std::pair(out.back().delivery_count, state));
      }
      return out;
    };
    const Batches a = some();
    const Batches b = some();
    const Batches combined = combine_state_batches(a, b, Offset(start));
    std::map<std::int64_t, std::pair<std::int16_t, DeliveryState>> got;
    Offset end(-1);
    for (const StateBatch& one : combined) {
      ASSERT_GT(one.first, end);
      ASSERT_GE(one.last, one.first);
      end = one.last;
      for (Offset o = one.first; o <= one.last; ++o)
        got[o.value()] = {one.delivery_count, one.state};
    }
    ASSERT_EQ(got, best);
  }
}

}  // namespace
}  // namespace moldau::share
