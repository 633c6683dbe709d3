// SPDX-License-Identifier: Apache-2.0
// A disk in memory whose power is cut at a chosen call, for the tests of this folder.
#pragma once

#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/disk.h"

namespace moldau::offline {

/// Names last once their directory is synced, bytes once their file is; whatever was not synced
/// when the power goes is there, partly there or not there, by chance. Names of one directory are
/// lost in the order they were made (a journal), so a rename is done or not done.
/// Thread   one.
class CuttingDisk final : public env::Disk {
 public:
  struct Inode {
    bool is_directory = false;
    bool read_only = false;
    std::string content;
    std::string synced;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  CuttingDisk() { durable_["/"] = now_["/"] = directory(); }

  /// The power goes at the call after the next `calls`.
  void cut_after(int calls) { left_ = calls; }
  bool is_cut() const { return left_ < 0; }
  int calls() const { return calls_; }
  /// The power is back.
  void restart(std::uint64_t seed) {
    // splitmix64
    const auto random = [&seed] {
      std::uint64_t z = seed += 0x9E3779B97F4A7C15ULL;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
      return z ^ (z >> 31);
    };
    std::map<std::string, std::size_t> kept;
    for (const auto& [dir, ops] : pending_) kept[dir] = random() % (ops.size() + 1);
    for (const auto& [dir, ops] : pending_)
      for (std::size_t i = 0; i < kept[dir]; ++i) ops[i](durable_);
    pending_.clear();
    drop_orphans();
    for (auto& [path, inode] : durable_) {
      if (inode->content == inode->synced) continue;
      const std::string written = inode->content;
      const std::uint64_t fate = random() % 4;
      if (fate == 0) inode->content = inode->synced;
      if (fate == 1) inode->content.clear();
      if (fate == 2) inode->content = written.substr(0, random() % (written.size() + 1));
      inode->synced = inode->content;
    }
    now_ = durable_;
    left_ = kNever;
  }
  std::string content(const std::string& path) const {
    const auto it = now_.find(path);
    return it == now_.end() ? "" : it->second->content;
  }
  bool exists(const std::string& path) const { return now_.contains(path); }

  Result<std::shared_ptr<env::File>> open(const std::string& path, env::OpenMode mode) override;
  Result<void> rename(const std::string& from, const std::string& to) override {
    MOLDAU_TRY(call());
    if (!now_.contains(from)) return env::disk_error(ENOENT, "rename", from);
    change(env::parent_of(to), [from, to](Names& names) {
      const auto node = names.extract(from);
      if (!node.empty()) names[to] = node.mapped();
    });
    return {};
  }
  Result<void> remove_file(const std::string& path) override {
    MOLDAU_TRY(call());
    if (!now_.contains(path)) return env::disk_error(ENOENT, "unlink", path);
    change(env::parent_of(path), [path](Names& names) { names.erase(path); });
    return {};
  }
  Result<void> remove_directory(const std::string& path) override { return remove_file(path); }
  Result<void> make_directories(const std::string& path) override {
    if (path == "/" || now_.contains(path)) return {};
    MOLDAU_TRY(make_directories(env::parent_of(path)));
    MOLDAU_TRY(call());
    const auto made = directory();
    change(env::parent_of(path), [path, made](Names& names) { names[path] = made; });
    return {};
  }
  Result<void> sync_directory(const std::string& path) override {
    MOLDAU_TRY(call());
    for (const auto& op : pending_[path]) op(durable_);
    pending_.erase(path);
    return {};
  }
  Result<std::vector<env::DirectoryEntry>> list(const std::string& path) override {
    MOLDAU_TRY(call());
    std::vector<env::DirectoryEntry> out;
    for (const auto& [name, inode] : now_) {
      if (name == "/" || env::parent_of(name) != path) continue;
      env::DirectoryEntry entry;
      entry.name = name.substr(path.size() + 1);
      entry.is_directory = inode->is_directory;
      out.push_back(entry);
    }
    return out;
  }
  Result<std::optional<env::FileStat>> stat(const std::string& path) override {
    MOLDAU_TRY(call());
    const auto it = now_.find(path);
    if (it == now_.end()) return std::optional<env::FileStat>();
    env::FileStat stat;
    stat.is_directory = it->second->is_directory;
    stat.size = it->second->content.size();
    return std::optional<env::FileStat>(stat);
  }
  Result<env::DiskSpace> space(const std::string&) override { return env::DiskSpace(); }
  Result<void> set_read_only(const std::string& path) override {
    MOLDAU_TRY(call());
    now_.at(path)->read_only = true;
    return {};
  }
  Result<std::unique_ptr<env::DiskLock>> lock(const std::string& path) override {
    return env::disk_error(EAGAIN, "lock", path);
  }

