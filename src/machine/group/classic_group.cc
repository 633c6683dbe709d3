// SPDX-License-Identifier: Apache-2.0
#include "machine/group/classic_group.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "machine/group/group_records.h"
#include "wire/consumer_protocol_subscription.h"
#include "wire/reader.h"

namespace moldau::group {
namespace {

constexpr std::string_view kConsumerProtocolType = "consumer";

void earliest(std::optional<MonoTime>& found, std::optional<MonoTime> other) {
  if (other && (!found || *other < *found)) found = other;
}

/// The order in which Java's HashMap would show few keys; breaks ties of votes as Apache does.
std::uint32_t java_bucket(std::string_view key) {
  const auto hash = static_cast<std::uint32_t>(java_string_hash(key));
  return (hash ^ (hash >> 16)) & 15;
}

/// Topics that a consumer's metadata subscribes to; false if it cannot be read. Version 0 is a
/// prefix of all versions.
bool read_subscription(ByteView metadata, std::vector<std::string>& topics) {
  wire::Reader reader(metadata);
  if (reader.int16("version") < 0) return false;
  wire::ConsumerProtocolSubscription subscription;
  if (!subscription.decode(reader, 0).ok() || !reader.ok()) return false;
  for (const wire::Text& topic : subscription.topics) topics.push_back(topic.str());
  return true;
}

}  // namespace

MemberProtocols single_protocol(std::string_view name, ByteView metadata) {
  MemberProtocols out;
  out.push_back({std::string(name), {metadata.begin(), metadata.end()}});
  return out;
}

std::string_view ClassicGroup::state_name() const {
  switch (state_) {
    case ClassicState::kEmpty:
      return "Empty";
    case ClassicState::kPreparingRebalance:
      return "PreparingRebalance";
    case ClassicState::kCompletingRebalance:
      return "CompletingRebalance";
    case ClassicState::kStable:
      return "Stable";
  }
  return "Unknown";
}

bool ClassicGroup::uses_consumer_protocol() const {
  return protocol_type() == kConsumerProtocolType;
}

// ---- records ----

bool ClassicGroup::is_sound(const wire::GroupMetadataValue& value) {
  // What was not UTF-8 has grown when it was read.
  if (value.protocol_type.size() > kStringBytesMax || value.protocol.size() > kStringBytesMax) {
    return false;
  }
  if (value.members.empty()) return true;
  if (value.protocol.is_null() || value.protocol_type.is_empty()) return false;
  std::set<std::string_view> ids;
  std::set<std::string_view> instances;
  for (const auto& member : value.members) {
    if (!ids.insert(member.member_id.view()).second) return false;
    const wire::Text& instance = member.group_instance_id;
    for (const wire::Text* text :
         {&member.member_id, &instance, &member.client_id, &member.client_host}) {
      if (text->size() > kStringBytesMax) return false;
    }
    if (!instance.is_null() && !instances.insert(instance.view()).second) return false;
  }
  return true;
}

void ClassicGroup::replay(const wire::GroupMetadataValue& value) {
  std::set<std::string_view> kept;
  for (const auto& member : value.members) kept.insert(member.member_id.view());
  std::vector<std::string> gone;
  for (const auto& [id, member] : membership().members) {
    if (!kept.contains(id)) gone.push_back(id);
  }
  for (const std::string& id : gone) remove(id);

  protocol_type_ = value.protocol_type.str();
  generation_ = value.generation;
  Membership& to = own_membership();
  to.protocol.reset();
  if (!value.protocol.is_null()) to.protocol = value.protocol.str();
  for (const auto& member : value.members) replay_member(member);
  to.leader.reset();
  if (member(value.leader.view()) != nullptr) {
    to.leader = value.leader.str();
  } else if (!to.members.empty()) {
    to.leader = to.members.begin()->first;
  }
  transition(to.members.empty() ? ClassicState::kEmpty : ClassicState::kStable,
             Timestamp(value.current_state_timestamp));
  find_subscribed_topics();
  drop_idle_membership();
}

const ClassicGroup::Membership& ClassicGroup::membership() const {
  static const Membership kNone;
  return membership_ ? *membership_ : kNone;
}

ClassicGroup::Membership& ClassicGroup::own_membership() {
  if (!membership_) membership_ = std::make_unique<Membership>();
  return *membership_;
}

/// Everybody has left.
void ClassicGroup::drop_idle_membership() {
  if (!has_members() && !protocol() && rebalance().is_idle()) membership_.reset();
}

void ClassicGroup::replay_member(const wire::GroupMetadataValue::MemberMetadata& from) {
  ClassicMember* there = member(from.member_id.view());
  std::optional<std::string> instance;
  if (!from.group_instance_id.is_null()) instance = from.group_instance_id.str();
  if (there != nullptr && there->group_instance_id != instance) {
    remove(from.member_id.view());
    there = nullptr;
  }
  if (there == nullptr) {
    // The same instance under another id gives way: ids are unique within the record.
    if (const std::string* other = instance ? static_member_id(*instance) : nullptr) {
      remove(std::string(*other));
    }
    ClassicMember fresh;
    fresh.id = from.member_id.str();
    fresh.group_instance_id = std::move(instance);
    fresh.client_id = from.client_id.str();
    fresh.client_host = from.client_host.str();
    fresh.protocols = single_protocol(*protocol(), from.subscription.view());
    there = &add(std::move(fresh), std::string(protocol_type()));
  }
  const auto metadata = there->metadata(*protocol());
  if (!metadata || as_text(*metadata) != as_text(from.subscription.view())) {
    set_protocols(*there, single_protocol(*protocol(), from.subscription.view()));
  }
  there->session_timeout = Millis(from.session_timeout);
  there->rebalance_timeout =
      Millis(from.rebalance_timeout == -1 ? from.session_timeout : from.rebalance_timeout);
  const ByteView assignment = from.assignment.view();
  there->assignment.assign(assignment.begin(), assignment.end());
}

void ClassicGroup::append_tombstones(std::vector<record::KeyedRecord>& records) const {
  records.push_back(group_metadata_tombstone(id()));
}

void ClassicGroup::find_subscribed_topics() {
  knows_subscribed_topics_ = false;
  if (!uses_consumer_protocol()) return;
  if (has_members() && !protocol()) return;
  std::vector<std::string> topics;
  for (const auto& [id, member] : membership().members) {
    const auto metadata = member.metadata(*protocol());
    if (!metadata || !read_subscription(*metadata, topics)) return;
  }
  std::sort(topics.begin(), topics.end());
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  topics.shrink_to_fit();
  knows_subscribed_topics_ = true;
  if (membership_) membership_->subscribed_topics = std::move(topics);
}

// ---- members ----

ClassicMember* ClassicGroup::member(std::string_view id) {
  if (!membership_) return nullptr;
  const auto at = members().find(id);
  return at == members().end() ? nullptr : &at->second;
}

const ClassicMember* ClassicGroup::member(std::string_view id) const {
  const auto at = members().find(id);
  return at == members().end() ? nullptr : &at->second;
}

const std::string* ClassicGroup::static_member_id(std::string_view instance_id) const {
  const auto& known = membership().static_members;
  const auto at = known.find(instance_id);
  return at == known.end() ? nullptr : &at->second;
}

ErrorCode ClassicGroup::check_member(std::string_view member_id,
                                     std::optional<std::string_view> instance_id) const {
  if (instance_id) {
    const std::string* known = static_member_id(*instance_id);
    if (known == nullptr) return ErrorCode::kUnknownMemberId;
    if (*known != member_id) return ErrorCode::kFencedInstanceId;
  }
  return member(member_id) == nullptr ? ErrorCode::kUnknownMemberId : ErrorCode::kNone;
}

Millis ClassicGroup::rebalance_timeout() const {
  Millis longest(0);
  for (const auto& [id, member] : members()) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

void ClassicGroup::count_protocols(const ClassicMember& member, int by) {
  for (const MemberProtocol& protocol : member.protocols) {
    auto& supported = own_membership().supported;
    const auto at = supported.try_emplace(protocol.name, 0).first;
    at->second += static_cast<std::size_t>(by);
    if (at->second == 0) supported.erase(at);
  }
}

bool ClassicGroup::supports(std::string_view type, const MemberProtocols& protocols) const {
  if (is_empty()) return !type.empty() && !protocols.empty();
  if (protocol_type_.empty() || protocol_type_ != type) return false;
  return std::any_of(protocols.begin(), protocols.end(), [this](const MemberProtocol& protocol) {
    const auto& supported = membership().supported;
    const auto at = supported.find(protocol.name);
    return (at == supported.end() ? 0 : at->second) == members().size();
  });
}

std::string ClassicGroup::select_protocol() const {
  MOLDAU_CHECK(has_members(), "an empty group selects no protocol");
  std::map<std::string_view, std::size_t> votes;
  for (const auto& [id, member] : members()) {
    for (const MemberProtocol& protocol : member.protocols) {
      if (membership().supported.find(protocol.name)->second != members().size()) continue;
      ++votes[protocol.name];
      break;
    }
  }
  MOLDAU_CHECK(!votes.empty(), "members without a common protocol in " + id());
  const auto best = std::min_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) {
    if (a.second != b.second) return a.second > b.second;
    return java_bucket(a.first) < java_bucket(b.first);
  });
  return std::string(best->first);
}

