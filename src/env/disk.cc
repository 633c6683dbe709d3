// SPDX-License-Identifier: Apache-2.0
#include "env/disk.h"

#include <cerrno>
#include <cstring>

namespace moldau::env {

Error disk_error(int os_error, const std::string& what, const std::string& path) {
  Error error(
      ErrorCode::kKafkaStorageError,
      what + " " + path + ": " +
          std::string(strerrordesc_np(os_error) ? strerrordesc_np(os_error) : "unknown error"));
  error.os_error = os_error;
  return error;
}

Error cold_error(const std::string& path) {
  return disk_error(EAGAIN, "not in memory:", path);
}

bool is_cold(const Error& error) {
  return error.os_error == EAGAIN;
}

Result<std::string> read_small_file(Disk& disk, const std::string& path, std::size_t bytes_max) {
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, disk.open(path, OpenMode::kRead));
  MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  if (size > bytes_max)
    return Error(ErrorCode::kKafkaStorageError, path + " is larger than a file of its kind may be");
  std::string content(size, '\0');
  MutableBytes into(reinterpret_cast<std::byte*>(content.data()), content.size());
  MOLDAU_ASSIGN_OR_RETURN(const std::size_t got, file->read(into, 0));
  content.resize(got);
  return content;
}

Result<void> write_small_file(Disk& disk, const std::string& path, ByteView content) {
  const std::string temporary = path + ".tmp";
  {
    MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<File> file,
                            disk.open(temporary, OpenMode::kOpenOrCreate));
    MOLDAU_TRY(file->truncate(0));
    MOLDAU_TRY(file->write(content, 0));
    MOLDAU_TRY(file->sync());
  }
  MOLDAU_TRY(disk.rename(temporary, path));
  return disk.sync_directory(parent_of(path));
}

Result<void> remove_tree(Disk& disk, const std::string& path) {
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<FileStat> stat, disk.stat(path));
  if (!stat) return {};
  if (!stat->is_directory) return disk.remove_file(path);
  MOLDAU_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, disk.list(path));
  for (const DirectoryEntry& entry : entries) {
    MOLDAU_TRY(remove_tree(disk, path + "/" + entry.name));
  }
  return disk.remove_directory(path);
}

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace moldau::env
