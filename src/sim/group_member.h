// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>

#include "sim/calling_client.h"
#include "wire/fetch_response.h"
#include "wire/join_group_response.h"
#include "wire/offset_fetch_response.h"
#include "wire/sync_group_response.h"

namespace moldau::sim {

struct MemberOptions {
  std::string group;
  std::string topic;
  /// Of a static member: it keeps its name when it begins anew.
  std::string instance;
  /// It stays in the group, as far as that is up to it.
  bool is_steady = false;
  std::int32_t session_timeout_ms = 1'500;
  std::int32_t rebalance_timeout_ms = 3'000;
};

/// A member of a classic group: joins, gives out partitions if it leads, reads, commits what it
/// has read, and now and then stands still beyond its session, leaves, or begins anew.
///
/// Thread   one thread.
/// Bounds   one request at a time.
/// Source   AbstractCoordinator, ConsumerCoordinator; KIP-345, KIP-394.
class GroupMember final : public CallingClient {
 public:
  GroupMember(Model& model, env::fake::FakeShard& shard, MemberOptions options)
      : CallingClient(model, shard), options_(std::move(options)) {}

  bool idle() const override { return state_ == State::kStable; }
  std::string waits_for() const override;

 protected:
  void work() override;
  void lost() override;

 private:
  enum class State { kOutside, kJoined, kStable };

  void join();
  void on_joined(const wire::JoinGroupResponse& answer);
  void assign(const wire::JoinGroupResponse& answer);
  void sync();
  void on_synced(const wire::SyncGroupResponse& answer);
  void serve();
  void heartbeat();
  void leave();
  void fetch_position();
  void fetch(std::int32_t partition);
  void commit(std::int32_t partition);
  /// What an error says of its membership.
  void judge(ErrorCode code);
  void begin_anew();
  std::string own_name() const {
    return options_.instance.empty() ? member_id_ : options_.instance;
  }
  /// A later generation has its assignment: one that was only begun dies with the node.
  bool is_behind(std::int32_t generation) const {
    return state_ == State::kStable && generation_ > generation;
  }
  wire::Text instance() const {
    return options_.instance.empty() ? wire::Text::null() : wire::Text(options_.instance);
  }

  const MemberOptions options_;
  State state_ = State::kOutside;
  std::string member_id_;
  std::int32_t generation_ = -1;
  /// Of the others, by member id, if it leads.
  std::map<std::string, std::string> given_;
  std::set<std::int32_t> owned_;
  std::map<std::int32_t, std::int64_t> positions_;
  std::map<std::int32_t, std::int64_t> committed_;
  MonoTime heartbeat_at_;
  MonoTime away_until_;
  ErrorCode last_error_ = ErrorCode::kNone;
};

}  // namespace moldau::sim
