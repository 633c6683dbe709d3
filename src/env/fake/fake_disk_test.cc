// SPDX-License-Identifier: Apache-2.0
#include "env/fake/fake_disk.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

namespace moldau::env::fake {
namespace {

std::string page_of(char c) {
  return std::string(FileContent::kPageBytes, c);
}

std::shared_ptr<File> open_new(Disk& disk, const std::string& path) {
  auto file = disk.open(path, OpenMode::kOpenOrCreate);
  EXPECT_TRUE(file.ok()) << file.error().text();
  return *file;
}

void write_synced(Disk& disk, const std::string& path, const std::string& text) {
  const auto file = open_new(disk, path);
  ASSERT_TRUE(file->write(as_view(text), 0).ok());
  ASSERT_TRUE(file->sync().ok());
  ASSERT_TRUE(disk.sync_directory(parent_of(path)).ok());
}

TEST(FakeDiskTest, SyncedFileSurvivesEveryPowerCut) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    World world(seed);
    FakeDisk disk(world);
    ASSERT_TRUE(disk.make_directories("/d").ok());
    ASSERT_TRUE(disk.sync_directory("/").ok());
    write_synced(disk, "/d/f", "hello");
    disk.revive_after_power_cut();
    ASSERT_TRUE(disk.exists("/d/f")) << "seed " << seed;
    EXPECT_EQ(disk.content("/d/f"), "hello") << "seed " << seed;
  }
}

TEST(FakeDiskTest, AnySubsetOfUnsyncedPagesSurvivesAPowerCut) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    World world(seed);
    FakeDisk disk(world);
    disk.put_file("/f", page_of('a') + page_of('b'));
    const auto file = open_new(disk, "/f");
    ASSERT_TRUE(file->write(as_view(page_of('x')), 0).ok());
    ASSERT_TRUE(file->write(as_view(page_of('y')), FileContent::kPageBytes).ok());
    disk.revive_after_power_cut();
    const std::string now = disk.content("/f");
    ASSERT_EQ(now.size(), 2 * FileContent::kPageBytes);
    const auto fate = [&](std::size_t page, char fresh) {
      const std::string part = now.substr(page * FileContent::kPageBytes, FileContent::kPageBytes);
      if (part.find(fresh) == std::string::npos) return std::string("old");
      return std::string(part == page_of(fresh) ? "new" : "torn");
    };
    seen.insert(fate(0, 'x') + " " + fate(1, 'y'));
  }
  for (const char* wanted : {"old old", "new new", "old new", "new old", "torn old", "new torn"})
    EXPECT_TRUE(seen.contains(wanted)) << wanted;
}

TEST(FakeDiskTest, TearsAtSectors) {
  bool torn = false;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    World world(seed);
    FakeDisk disk(world);
    disk.put_file("/f", page_of('a'));
    ASSERT_TRUE(open_new(disk, "/f")->write(as_view(page_of('x')), 0).ok());
    disk.revive_after_power_cut();
    const std::string now = disk.content("/f");
    for (std::size_t at = 0; at < now.size(); at += FileContent::kSectorBytes) {
      const std::string sector = now.substr(at, FileContent::kSectorBytes);
      EXPECT_EQ(sector, std::string(FileContent::kSectorBytes, sector[0]));
      if (sector[0] != now[0]) torn = true;
    }
  }
  EXPECT_TRUE(torn);
}

TEST(FakeDiskTest, GrowthIsLostInWholeOrInPart) {
  std::set<std::uint64_t> sizes;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    World world(seed);
    FakeDisk disk(world);
    disk.put_file("/f", "abc");
    ASSERT_TRUE(open_new(disk, "/f")->write(as_view(page_of('x')), 3).ok());
    disk.revive_after_power_cut();
    sizes.insert(disk.content("/f").size());
  }
  EXPECT_TRUE(sizes.contains(3));
  EXPECT_TRUE(sizes.contains(3 + FileContent::kPageBytes));
  EXPECT_GT(sizes.size(), 4U);
}

TEST(FakeDiskTest, KillKeepsThePageCacheAndFreesLocks) {
  World world(1);
  FakeDisk disk(world);
  const auto file = open_new(disk, "/f");
  ASSERT_TRUE(file->write(as_view("unsynced"), 0).ok());
  auto held = disk.lock("/.lock");
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(disk.lock("/.lock").error().os_error, EAGAIN);
  disk.freeze();
  EXPECT_EQ(file->write(as_view("late"), 0).error().os_error, EIO);
  disk.revive_after_kill();
  EXPECT_EQ(disk.content("/f"), "unsynced");
  EXPECT_EQ(file->write(as_view("ghost"), 0).error().os_error, EIO);
  auto again = disk.lock("/.lock");
  ASSERT_TRUE(again.ok());
  held->reset();  // of the dead process: frees nothing
  EXPECT_EQ(disk.lock("/.lock").error().os_error, EAGAIN);
}

