// SPDX-License-Identifier: Apache-2.0
#include "log/index_file.h"

#include <gtest/gtest.h>

#include <random>

#include "log/offset_index.h"
#include "log/test_memory_disk.h"
#include "log/time_index.h"

namespace moldau::log {
namespace {

const Offset kBase(1'000);

std::shared_ptr<const LogFile> file_on(MemoryDisk& disk, std::string_view suffix) {
  EXPECT_TRUE(disk.make_directories("d").ok());
  return std::make_shared<const LogFile>(disk, std::make_shared<const std::string>("d"), kBase,
                                         suffix, "");
}

/// What the searches must find, by looking at every entry.
OffsetPosition slow_lookup(const std::vector<OffsetPosition>& entries, Offset target) {
  OffsetPosition found{kBase, 0};
  for (const OffsetPosition& entry : entries)
    if (entry.offset <= target) found = entry;
  return found;
}

std::optional<OffsetPosition> slow_first(const std::vector<OffsetPosition>& entries,
                                         std::uint64_t position) {
  for (const OffsetPosition& entry : entries)
    if (entry.position >= position) return entry;
  return std::nullopt;
}

class IndexFileTest : public testing::TestWithParam<int> {
 protected:
  /// Offsets that rise evenly, with noise, or in jumps of a thousandfold.
  std::int64_t step(std::mt19937_64& random) const {
    if (GetParam() == 0) return 10;
    if (GetParam() == 1) return 1 + static_cast<std::int64_t>(random() % 20);
    return random() % 100 == 0 ? 100'000 : 1;
  }
};

TEST_P(IndexFileTest, FindsOffsetsAndPositionsAsALookAtAllEntriesDoes) {
  MemoryDisk disk;
  for (const int count : {0, 1, 2, 64, 511, 512, 513, 1'024, 3'000}) {
    OffsetIndex index(kBase, file_on(disk, kOffsetIndexSuffix));
    std::mt19937_64 random(static_cast<std::uint64_t>(count));
    std::vector<OffsetPosition> entries;
    Offset offset = kBase;
    std::uint32_t position = 0;
    for (int n = 0; n < count; ++n) {
      offset = offset + step(random);
      position += 4'096 + static_cast<std::uint32_t>(random() % 1'000);
      index.append(offset, position);
      entries.push_back({offset, position});
      // The last ones stay in memory.
      if (n + 40 == count) {
        ASSERT_TRUE(index.write_buffered().ok());
      }
    }
    const OffsetIndexView view = index.view();
    const auto check = [&](Offset target) {
      EXPECT_EQ(view.lookup(target).value(), slow_lookup(entries, target))
          << target.value() << " of " << count;
    };
    check(Offset(0));
    check(kBase);
    check(Offset(INT64_MAX));
    for (int n = 0; n < 200 && count > 0; ++n) {
      const OffsetPosition& entry = entries[random() % entries.size()];
      for (const std::int64_t by : {-1, 0, 1}) {
        check(entry.offset + by);
        const std::uint64_t at = static_cast<std::uint64_t>(entry.position + by);
        EXPECT_EQ(view.first_at_or_after(at).value(), slow_first(entries, at)) << at;
      }
    }
    EXPECT_EQ(view.first_at_or_after(0).value(), slow_first(entries, 0));
    EXPECT_EQ(view.first_at_or_after(UINT64_MAX).value(), std::nullopt);
    ASSERT_TRUE(disk.remove_file(index.file()->path()).ok() || count < 40);
  }
}

TEST_P(IndexFileTest, ReadsFewPagesForALookup) {
  MemoryDisk disk;
  OffsetIndex index(kBase, file_on(disk, kOffsetIndexSuffix));
  std::mt19937_64 random(5);
  Offset offset = kBase;
  constexpr std::uint32_t kEntries = 200'000;
  for (std::uint32_t n = 0; n < kEntries; ++n) {
    offset = offset + step(random);
    index.append(offset, n * 4'096);
  }
  ASSERT_TRUE(index.write_buffered().ok());
  const OffsetIndexView view = index.view();
  const auto span = static_cast<std::uint64_t>(offset - kBase);
  std::uint64_t most = 0;
  disk.reads = 0;
  constexpr int kLookups = 500;
  for (int n = 0; n < kLookups; ++n) {
    const std::uint64_t before = disk.reads;
    ASSERT_TRUE(view.lookup(kBase + static_cast<std::int64_t>(random() % span)).ok());
    most = std::max(most, disk.reads - before);
  }
  // 391 pages.
  const double average = static_cast<double>(disk.reads) / kLookups;
  EXPECT_LE(average, GetParam() == 0 ? 1.1 : GetParam() == 1 ? 2.5 : 8) << average;
  EXPECT_LE(most, 13U);
}

INSTANTIATE_TEST_SUITE_P(Offsets, IndexFileTest, testing::Values(0, 1, 2));

TEST(TimeIndexFileTest, FindsTimestampsThatRiseInAnyWay) {
  MemoryDisk disk;
  TimeIndex index(kBase, file_on(disk, kTimeIndexSuffix));
  std::mt19937_64 random(9);
  std::vector<TimestampOffset> entries;
  Timestamp time{0};
  for (int n = 0; n < 2'000; ++n) {
    time = time + (random() % 50 == 0 ? 1'000'000'000 : 1);
    index.maybe_append(time, kBase + n);
    entries.push_back({time, kBase + n});
  }
  ASSERT_TRUE(index.write_buffered().ok());
  const TimeIndexView view = index.view();
  for (const TimestampOffset& entry : entries) {
    EXPECT_EQ(view.lookup(entry.timestamp).value(), entry);
    const TimestampOffset earlier = view.lookup(entry.timestamp + std::int64_t{-1}).value();
    EXPECT_LT(earlier.offset, entry.offset + (entry.offset == kBase ? 1 : 0));
  }
  EXPECT_EQ(view.lookup(Timestamp(INT64_MAX)).value(), entries.back());
  EXPECT_EQ(view.lookup(Timestamp(0)).value(), (TimestampOffset{Timestamp(-1), kBase}));
}

TEST(OffsetIndexFileTest, LoadsTheEntriesBeforeTheZerosOfAnIndexThatWasNotClosed) {
  for (const std::uint32_t count : {0U, 1U, 511U, 512U, 513U, 1'700U}) {
    MemoryDisk disk;
    {
      OffsetIndex index(kBase, file_on(disk, kOffsetIndexSuffix));
      for (std::uint32_t n = 1; n <= count; ++n) index.append(kBase + n, n * 5'000);
      ASSERT_TRUE(index.write_buffered().ok());
      disk.content(index.file()->path()).resize(std::size_t{3'000} * 8, '\0');
    }
    OffsetIndex again(kBase, file_on(disk, kOffsetIndexSuffix));
    ASSERT_TRUE(again.load(UINT32_MAX).value()) << count;
    EXPECT_EQ(again.entries(), count);
    EXPECT_EQ(again.last(), (OffsetPosition{kBase + count, count * 5'000}));
    ASSERT_TRUE(again.truncate_to(kBase + count / 2 + 1).ok());
    EXPECT_EQ(again.entries(), count / 2);
    EXPECT_EQ(again.last(), (OffsetPosition{kBase + count / 2, count / 2 * 5'000}));
  }
}

TEST(OffsetIndexFileTest, EndsItsSearchInAFileOfNoise) {
  MemoryDisk disk;
  std::mt19937_64 random(3);
  for (int round = 0; round < 50; ++round) {
    const auto file = file_on(disk, kOffsetIndexSuffix);
    std::string noise(std::size_t{5'000} * 8, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    disk.put_file(file->path(), noise);
    const OffsetPosition last{kBase + static_cast<std::int64_t>(random() % 1'000), 7};
    const OffsetIndexView view{{kBase, file, 5'000, {}, last}};
    disk.reads = 0;
    EXPECT_TRUE(view.lookup(kBase + static_cast<std::int64_t>(random() % (1U << 31))).ok());
    EXPECT_TRUE(view.first_at_or_after(random() % (1U << 31)).ok());
    EXPECT_LE(disk.reads, 26U);
  }
}

}  // namespace
}  // namespace moldau::log
