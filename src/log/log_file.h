// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"
#include "env/disk.h"

namespace moldau::log {

/// Names of the files of a partition directory.
inline constexpr std::string_view kLogSuffix = ".log";
inline constexpr std::string_view kOffsetIndexSuffix = ".index";
inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
inline constexpr std::string_view kTxnIndexSuffix = ".txnindex";
inline constexpr std::string_view kSnapshotSuffix = ".snapshot";
inline constexpr std::string_view kDeletedSuffix = ".deleted";
inline constexpr std::string_view kCleanedSuffix = ".cleaned";
inline constexpr std::string_view kSwapSuffix = ".swap";

/// "00000000000000000042.log"
std::string file_name(Offset base_offset, std::string_view suffix);
/// The offset at the front of such a name, if it is one: 20 digits and then `suffix`.
std::optional<Offset> offset_of(std::string_view name, std::string_view suffix);

/// A file that is opened when it is first needed and may be closed while idle: 20,000 idle
/// partitions must not hold 60,000 descriptors.
///
/// Owner    shared by a segment and the views of it; the path never changes (a renamed segment
///          gets new LogFiles), so a view of a deleted segment either holds it open or fails.
/// Thread   any thread.
/// Errors   kKafkaStorageError (os_error ENOENT if it is gone).
class LogFile {
 public:
  /// `directory/<20 digits of the base offset><suffix><state>`; the suffixes are those above.
  LogFile(env::Disk& disk, std::shared_ptr<const std::string> directory, Offset base_offset,
          std::string_view suffix, std::string_view state = {},
          std::shared_ptr<env::File> opened = nullptr);

  /// Opens it if it is not; it must exist.
  Result<std::shared_ptr<env::File>> get() const;
  /// With Wait::kNever it fails with env::is_cold() instead of opening.
  Result<std::shared_ptr<env::File>> get(env::Wait wait) const;
  /// Opens it, creating it if it is missing.
  Result<std::shared_ptr<env::File>> get_or_create() const;
  /// Whoever uses the file at the moment keeps it; the next get() opens it again.
  void release() const { file_.store(nullptr); }
  /// nullptr if it is not open.
  std::shared_ptr<env::File> opened() const { return file_.load(); }

  std::string path() const;
  std::string name() const;
  const std::shared_ptr<const std::string>& directory() const { return directory_; }
  Offset base_offset() const { return base_offset_; }
  env::Disk& disk() const { return disk_; }
  /// The same file under another directory or state, after the rename; what is open stays so.
  std::shared_ptr<const LogFile> renamed(std::shared_ptr<const std::string> directory,
                                         std::string_view state) const;

 private:
  Result<std::shared_ptr<env::File>> open(env::OpenMode mode) const;

  env::Disk& disk_;
  const std::shared_ptr<const std::string> directory_;
  const Offset base_offset_;
  const std::string_view suffix_;
  const std::string_view state_;
  mutable std::atomic<std::shared_ptr<env::File>> file_;
};

}  // namespace moldau::log
