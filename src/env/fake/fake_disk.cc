// SPDX-License-Identifier: Apache-2.0
#include "env/fake/fake_disk.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/hash.h"
#include "env/fake/fake_file.h"

namespace moldau::env::fake {
namespace {

using Kind = DiskCall::Kind;

void collect(const DiskNode& node, const std::string& path, std::vector<std::string>& out) {
  for (const auto& [name, child] : node.names) {
    const std::string below = path + "/" + name;
    if (child->is_directory)
      collect(*child, below, out);
    else
      out.push_back(below);
  }
}

bool contains(const DiskNode& above, const DiskNode& node) {
  if (&above == &node) return true;
  for (const auto& [name, child] : above.names)
    if (child->is_directory && contains(*child, node)) return true;
  return false;
}

}  // namespace

bool DiskCall::changes() const {
  switch (kind) {
    case Kind::kOpen:
    case Kind::kRead:
    case Kind::kSize:
    case Kind::kList:
    case Kind::kStat:
      return false;
    default:
      return true;
  }
}

std::string_view name_of(DiskCall::Kind kind) {
  static constexpr std::string_view kNames[] = {
      "open",           "create", "write",  "read",          "size",  "truncate",
      "allocate",       "sync",   "rename", "remove",        "mkdir", "rmdir",
      "sync_directory", "list",   "stat",   "set_read_only", "lock"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// Thread   one thread.
class FakeDiskLock final : public DiskLock {
 public:
  FakeDiskLock(FakeDisk& disk, std::string path)
      : disk_(disk), path_(std::move(path)), incarnation_(disk.incarnation_) {}
  ~FakeDiskLock() override {
    if (disk_.incarnation_ == incarnation_) disk_.locks_.erase(path_);
  }

 private:
  FakeDisk& disk_;
  const std::string path_;
  const std::uint64_t incarnation_;
};

FakeDisk::FakeDisk(World& world)
    : world_(world), random_(world.random().fork()), tree_(random_.fork()) {}
FakeDisk::~FakeDisk() = default;

bool FakeDisk::looks_cold() {
  return cold_per_million_ > 0 && random_.below(1'000'000) < cold_per_million_;
}

FakeDisk::Verdict FakeDisk::judge(const DiskCall& call) {
  if (frozen_) return {EIO, Fate::kNothing};
  if (!call.changes()) {
    const int failed = fault_ ? fault_(call) : 0;
    return {failed, failed != 0 ? Fate::kNothing : Fate::kWhole};
  }
  ++changing_calls_;
  world_.trace(static_cast<std::uint64_t>(call.kind) << 32 | crc32c(as_view(call.path)),
               call.position << 20 ^ call.length);
  if (cut_in_ != 0 && --cut_in_ == 0) {
    const Fate fate = static_cast<Fate>(random_.below(3));
    // The call itself still ends as the fate says; all later ones meet a frozen disk.
    freeze();
    if (died_) std::exchange(died_, nullptr)();
    return {EIO, fate};
  }
  int failed = fault_ ? fault_(call) : 0;
  if (failed == 0 && errors_per_million_ > 0 && random_.below(1'000'000) < errors_per_million_)
    failed = EIO;
  if (failed == 0) return {};
  return {failed, call.kind == Kind::kWrite && random_.chance(500) ? Fate::kPart : Fate::kNothing};
}

Result<void> FakeDisk::check(const DiskCall& call, bool& happens) {
  const Verdict verdict = judge(call);
  happens = verdict.fate == Fate::kWhole;
  if (verdict.os_error == 0) return {};
  return disk_error(verdict.os_error, "cannot " + std::string(name_of(call.kind)), call.path);
}

void FakeDisk::cut_after(std::uint64_t calls, Callback died) {
  cut_in_ = calls;
  died_ = std::move(died);
}

void FakeDisk::freeze() {
  frozen_ = true;
  cut_in_ = 0;
  locks_.clear();
}

void FakeDisk::revive_after_kill() {
  freeze();
  ++incarnation_;
  frozen_ = false;
}

void FakeDisk::revive_after_power_cut() {
  revive_after_kill();
  tree_.cut_power();
}

bool FakeDisk::flip_bit(const std::string& path, std::uint64_t position, unsigned bit) {
  const DiskNode::Ptr node = tree_.find(path);
  return node && !node->is_directory && node->content.flip_bit(position, bit);
}

std::uint64_t FakeDisk::used() const {
  return tree_.pages() * FileContent::kPageBytes;
}

std::uint64_t FakeDisk::free_pages() const {
  if (capacity_ >= std::uint64_t{1} << 40) return ~std::uint64_t{0};
  const std::uint64_t taken = used();
  return taken >= capacity_ ? 0 : (capacity_ - taken) / FileContent::kPageBytes;
}

std::string FakeDisk::content(const std::string& path) const {
  const DiskNode::Ptr node = tree_.find(path);
  MOLDAU_CHECK(node && !node->is_directory, path);
  std::string out(node->content.size(), '\0');
  node->content.read({reinterpret_cast<std::byte*>(out.data()), out.size()}, 0);
  return out;
}

std::vector<std::string> FakeDisk::files_below(const std::string& path) const {
  std::vector<std::string> out;
  const DiskNode::Ptr node = tree_.find(path);
  if (node) collect(*node, path, out);
  return out;
}

void FakeDisk::put_file(const std::string& path, std::string_view content) {
  DiskNode::Ptr at = tree_.root();
  const std::string whole = path + "/";
  for (std::size_t begin = 0, end = 0; (end = whole.find('/', begin)) != std::string::npos;
       begin = end + 1) {
    const std::string part = whole.substr(begin, end - begin);
    if (part.empty() || part == ".") continue;
    DiskNode::Ptr& child = at->names[part];
    if (!child) child = std::make_shared<DiskNode>();
    child->is_directory = end + 1 < whole.size();
    at->durable[part] = child;
    at = child;
  }
  at->content = FileContent();
  at->content.write(as_view(content), 0);
  at->content.sync();
  at->modified = world_.wall();
}

Result<DiskNode::Ptr> FakeDisk::create(const std::string& path) {
  std::string name;
  const DiskNode::Ptr directory = tree_.directory_of(path, name);
  if (!directory) return disk_error(ENOENT, "cannot open", path);
  if (free_pages() == 0) return disk_error(ENOSPC, "cannot open", path);
  bool happens = true;
  Result<void> verdict = check({Kind::kCreate, path}, happens);
  auto node = std::make_shared<DiskNode>();
  node->modified = world_.wall();
  if (happens) tree_.link(directory, name, node);
  if (!verdict.ok()) return std::move(verdict).error();
  return node;
}

Result<std::shared_ptr<File>> FakeDisk::open(const std::string& path, OpenMode mode) {
  if (const int failed = judge({Kind::kOpen, path}).os_error)
    return disk_error(failed, "cannot open", path);
  DiskNode::Ptr node = tree_.find(path);
  if (node && mode == OpenMode::kCreateNew) return disk_error(EEXIST, "cannot open", path);
  if (node && node->is_directory) return disk_error(EISDIR, "cannot open", path);
  if (node && node->read_only && mode != OpenMode::kRead)
    return disk_error(EACCES, "cannot open", path);
  if (!node) {
    if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite)
      return disk_error(ENOENT, "cannot open", path);
    MOLDAU_ASSIGN_OR_RETURN(node, create(path));
  }
  return std::shared_ptr<File>(
      std::make_shared<FakeFile>(*this, std::move(node), path, mode != OpenMode::kRead));
}

Result<void> FakeDisk::write(DiskNode& node, const std::string& path, std::uint64_t,
                             std::span<const ByteView> parts, std::uint64_t position) {
  std::uint64_t length = 0;
  for (const ByteView part : parts) length += part.size();
  const Verdict verdict = judge({Kind::kWrite, path, position, length});
  std::uint64_t possible = length;
  if (verdict.fate == Fate::kNothing) possible = 0;
  if (verdict.fate == Fate::kPart) possible = random_.below(length + 1);
  const std::uint64_t room = free_pages();
  bool full = false;
  while (possible > 0 && node.content.pages_wanted(position, possible) > room) {
    full = true;
    possible = possible > FileContent::kPageBytes ? possible - FileContent::kPageBytes : 0;
  }
  for (const ByteView part : parts) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(part.size(), possible));
    if (count > 0) {
      node.content.write(part.first(count), position);
      world_.trace(count, crc32c(part.first(count)));
    }
    position += count;
    possible -= count;
  }
  node.modified = world_.wall();
  if (random_.chance(60)) node.content.write_back(random_);
  if (verdict.os_error != 0) return disk_error(verdict.os_error, "cannot write", path);
  if (full) return disk_error(ENOSPC, "cannot write", path);
  return {};
}

