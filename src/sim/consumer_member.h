// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/calling_client.h"
#include "wire/consumer_group_heartbeat_request.h"
#include "wire/consumer_group_heartbeat_response.h"

namespace moldau::sim {

struct ConsumerMemberOptions {
  std::string name;
  std::string group;
  std::string topic;
  /// Subscribes to it too, now and then.
  std::string also;
  /// Of a static member.
  std::string instance;
  /// The broker's: group.consumer.session.timeout.ms.
  std::int32_t session_timeout_ms = 1'500;
  std::int32_t rebalance_timeout_ms = 3'000;
};

/// A member of a consumer group (KIP-848): joins, takes what it is given, gives back what it is
/// asked for, reads, commits with its epoch, changes its subscription, and now and then stands
/// still beyond its session, leaves, or dies and begins anew.
///
/// Thread   one thread.
/// Bounds   one request at a time.
/// Source   ConsumerMembershipManager, ConsumerHeartbeatRequestManager; KIP-848, KIP-1251.
class ConsumerMember final : public CallingClient {
 public:
  ConsumerMember(Model& model, env::fake::FakeShard& shard, ConsumerMemberOptions options);

  /// It is in the group for certain.
  bool idle() const override {
    return epoch_ > 0 && !must_answer_ && shard_.now() >= away_until_ &&
           shard_.now() < alive_at_ + Millis(options_.session_timeout_ms);
  }
  std::string waits_for() const override;

 protected:
  void work() override;
  void lost() override;

 private:
  using Request = wire::ConsumerGroupHeartbeatRequest;
  using Response = wire::ConsumerGroupHeartbeatResponse;
  /// By topic name.
  using Partition = std::pair<std::string, std::int32_t>;

  void begin_anew(bool with_a_new_id);
  void heartbeat();
  Request request_now();
  void on_heartbeat(const Response& answer, MonoTime sent);
  void reconcile(const Response& answer);
  void leave();
  void fetch_position();
  void fetch(const Partition& partition);
  void commit(const Partition& partition);
  void judge(ErrorCode code);
  /// Tells the checks what it has from now on.
  void tell(const std::set<Partition>& gained);
  std::string own_name() const {
    return options_.instance.empty() ? member_id_ : options_.instance;
  }
  wire::Text instance() const {
    return options_.instance.empty() ? wire::Text::null() : wire::Text(options_.instance);
  }
  /// A heartbeat may still arrive that does not name it: for the coordinator, it is given back
  /// then.
  bool is_loose(const Partition& partition) const;

  const ConsumerMemberOptions options_;
  std::string member_id_;
  std::int32_t incarnation_ = 0;
  /// 0: joins.
  std::int32_t epoch_ = 0;
  bool subscribes_to_both_ = false;
  std::set<Partition> owned_;
  /// With what it was asked for and has not given back yet; only what is not loose, and was
  /// given in time.
  std::set<Partition> sure_;
  /// Member ids that the coordinator does not know any more.
  std::set<std::string> gone_;
  /// What the coordinator was told last that it owns; nothing: all fields go into the next.
  std::optional<std::set<Partition>> told_;
  /// What it owns has changed: it says so at once.
  bool must_answer_ = false;
  std::map<Partition, std::int64_t> positions_;
  std::map<Partition, std::int64_t> committed_;
  MonoTime heartbeat_at_;
  MonoTime away_until_;
  /// The session may end so long behind this moment.
  MonoTime alive_at_;
  /// The first heartbeat whose answer may have asked for partitions, and was not seen.
  std::optional<MonoTime> unsettled_since_;
  /// Heartbeats without an answer: when they were sent, and what they named.
  std::vector<std::pair<MonoTime, std::set<Partition>>> unanswered_;
  Life life_ = 0;
  ErrorCode last_error_ = ErrorCode::kNone;
};

}  // namespace moldau::sim
