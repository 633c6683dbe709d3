// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"

namespace moldau::raft {

/// A replica of the metadata log: a node and the directory it keeps the log in. A node whose
/// disk was wiped is another replica. A zero directory means "not known" (static voters).
/// Thread   a value.
struct ReplicaKey {
  ReplicaKey() = default;
  ReplicaKey(NodeId node, DirectoryId dir) : id(node), directory(dir) {}
  NodeId id{-1};
  DirectoryId directory;
  auto operator<=>(const ReplicaKey&) const = default;

  bool is_none() const { return id.value() < 0; }
  /// Same node, and the same directory as far as both are known.
  bool may_be(const ReplicaKey& other) const {
    return id == other.id &&
           (directory.is_zero() || other.directory.is_zero() || directory == other.directory);
  }
};

/// Where a controller listens, by the name of its listener.
struct Endpoint {
  Endpoint() = default;
  Endpoint(std::string l, std::string h, std::uint16_t p)
      : listener(std::move(l)), host(std::move(h)), port(p) {}
  std::string listener;
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};

struct Voter {
  Voter() = default;
  Voter(ReplicaKey k, std::vector<Endpoint> e) : key(k), endpoints(std::move(e)) {}
  ReplicaKey key;
  std::vector<Endpoint> endpoints;
  std::int16_t kraft_version_min = 0;
  std::int16_t kraft_version_max = 1;
  bool operator==(const Voter&) const = default;
};

/// Who may vote and whose replication counts.
/// Thread   a value.
/// Source   KIP-853; VotersRecord v0.
class VoterSet {
 public:
  VoterSet() = default;
  explicit VoterSet(std::vector<Voter> voters);

  bool empty() const { return voters_.empty(); }
  std::size_t size() const { return voters_.size(); }
  /// How many votes win.
  std::size_t majority() const { return voters_.size() / 2 + 1; }
  const std::map<NodeId, Voter>& voters() const { return voters_; }
  const Voter* find(NodeId id) const;
  bool contains(NodeId id) const { return voters_.contains(id); }
  /// The node is a voter and `key` names the directory it votes with (if one is recorded).
  bool contains(const ReplicaKey& key) const;
  bool is_only_voter(const ReplicaKey& key) const { return size() == 1 && contains(key); }
  void put(Voter voter) { voters_.insert_or_assign(voter.key.id, std::move(voter)); }
  void remove(NodeId id) { voters_.erase(id); }
  bool operator==(const VoterSet&) const = default;

 private:
  std::map<NodeId, Voter> voters_;
};

}  // namespace moldau::raft
