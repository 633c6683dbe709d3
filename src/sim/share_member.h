// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/calling_client.h"
#include "wire/share_acknowledge_request.h"
#include "wire/share_acknowledge_response.h"
#include "wire/share_fetch_request.h"
#include "wire/share_fetch_response.h"
#include "wire/share_group_heartbeat_request.h"
#include "wire/share_group_heartbeat_response.h"

namespace moldau::sim {

struct ShareMemberOptions {
  std::string name;
  std::string group;
  std::string topic;
  /// The broker's.
  std::int32_t session_timeout_ms = 1'500;
  std::int32_t lock_ms = 1'000;
  std::int16_t delivery_limit = 3;
};

/// A member of a share group (KIP-932): joins, fetches in a share session, accepts, releases and
/// rejects what it has acquired, with the next fetch or by itself, renews its locks, and now and
/// then keeps it beyond them, leaves, or dies and begins anew.
///
/// Thread   one thread.
/// Bounds   one request at a time.
/// Source   ShareConsumeRequestManager, ShareSessionHandler.
class ShareMember final : public CallingClient {
 public:
  ShareMember(Model& model, env::fake::FakeShard& shard, ShareMemberOptions options);

  bool idle() const override {
    return epoch_ > 0 && held_.empty() && shard_.now() >= away_until_ &&
           shard_.now() < alive_at_ + Millis(options_.session_timeout_ms);
  }
  std::string waits_for() const override;

 protected:
  void work() override;
  void lost() override;
  void on_connected() override;

 private:
  struct Held {
    std::int32_t partition = 0;
    Offset first{0};
    Offset last{0};
    MonoTime until;
    /// It has run out by then.
    MonoTime ends;

    bool operator==(const Held&) const = default;
  };
  struct Acknowledged {
    Held range;
    std::int8_t type = 1;
  };

  void begin_anew();
  void heartbeat();
  void on_heartbeat(const wire::ShareGroupHeartbeatResponse& answer);
  void leave();
  void fetch();
  void on_fetched(const wire::ShareFetchResponse& answer, std::int16_t version);
  void take(const wire::ShareFetchResponse::PartitionData& part);
  void acknowledge();
  std::vector<Acknowledged> decide();
  /// Besides, it renews the locks of some that it keeps.
  void add_renewals(std::vector<Acknowledged>& to);
  static void sort(std::vector<Acknowledged>& all);
  void renewed(const Held& range, bool done);
  void judge_acknowledged(const std::vector<Acknowledged>& sent, std::int32_t partition,
                          ErrorCode code);
  /// Its session is not what it believes: it begins one anew.
  void forget_session();
  /// From now on, or from what was asked for at sent_at_.
  void lock(Held& range) const;
  void tell(ShareStep::Kind kind, const Held& range, std::int16_t delivery_count = 0);
  void judge(ErrorCode code);

  const ShareMemberOptions options_;
  std::string member_id_;
  std::int32_t incarnation_ = 0;
  std::int32_t epoch_ = 0;
  std::set<std::int32_t> assigned_;
  /// 0: opens one.
  std::int32_t session_epoch_ = 0;
  std::vector<Held> held_;
  std::uint64_t asked_at_ = 0;
  Life life_ = 0;
  MonoTime sent_at_;
  MonoTime heartbeat_at_;
  MonoTime alive_at_;
  MonoTime away_until_;
  ErrorCode last_error_ = ErrorCode::kNone;
};

}  // namespace moldau::sim
