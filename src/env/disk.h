// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace moldau::env {

/// What a read does if the bytes are not in memory.
enum class Wait {
  kForDevice,
  kNever  // os_error EAGAIN, see is_cold()
};

/// An open file. Positions are given with each call, there is no cursor.
///
/// Owner    shared: a file being sent to a peer stays open although its segment was deleted.
/// Thread   any thread; calls may overlap. Writes and pread of cached bytes are short; sync() and
///          cold reads block, so shards send them to the blocking pool.
/// Durable  nothing before sync() returns.
/// Errors   kKafkaStorageError with os_error set.
class File {
 public:
  virtual ~File() = default;
  /// Writes all parts one behind the other at `position`; retries short writes itself.
  virtual Result<void> write(std::span<const ByteView> parts, std::uint64_t position) = 0;
  /// Fills `into` as far as the file goes; fewer bytes mean the end of the file.
  virtual Result<std::size_t> read(MutableBytes into, std::uint64_t position) = 0;
  /// As read(), never waiting for the device: fails with is_cold() if part of it is not in memory.
  /// Where the file system cannot tell (some network ones) it waits all the same.
  virtual Result<std::size_t> read_cached(MutableBytes into, std::uint64_t position) {
    return read(into, position);
  }
  /// True if the range seems to be in memory: some of its pages are looked at.
  virtual bool is_cached(std::uint64_t position, std::uint64_t length) {
    (void)position, (void)length;
    return true;
  }
  virtual Result<std::uint64_t> size() = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  /// Reserves room so that later writes cannot fail for lack of it; contents read as zero.
  virtual Result<void> allocate(std::uint64_t size) = 0;
  /// fdatasync plus what the size needs.
  virtual Result<void> sync() = 0;
  /// Asks the kernel to read ahead; a hint.
  virtual void prefetch(std::uint64_t position, std::uint64_t length) = 0;
  /// For sendfile in os/; -1 where there is none (simulator).
  virtual int descriptor() const = 0;

  Result<void> write(ByteView bytes, std::uint64_t position) {
    return write(std::span<const ByteView>(&bytes, 1), position);
  }
  Result<std::size_t> read(MutableBytes into, std::uint64_t position, Wait wait) {
    return wait == Wait::kNever ? read_cached(into, position) : read(into, position);
  }
};

enum class OpenMode {
  kRead,         // must exist
  kReadWrite,    // must exist
  kCreateNew,    // must not exist
  kOpenOrCreate  // either
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

struct FileStat {
  bool is_directory = false;
  std::uint64_t size = 0;
  Timestamp modified;
};

struct DiskSpace {
  std::uint64_t total = 0;
  std::uint64_t available = 0;
};

/// An exclusive lock on a file (fcntl, the kind Java's FileLock takes); released with the object.
/// Thread   any thread.
class DiskLock {
 public:
  virtual ~DiskLock() = default;
};

/// The file system. All calls may block: shards use them through Shard::run_blocking, except
/// where a header says otherwise.
/// Thread   any thread; calls may overlap.
/// Durable  creating, renaming and removing last only after sync_directory of the parent.
/// Errors   kKafkaStorageError with os_error (ENOENT, ENOSPC, EIO …) and the path in the detail.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove_file(const std::string& path) = 0;
  /// The directory must be empty.
  virtual Result<void> remove_directory(const std::string& path) = 0;
  /// Like mkdir -p; fine if it exists.
  virtual Result<void> make_directories(const std::string& path) = 0;
  virtual Result<void> sync_directory(const std::string& path) = 0;
  /// Everything written so far to the file system that holds `path`: one round for thousands of
  /// files, at a stop.
  virtual Result<void> sync_file_system(const std::string& path) = 0;
  /// Sorted by name.
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
  /// nullopt if there is nothing.
  virtual Result<std::optional<FileStat>> stat(const std::string& path) = 0;
  virtual Result<DiskSpace> space(const std::string& path) = 0;
  /// For its owner; nobody else may read it (mode 0400, that of Kafka's snapshots).
  virtual Result<void> set_read_only(const std::string& path) = 0;
  /// Creates the file if it is missing; kKafkaStorageError with os_error EAGAIN if somebody else
  /// holds it.
  virtual Result<std::unique_ptr<DiskLock>> lock(const std::string& path) = 0;
};

/// The error of a failed system call on `path`.
Error disk_error(int os_error, const std::string& what, const std::string& path);

/// What Wait::kNever fails with.
Error cold_error(const std::string& path);
bool is_cold(const Error& error);

/// Reads a small file whole; kKafkaStorageError if it is larger than `bytes_max`.
Result<std::string> read_small_file(Disk& disk, const std::string& path,
                                    std::size_t bytes_max = 1 << 20);

/// The only way small files are written: `path.tmp`, sync, rename over `path`, sync directory.
/// Durable  the new content, or after a crash the old one.
Result<void> write_small_file(Disk& disk, const std::string& path, ByteView content);

/// Removes a directory with everything in it; fine if it is missing.
Result<void> remove_tree(Disk& disk, const std::string& path);

/// The directory part of a path ("." if there is none).
std::string parent_of(const std::string& path);

}  // namespace moldau::env
