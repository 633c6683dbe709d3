// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "env/disk.h"

namespace moldau::log {

/// A disk in memory for the tests of this folder: can fail the n-th call, stop the world before
/// the n-th change, and lose what was not synced.
/// Thread   one thread.
class MemoryDisk : public env::Disk {
 public:
  struct Inode {
    std::string data;
    std::string durable;
    std::int64_t modified = 0;
  };
  using InodePtr = std::shared_ptr<Inode>;

  Timestamp now{1'000'000};
  /// Called before each call that changes something; an errno fails it.
  std::function<int(const std::string& what, const std::string& path)> fault;
  /// Says which files are not in memory, for File::read_cached; empty: all are.
  std::function<bool(const std::string& path)> is_cold_file;
  std::uint64_t changes = 0;
  std::uint64_t syncs = 0;
  std::uint64_t reads = 0;
  std::size_t open_files = 0;

  class MemoryFile : public env::File {
   public:
    MemoryFile(MemoryDisk& disk, InodePtr inode, std::string path)
        : disk_(disk), inode_(std::move(inode)), path_(std::move(path)) {
      ++disk_.open_files;
    }
    ~MemoryFile() override { --disk_.open_files; }

    Result<void> write(std::span<const ByteView> parts, std::uint64_t position) override {
      if (auto failed = disk_.before("write", path_); !failed.ok()) {
        // A failed write may have left a part behind.
        if (!parts.empty() && !parts[0].empty()) put(parts[0].first(1), position);
        return failed;
      }
      for (ByteView part : parts) {
        put(part, position);
        position += part.size();
      }
      return {};
    }
    using env::File::read;
    using env::File::write;
    Result<std::size_t> read(MutableBytes into, std::uint64_t position) override {
      ++disk_.reads;
      const std::string& data = inode_->data;
      if (position >= data.size()) return std::size_t{0};
      const std::size_t n = std::min<std::size_t>(into.size(), data.size() - position);
      std::memcpy(into.data(), data.data() + position, n);
      return n;
    }
    Result<std::size_t> read_cached(MutableBytes into, std::uint64_t position) override {
      if (disk_.is_cold_file && disk_.is_cold_file(path_)) return env::cold_error(path_);
      return read(into, position);
    }
    Result<std::uint64_t> size() override { return std::uint64_t{inode_->data.size()}; }
    Result<void> truncate(std::uint64_t size) override {
      MOLDAU_TRY(disk_.before("truncate", path_));
      inode_->data.resize(size);
      inode_->modified = disk_.now.value();
      return {};
    }
    Result<void> allocate(std::uint64_t size) override {
      MOLDAU_TRY(disk_.before("allocate", path_));
      inode_->data.resize(std::max<std::size_t>(size, inode_->data.size()));
      return {};
    }
    Result<void> sync() override {
      MOLDAU_TRY(disk_.before("sync", path_));
      ++disk_.syncs;
      inode_->durable = inode_->data;
      return {};
    }
    void prefetch(std::uint64_t, std::uint64_t) override {}
    int descriptor() const override { return -1; }

   private:
    void put(ByteView part, std::uint64_t position) {
      std::string& data = inode_->data;
      if (data.size() < position + part.size()) data.resize(position + part.size());
      if (!part.empty()) std::memcpy(data.data() + position, part.data(), part.size());
      inode_->modified = disk_.now.value();
    }

    MemoryDisk& disk_;
    InodePtr inode_;
    std::string path_;
  };

  Result<std::shared_ptr<env::File>> open(const std::string& path, env::OpenMode mode) override {
    auto found = files_.find(path);
    if (found == files_.end()) {
      if (mode == env::OpenMode::kRead || mode == env::OpenMode::kReadWrite)
        return env::disk_error(ENOENT, "open", path);
      if (!directories_.contains(env::parent_of(path)))
        return env::disk_error(ENOENT, "open", path);
      MOLDAU_TRY(before("create", path));
      found = files_.emplace(path, std::make_shared<Inode>()).first;
      found->second->modified = now.value();
    } else if (mode == env::OpenMode::kCreateNew) {
      return env::disk_error(EEXIST, "open", path);
    }
    return std::shared_ptr<env::File>(std::make_shared<MemoryFile>(*this, found->second, path));
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (!files_.contains(from) && !directories_.contains(from))
      return env::disk_error(ENOENT, "rename", from);
    MOLDAU_TRY(before("rename", from));
    if (auto file = files_.extract(from)) {
      files_[to] = file.mapped();
      return {};
    }
    const std::string prefix = from + "/";
    std::map<std::string, InodePtr> moved;
    std::erase_if(files_, [&](const auto& item) {
      if (!item.first.starts_with(prefix)) return false;
      moved[to + "/" + item.first.substr(prefix.size())] = item.second;
      return true;
    });
    files_.merge(moved);
    directories_.erase(from);
    directories_.insert(to);
    durable_ = files_;  // directories that move are synced by their tests
    return {};
  }