ClassicMember& ClassicGroup::add(ClassicMember member, std::string_view protocol_type) {
  Membership& to = own_membership();
  if (to.members.empty()) protocol_type_ = protocol_type;
  if (member.group_instance_id) to.static_members[*member.group_instance_id] = member.id;
  if (!to.leader) to.leader = member.id;
  to.rebalance.pending_joins.erase(member.id);
  std::string id = member.id;
  const auto [at, fresh] = to.members.emplace(std::move(id), std::move(member));
  MOLDAU_CHECK(fresh, "a member joins twice: " + at->first);
  count_protocols(at->second, 1);
  return at->second;
}

void ClassicGroup::remove(std::string_view member_id) {
  if (!membership_) return;
  Membership& from = *membership_;
  const std::string id(member_id);
  if (const auto at = from.members.find(id); at != from.members.end()) {
    count_protocols(at->second, -1);
    if (at->second.awaiting_join) --from.awaiting_joins;
    if (at->second.group_instance_id) from.static_members.erase(*at->second.group_instance_id);
    from.members.erase(at);
  }
  if (is_leader(id)) {
    from.leader.reset();
    if (!from.members.empty()) from.leader = from.members.begin()->first;
  }
  from.rebalance.pending_joins.erase(id);
  from.rebalance.pending_syncs.erase(id);
}

