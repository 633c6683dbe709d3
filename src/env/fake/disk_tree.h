// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "env/fake/file_content.h"

namespace moldau::env::fake {

/// A file or directory of a fake disk.
/// Thread   one thread.
struct DiskNode {
  using Ptr = std::shared_ptr<DiskNode>;
  bool is_directory = false;
  bool read_only = false;
  Timestamp modified;
  FileContent content;                 // of a file
  std::map<std::string, Ptr> names;    // of a directory, as a process sees it
  std::map<std::string, Ptr> durable;  // as it is on the medium
};

/// The directories of a fake disk: what processes see, what is on the medium, and the changes
/// in between, of which any subset survives a power cut.
///
/// Thread   one thread.
/// Bounds   the journal is committed by itself now and then, as kernels do.
/// Durable  what sync_directory or a commit has brought to the medium.
class DiskTree {
 public:
  explicit DiskTree(SeededRandom random);

  /// The node of a path, or null.
  DiskNode::Ptr find(const std::string& path) const;
  /// The directory that holds `path`, or null; `name` becomes its last part.
  DiskNode::Ptr directory_of(const std::string& path, std::string& name) const;

  void link(const DiskNode::Ptr& directory, const std::string& name, DiskNode::Ptr node);
  void unlink(const DiskNode::Ptr& directory, const std::string& name);
  void rename(const DiskNode::Ptr& from, const std::string& from_name, const DiskNode::Ptr& to,
              const std::string& to_name);
  void sync_directory(const DiskNode::Ptr& directory);
  void cut_power();
  /// Everything is on the medium.
  void sync_all();
  /// Pages of all files that can still be reached.
  std::uint64_t pages() const;
  const DiskNode::Ptr& root() const { return root_; }

 private:
  enum class Kind { kLink, kUnlink, kRename };
  struct Change {
    Kind kind;
    DiskNode::Ptr directory;
    std::string name;
    DiskNode::Ptr to_directory;  // kRename
    std::string to_name;
    DiskNode::Ptr node;
  };

  static bool touches(const Change& change, const DiskNode::Ptr& directory,
                      const std::string& name);
  static void apply(const Change& change);
  void add(Change change);
  void commit(std::size_t count);
  void cut_power_below(DiskNode& node);

  SeededRandom random_;
  DiskNode::Ptr root_;
  std::vector<Change> journal_;
};

}  // namespace moldau::env::fake
