// SPDX-License-Identifier: Apache-2.0
#include "log/batch_reader.h"

#include "log/test_log_fixture.h"

namespace moldau::log {
namespace {

struct BatchReaderTest : testing::Test, LogFixture {
  BatchReaderTest() {
    EXPECT_TRUE(disk.make_directories("data").ok());
    file = disk.open("data/some.log", env::OpenMode::kOpenOrCreate).value();
    const Slice large = build({.value_bytes = BatchReader::kUncheckedBytes + 1'000});
    const Slice small = build({.base_offset = Offset(1)});
    EXPECT_TRUE(file->write(large.view(), 0).ok());
    EXPECT_TRUE(file->write(small.view(), large.size()).ok());
    end = large.size() + small.size();
  }

  MemoryDisk disk;
  std::shared_ptr<env::File> file;
  std::uint64_t end = 0;
};

TEST_F(BatchReaderTest, ReadsALargeBatchWhoseChecksumIsRight) {
  BatchReader reader(file, 0, end);
  const auto large = reader.next();
  ASSERT_TRUE(large.ok() && *large);
  EXPECT_GT((*large)->size(), BatchReader::kUncheckedBytes);
  const auto small = reader.next();
  ASSERT_TRUE(small.ok() && *small);
  EXPECT_EQ((*small)->base_offset(), Offset(1));
  EXPECT_EQ(reader.position(), end);
}

TEST_F(BatchReaderTest, TakesNoMemoryForASizeThatIsWrong) {
  disk.content("data/some.log")[BatchReader::kUncheckedBytes] ^= 1;
  BatchReader reader(file, 0, end);
  const auto damaged = reader.next();
  ASSERT_FALSE(damaged.ok());
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorruptMessage);
  EXPECT_EQ(reader.position(), 0U);
}

TEST_F(BatchReaderTest, EndsBeforeABatchThatIsCutOff) {
  BatchReader reader(file, 0, end / 2);
  const auto cut = reader.next();
  ASSERT_TRUE(cut.ok());
  EXPECT_FALSE(*cut);
}

}  // namespace
}  // namespace moldau::log
