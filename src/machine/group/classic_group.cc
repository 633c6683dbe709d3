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
  for (const auto& [id, member] : members_) {
    if (!kept.contains(id)) gone.push_back(id);
  }
  for (const std::string& id : gone) remove(id);

  protocol_type_.reset();
  if (value.protocol_type.size() > 0) protocol_type_ = value.protocol_type.str();
  protocol_.reset();
  if (!value.protocol.is_null()) protocol_ = value.protocol.str();
  generation_ = value.generation;
  for (const auto& member : value.members) replay_member(member);
  leader_.reset();
  if (member(value.leader.view()) != nullptr) {
    leader_ = value.leader.str();
  } else if (!members_.empty()) {
    leader_ = members_.begin()->first;
  }
  transition(members_.empty() ? ClassicState::kEmpty : ClassicState::kStable,
             Timestamp(value.current_state_timestamp));
  find_subscribed_topics();
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
    fresh.protocols = single_protocol(*protocol_, from.subscription.view());
    there = &add(std::move(fresh), std::string(protocol_type()));
  }
  const auto metadata = there->metadata(*protocol_);
  if (!metadata || as_text(*metadata) != as_text(from.subscription.view())) {
    set_protocols(*there, single_protocol(*protocol_, from.subscription.view()));
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
  subscribed_topics_.reset();
  if (!uses_consumer_protocol()) return;
  if (!members_.empty() && !protocol_) return;
  std::vector<std::string> topics;
  for (const auto& [id, member] : members_) {
    const auto metadata = member.metadata(*protocol_);
    if (!metadata || !read_subscription(*metadata, topics)) return;
  }
  std::sort(topics.begin(), topics.end());
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  topics.shrink_to_fit();
  subscribed_topics_ = std::move(topics);
}

// ---- members ----

ClassicMember* ClassicGroup::member(std::string_view id) {
  const auto at = members_.find(id);
  return at == members_.end() ? nullptr : &at->second;
}

const ClassicMember* ClassicGroup::member(std::string_view id) const {
  const auto at = members_.find(id);
  return at == members_.end() ? nullptr : &at->second;
}

const std::string* ClassicGroup::static_member_id(std::string_view instance_id) const {
  const auto at = static_members_.find(instance_id);
  return at == static_members_.end() ? nullptr : &at->second;
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
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

void ClassicGroup::count_protocols(const ClassicMember& member, int by) {
  for (const MemberProtocol& protocol : member.protocols) {
    const auto at = supported_.try_emplace(protocol.name, 0).first;
    at->second += static_cast<std::size_t>(by);
    if (at->second == 0) supported_.erase(at);
  }
}

bool ClassicGroup::supports(std::string_view type, const MemberProtocols& protocols) const {
  if (is_empty()) return !type.empty() && !protocols.empty();
  if (!protocol_type_ || *protocol_type_ != type) return false;
  return std::any_of(protocols.begin(), protocols.end(), [this](const MemberProtocol& protocol) {
    const auto at = supported_.find(protocol.name);
    return (at == supported_.end() ? 0 : at->second) == members_.size();
  });
}

std::string ClassicGroup::select_protocol() const {
  MOLDAU_CHECK(!members_.empty(), "an empty group selects no protocol");
  std::map<std::string_view, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    for (const MemberProtocol& protocol : member.protocols) {
      if (supported_.find(protocol.name)->second != members_.size()) continue;
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
  if (members_.empty()) protocol_type_ = protocol_type;
  if (member.group_instance_id) static_members_[*member.group_instance_id] = member.id;
  if (!leader_) leader_ = member.id;
  pending_joins.erase(member.id);
  std::string id = member.id;
  const auto [at, fresh] = members_.emplace(std::move(id), std::move(member));
  MOLDAU_CHECK(fresh, "a member joins twice: " + at->first);
  count_protocols(at->second, 1);
  return at->second;
}

void ClassicGroup::remove(std::string_view member_id) {
  const std::string id(member_id);
  if (const auto at = members_.find(id); at != members_.end()) {
    count_protocols(at->second, -1);
    if (at->second.awaiting_join) --awaiting_joins_;
    if (at->second.group_instance_id) static_members_.erase(*at->second.group_instance_id);
    members_.erase(at);
  }
  if (is_leader(id)) {
    leader_.reset();
    if (!members_.empty()) leader_ = members_.begin()->first;
  }
  pending_joins.erase(id);
  pending_syncs.erase(id);
}

ClassicMember& ClassicGroup::replace_static(std::string_view old_id, std::string new_id) {
  auto node = members_.extract(members_.find(old_id));
  MOLDAU_CHECK(!node.empty() && node.mapped().is_static(), "replaces a static member");
  set_awaiting_join(node.mapped(), std::nullopt);
  node.mapped().awaiting_sync.reset();
  node.mapped().is_new = false;
  if (is_leader(old_id)) leader_ = new_id;
  if (const auto at = pending_syncs.find(old_id); at != pending_syncs.end()) {
    pending_syncs.erase(at);
    pending_syncs.insert(new_id);
  }
  static_members_[*node.mapped().group_instance_id] = new_id;
  node.mapped().id = new_id;
  node.key() = std::move(new_id);
  return members_.insert(std::move(node)).position->second;
}

void ClassicGroup::set_protocols(ClassicMember& member, MemberProtocols protocols) {
  count_protocols(member, -1);
  member.protocols = std::move(protocols);
  count_protocols(member, 1);
}

void ClassicGroup::set_awaiting_join(ClassicMember& member, std::optional<AnswerId> answer) {
  if (member.awaiting_join) --awaiting_joins_;
  member.awaiting_join = answer;
  if (member.awaiting_join) ++awaiting_joins_;
}

bool ClassicGroup::elect_joined_leader() {
  if (!leader_) return false;
  const ClassicMember* current = member(*leader_);
  if (current != nullptr && current->awaiting_join) return true;
  for (const auto& [id, member] : members_) {
    if (!member.awaiting_join) continue;
    leader_ = id;
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
  protocol_ = select_protocol();
  find_subscribed_topics();
  transition(ClassicState::kCompletingRebalance, wall);
  pending_syncs.clear();
}

void ClassicGroup::become_stable(std::int32_t generation, Timestamp wall) {
  generation_ = generation;
  protocol_ = select_protocol();
  find_subscribed_topics();
  transition(ClassicState::kStable, wall);
}

bool ClassicGroup::have_common_protocol() const {
  return std::any_of(supported_.begin(), supported_.end(),
                     [this](const auto& one) { return one.second == members_.size(); });
}

std::optional<MonoTime> ClassicGroup::next_deadline() const {
  std::optional<MonoTime> found = join_deadline;
  earliest(found, sync_deadline);
  for (const auto& [id, deadline] : pending_joins) earliest(found, deadline);
  for (const auto& [id, member] : members_) earliest(found, member.heartbeat_deadline);
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
  if (!subscribed_topics_) return uses_consumer_protocol();
  return std::binary_search(subscribed_topics_->begin(), subscribed_topics_->end(), topic);
}

std::optional<Timestamp> ClassicGroup::expires_from(Timestamp commit) const {
  if (!protocol_type_) return commit;
  if (is_empty()) return state_timestamp_ == Timestamp(-1) ? commit : state_timestamp_;
  if (state_ == ClassicState::kStable && subscribed_topics_) return commit;
  return std::nullopt;
}

}  // namespace moldau::group