ClassicMember& ClassicGroup::replace_static(std::string_view old_id, std::string new_id) {
  Membership& in = own_membership();
  auto node = in.members.extract(in.members.find(old_id));
  MOLDAU_CHECK(!node.empty() && node.mapped().is_static(), "replaces a static member");
  set_awaiting_join(node.mapped(), std::nullopt);
  node.mapped().awaiting_sync.reset();
  node.mapped().is_new = false;
  if (is_leader(old_id)) in.leader = new_id;
  if (const auto at = in.rebalance.pending_syncs.find(old_id);
      at != in.rebalance.pending_syncs.end()) {
    in.rebalance.pending_syncs.erase(at);
    in.rebalance.pending_syncs.insert(new_id);
  }
  in.static_members[*node.mapped().group_instance_id] = new_id;
  node.mapped().id = new_id;
  node.key() = std::move(new_id);
  return in.members.insert(std::move(node)).position->second;
}

void ClassicGroup::set_protocols(ClassicMember& member, MemberProtocols protocols) {
  count_protocols(member, -1);
  member.protocols = std::move(protocols);
  count_protocols(member, 1);
}

void ClassicGroup::set_awaiting_join(ClassicMember& member, std::optional<AnswerId> answer) {
  std::size_t& awaiting = own_membership().awaiting_joins;
  if (member.awaiting_join) --awaiting;
  member.awaiting_join = answer;
  if (member.awaiting_join) ++awaiting;
}

