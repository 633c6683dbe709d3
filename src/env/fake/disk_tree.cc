// SPDX-License-Identifier: Apache-2.0
#include "env/fake/disk_tree.h"

#include <algorithm>
#include <utility>

namespace moldau::env::fake {
namespace {

/// The parts of a path; "." and empty ones are none, so "/a/b" and "a/b" are the same place.
std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    std::string part = path.substr(at, end - at);
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    at = end + 1;
  }
  return parts;
}

DiskNode::Ptr walk(DiskNode::Ptr node, const std::vector<std::string>& parts, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto found = node->names.find(parts[i]);
    if (found == node->names.end()) return nullptr;
    node = found->second;
  }
  return node;
}

std::uint64_t pages_below(const DiskNode& node) {
  std::uint64_t pages = node.content.pages();
  for (const auto& [name, child] : node.names) pages += pages_below(*child);
  return pages;
}

void sync_below(DiskNode& node) {
  node.content.sync();
  node.durable = node.names;
  for (const auto& [name, child] : node.names) sync_below(*child);
}

}  // namespace

DiskTree::DiskTree(SeededRandom random) : random_(random), root_(std::make_shared<DiskNode>()) {
  root_->is_directory = true;
}

DiskNode::Ptr DiskTree::find(const std::string& path) const {
  const std::vector<std::string> parts = parts_of(path);
  return walk(root_, parts, parts.size());
}

DiskNode::Ptr DiskTree::directory_of(const std::string& path, std::string& name) const {
  const std::vector<std::string> parts = parts_of(path);
  if (parts.empty()) return nullptr;
  name = parts.back();
  DiskNode::Ptr directory = walk(root_, parts, parts.size() - 1);
  return directory && directory->is_directory ? directory : nullptr;
}

void DiskTree::link(const DiskNode::Ptr& directory, const std::string& name, DiskNode::Ptr node) {
  directory->names[name] = node;
  add({Kind::kLink, directory, name, nullptr, {}, std::move(node)});
}

void DiskTree::unlink(const DiskNode::Ptr& directory, const std::string& name) {
  const auto found = directory->names.find(name);
  DiskNode::Ptr node = found->second;
  directory->names.erase(found);
  add({Kind::kUnlink, directory, name, nullptr, {}, std::move(node)});
}

void DiskTree::rename(const DiskNode::Ptr& from, const std::string& from_name,
                      const DiskNode::Ptr& to, const std::string& to_name) {
  DiskNode::Ptr node = from->names.at(from_name);
  from->names.erase(from_name);
  to->names[to_name] = node;
  add({Kind::kRename, from, from_name, to, to_name, std::move(node)});
}

void DiskTree::add(Change change) {
  journal_.push_back(std::move(change));
  // The kernel commits its journal every few seconds, at no moment of our choosing.
  if (random_.chance(30)) commit(random_.below(journal_.size() + 1));
}

void DiskTree::commit(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) apply(journal_[i]);
  journal_.erase(journal_.begin(), journal_.begin() + static_cast<std::ptrdiff_t>(count));
}

void DiskTree::apply(const Change& change) {
  auto& names = change.directory->durable;
  const auto found = names.find(change.name);
  const bool is_there = found != names.end() && found->second == change.node;
  switch (change.kind) {
    case Kind::kLink:
      names[change.name] = change.node;
      return;
    case Kind::kUnlink:
      if (is_there) names.erase(found);
      return;
    case Kind::kRename:
      if (!is_there) return;
      names.erase(found);
      change.to_directory->durable[change.to_name] = change.node;
      return;
  }
}

bool DiskTree::touches(const Change& change, const DiskNode::Ptr& directory,
                       const std::string& name) {
  return (change.directory == directory && change.name == name) ||
         (change.to_directory == directory && change.to_name == name);
}

void DiskTree::sync_directory(const DiskNode::Ptr& directory) {
  // The changes of this directory, and the earlier ones that they build on.
  std::vector<bool> wanted(journal_.size());
  for (std::size_t i = journal_.size(); i-- > 0;) {
    const Change& change = journal_[i];
    wanted[i] = change.directory == directory || change.to_directory == directory;
    for (std::size_t later = i + 1; !wanted[i] && later < journal_.size(); ++later) {
      if (!wanted[later]) continue;
      const Change& user = journal_[later];
      wanted[i] = touches(change, user.directory, user.name) ||
                  (user.to_directory && touches(change, user.to_directory, user.to_name));
    }
  }
  std::vector<Change> rest;
  for (std::size_t i = 0; i < journal_.size(); ++i) {
    if (wanted[i])
      apply(journal_[i]);
    else
      rest.push_back(std::move(journal_[i]));
  }
  journal_ = std::move(rest);
}

void DiskTree::cut_power() {
  switch (random_.below(3)) {
    case 0:  // as a journal does it
      commit(random_.below(journal_.size() + 1));
      break;
    case 1:  // nothing
      break;
    default: {  // any subset
      const auto survives = static_cast<std::uint32_t>(random_.between(100, 950));
      for (const Change& change : journal_)
        if (random_.chance(survives)) apply(change);
    }
  }
  journal_.clear();
  cut_power_below(*root_);
}

void DiskTree::cut_power_below(DiskNode& node) {
  node.content.cut_power(random_);
  node.names = node.durable;
  for (const auto& [name, child] : node.names) cut_power_below(*child);
}

void DiskTree::sync_all() {
  journal_.clear();
  sync_below(*root_);
}

std::uint64_t DiskTree::pages() const {
  return pages_below(*root_);
}

}  // namespace moldau::env::fake
