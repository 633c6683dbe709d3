// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace moldau::share {

/// A connection of this node; 0: none.
using ConnectionNumber = Strong<struct ConnectionNumberTag, std::uint64_t>;

/// A member of a share group, as its sessions know it.
struct ShareMember {
  ShareMember() = default;
  ShareMember(std::string g, std::string m) : group_id(std::move(g)), member_id(std::move(m)) {}
  std::string group_id;
  std::string member_id;
  auto operator<=>(const ShareMember&) const = default;
};

/// What a ShareFetch says of its session.
struct SessionRequest {
  SessionRequest() = default;
  ShareMember member;
  std::int32_t epoch = 0;
  std::vector<TopicIdPartition> wanted;
  std::vector<TopicIdPartition> forgotten;
  bool acknowledges = false;
  ConnectionNumber connection{0};
};

/// What such a request is to be answered for.
struct SessionPlan {
  SessionPlan() = default;
  /// To be fetched, in this order; nothing for the end of a session.
  std::vector<TopicIdPartition> partitions;
  /// Of these, the member has not been told anything yet.
  std::set<TopicIdPartition> fresh;
  bool is_final = false;
};

/// The share sessions of a node: what each member fetches, and how far it has counted.
///
/// Thread   a value of one shard.
/// Bounds   group.share.max.share.sessions; kPartitionsMax partitions each.
/// Errors   kShareSessionNotFound, kInvalidShareSessionEpoch, kShareSessionLimitReached,
///          kInvalidRequest.
/// Source   ShareSessionCache, SharePartitionManager.newContext; KIP-932.
class ShareSessionTable {
 public:
  static constexpr std::size_t kPartitionsMax = 100'000;
  static constexpr std::int32_t kInitialEpoch = 0;
  static constexpr std::int32_t kFinalEpoch = -1;

  explicit ShareSessionTable(std::size_t sessions_max) : sessions_max_(sessions_max) {}

  Result<SessionPlan> fetch(const SessionRequest& request);
  /// Of a ShareAcknowledge; the final epoch is checked only.
  Result<void> acknowledge(const ShareMember& member, std::int32_t epoch);
  /// Ends a session. What it was about.
  Result<std::vector<TopicIdPartition>> remove(const ShareMember& member);
  /// An error was told of it: the next answer speaks of it again.
  void tell_again(const ShareMember& member, const TopicIdPartition& partition);
  /// Its sessions end: members, and what each was about.
  std::vector<std::pair<ShareMember, std::vector<TopicIdPartition>>> disconnected(
      ConnectionNumber connection);
  std::size_t size() const { return sessions_.size(); }
  bool has_group(const std::string& group_id) const {
    const auto at = sessions_.lower_bound(ShareMember(group_id, ""));
    return at != sessions_.end() && at->first.group_id == group_id;
  }

 private:
  struct Session {
    std::int32_t epoch = 0;
    ConnectionNumber connection{0};
    /// In the order in which they were added.
    std::vector<TopicIdPartition> partitions;
    std::set<TopicIdPartition> known;
    std::set<TopicIdPartition> fresh;
  };

  Result<SessionPlan> open(const SessionRequest& request);
  static bool add(Session& session, const TopicIdPartition& partition);
  std::vector<TopicIdPartition> erase(std::map<ShareMember, Session>::iterator at);

  std::size_t sessions_max_;
  std::map<ShareMember, Session> sessions_;
  std::unordered_map<ConnectionNumber, std::set<ShareMember>> by_connection_;
};

}  // namespace moldau::share