  Result<void> remove_file(const std::string& path) override {
    if (!files_.contains(path)) return env::disk_error(ENOENT, "remove", path);
    MOLDAU_TRY(before("remove", path));
    files_.erase(path);
    return {};
  }
  Result<void> remove_directory(const std::string& path) override {
    MOLDAU_TRY(before("rmdir", path));
    directories_.erase(path);
    return {};
  }
  Result<void> make_directories(const std::string& path) override {
    MOLDAU_TRY(before("mkdir", path));
    for (std::string at = path; at != "." && at != "/"; at = env::parent_of(at))
      directories_.insert(at);
    return {};
  }
  Result<void> sync_directory(const std::string& path) override {
    MOLDAU_TRY(before("sync_directory", path));
    ++syncs;
    const auto inside = [&](const auto& item) { return env::parent_of(item.first) == path; };
    std::erase_if(durable_, inside);
    for (const auto& item : files_)
      if (inside(item)) durable_.insert(item);
    return {};
  }

  Result<void> sync_file_system(const std::string& path) override {
    MOLDAU_TRY(before("sync_file_system", path));
    ++syncs;
    for (auto& [name, inode] : files_) inode->durable = inode->data;
    durable_ = files_;
    return {};
  }

  Result<std::vector<env::DirectoryEntry>> list(const std::string& path) override {
    std::vector<env::DirectoryEntry> out;
    for (const auto& [name, inode] : files_)
      if (env::parent_of(name) == path) out.push_back({name.substr(path.size() + 1), false});
    for (const std::string& name : directories_)
      if (env::parent_of(name) == path && name != path)
        out.push_back({name.substr(path.size() + 1), true});
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return out;
  }
  Result<std::optional<env::FileStat>> stat(const std::string& path) override {
    if (directories_.contains(path)) return std::optional(env::FileStat{true, 0, now});
    const auto found = files_.find(path);
    if (found == files_.end()) return std::optional<env::FileStat>();
    return std::optional(
        env::FileStat{false, found->second->data.size(), Timestamp(found->second->modified)});
  }
  Result<env::DiskSpace> space(const std::string&) override {
    return env::DiskSpace{1 << 30, 1 << 30};
  }
  Result<void> set_read_only(const std::string&) override { return {}; }
  Result<std::unique_ptr<env::DiskLock>> lock(const std::string& path) override {
    if (!locks_.insert(path).second) return env::disk_error(EAGAIN, "lock", path);
    struct Lock : env::DiskLock {
      Lock(std::set<std::string>& all, std::string held) : locks(all), name(std::move(held)) {}
      ~Lock() override { locks.erase(name); }
      std::set<std::string>& locks;
      std::string name;
    };
    files_.try_emplace(path, std::make_shared<Inode>());
    return std::unique_ptr<env::DiskLock>(std::make_unique<Lock>(locks_, path));
  }

  /// The disk after a power cut: what was not synced is gone, or is there in part if `random` is
  /// given (a file keeps an old content, the new one, or a prefix of it; a name is there or not).
  std::unique_ptr<MemoryDisk> after_power_cut(std::uint64_t* random = nullptr) const {
    auto out = std::make_unique<MemoryDisk>();
    out->now = now;
    out->directories_ = directories_;
    const auto next = [&] {
      *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
      return *random >> 33;
    };
    std::map<std::string, InodePtr> names = durable_;
    if (random != nullptr) {
      for (const auto& item : files_)
        if (next() % 2 == 0) names[item.first] = item.second;
    }
    for (const auto& [name, inode] : names) {
      auto copy = std::make_shared<Inode>();
      copy->data = inode->durable;
      copy->modified = inode->modified;
      if (random != nullptr && inode->data != inode->durable) {
        const std::uint64_t kind = next() % 3;
        if (kind == 0) copy->data = inode->data;
        if (kind == 1 && inode->data.size() > inode->durable.size()) {
          const std::size_t more = next() % (inode->data.size() - inode->durable.size() + 1);
          copy->data = inode->data.substr(0, inode->durable.size() + more);
        }
      }
      copy->durable = copy->data;
      out->files_[name] = copy;
    }
    out->durable_ = out->files_;
    return out;
  }
  /// The disk after a kill -9: all that was written is there.
  std::unique_ptr<MemoryDisk> after_kill() const {
    auto out = std::make_unique<MemoryDisk>();
    out->now = now;
    out->directories_ = directories_;
    for (const auto& [name, inode] : files_) {
      auto copy = std::make_shared<Inode>(*inode);
      copy->durable = copy->data;
      out->files_[name] = copy;
    }
    out->durable_ = out->files_;
    return out;
  }

  std::string& content(const std::string& path) { return files_.at(path)->data; }
  bool has(const std::string& path) const { return files_.contains(path); }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, inode] : files_) out.push_back(name);
    return out;
  }
  void put_file(const std::string& path, std::string content) {
    for (std::string at = env::parent_of(path); at != "." && at != "/"; at = env::parent_of(at))
      directories_.insert(at);
    auto inode = std::make_shared<Inode>();
    inode->data = inode->durable = std::move(content);
    inode->modified = now.value();
    files_[path] = durable_[path] = inode;
  }

 private:
  Result<void> before(const char* what, const std::string& path) {
    ++changes;
    if (fault)
      if (const int error = fault(what, path)) return env::disk_error(error, what, path);
    return {};
  }

  std::map<std::string, InodePtr> files_;
  std::map<std::string, InodePtr> durable_;
  std::set<std::string> directories_;
  std::set<std::string> locks_;
};

}  // namespace moldau::log
