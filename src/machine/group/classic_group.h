// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "machine/group/classic_member.h"
#include "machine/group/group.h"
#include "wire/group_metadata_value.h"

namespace moldau::group {

enum class ClassicState : std::uint8_t {
  kEmpty,
  kPreparingRebalance,
  kCompletingRebalance,
  kStable,
};

/// Soft state of a rebalance; ClassicProtocol's own.
struct ClassicRebalance {
  /// Told their id (KIP-394), and when that is forgotten.
  std::map<std::string, MonoTime, std::less<>> pending_joins;
  /// In this generation, not synced yet.
  std::set<std::string, std::less<>> pending_syncs;
  /// The end of waiting for joins, and for syncs.
  std::optional<MonoTime> join_deadline;
  std::optional<MonoTime> sync_deadline;
  /// The wait of a group that was empty: extended while members arrive, `initial_left` at most.
  bool is_initial_delay = false;
  Millis initial_delay{0};
  Millis initial_left{0};
  bool new_member_added = false;

  bool is_idle() const {
    return pending_joins.empty() && pending_syncs.empty() && !join_deadline && !sync_deadline;
  }
};

/// A group of the classic protocol: its members, its generation, and a rebalance on its way.
///
/// Hard state is what the last GroupMetadata record says. Between two of them a rebalance changes
/// members in memory only; a successor begins again with the last record.
/// Path     ClassicProtocol decides on it; Replayer → replay.
/// Owner    the GroupTable.
/// Thread   a value of the partition's shard.
/// Source   ClassicGroup.
class ClassicGroup final : public Group {
 public:
  using Members = std::map<std::string, ClassicMember, std::less<>>;

  using Group::Group;

  /// Whether the record makes sense: ids that are unique, a protocol if there are members.
  static bool is_sound(const wire::GroupMetadataValue& value);
  /// Brings hard state to what the record says; members that stay keep their soft state.
  void replay(const wire::GroupMetadataValue& value);

  GroupType type() const override { return GroupType::kClassic; }
  std::string_view state_name() const override;
  std::string_view protocol_type() const override { return protocol_type_; }
  bool is_empty() const override { return state_ == ClassicState::kEmpty; }
  ErrorCode check_offset_commit(const Committer& committer) const override;
  ErrorCode check_offset_delete() const override;
  ErrorCode check_delete() const override;
  bool is_subscribed_to(std::string_view topic) const override;
  std::optional<Timestamp> expires_from(Timestamp commit) const override;
  void append_tombstones(std::vector<record::KeyedRecord>& records) const override;
  std::optional<MonoTime> next_deadline() const override;

  ClassicState state() const { return state_; }
  ClassicState previous_state() const { return previous_state_; }
  std::int32_t generation() const { return generation_; }
  const std::optional<std::string>& protocol() const { return membership().protocol; }
  const std::optional<std::string>& leader() const { return membership().leader; }
  bool is_leader(std::string_view member_id) const { return leader() && *leader() == member_id; }
  Timestamp state_timestamp() const { return state_timestamp_; }
  bool uses_consumer_protocol() const;
  /// Offsets without members: nobody has ever joined.
  bool is_simple() const {
    return protocol_type_.empty() && is_empty() && rebalance().pending_joins.empty();
  }

  bool has_members() const { return !members().empty(); }
  const Members& members() const { return membership().members; }
  Members& members() { return own_membership().members; }
  ClassicMember* member(std::string_view id);
  const ClassicMember* member(std::string_view id) const;
  const std::string* static_member_id(std::string_view instance_id) const;
  /// UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, or kNone.
  ErrorCode check_member(std::string_view member_id,
                         std::optional<std::string_view> instance_id) const;

  /// Those whose join waits for the rebalance.
  std::size_t awaiting_joins() const { return membership().awaiting_joins; }
  bool have_all_joined() const {
    return members().size() == awaiting_joins() && rebalance().pending_joins.empty();
  }
  Millis rebalance_timeout() const;
  bool can_rebalance() const { return state_ != ClassicState::kPreparingRebalance; }
  bool supports(std::string_view protocol_type, const MemberProtocols& protocols) const;
  /// By the votes of all members for what all of them can do. Needs a member.
  std::string select_protocol() const;

  ClassicMember& add(ClassicMember member, std::string_view protocol_type);
  /// Who waits must have been answered. A leader is succeeded by the first member.
  void remove(std::string_view member_id);
  /// KIP-345: the same member under a new id.
  ClassicMember& replace_static(std::string_view old_id, std::string new_id);
  void set_protocols(ClassicMember& member, MemberProtocols protocols);
  void set_awaiting_join(ClassicMember& member, std::optional<AnswerId> answer);
  /// The leader stays if it has joined again, else someone who has; false if nobody has.
  bool elect_joined_leader();

  void transition(ClassicState state, Timestamp wall);
  /// Stable in that generation, whose members have been added.
  void become_stable(std::int32_t generation, Timestamp wall);
  /// All members can do one of the protocols.
  bool have_common_protocol() const;
  /// CompletingRebalance of the next generation; there are members.
  void begin_generation(Timestamp wall);

  /// To look at.
  const ClassicRebalance& rebalance() const { return membership().rebalance; }
  /// To change.
  ClassicRebalance& change_rebalance() { return own_membership().rebalance; }

 private:
  void count_protocols(const ClassicMember& member, int by);
  void replay_member(const wire::GroupMetadataValue::MemberMetadata& from);
  void find_subscribed_topics();

  /// What only a group that somebody joins has: of many groups most are no more than offsets.
  struct Membership {
    std::optional<std::string> protocol;
    std::optional<std::string> leader;
    Members members;
    /// Group instance id to member id.
    std::map<std::string, std::string, std::less<>> static_members;
    /// How many members can do a protocol.
    std::map<std::string, std::size_t, std::less<>> supported;
    std::size_t awaiting_joins = 0;
    /// Sorted.
    std::vector<std::string> subscribed_topics;
    ClassicRebalance rebalance;
  };
  /// An empty one if there is none.
  const Membership& membership() const;
  Membership& own_membership();
  void drop_idle_membership();

  ClassicState state_ = ClassicState::kEmpty;
  ClassicState previous_state_ = ClassicState::kEmpty;
  /// The members' metadata can be read.
  bool knows_subscribed_topics_ = false;
  std::int32_t generation_ = 0;
  /// -1: an old record that does not say.
  Timestamp state_timestamp_{-1};
  /// Empty if nobody has ever joined.
  std::string protocol_type_;
  std::unique_ptr<Membership> membership_;
};

/// Of a request or a record; a name that comes twice counts once.
MemberProtocols single_protocol(std::string_view name, ByteView metadata);

}  // namespace moldau::group