Result<void> FakeDisk::rename(const std::string& from, const std::string& to) {
  std::string from_name;
  std::string to_name;
  const DiskNode::Ptr source = tree_.directory_of(from, from_name);
  const DiskNode::Ptr target = tree_.directory_of(to, to_name);
  if (!source || !target || !source->names.contains(from_name))
    return disk_error(ENOENT, "cannot rename " + from + " to", to);
  const DiskNode::Ptr node = source->names.at(from_name);
  if (node->is_directory && contains(*node, *target))
    return disk_error(EINVAL, "cannot rename " + from + " to", to);
  const auto there = target->names.find(to_name);
  if (there != target->names.end()) {
    if (there->second == node) return {};
    if (there->second->is_directory != node->is_directory)
      return disk_error(node->is_directory ? ENOTDIR : EISDIR, "cannot rename " + from + " to", to);
    if (!there->second->names.empty())
      return disk_error(ENOTEMPTY, "cannot rename " + from + " to", to);
  }
  bool happens = true;
  Result<void> verdict = check({Kind::kRename, to, crc32c(as_view(from))}, happens);
  if (happens) tree_.rename(source, from_name, target, to_name);
  return verdict;
}

Result<void> FakeDisk::remove_file(const std::string& path) {
  std::string name;
  const DiskNode::Ptr directory = tree_.directory_of(path, name);
  if (!directory || !directory->names.contains(name))
    return disk_error(ENOENT, "cannot remove", path);
  if (directory->names.at(name)->is_directory) return disk_error(EISDIR, "cannot remove", path);
  bool happens = true;
  Result<void> verdict = check({Kind::kRemove, path}, happens);
  if (happens) tree_.unlink(directory, name);
  return verdict;
}

