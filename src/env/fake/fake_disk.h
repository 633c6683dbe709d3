// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_function.h"
#include "env/disk.h"
#include "env/fake/disk_tree.h"
#include "env/fake/world.h"

namespace moldau::env::fake {

/// One system call about to be made, as fault hooks and counters see it.
/// Thread   a value.
struct DiskCall {
  enum class Kind {
    kOpen,
    kCreate,
    kWrite,
    kRead,
    kSize,
    kTruncate,
    kAllocate,
    kSync,
    kRename,
    kRemove,
    kMakeDirectory,
    kRemoveDirectory,
    kSyncDirectory,
    kList,
    kStat,
    kSetReadOnly,
    kLock
  };
  Kind kind;
  const std::string& path;
  std::uint64_t position = 0;
  std::uint64_t length = 0;
  /// Whether it can leave something behind.
  bool changes() const;
};

std::string_view name_of(DiskCall::Kind kind);

/// A disk that lies: outlives the processes that use it, loses what was not synced when the power
/// goes, tears what was under way, fails calls, fills up, rots.
///
/// Owner    a test or the simulator; outlives every process and open file on it.
/// Thread   one thread.
/// Bounds   set_capacity; memory is 4 KiB per page written.
/// Durable  as sync and sync_directory say; see FileContent and DiskTree for what a cut leaves.
/// Errors   disk_error of ENOENT, EEXIST, ENOTDIR, EISDIR, ENOTEMPTY, EACCES, EAGAIN, ENOSPC and
///          whatever the fault hook asks for; EIO once the process has died.
class FakeDisk final : public Disk {
 public:
  explicit FakeDisk(World& world);
  ~FakeDisk() override;

  // The lies.

  /// Asked before each call; an errno fails it: EIO of a write leaves part of it, EIO of a sync
  /// drops what should have been synced and forgets it.
  using FaultHook = std::function<int(const DiskCall&)>;
  void set_fault(FaultHook hook) { fault_ = std::move(hook); }
  /// The process dies in the n-th changing call from now (1: the next): it happens, happens in
  /// part or not at all. Then `died` is called and the disk answers EIO until revive.
  void cut_after(std::uint64_t calls, Callback died);
  void forget_cut() { cut_in_ = 0; }
  /// The process is dead: nothing it still does has an effect, its locks are gone.
  void freeze();
  /// kill -9 was: the page cache is still there. A process may start again.
  void revive_after_kill();
  /// The power was away: what had not been synced is lost, in any combination.
  void revive_after_power_cut();
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  /// Times in a million that a call which changes something fails with EIO.
  void set_error_rate(std::uint32_t per_million) { errors_per_million_ = per_million; }
  /// Times in a million that Wait::kNever finds something not to be in memory.
  void set_cold_rate(std::uint32_t per_million) { cold_per_million_ = per_million; }
  /// False if there is no such byte.
  bool flip_bit(const std::string& path, std::uint64_t position, unsigned bit);

  // What tests look at.

  std::uint64_t changing_calls() const { return changing_calls_; }
  std::uint64_t syncs() const { return syncs_; }
  std::uint64_t used() const;
  bool exists(const std::string& path) const { return tree_.find(path) != nullptr; }
  /// The bytes of a file as processes see them; must exist.
  std::string content(const std::string& path) const;
  /// All files below a directory, by path, sorted.
  std::vector<std::string> files_below(const std::string& path) const;
  /// Makes a file (and its directories) that is on the medium.
  void put_file(const std::string& path, std::string_view content);

  // Disk

  using Disk::open;
  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove_file(const std::string& path) override;
  Result<void> remove_directory(const std::string& path) override;
  Result<void> make_directories(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<void> sync_file_system(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<std::optional<FileStat>> stat(const std::string& path) override;
  Result<DiskSpace> space(const std::string& path) override;
  Result<void> set_read_only(const std::string& path) override;
  Result<std::unique_ptr<DiskLock>> lock(const std::string& path) override;

 private:
  friend class FakeFile;
  friend class FakeDiskLock;

  enum class Fate { kWhole, kPart, kNothing };
  struct Verdict {
    int os_error = 0;
    Fate fate = Fate::kWhole;
  };
  bool looks_cold();
  Verdict judge(const DiskCall& call);
  /// judge() for calls that happen whole or not at all.
  Result<void> check(const DiskCall& call, bool& happens);
  Result<DiskNode::Ptr> create(const std::string& path);
  Result<void> write(DiskNode& node, const std::string& path, std::uint64_t incarnation,
                     std::span<const ByteView> parts, std::uint64_t position);
  std::uint64_t free_pages() const;

  World& world_;
  SeededRandom random_;
  DiskTree tree_;
  FaultHook fault_;
  Callback died_;
  std::uint64_t cut_in_ = 0;
  std::uint64_t capacity_ = std::uint64_t{1} << 40;
  std::uint32_t errors_per_million_ = 0;
  std::uint32_t cold_per_million_ = 0;
  std::uint64_t changing_calls_ = 0;
  std::uint64_t syncs_ = 0;
  bool frozen_ = false;
  /// Files and locks of an earlier process are dead.
  std::uint64_t incarnation_ = 1;
  std::map<std::string, std::uint64_t> locks_;
};

}  // namespace moldau::env::fake
