// SPDX-License-Identifier: Apache-2.0
// KAFKA-6264: segments with offsets beyond 2^31 of their base offset, as old cleaners made them.
#include "log/segment_split.h"

#include "log/test_log_fixture.h"

namespace moldau::log {
namespace {

constexpr std::int64_t kSpan = INT32_MAX;

struct SegmentSplitTest : testing::Test, LogFixture {
  std::string content;

  /// A segment at `base` of batches at these offsets, without indexes, on the medium.
  void put_segment(MemoryDisk& disk, Offset base, const std::vector<std::int64_t>& offsets) {
    ASSERT_TRUE(disk.make_directories(kDirectory).ok());
    auto file = disk.open(kDirectory + "/" + file_name(base, kLogSuffix),
                          env::OpenMode::kCreateNew);
    ASSERT_TRUE(file.ok());
    std::uint64_t at = 0;
    for (const std::int64_t offset : offsets) {
      const Slice bytes = build({.base_offset = Offset(offset), .timestamp = Timestamp(offset)});
      ASSERT_TRUE((*file)->write(bytes.view(), at).ok());
      at += bytes.size();
      content.append(reinterpret_cast<const char*>(bytes.view().data()), bytes.size());
    }
    ASSERT_TRUE((*file)->sync().ok());
    ASSERT_TRUE(disk.sync_directory(kDirectory).ok());
  }

  /// Three overflows: 0 | +1 and +2 spans | far away, then an ordinary segment.
  std::vector<std::int64_t> wide() const {
    return {0, 7, kSpan, kSpan + 1, kSpan + 9, 3 * kSpan, 9 * kSpan, 9 * kSpan + 5};
  }

  void check(MemoryDisk& disk, bool clean, Offset recovery_point, const std::string& when) {
    auto opened = PartitionLog::open(disk, options(clean, recovery_point));
    ASSERT_TRUE(opened.ok()) << when << opened.error().text();
    PartitionLog& log = **opened;
    log.set_high_watermark(log.log_end_offset());
    ASSERT_TRUE(read_all(log, Offset(0)) == content) << when;
    for (const std::string& name : disk.names()) {
      ASSERT_FALSE(name.ends_with(kSwapSuffix) || name.ends_with(kCleanedSuffix)) << when << name;
    }
    for (const std::int64_t offset : wide()) {
      const auto read = log.read(request(Offset(offset), content.size() / batches_));
      ASSERT_TRUE(read.ok()) << when << offset;
      ASSERT_EQ(bytes_of(*read).size(), content.size() / batches_) << when << offset;
      const auto found = log.view().offset_for_timestamp(Timestamp(offset), context);
      ASSERT_TRUE(found.ok() && *found) << when << offset;
      ASSERT_EQ((*found)->offset, Offset(offset)) << when;
    }
  }

  void put_wide_log(MemoryDisk& disk) {
    content.clear();
    put_segment(disk, Offset(0), wide());
    put_segment(disk, Offset(9 * kSpan + 6), {9 * kSpan + 6});
    batches_ = wide().size() + 1;
  }
  std::size_t batches_ = 0;
};

TEST_F(SegmentSplitTest, SplitsAFlushedSegmentInTheMiddle) {
  for (const bool clean : {true, false}) {
    MemoryDisk disk;
    put_wide_log(disk);
    check(disk, clean, Offset(9 * kSpan + 6), clean ? "clean " : "flushed ");
    for (const std::int64_t base : {std::int64_t{0}, kSpan + 1, 3 * kSpan, 9 * kSpan})
      EXPECT_TRUE(disk.stat(kDirectory + "/" + file_name(Offset(base), kLogSuffix))->has_value())
          << base;
    check(disk, true, Offset(9 * kSpan + 6), "again ");
  }
}

TEST_F(SegmentSplitTest, SplitsTheActiveSegment) {
  for (const bool clean : {true, false}) {
    MemoryDisk disk;
    content.clear();
    put_segment(disk, Offset(0), wide());
    batches_ = wide().size();
    check(disk, clean, Offset(0), clean ? "clean " : "unclean ");
    auto log = open(disk, true);
    EXPECT_EQ(log->log_end_offset(), Offset(9 * kSpan + 6));
    append(*log, {});
    EXPECT_EQ(log->log_end_offset(), Offset(9 * kSpan + 7));
  }
}

TEST_F(SegmentSplitTest, ItsFirstBatchMayBeTooFarAlready) {
  MemoryDisk disk;
  put_segment(disk, Offset(0), {2 * kSpan, 2 * kSpan + 1});
  auto log = open(disk, true);
  EXPECT_EQ(log->log_start_offset(), Offset(2 * kSpan));
  EXPECT_EQ(read_all(*log, log->log_start_offset()), content);
}

TEST_F(SegmentSplitTest, IsWholeAfterACrashBeforeEveryChange) {
  std::uint64_t random = 42;
  for (const std::int64_t first : {std::int64_t{0}, 2 * kSpan}) {
    std::uint64_t stop = 1;
    for (;; ++stop) {
      MemoryDisk disk;
      if (first == 0) {
        put_wide_log(disk);
      } else {
        content.clear();
        put_segment(disk, Offset(0), {first, first + 1, first + 2 * kSpan});
      }
      const std::uint64_t before = disk.changes;
      std::vector<std::unique_ptr<MemoryDisk>> after;
      disk.fault = [&](const std::string&, const std::string&) {
        if (disk.changes == before + stop) {
          after.push_back(disk.after_kill());
          after.push_back(disk.after_power_cut());
          for (int i = 0; i < 4; ++i) after.push_back(disk.after_power_cut(&random));
        }
        return disk.changes >= before + stop ? EIO : 0;
      };
      (void)PartitionLog::open(disk, options(false, Offset(INT64_MAX))).ok();
      if (after.empty()) break;
      for (std::size_t kind = 0; kind < after.size(); ++kind) {
        const std::string when = "first " + std::to_string(first) + " change " +
                                 std::to_string(stop) + " kind " + std::to_string(kind) + ": ";
        auto opened = PartitionLog::open(*after[kind], options(false, Offset(INT64_MAX)));
        ASSERT_TRUE(opened.ok()) << when << opened.error().text();
        ASSERT_TRUE(read_all(**opened, Offset(first)) == content) << when;
        ASSERT_EQ((*opened)->size_bytes(), content.size()) << when << "nothing is there twice";
      }
    }
    EXPECT_GT(stop, 10U) << "the split has many steps";
  }
}

TEST_F(SegmentSplitTest, ADamagedBaseOffsetIsNoOverflow) {
  MemoryDisk disk;
  put_segment(disk, Offset(0), {0, 1, 2});
  put_segment(disk, Offset(3), {3});
  // The checksum does not cover it.
  const std::size_t one = content.size() / 4;
  disk.content(kDirectory + "/" + file_name(Offset(0), kLogSuffix))[one + 2] = 1;
  auto log = open(disk, true, Offset(4));
  EXPECT_EQ(log->segment_count(), 2U);
  EXPECT_EQ(log->log_end_offset(), Offset(4));
}

}  // namespace
}  // namespace moldau::log
