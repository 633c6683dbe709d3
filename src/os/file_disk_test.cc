// SPDX-License-Identifier: Apache-2.0
#include "os/file_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace moldau::os {
namespace {

class FileDiskTest : public testing::Test {
 protected:
  FileDiskTest() {
    std::string pattern = testing::TempDir() + "moldau-disk-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~FileDiskTest() override { EXPECT_TRUE(env::remove_tree(disk_, directory_).ok()); }
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  FileDisk disk_;
  std::string directory_;
};

TEST_F(FileDiskTest, ManyPartsAreWrittenOneBehindTheOther) {
  auto file = disk_.open(path("a"), env::OpenMode::kCreateNew).value();
  std::string all;
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; ++i) texts.push_back(i % 7 == 0 ? "" : std::to_string(i) + ",");
  std::vector<ByteView> parts;
  for (const std::string& text : texts) {
    parts.push_back(as_view(text));
    all += text;
  }
  ASSERT_TRUE(file->write(parts, 100).ok());
  EXPECT_EQ(file->size().value(), 100 + all.size());
  std::string back(all.size() + 50, '?');
  const auto got =
      file->read({reinterpret_cast<std::byte*>(back.data()), back.size()}, 100).value();
  EXPECT_EQ(back.substr(0, got), all);
}

TEST_F(FileDiskTest, OpenModesTellMissingFromPresent) {
  EXPECT_EQ(disk_.open(path("a"), env::OpenMode::kRead).error().os_error, ENOENT);
  EXPECT_EQ(disk_.open(path("a"), env::OpenMode::kReadWrite).error().os_error, ENOENT);
  EXPECT_TRUE(disk_.open(path("a"), env::OpenMode::kCreateNew).ok());
  EXPECT_EQ(disk_.open(path("a"), env::OpenMode::kCreateNew).error().os_error, EEXIST);
  EXPECT_TRUE(disk_.open(path("a"), env::OpenMode::kOpenOrCreate).ok());
  EXPECT_EQ(disk_.open(path("a"), env::OpenMode::kOpenOrCreate).code(), ErrorCode::kNone);
}

TEST_F(FileDiskTest, SmallFilesAreReplacedWhole) {
  const std::string name = path("checkpoint");
  ASSERT_TRUE(env::write_small_file(disk_, name, as_view("first, and longer")).ok());
  ASSERT_TRUE(env::write_small_file(disk_, name, as_view("second")).ok());
  EXPECT_EQ(env::read_small_file(disk_, name).value(), "second");
  EXPECT_FALSE(env::read_small_file(disk_, name, 3).ok());
  EXPECT_EQ(disk_.list(directory_).value().size(), 1U);
}

TEST_F(FileDiskTest, DirectoriesAreMadeListedAndRemoved) {
  ASSERT_TRUE(disk_.make_directories(path("x/y/z")).ok());
  ASSERT_TRUE(disk_.make_directories(path("x/y/z/")).ok());
  ASSERT_TRUE(disk_.open(path("x/b"), env::OpenMode::kCreateNew).ok());
  ASSERT_TRUE(disk_.open(path("x/a"), env::OpenMode::kCreateNew).ok());
  const auto entries = disk_.list(path("x")).value();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_FALSE(entries[0].is_directory);
  EXPECT_EQ(entries[2].name, "y");
  EXPECT_TRUE(entries[2].is_directory);
  EXPECT_EQ(disk_.make_directories(path("x/a/q")).error().os_error, ENOTDIR);
  EXPECT_FALSE(disk_.remove_directory(path("x")).ok());
  EXPECT_TRUE(disk_.sync_directory(path("x")).ok());
  ASSERT_TRUE(disk_.rename(path("x"), path("w")).ok());
  EXPECT_FALSE(disk_.stat(path("x")).value().has_value());
  EXPECT_TRUE(disk_.stat(path("w")).value()->is_directory);
}

TEST_F(FileDiskTest, AllocatedRoomReadsAsZeroAndTruncateCuts) {
  auto file = disk_.open(path("a"), env::OpenMode::kCreateNew).value();
  ASSERT_TRUE(file->allocate(10'000).ok());
  EXPECT_EQ(file->size().value(), 10'000U);
  std::byte last{1};
  EXPECT_EQ(file->read({&last, 1}, 9'999).value(), 1U);
  EXPECT_EQ(last, std::byte{0});
  ASSERT_TRUE(file->truncate(10).ok());
  EXPECT_EQ(disk_.stat(path("a")).value()->size, 10U);
  EXPECT_TRUE(file->sync().ok());
  EXPECT_GT(disk_.space(directory_).value().total, 0U);
  file->prefetch(0, 10);
}

TEST_F(FileDiskTest, WhatIsNotInMemoryIsNotWaitedFor) {
  auto file = disk_.open(path("cold"), env::OpenMode::kCreateNew).value();
  const std::string text(1 << 20, 'x');
  ASSERT_TRUE(file->write(as_view(text), 0).ok());
  std::vector<std::byte> into(text.size());
  EXPECT_TRUE(file->is_cached(0, text.size()));
  EXPECT_EQ(file->read_cached(into, 0).value(), text.size());
  ASSERT_TRUE(file->sync().ok());
  // The kernel may refuse to forget, and some file systems live in memory.
  posix_fadvise(file->descriptor(), 0, 0, POSIX_FADV_DONTNEED);
  const auto cold = file->read_cached(into, 0);
  if (cold.ok()) {
    EXPECT_EQ(*cold, text.size());
  } else {
    EXPECT_TRUE(env::is_cold(cold.error()));
  }
  EXPECT_EQ(file->read(into, 0).value(), text.size());
  EXPECT_TRUE(file->is_cached(0, text.size()));
  EXPECT_EQ(file->read_cached(into, text.size() - 10).value(), 10U);
}

TEST_F(FileDiskTest, AReadOnlyFileLosesItsWriteBits) {
  ASSERT_TRUE(disk_.open(path("a"), env::OpenMode::kCreateNew).ok());
  ASSERT_TRUE(disk_.set_read_only(path("a")).ok());
  EXPECT_NE(access(path("a").c_str(), R_OK), -1);
  struct stat status{};
  ASSERT_EQ(::stat(path("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0222, 0U);
}

TEST_F(FileDiskTest, ALockExcludesThisProcessAndJavaKindOfLocksOfOthers) {
  auto lock = disk_.lock(path(".lock"));
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(disk_.lock(path(".lock")).error().os_error, EAGAIN);
  // What Java's FileChannel.tryLock does in another process: a POSIX record lock.
  const auto posix_lock_in_child = [&] {
    const pid_t child = fork();
    if (child == 0) {
      const int descriptor = open(path(".lock").c_str(), O_RDWR);
      struct flock range{};
      range.l_type = F_WRLCK;
      range.l_whence = SEEK_SET;
      _exit(fcntl(descriptor, F_SETLK, &range) == 0 ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 0;
  };
  EXPECT_FALSE(posix_lock_in_child());
  lock.value().reset();
  EXPECT_TRUE(posix_lock_in_child());
  EXPECT_TRUE(disk_.lock(path(".lock")).ok());
}

TEST_F(FileDiskTest, APosixLockOfAnotherProcessIsRespected) {
  int ready[2];
  int end[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(end), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(end[1]);
    const int descriptor = open(path(".lock").c_str(), O_RDWR | O_CREAT, 0644);
    struct flock range{};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    char byte = fcntl(descriptor, F_SETLK, &range) == 0 ? 'y' : 'n';
    if (write(ready[1], &byte, 1) != 1 || read(end[0], &byte, 1) < 0) _exit(1);
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_EQ(disk_.lock(path(".lock")).error().os_error, EAGAIN);
  close(end[1]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(disk_.lock(path(".lock")).ok());
  for (const int descriptor : {ready[0], ready[1], end[0]}) close(descriptor);
}

}  // namespace
}  // namespace moldau::os