TEST(FakeDiskTest, UnsyncedDirectoryChangesAreUndoneOneByOne) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    World world(seed);
    FakeDisk disk(world);
    disk.put_file("/old", "old");
    disk.put_file("/gone", "gone");
    write_synced(disk, "/new.tmp", "new");
    ASSERT_TRUE(disk.rename("/new.tmp", "/old").ok());
    ASSERT_TRUE(disk.remove_file("/gone").ok());
    (void)open_new(disk, "/made");
    disk.revive_after_power_cut();
    std::string state = disk.content("/old");
    EXPECT_EQ(disk.exists("/new.tmp"), state == "old") << "seed " << seed;
    state += disk.exists("/gone") ? " gone" : "";
    state += disk.exists("/made") ? " made" : "";
    seen.insert(state);
  }
  EXPECT_EQ(seen.size(), 8U);
}

TEST(FakeDiskTest, SyncDirectoryMakesARenameLast) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    World world(seed);
    FakeDisk disk(world);
    disk.put_file("/d/f", "old");
    ASSERT_TRUE(write_small_file(disk, "/d/f", as_view("new")).ok());
    disk.revive_after_power_cut();
    EXPECT_EQ(disk.content("/d/f"), "new") << "seed " << seed;
  }
}

TEST(FakeDiskTest, FailedSyncForgetsWhatItShouldHaveWritten) {
  World world(3);
  FakeDisk disk(world);
  disk.put_file("/f", "old");
  const auto file = open_new(disk, "/f");
  ASSERT_TRUE(file->write(as_view("new"), 0).ok());
  disk.set_fault([](const DiskCall& call) { return call.kind == DiskCall::Kind::kSync ? EIO : 0; });
  EXPECT_EQ(file->sync().error().os_error, EIO);
  disk.set_fault(nullptr);
  EXPECT_TRUE(file->sync().ok());  // lies, as the kernel does
  EXPECT_EQ(disk.content("/f"), "new");
  disk.revive_after_power_cut();
  EXPECT_EQ(disk.content("/f"), "old");
}

TEST(FakeDiskTest, FullDiskTakesPartOfAWrite) {
  World world(1);
  FakeDisk disk(world);
  disk.set_capacity(4 * FileContent::kPageBytes);
  const auto file = open_new(disk, "/f");
  const std::string five = page_of('a') + page_of('b') + page_of('c') + page_of('d') + page_of('e');
  EXPECT_EQ(file->write(as_view(five), 0).error().os_error, ENOSPC);
  EXPECT_LE(disk.used(), 4 * FileContent::kPageBytes);
  EXPECT_EQ(disk.space("/")->available, 4 * FileContent::kPageBytes - disk.used());
  EXPECT_EQ(file->allocate(five.size()).error().os_error, ENOSPC);
  ASSERT_TRUE(file->truncate(0).ok());
  EXPECT_TRUE(file->write(as_view(page_of('z')), 0).ok());
}

TEST(FakeDiskTest, FailsTheCallsThatTheHookNames) {
  World world(1);
  FakeDisk disk(world);
  disk.put_file("/f", "text");
  disk.set_fault([](const DiskCall& call) { return call.changes() ? 0 : EIO; });
  EXPECT_EQ(disk.open("/f", OpenMode::kRead).error().os_error, EIO);
  EXPECT_EQ(disk.list("/").error().os_error, EIO);
  disk.set_fault(
      [](const DiskCall& call) { return call.kind == DiskCall::Kind::kRename ? EROFS : 0; });
  EXPECT_EQ(disk.rename("/f", "/g").error().os_error, EROFS);
  EXPECT_TRUE(disk.exists("/f"));
}

TEST(FakeDiskTest, RotIsSeenByTheNextRead) {
  World world(1);
  FakeDisk disk(world);
  disk.put_file("/f", "abc");
  ASSERT_TRUE(disk.flip_bit("/f", 1, 0));
  EXPECT_EQ(disk.content("/f"), "acc");
  EXPECT_FALSE(disk.flip_bit("/f", 3, 0));
  disk.revive_after_power_cut();
  EXPECT_EQ(disk.content("/f"), "acc");
}

TEST(FakeDiskTest, DiesInTheChosenCallAndHasNoEffectAfterwards) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    World world(seed);
    FakeDisk disk(world);
    disk.put_file("/f", "....");
    const auto file = open_new(disk, "/f");
    bool died = false;
    disk.cut_after(2, [&] { died = true; });
    ASSERT_TRUE(file->write(as_view("a"), 0).ok());
    ASSERT_FALSE(died);
    EXPECT_FALSE(file->write(as_view("bcd"), 1).ok());
    EXPECT_TRUE(died);
    EXPECT_FALSE(file->write(as_view("zzzz"), 0).ok());
    EXPECT_FALSE(disk.remove_file("/f").ok());
    disk.revive_after_kill();
    seen.insert(disk.content("/f"));
  }
  EXPECT_TRUE(seen.contains("a..."));
  EXPECT_TRUE(seen.contains("abcd"));
  EXPECT_TRUE(seen.contains("ab.."));
  EXPECT_FALSE(seen.contains("zzzz"));
}

TEST(FakeDiskTest, ReadOnlyFilesAreNotOpenedForWriting) {
  World world(1);
  FakeDisk disk(world);
  disk.put_file("/f", "x");
  ASSERT_TRUE(disk.set_read_only("/f").ok());
  EXPECT_EQ(disk.open("/f", OpenMode::kReadWrite).error().os_error, EACCES);
  EXPECT_TRUE(disk.open("/f", OpenMode::kRead).ok());
}

}  // namespace
}  // namespace moldau::env::fake