  Result<void> call() {
    ++calls_;
    if (left_ == kNever) return {};
    if (--left_ < 0) {
      left_ = -1;
      return Error(ErrorCode::kKafkaStorageError, "the power is cut");
    }
    return {};
  }

 private:
  static constexpr int kNever = 1 << 30;
  using Change = std::function<void(Names&)>;

  static std::shared_ptr<Inode> directory() {
    auto inode = std::make_shared<Inode>();
    inode->is_directory = true;
    return inode;
  }
  void change(const std::string& dir, Change op) {
    op(now_);
    pending_[dir].push_back(std::move(op));
  }
  // What stands in a directory that is not there is not there.
  void drop_orphans() {
    for (bool again = true; std::exchange(again, false);)
      for (auto it = durable_.begin(); it != durable_.end();) {
        const bool orphan = it->first != "/" && !durable_.contains(env::parent_of(it->first));
        again = again || orphan;
        it = orphan ? durable_.erase(it) : std::next(it);
      }
  }

  Names now_;
  Names durable_;
  std::map<std::string, std::vector<Change>> pending_;
  int left_ = kNever;
  int calls_ = 0;
};

/// A file of it.
/// Thread   one.
class CuttingFile final : public env::File {
 public:
  CuttingFile(CuttingDisk& disk, std::shared_ptr<CuttingDisk::Inode> inode)
      : disk_(disk), inode_(std::move(inode)) {}
  Result<void> write(std::span<const ByteView> parts, std::uint64_t position) override {
    for (const ByteView part : parts) {
      MOLDAU_TRY(disk_.call());
      if (inode_->content.size() < position + part.size())
        inode_->content.resize(position + part.size());
      inode_->content.replace(position, part.size(), as_text(part));
      position += part.size();
    }
    return {};
  }
  Result<std::size_t> read(MutableBytes into, std::uint64_t position) override {
    MOLDAU_TRY(disk_.call());
    if (position >= inode_->content.size()) return std::size_t{0};
    return inode_->content.copy(reinterpret_cast<char*>(into.data()), into.size(), position);
  }
  Result<std::uint64_t> size() override { return inode_->content.size(); }
  Result<void> truncate(std::uint64_t size) override {
    MOLDAU_TRY(disk_.call());
    inode_->content.resize(size);
    return {};
  }
  Result<void> allocate(std::uint64_t size) override { return truncate(size); }
  Result<void> sync() override {
    MOLDAU_TRY(disk_.call());
    inode_->synced = inode_->content;
    return {};
  }
  void prefetch(std::uint64_t, std::uint64_t) override {}
  int descriptor() const override { return -1; }

 private:
  CuttingDisk& disk_;
  std::shared_ptr<CuttingDisk::Inode> inode_;
};

inline Result<std::shared_ptr<env::File>> CuttingDisk::open(const std::string& path,
                                                            env::OpenMode mode) {
  MOLDAU_TRY(call());
  auto it = now_.find(path);
  if (it == now_.end()) {
    if (mode == env::OpenMode::kRead || mode == env::OpenMode::kReadWrite)
      return env::disk_error(ENOENT, "open", path);
    if (!now_.contains(env::parent_of(path))) return env::disk_error(ENOENT, "open", path);
    const auto made = std::make_shared<Inode>();
    change(env::parent_of(path), [path, made](Names& names) { names[path] = made; });
    it = now_.find(path);
  } else if (mode == env::OpenMode::kCreateNew) {
    return env::disk_error(EEXIST, "open", path);
  } else if (it->second->read_only && mode != env::OpenMode::kRead) {
    return env::disk_error(EACCES, "open", path);
  }
  return std::shared_ptr<env::File>(std::make_shared<CuttingFile>(*this, it->second));
}

}  // namespace moldau::offline
