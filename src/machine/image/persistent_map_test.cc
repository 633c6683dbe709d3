// SPDX-License-Identifier: Apache-2.0
#include "machine/image/persistent_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <vector>

#include "machine/image/replica_list.h"

namespace moldau::image {
namespace {

std::uint64_t next(std::uint64_t& state) {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return state >> 33;
}

TEST(PersistentMapTest, BehavesAsAMapAndKeepsEveryPublishedCopy) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::uint64_t state = seed;
    PersistentMap<int, int> map;
    std::map<int, int> model;
    std::vector<std::pair<PersistentMap<int, int>, std::map<int, int>>> kept;
    Edit edit = 1;
    for (int step = 0; step < 4000; ++step) {
      const int key = static_cast<int>(next(state) % 300);
      if (next(state) % 3 == 0) {
        map.erase(edit, key);
        model.erase(key);
      } else {
        map.set(edit, key, step);
        model[key] = step;
      }
      if (step % 200 == 0) {
        kept.emplace_back(map, model);
        ++edit;
      }
    }
    kept.emplace_back(map, model);
    for (const auto& [copy, expected] : kept) {
      ASSERT_EQ(copy.size(), expected.size()) << "seed " << seed;
      ASSERT_TRUE(std::equal(copy.begin(), copy.end(), expected.begin(), expected.end()))
          << "seed " << seed;
      for (const auto& [key, value] : expected) ASSERT_EQ(*copy.find(key), value);
    }
    EXPECT_EQ(map.find(1000), nullptr);
  }
}

TEST(PersistentMapTest, FindsNeighboursOfKeysThatAreNotThere) {
  std::uint64_t state = 7;
  PersistentMap<int, int> map;
  std::map<int, int> model;
  for (int step = 0; step < 500; ++step) {
    const int key = static_cast<int>(next(state) % 1000);
    map.set(1, key, step);
    model[key] = step;
  }
  for (int key = -1; key <= 1001; ++key) {
    const auto expected = model.lower_bound(key);
    const auto found = map.lower_bound(key);
    ASSERT_TRUE(std::equal(found, map.end(), expected, model.end())) << key;
    const auto* below = map.below(key);
    ASSERT_EQ(below != nullptr, expected != model.begin()) << key;
    if (below != nullptr) {
      ASSERT_EQ(below->first, std::prev(expected)->first);
    }
  }
}

TEST(PersistentMapTest, TakesAscendingKeysWithoutDegenerating) {
  PersistentMap<int, int> map;
  for (int i = 0; i < 20000; ++i) map.set(1, i, i);
  int expected = 0;
  for (const auto& [key, value] : map) ASSERT_EQ(key, expected++);
  EXPECT_EQ(expected, 20000);
}

TEST(ReplicaListTest, CopiesAndMovesShortAndLongLists) {
  for (std::int32_t size = 0; size <= 9; ++size) {
    std::vector<NodeId> ids;
    for (std::int32_t i = 0; i < size; ++i) ids.emplace_back(i * 7);
    const ReplicaList list{std::span<const NodeId>(ids)};
    ReplicaList copy = list;
    EXPECT_EQ(copy, list);
    EXPECT_EQ(copy.to_vector(), ids);
    const ReplicaList moved = std::move(copy);
    EXPECT_EQ(moved, list);
    copy = ReplicaList{NodeId(3)};
    EXPECT_EQ(copy.size(), 1u);
    EXPECT_TRUE(copy.contains(NodeId(3)));
    EXPECT_FALSE(moved.contains(NodeId(5)));
  }
}

}  // namespace
}  // namespace moldau::image