bool ClassicGroup::elect_joined_leader() {
  if (!leader()) return false;
  const ClassicMember* current = member(*leader());
  if (current != nullptr && current->awaiting_join) return true;
  for (const auto& [id, member] : members()) {
    if (!member.awaiting_join) continue;
    own_membership().leader = id;
    return true;
  }
  return false;
}

// ---- states ----

void ClassicGroup::transition(ClassicState state, Timestamp wall) {
  previous_state_ = state_;
  state_ = state;
  state_timestamp_ = wall;
}

void ClassicGroup::begin_generation(Timestamp wall) {
  // Wraps as in Java: the number may come from a hostile log.
  generation_ = static_cast<std::int32_t>(static_cast<std::uint32_t>(generation_) + 1);
  own_membership().protocol = select_protocol();
  find_subscribed_topics();
  transition(ClassicState::kCompletingRebalance, wall);
  change_rebalance().pending_syncs.clear();
}

void ClassicGroup::become_stable(std::int32_t generation, Timestamp wall) {
  generation_ = generation;
  own_membership().protocol = select_protocol();
  find_subscribed_topics();
  transition(ClassicState::kStable, wall);
}

bool ClassicGroup::have_common_protocol() const {
  const auto& supported = membership().supported;
  return std::any_of(supported.begin(), supported.end(),
                     [this](const auto& one) { return one.second == members().size(); });
}

std::optional<MonoTime> ClassicGroup::next_deadline() const {
  std::optional<MonoTime> found = rebalance().join_deadline;
  earliest(found, rebalance().sync_deadline);
  for (const auto& [id, deadline] : rebalance().pending_joins) earliest(found, deadline);
  for (const auto& [id, member] : members()) earliest(found, member.heartbeat_deadline);
  return found;
}

// ---- offsets ----

ErrorCode ClassicGroup::check_offset_commit(const Committer& committer) const {
  // From an administrator, or a consumer that does not use groups.
  if (committer.generation < 0 && is_empty()) return ErrorCode::kNone;
  if (committer.generation >= 0 || !committer.member_id.empty() || committer.group_instance_id) {
    const ErrorCode error = check_member(committer.member_id, committer.group_instance_id);
    if (error != ErrorCode::kNone) return error;
    if (committer.generation != generation_) return ErrorCode::kIllegalGeneration;
  } else if (!committer.transactional) {
    return ErrorCode::kUnknownMemberId;
  }
  // The member knows the new generation, since it got its join's answer; it may try again.
  if (!committer.transactional && state_ == ClassicState::kCompletingRebalance) {
    return ErrorCode::kRebalanceInProgress;
  }
  return ErrorCode::kNone;
}

ErrorCode ClassicGroup::check_offset_delete() const {
  if (is_empty() || uses_consumer_protocol()) return ErrorCode::kNone;
  return ErrorCode::kNonEmptyGroup;
}

ErrorCode ClassicGroup::check_delete() const {
  return is_empty() ? ErrorCode::kNone : ErrorCode::kNonEmptyGroup;
}

bool ClassicGroup::is_subscribed_to(std::string_view topic) const {
  if (!knows_subscribed_topics_) return uses_consumer_protocol();
  const std::vector<std::string>& topics = membership().subscribed_topics;
  return std::binary_search(topics.begin(), topics.end(), topic);
}

std::optional<Timestamp> ClassicGroup::expires_from(Timestamp commit) const {
  if (protocol_type_.empty()) return commit;
  if (is_empty()) return state_timestamp_ == Timestamp(-1) ? commit : state_timestamp_;
  if (state_ == ClassicState::kStable && knows_subscribed_topics_) return commit;
  return std::nullopt;
}

}  // namespace moldau::group
