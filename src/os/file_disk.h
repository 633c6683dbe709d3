// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "env/disk.h"

namespace moldau::os {

/// The file system of the machine.
/// Thread   any thread; calls may overlap.
/// Errors   as env::Disk.
class FileDisk final : public env::Disk {
 public:
  Result<std::shared_ptr<env::File>> open(const std::string& path, env::OpenMode mode) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove_file(const std::string& path) override;
  Result<void> remove_directory(const std::string& path) override;
  Result<void> make_directories(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<void> sync_file_system(const std::string& path) override;
  Result<std::vector<env::DirectoryEntry>> list(const std::string& path) override;
  Result<std::optional<env::FileStat>> stat(const std::string& path) override;
  Result<env::DiskSpace> space(const std::string& path) override;
  Result<void> set_read_only(const std::string& path) override;
  /// An open-file-description lock: excludes Java's FileLock (a POSIX lock) in other processes
  /// and, unlike that, other holders in this process too.
  Result<std::unique_ptr<env::DiskLock>> lock(const std::string& path) override;
};

}  // namespace moldau::os
