// SPDX-License-Identifier: Apache-2.0
#include "env/fake/fake_file.h"

#include <cerrno>

namespace moldau::env::fake {

Result<void> FakeFile::usable(const char* what, bool for_writing) const {
  if (disk_.frozen_ || incarnation_ != disk_.incarnation_) return disk_error(EIO, what, path_);
  if (for_writing && !writable_) return disk_error(EBADF, what, path_);
  return {};
}

Result<void> FakeFile::write(std::span<const ByteView> parts, std::uint64_t position) {
  MOLDAU_TRY(usable("cannot write", true));
  return disk_.write(*node_, path_, incarnation_, parts, position);
}

Result<std::size_t> FakeFile::read(MutableBytes into, std::uint64_t position) {
  MOLDAU_TRY(usable("cannot read", false));
  const DiskCall call{DiskCall::Kind::kRead, path_, position, into.size()};
  if (const int failed = disk_.judge(call).os_error)
    return disk_error(failed, "cannot read", path_);
  return node_->content.read(into, position);
}

Result<std::size_t> FakeFile::read_cached(MutableBytes into, std::uint64_t position) {
  if (disk_.looks_cold()) return cold_error(path_);
  return read(into, position);
}

bool FakeFile::is_cached(std::uint64_t, std::uint64_t) {
  return !disk_.looks_cold();
}

Result<std::uint64_t> FakeFile::size() {
  MOLDAU_TRY(usable("cannot stat", false));
  const int failed = disk_.judge({DiskCall::Kind::kSize, path_}).os_error;
  if (failed != 0) return disk_error(failed, "cannot stat", path_);
  return node_->content.size();
}

Result<void> FakeFile::truncate(std::uint64_t size) {
  MOLDAU_TRY(usable("cannot truncate", true));
  bool happens = true;
  Result<void> verdict = disk_.check({DiskCall::Kind::kTruncate, path_, size}, happens);
  if (happens) {
    node_->content.truncate(size);
    node_->modified = disk_.world_.wall();
  }
  return verdict;
}

Result<void> FakeFile::allocate(std::uint64_t size) {
  MOLDAU_TRY(usable("cannot allocate", true));
  if (node_->content.pages_wanted(0, size) > disk_.free_pages())
    return disk_error(ENOSPC, "cannot allocate", path_);
  bool happens = true;
  Result<void> verdict = disk_.check({DiskCall::Kind::kAllocate, path_, 0, size}, happens);
  if (happens) node_->content.allocate(size);
  return verdict;
}

Result<void> FakeFile::sync() {
  MOLDAU_TRY(usable("cannot sync", false));
  const FakeDisk::Verdict verdict = disk_.judge({DiskCall::Kind::kSync, path_});
  const bool process_died = disk_.frozen_;
  if (verdict.fate == FakeDisk::Fate::kWhole) {
    ++disk_.syncs_;
    node_->content.sync();
  } else if (verdict.fate == FakeDisk::Fate::kPart) {
    node_->content.write_back(disk_.random_);
  }
  // An error of the device, not the end of the process: the kernel forgets what it could not do.
  if (verdict.os_error != 0 && !process_died) node_->content.fail_sync();
  if (verdict.os_error != 0) return disk_error(verdict.os_error, "cannot sync", path_);
  return {};
}

}  // namespace moldau::env::fake
