// SPDX-License-Identifier: Apache-2.0
#include "machine/share/share_session.h"

#include <algorithm>
#include <utility>

namespace moldau::share {
namespace {

constexpr std::int32_t next_epoch(std::int32_t epoch) {
  return epoch == INT32_MAX ? 1 : epoch + 1;
}

/// Each time another partition is served first.
void rotate(std::vector<TopicIdPartition>& partitions, std::int32_t epoch) {
  if (partitions.size() < 2 || epoch < 1) return;
  const auto by = static_cast<std::size_t>(epoch) % partitions.size();
  std::rotate(partitions.begin(), partitions.begin() + static_cast<std::ptrdiff_t>(by),
              partitions.end());
}

Error not_found() {
  return Error(ErrorCode::kShareSessionNotFound, "The share session was not found.");
}

Error wrong_epoch() {
  return Error(ErrorCode::kInvalidShareSessionEpoch, "The share session epoch is invalid.");
}

}  // namespace

bool ShareSessionTable::add(Session& session, const TopicIdPartition& partition) {
  if (session.known.contains(partition)) return true;
  if (session.partitions.size() >= kPartitionsMax) return false;
  session.partitions.push_back(partition);
  session.known.insert(partition);
  session.fresh.insert(partition);
  return true;
}

Result<SessionPlan> ShareSessionTable::fetch(const SessionRequest& request) {
  if (request.epoch == kInitialEpoch) return open(request);
  const auto found = sessions_.find(request.member);
  if (found == sessions_.end()) return not_found();
  Session& session = found->second;
  SessionPlan plan;
  if (request.epoch == kFinalEpoch) {
    plan.is_final = true;
    return plan;
  }
  if (session.epoch != request.epoch) return wrong_epoch();
  for (const TopicIdPartition& partition : request.wanted)
    if (!add(session, partition))
      return Error(ErrorCode::kInvalidRequest, "too many partitions in a share session");
  for (const TopicIdPartition& partition : request.forgotten) {
    if (session.known.erase(partition) == 0) continue;
    session.fresh.erase(partition);
    std::erase(session.partitions, partition);
  }
  session.epoch = next_epoch(session.epoch);
  plan.partitions = session.partitions;
  plan.fresh = std::exchange(session.fresh, {});
  rotate(plan.partitions, request.epoch);
  return plan;
}

Result<SessionPlan> ShareSessionTable::open(const SessionRequest& request) {
  if (request.acknowledges)
    return Error(ErrorCode::kInvalidRequest, "a new share session has nothing to acknowledge");
  const auto old = sessions_.find(request.member);
  if (old != sessions_.end()) (void)erase(old);
  if (sessions_.size() >= sessions_max_)
    return Error(ErrorCode::kShareSessionLimitReached,
                 "The limit of share sessions has been reached.");
  Session session;
  session.epoch = next_epoch(kInitialEpoch);
  session.connection = request.connection;
  for (const TopicIdPartition& partition : request.wanted)
    if (!add(session, partition))
      return Error(ErrorCode::kInvalidRequest, "too many partitions in a share session");
  SessionPlan plan;
  plan.partitions = session.partitions;
  plan.fresh = std::exchange(session.fresh, {});
  if (request.connection != ConnectionNumber(0))
    by_connection_[request.connection].insert(request.member);
  sessions_.emplace(request.member, std::move(session));
  return plan;
}

Result<void> ShareSessionTable::acknowledge(const ShareMember& member, std::int32_t epoch) {
  if (epoch == kInitialEpoch) return wrong_epoch();
  const auto found = sessions_.find(member);
  if (found == sessions_.end()) return not_found();
  if (epoch == kFinalEpoch) return {};
  if (found->second.epoch != epoch) return wrong_epoch();
  found->second.epoch = next_epoch(epoch);
  return {};
}

Result<std::vector<TopicIdPartition>> ShareSessionTable::remove(const ShareMember& member) {
  const auto found = sessions_.find(member);
  if (found == sessions_.end()) return not_found();
  return erase(found);
}

std::vector<TopicIdPartition> ShareSessionTable::erase(
    std::map<ShareMember, Session>::iterator at) {
  const auto connection = by_connection_.find(at->second.connection);
  if (connection != by_connection_.end()) {
    connection->second.erase(at->first);
    if (connection->second.empty()) by_connection_.erase(connection);
  }
  std::vector<TopicIdPartition> partitions = std::move(at->second.partitions);
  sessions_.erase(at);
  return partitions;
}

void ShareSessionTable::tell_again(const ShareMember& member, const TopicIdPartition& partition) {
  const auto found = sessions_.find(member);
  if (found != sessions_.end() && found->second.known.contains(partition))
    found->second.fresh.insert(partition);
}

std::vector<std::pair<ShareMember, std::vector<TopicIdPartition>>> ShareSessionTable::disconnected(
    ConnectionNumber connection) {
  std::vector<std::pair<ShareMember, std::vector<TopicIdPartition>>> out;
  const auto found = by_connection_.find(connection);
  if (found == by_connection_.end()) return out;
  const std::set<ShareMember> members = found->second;
  for (const ShareMember& member : members) {
    const auto at = sessions_.find(member);
    if (at != sessions_.end()) out.emplace_back(member, erase(at));
  }
  by_connection_.erase(connection);
  return out;
}

}  // namespace moldau::share
