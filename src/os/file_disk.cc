// SPDX-License-Identifier: Apache-2.0
#include "os/file_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace moldau::os {
namespace {

using env::disk_error;

constexpr std::size_t kPartsPerCall = 64;  // below the kernel's IOV_MAX of 1024

/// Thread   any thread; calls may overlap.
class DescriptorFile final : public env::File {
 public:
  DescriptorFile(int descriptor, std::string path)
      : descriptor_(descriptor), path_(std::move(path)) {}
  ~DescriptorFile() override { close(descriptor_); }

  Result<void> write(std::span<const ByteView> parts, std::uint64_t position) override;
  using env::File::read;
  Result<std::size_t> read(MutableBytes into, std::uint64_t position) override;
  Result<std::size_t> read_cached(MutableBytes into, std::uint64_t position) override;
  bool is_cached(std::uint64_t position, std::uint64_t length) override;
  Result<std::uint64_t> size() override;
  Result<void> truncate(std::uint64_t size) override;
  Result<void> allocate(std::uint64_t size) override;
  Result<void> sync() override;
  void prefetch(std::uint64_t position, std::uint64_t length) override {
    posix_fadvise(descriptor_, static_cast<off_t>(position), static_cast<off_t>(length),
                  POSIX_FADV_WILLNEED);
  }
  int descriptor() const override { return descriptor_; }

 private:
  const int descriptor_;
  const std::string path_;
};

Result<void> DescriptorFile::write(std::span<const ByteView> parts, std::uint64_t position) {
  std::size_t part = 0;  // first part that is not fully written
  std::size_t skip = 0;  // its bytes that are
  for (;;) {
    iovec vectors[kPartsPerCall];
    int count = 0;
    for (std::size_t i = part; i < parts.size() && count < int{kPartsPerCall}; ++i) {
      const ByteView rest = parts[i].subspan(i == part ? skip : 0);
      if (!rest.empty())
        vectors[count++] = {const_cast<std::byte*>(rest.data()), rest.size()};
      else if (i == part)
        ++part, skip = 0;
    }
    if (count == 0) return {};
    const ssize_t written = pwritev(descriptor_, vectors, count, static_cast<off_t>(position));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return disk_error(written < 0 ? errno : EIO, "cannot write", path_);
    position += static_cast<std::uint64_t>(written);
    for (auto left = static_cast<std::size_t>(written); left > 0;) {
      const std::size_t here = std::min(left, parts[part].size() - skip);
      left -= here;
      skip += here;
      if (skip == parts[part].size()) ++part, skip = 0;
    }
  }
}

Result<std::size_t> DescriptorFile::read(MutableBytes into, std::uint64_t position) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = pread(descriptor_, into.data() + done, into.size() - done,
                              static_cast<off_t>(position + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return disk_error(errno, "cannot read", path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<std::size_t> DescriptorFile::read_cached(MutableBytes into, std::uint64_t position) {
  std::size_t done = 0;
  while (done < into.size()) {
    const iovec rest{into.data() + done, into.size() - done};
    const ssize_t got =
        preadv2(descriptor_, &rest, 1, static_cast<off_t>(position + done), RWF_NOWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return env::cold_error(path_);
    // EOPNOTSUPP: this file system cannot tell.
    if (got < 0) return read(into, position);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

bool DescriptorFile::is_cached(std::uint64_t position, std::uint64_t length) {
  // What the kernel reads ahead by itself: it comes, and mostly goes, in such pieces.
  constexpr std::uint64_t kStep = 128 << 10;
  if (length == 0) return true;
  const auto is_here = [&](std::uint64_t at) {
    std::byte one;
    const iovec into{&one, 1};
    return preadv2(descriptor_, &into, 1, static_cast<off_t>(at), RWF_NOWAIT) >= 0 ||
           errno != EAGAIN;
  };
  for (std::uint64_t at = 0; at < length; at += kStep)
    if (!is_here(position + at)) return false;
  return is_here(position + length - 1);
}

Result<std::uint64_t> DescriptorFile::size() {
  struct stat status{};
  if (fstat(descriptor_, &status) != 0) return disk_error(errno, "cannot stat", path_);
  return static_cast<std::uint64_t>(status.st_size);
}

Result<void> DescriptorFile::truncate(std::uint64_t size) {
  int failed = 0;
  do {
    failed = ftruncate(descriptor_, static_cast<off_t>(size));
  } while (failed != 0 && errno == EINTR);
  if (failed != 0) return disk_error(errno, "cannot truncate", path_);
  return {};
}

Result<void> DescriptorFile::allocate(std::uint64_t size) {
  if (size == 0) return {};
  int failed = 0;
  do {
    failed = posix_fallocate(descriptor_, 0, static_cast<off_t>(size));
  } while (failed == EINTR);
  if (failed != 0) return disk_error(failed, "cannot allocate", path_);
  return {};
}

Result<void> DescriptorFile::sync() {
  // Not repeated on an error: the kernel has forgotten which pages failed, a second call lies.
  if (fdatasync(descriptor_) != 0) return disk_error(errno, "cannot sync", path_);
  return {};
}

/// Thread   any thread.
class DescriptorLock final : public env::DiskLock {
 public:
  explicit DescriptorLock(int descriptor) : descriptor_(descriptor) {}
  ~DescriptorLock() override { close(descriptor_); }

 private:
  const int descriptor_;
};

int flags_of(env::OpenMode mode) {
  switch (mode) {
    case env::OpenMode::kRead:
      return O_RDONLY;
    case env::OpenMode::kReadWrite:
      return O_RDWR;
    case env::OpenMode::kCreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
    case env::OpenMode::kOpenOrCreate:
      return O_RDWR | O_CREAT;
  }
  return O_RDONLY;
}

Result<int> open_descriptor(const std::string& path, int flags) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return disk_error(errno, "cannot open", path);
  return descriptor;
}

}  // namespace

Result<std::shared_ptr<env::File>> FileDisk::open(const std::string& path, env::OpenMode mode) {
  MOLDAU_ASSIGN_OR_RETURN(const int descriptor, open_descriptor(path, flags_of(mode)));
  return std::shared_ptr<env::File>(std::make_shared<DescriptorFile>(descriptor, path));
}

Result<void> FileDisk::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return disk_error(errno, "cannot rename " + from + " to", to);
  return {};
}

Result<void> FileDisk::remove_file(const std::string& path) {
  if (unlink(path.c_str()) != 0) return disk_error(errno, "cannot remove", path);
  return {};
}

Result<void> FileDisk::remove_directory(const std::string& path) {
  if (rmdir(path.c_str()) != 0) return disk_error(errno, "cannot remove directory", path);
  return {};
}

Result<void> FileDisk::make_directories(const std::string& path) {
  if (path.empty()) return disk_error(ENOENT, "cannot make directory", path);
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), 0755) != 0) {
      const int failed = errno;
      struct stat status{};
      // Somebody else's directory on the way (EEXIST, EACCES, EROFS) is as good as ours.
      if (::stat(part.c_str(), &status) != 0)
        return disk_error(failed, "cannot make directory", part);
      if (!S_ISDIR(status.st_mode)) return disk_error(ENOTDIR, "cannot make directory", part);
    }
    if (end == std::string::npos) return {};
  }
}

