// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/calling_client.h"

namespace moldau::sim {

struct EpochMemberOptions {
  std::string name;
  std::string group;
  /// Of a static member.
  std::string instance;
  /// The broker's, for groups of this kind.
  std::int32_t session_timeout_ms = 1'500;
  std::int32_t rebalance_timeout_ms = 3'000;
};

/// A member of a group with epochs: takes what it is given, gives back what it is asked for, reads,
/// commits with its epoch, and now and then stands still beyond its session, leaves, or dies and
/// begins anew. How it says so is its kind's.
///
/// Thread   one thread.
/// Bounds   one request at a time.
class EpochMember : public CallingClient {
 public:
  /// It is in the group for certain.
  bool idle() const override {
    return epoch_ > 0 && !must_answer_ && shard_.now() >= away_until_ &&
           shard_.now() < alive_at_ + Millis(options_.session_timeout_ms);
  }
  std::string waits_for() const override;

 protected:
  /// By topic name.
  using Partition = std::pair<std::string, std::int32_t>;
  using Partitions = std::set<Partition>;

  EpochMember(Model& model, env::fake::FakeShard& shard, EpochMemberOptions options);

  void work() override;
  void lost() override;
  virtual bool has_topics() const = 0;
  /// Of what it has told the coordinator.
  virtual void change_its_mind() {}
  virtual void heartbeat() = 0;
  /// Asks to leave with `epoch`, and calls has_left().
  virtual void leave(std::int32_t epoch) = 0;
  virtual void judge(ErrorCode code);
  virtual bool reads(const Partition& partition) const = 0;
  /// To which it subscribes all the time.
  virtual const std::string& topic() const = 0;

  void begin_anew(bool with_a_new_id);
  /// A heartbeat with all fields is due at once.
  void say_all();
  /// What it owns has to go into the next heartbeat.
  bool must_name_all() const { return !told_ || *told_ != owned_; }
  bool must_say_all() const { return epoch_ <= 0 || !told_; }
  /// A heartbeat leaves; one that does not say what it owns gives nothing back.
  void heartbeat_leaves(bool names_all);
  /// Its answer: the epoch, and what it owns from now on, if that was said.
  void heartbeat_answered(MonoTime sent, bool names_all, ErrorCode code, std::int32_t epoch,
                          std::optional<Partitions> now);
  void has_left(ErrorCode code, std::int32_t epoch);

  const Partitions& owned() const { return owned_; }
  const std::string& member_id() const { return member_id_; }
  std::int32_t epoch() const { return epoch_; }
  wire::Text instance() const {
    return options_.instance.empty() ? wire::Text::null() : wire::Text(options_.instance);
  }

  const EpochMemberOptions options_;

 private:
  void reconcile(std::optional<Partitions> now, std::int32_t before);
  void fetch_position(const Partition& partition);
  void fetch(const Partition& partition);
  void commit(const Partition& partition);
  /// What it had, in the epoch in which it had it.
  void commit_late();
  void send_commit(OffsetCommitted told, std::int32_t epoch);
  /// Tells the checks what it has from now on.
  void tell(const Partitions& gained);
  std::string own_name() const {
    return options_.instance.empty() ? member_id_ : options_.instance;
  }
  /// A heartbeat may still arrive that does not name it: for the coordinator, it is given back
  /// then.
  bool is_loose(const Partition& partition) const;

  std::string member_id_;
  std::int32_t incarnation_ = 0;
  /// 0: joins.
  std::int32_t epoch_ = 0;
  Partitions owned_;
  /// With what it was asked for and has not given back yet; only what is not loose, and was
  /// given in time.
  Partitions sure_;
  /// Member ids that the coordinator does not know any more.
  std::set<std::string> gone_;
  /// What the coordinator was told last that it owns; nothing: all fields go into the next.
  std::optional<Partitions> told_;
  /// What it owns has changed: it says so at once.
  bool must_answer_ = false;
  std::map<Partition, std::int64_t> positions_;
  std::map<Partition, std::int64_t> committed_;
  /// What it gave back: its position, and the last epoch in which it had it.
  std::map<Partition, std::pair<std::int64_t, std::int32_t>> former_;
  MonoTime heartbeat_at_;
  MonoTime away_until_;
  /// The session may end so long behind this moment.
  MonoTime alive_at_;
  /// The first heartbeat whose answer may have asked for partitions, and was not seen.
  std::optional<MonoTime> unsettled_since_;
  /// Heartbeats without an answer: when they were sent, and what they named.
  std::vector<std::pair<MonoTime, Partitions>> unanswered_;
  Life life_ = 0;
  ErrorCode last_error_ = ErrorCode::kNone;
};

}  // namespace moldau::sim