Result<void> FakeDisk::remove_directory(const std::string& path) {
  std::string name;
  const DiskNode::Ptr directory = tree_.directory_of(path, name);
  if (!directory || !directory->names.contains(name))
    return disk_error(ENOENT, "cannot remove directory", path);
  const DiskNode::Ptr node = directory->names.at(name);
  if (!node->is_directory) return disk_error(ENOTDIR, "cannot remove directory", path);
  if (!node->names.empty()) return disk_error(ENOTEMPTY, "cannot remove directory", path);
  bool happens = true;
  Result<void> verdict = check({Kind::kRemoveDirectory, path}, happens);
  if (happens) tree_.unlink(directory, name);
  return verdict;
}

Result<void> FakeDisk::make_directories(const std::string& path) {
  if (path.empty()) return disk_error(ENOENT, "cannot make directory", path);
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    const DiskNode::Ptr there = tree_.find(part);
    if (there && !there->is_directory) return disk_error(ENOTDIR, "cannot make directory", part);
    if (!there) {
      std::string name;
      const DiskNode::Ptr directory = tree_.directory_of(part, name);
      if (!directory) return disk_error(ENOENT, "cannot make directory", part);
      bool happens = true;
      Result<void> verdict = check({Kind::kMakeDirectory, part}, happens);
      if (happens) {
        auto node = std::make_shared<DiskNode>();
        node->is_directory = true;
        node->modified = world_.wall();
        tree_.link(directory, name, std::move(node));
      }
      if (!verdict.ok()) return verdict;
    }
    if (end == std::string::npos) return {};
  }
}

Result<void> FakeDisk::sync_file_system(const std::string& path) {
  const DiskNode::Ptr node = tree_.find(path);
  if (!node) return disk_error(ENOENT, "cannot sync the file system of", path);
  bool happens = true;
  Result<void> verdict = check({Kind::kSyncDirectory, path}, happens);
  if (happens) tree_.sync_all();
  return verdict;
}

Result<void> FakeDisk::sync_directory(const std::string& path) {
  const DiskNode::Ptr node = tree_.find(path);
  if (!node) return disk_error(ENOENT, "cannot sync directory", path);
  if (!node->is_directory) return disk_error(ENOTDIR, "cannot sync directory", path);
  bool happens = true;
  Result<void> verdict = check({Kind::kSyncDirectory, path}, happens);
  if (happens) tree_.sync_directory(node);
  return verdict;
}

Result<std::vector<DirectoryEntry>> FakeDisk::list(const std::string& path) {
  if (const int failed = judge({Kind::kList, path}).os_error)
    return disk_error(failed, "cannot list", path);
  const DiskNode::Ptr node = tree_.find(path);
  if (!node) return disk_error(ENOENT, "cannot list", path);
  if (!node->is_directory) return disk_error(ENOTDIR, "cannot list", path);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, child] : node->names) entries.push_back({name, child->is_directory});
  return entries;
}

Result<std::optional<FileStat>> FakeDisk::stat(const std::string& path) {
  if (const int failed = judge({Kind::kStat, path}).os_error)
    return disk_error(failed, "cannot stat", path);
  const DiskNode::Ptr node = tree_.find(path);
  if (!node) return std::optional<FileStat>();
  return std::optional(FileStat{node->is_directory, node->content.size(), node->modified});
}

Result<DiskSpace> FakeDisk::space(const std::string& path) {
  if (const int failed = judge({Kind::kStat, path}).os_error)
    return disk_error(failed, "cannot statvfs", path);
  const std::uint64_t taken = std::min(used(), capacity_);
  return DiskSpace{capacity_, capacity_ - taken};
}

Result<void> FakeDisk::set_read_only(const std::string& path) {
  const DiskNode::Ptr node = tree_.find(path);
  if (!node) return disk_error(ENOENT, "cannot make read-only", path);
  bool happens = true;
  Result<void> verdict = check({Kind::kSetReadOnly, path}, happens);
  if (happens) node->read_only = true;
  return verdict;
}

Result<std::unique_ptr<DiskLock>> FakeDisk::lock(const std::string& path) {
  if (!tree_.find(path)) MOLDAU_TRY(create(path));
  if (const int failed = judge({Kind::kLock, path}).os_error)
    return disk_error(failed, "cannot lock", path);
  if (!locks_.try_emplace(path, incarnation_).second)
    return disk_error(EAGAIN, "cannot lock", path);
  return std::unique_ptr<DiskLock>(std::make_unique<FakeDiskLock>(*this, path));
}

}  // namespace moldau::env::fake