Result<void> FileDisk::sync_file_system(const std::string& path) {
  MOLDAU_ASSIGN_OR_RETURN(const int descriptor, open_descriptor(path, O_RDONLY | O_DIRECTORY));
  const int failed = syncfs(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (failed != 0) return disk_error(failed, "cannot sync the file system of", path);
  return {};
}

Result<void> FileDisk::sync_directory(const std::string& path) {
  MOLDAU_ASSIGN_OR_RETURN(const int descriptor, open_descriptor(path, O_RDONLY | O_DIRECTORY));
  const int failed = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (failed != 0) return disk_error(failed, "cannot sync directory", path);
  return {};
}

Result<std::vector<env::DirectoryEntry>> FileDisk::list(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (!directory) return disk_error(errno, "cannot list", path);
  std::vector<env::DirectoryEntry> entries;
  int failed = 0;
  for (;;) {
    errno = 0;
    const dirent* found = readdir(directory);
    if (!found) {
      failed = errno;
      break;
    }
    env::DirectoryEntry entry{found->d_name, found->d_type == DT_DIR};
    if (entry.name == "." || entry.name == "..") continue;
    if (found->d_type == DT_UNKNOWN || found->d_type == DT_LNK) {
      struct stat status{};
      // It may be gone by now; then it is nobody's directory.
      entry.is_directory =
          fstatat(dirfd(directory), found->d_name, &status, 0) == 0 && S_ISDIR(status.st_mode);
    }
    entries.push_back(std::move(entry));
  }
  closedir(directory);
  if (failed != 0) return disk_error(failed, "cannot list", path);
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Result<std::optional<env::FileStat>> FileDisk::stat(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<env::FileStat>();
    return disk_error(errno, "cannot stat", path);
  }
  env::FileStat out;
  out.is_directory = S_ISDIR(status.st_mode);
  out.size = static_cast<std::uint64_t>(status.st_size);
  out.modified =
      Timestamp(std::int64_t{status.st_mtim.tv_sec} * 1000 + status.st_mtim.tv_nsec / 1'000'000);
  return std::optional<env::FileStat>(out);
}

Result<env::DiskSpace> FileDisk::space(const std::string& path) {
  struct statvfs status{};
  if (statvfs(path.c_str(), &status) != 0) return disk_error(errno, "cannot statvfs", path);
  env::DiskSpace out;
  out.total = std::uint64_t{status.f_blocks} * status.f_frsize;
  out.available = std::uint64_t{status.f_bavail} * status.f_frsize;
  return out;
}

Result<void> FileDisk::set_read_only(const std::string& path) {
  if (chmod(path.c_str(), S_IRUSR) != 0) return disk_error(errno, "cannot make read-only", path);
  return {};
}

Result<std::unique_ptr<env::DiskLock>> FileDisk::lock(const std::string& path) {
  MOLDAU_ASSIGN_OR_RETURN(const int descriptor, open_descriptor(path, O_RDWR | O_CREAT));
  struct flock range{};  // the whole file, as Java's lock(0, Long.MAX_VALUE)
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  if (fcntl(descriptor, F_OFD_SETLK, &range) != 0) {
    const int failed = errno == EACCES ? EAGAIN : errno;
    close(descriptor);
    return disk_error(failed, "cannot lock", path);
  }
  return std::unique_ptr<env::DiskLock>(std::make_unique<DescriptorLock>(descriptor));
}

}  // namespace moldau::os
