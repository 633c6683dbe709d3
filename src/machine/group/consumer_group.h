// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "machine/group/consumer_member.h"
#include "machine/group/modern_group.h"

namespace moldau::group {

enum class ConsumerGroupState : std::uint8_t { kEmpty, kAssigning, kReconciling, kStable };

/// Topics that a regular expression matched, and in which image.
struct ResolvedRegex {
  /// Rising, each once.
  std::vector<std::string> topics;
  /// Offset of the metadata image.
  std::int64_t version = 0;
  Timestamp timestamp{0};
  bool operator==(const ResolvedRegex&) const = default;
};

/// A group of the consumer protocol (KIP-848); members may still use the classic one.
///
/// Path     ConsumerProtocol decides on it; consumer_replay.cc writes it.
/// Owner    the GroupTable.
/// Thread   a value of the partition's shard.
/// Source   ConsumerGroup.
class ConsumerGroup final : public ModernGroup {
 public:
  using Members = std::map<std::string, ConsumerMember, std::less<>>;
  using Regexes = std::map<std::string, ResolvedRegex, std::less<>>;
  using Counts = std::map<std::string, std::size_t, std::less<>>;

  using ModernGroup::ModernGroup;

  GroupType type() const override { return GroupType::kConsumer; }
  std::string_view state_name() const override;
  std::string_view protocol_type() const override { return "consumer"; }
  bool is_empty() const override { return members_.empty(); }
  std::size_t member_count() const override { return members_.size(); }
  ErrorCode check_offset_commit(const Committer& committer) const override;
  ErrorCode check_partition_commit(const Committer& committer, std::string_view name,
                                   const TopicId& topic, PartitionId partition) const override;
  ErrorCode check_offset_fetch(std::optional<std::string_view> member_id,
                               std::int32_t member_epoch) const override;
  ErrorCode check_offset_delete() const override { return ErrorCode::kNone; }
  ErrorCode check_delete() const override;
  std::optional<Timestamp> expires_from(Timestamp commit) const override { return commit; }
  void append_tombstones(std::vector<record::KeyedRecord>& records) const override {
    append_tombstones(records, "", "");
  }
  /// The same once a static member has another id.
  void append_tombstones(std::vector<record::KeyedRecord>& records, std::string_view replaced,
                         std::string_view replacing) const;
  std::optional<MonoTime> next_deadline() const override;

  ConsumerGroupState state() const;
  const Members& members() const { return members_; }
  const ConsumerMember* member(std::string_view id) const;
  /// Null if there is none.
  const ConsumerMember* static_member(std::string_view instance_id) const;
  /// -1 if nobody has the partition.
  std::int32_t partition_epoch(const TopicId& topic, PartitionId partition) const;
  /// What most members ask for, once `before` is replaced by `after` (either may be null);
  /// nothing if nobody asks.
  std::optional<std::string> preferred_assignor(const ConsumerMember* before,
                                                const ConsumerMember* after) const;
  const Regexes& regexes() const { return regexes_; }
  /// Members that subscribe by the expression.
  std::size_t regex_subscribers(std::string_view regex) const;
  /// By expression.
  const Counts& subscribed_regexes() const { return subscribed_regexes_; }
  std::size_t classic_member_count() const { return classic_members_; }
  bool supports_classic(std::string_view protocol_type, const MemberProtocols& protocols) const;

  // Hard state, as the records say.
  void replay_member(ConsumerMember member);
  void remove_member(std::string_view id);
  void replay_regex(std::string_view regex, ResolvedRegex resolved);
  void remove_regex(std::string_view regex);

  /// Soft state of a member.
  struct Timers {
    std::optional<MonoTime> session;
    /// Of a revocation, and the epoch in which it was asked for.
    std::optional<MonoTime> rebalance;
    std::int32_t rebalance_epoch = 0;
    /// Classic members: until they join again, until they sync.
    std::optional<MonoTime> join;
    std::optional<MonoTime> sync;
    bool is_idle() const { return !session && !rebalance && !join && !sync; }
  };
  std::map<std::string, Timers, std::less<>> timers;
  /// Regular expressions are being matched; no more than one time at once.
  bool is_resolving = false;

 private:
  void count(const ConsumerMember& member, bool add);

  Members members_;
  /// Group instance id to member id.
  std::map<std::string, std::string, std::less<>> static_members_;
  Counts assignors_;
  Counts subscribed_regexes_;
  Regexes regexes_;
  std::size_t classic_members_ = 0;
  /// How many classic members can do a protocol.
  Counts classic_protocols_;
  /// Whoever has a partition, has it in this epoch.
  std::map<TopicId, std::map<PartitionId, std::int32_t>> partition_epochs_;
};

}  // namespace moldau::group
