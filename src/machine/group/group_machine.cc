// SPDX-License-Identifier: Apache-2.0
#include "machine/group/group_machine.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "machine/group/group_machine_state.h"

namespace moldau::group {
namespace {

/// Groups that one tick wakes at most.
constexpr std::size_t kGroupsPerTick = 1'000;
/// A woken group writes at most its empty record: so much must be left in the batch.
constexpr std::size_t kWakeRoom = 128 * 1024;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string trimmed(std::string_view text) {
  const auto is_space = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

wire::DescribeGroupsResponse::DescribedGroup describe_classic(const ClassicGroup& group) {
  wire::DescribeGroupsResponse::DescribedGroup out;
  out.group_id = group.id();
  out.group_state = wire::Text::copy_of(group.state_name());
  out.protocol_type = wire::Text::copy_of(group.protocol_type());
  const bool is_stable = group.state() == ClassicState::kStable && group.protocol();
  if (is_stable) out.protocol_data = *group.protocol();
  out.members.reserve(group.members().size());
  for (const auto& [id, member] : group.members()) {
    auto& to = out.members.emplace_back();
    to.member_id = id;
    to.group_instance_id =
        member.group_instance_id ? wire::Text(*member.group_instance_id) : wire::Text::null();
    to.client_id = member.client_id;
    to.client_host = member.client_host;
    to.member_assignment = wire::Bytes::copy_of(member.assignment);
    if (!is_stable) continue;
    if (const auto metadata = member.metadata(*group.protocol())) {
      to.member_metadata = wire::Bytes::copy_of(*metadata);
    }
  }
  return out;
}

}  // namespace

void GroupMachine::State::loaded(Step& step, Group& group) {
  switch (group.type()) {
    case GroupType::kClassic:
      return classic.loaded(step, static_cast<ClassicGroup&>(group));
    case GroupType::kConsumer:
      return consumer.loaded(step, static_cast<ConsumerGroup&>(group));
    case GroupType::kShare:
      return share.loaded(step, static_cast<ShareGroup&>(group));
    case GroupType::kStreams:
      return streams.loaded(step, static_cast<StreamsGroup&>(group));
  }
}

ConsumerGroup* GroupMachine::State::consumer_group(std::string_view id) {
  Group* group = groups.find(id);
  if (group == nullptr || group->type() != GroupType::kConsumer || group->is_empty()) {
    return nullptr;
  }
  return static_cast<ConsumerGroup*>(group);
}

void GroupMachine::State::tick(Step& step, Group& group) {
  switch (group.type()) {
    case GroupType::kClassic:
      return classic.tick(step, static_cast<ClassicGroup&>(group));
    case GroupType::kConsumer:
      return consumer.tick(step, static_cast<ConsumerGroup&>(group));
    case GroupType::kShare:
      return share.tick(step, static_cast<ShareGroup&>(group));
    case GroupType::kStreams:
      return streams.tick(step, static_cast<StreamsGroup&>(group));
  }
}

GroupMachine::GroupMachine(const GroupSettings& settings)
    : state_(std::make_unique<State>(settings)) {}
GroupMachine::~GroupMachine() = default;
GroupMachine::GroupMachine(GroupMachine&&) noexcept = default;
GroupMachine& GroupMachine::operator=(GroupMachine&&) noexcept = default;

void GroupMachine::replay(ByteView key, std::optional<ByteView> value) {
  state_->replayer.replay(key, value, std::nullopt);
}

void GroupMachine::replay_transactional(ProducerId producer_id, ProducerEpoch producer_epoch,
                                        ByteView key, std::optional<ByteView> value) {
  // A producer has one transaction at a time, whatever its epoch.
  (void)producer_epoch;
  state_->replayer.replay(key, value, producer_id);
}

void GroupMachine::end_transaction(ProducerId producer_id, bool commit) {
  state_->offsets.end_transaction(producer_id, commit);
}

GroupEffects GroupMachine::loaded(const GroupContext& context) {
  MOLDAU_CHECK(!state_->is_loaded, "a machine is loaded once");
  state_->is_loaded = true;
  // What the log tells has happened before.
  state_->counts.consumer_rebalances = 0;
  state_->counts.share_rebalances = 0;
  state_->counts.streams_rebalances = 0;
  return state_->step(context, [&](Step& step) {
    // A group may become another one.
    std::vector<std::string> ids;
    for (const auto& [id, group] : state_->groups.groups()) ids.emplace_back(id);
    for (const std::string& id : ids) {
      if (Group* group = state_->groups.find(id)) state_->loaded(step, *group);
    }
    state_->consumer.topics_created(context.image.provenance().offset);
    state_->offset_protocol.begin_checks(context.now);
  });
}

GroupEffects GroupMachine::tick(const GroupContext& context) {
  return state_->step(context, [&](Step& step) {
    if (!state_->is_loaded) return;
    for (std::size_t i = 0; i < kGroupsPerTick; ++i) {
      if (i > 0 && !step.has_room(kWakeRoom)) return;
      Group* group = state_->groups.take_due(context.now);
      if (group == nullptr) return state_->offset_protocol.sweep(step);
      const std::string id = group->id();
      state_->tick(step, *group);
      if (Group* left = state_->groups.find(id)) state_->groups.schedule(*left);
    }
  });
}

std::optional<MonoTime> GroupMachine::next_deadline() const {
  if (!state_->is_loaded) return std::nullopt;
  const auto wake = state_->groups.next_wake();
  const auto sweep = state_->offset_protocol.next_sweep();
  if (!wake || !sweep) return wake ? wake : sweep;
  return std::min(*wake, *sweep);
}

GroupEffects GroupMachine::join(const GroupContext& context, const GroupCaller& caller,
                                const wire::JoinGroupRequest& request) {
  return state_->step(context, [&](Step& step) {
    if (ConsumerGroup* group = state_->consumer_group(request.group_id.view())) {
      return state_->consumer.join_classic(step, caller, request, *group);
    }
    state_->classic.join(step, caller, request);
  });
}

GroupEffects GroupMachine::sync(const GroupContext& context, const GroupCaller& caller,
                                const wire::SyncGroupRequest& request) {
  return state_->step(context, [&](Step& step) {
    if (ConsumerGroup* group = state_->consumer_group(request.group_id.view())) {
      return state_->consumer.sync_classic(step, caller, request, *group);
    }
    state_->classic.sync(step, caller, request);
  });
}

GroupEffects GroupMachine::heartbeat(const GroupContext& context, const GroupCaller& caller,
                                     const wire::HeartbeatRequest& request) {
  return state_->step(context, [&](Step& step) {
    if (ConsumerGroup* group = state_->consumer_group(request.group_id.view())) {
      return state_->consumer.heartbeat_classic(step, caller, request, *group);
    }
    state_->classic.heartbeat(step, caller, request);
  });
}

GroupEffects GroupMachine::leave(const GroupContext& context, const GroupCaller& caller,
                                 const wire::LeaveGroupRequest& request) {
  return state_->step(context, [&](Step& step) {
    if (ConsumerGroup* group = state_->consumer_group(request.group_id.view())) {
      return state_->consumer.leave_classic(step, caller, request, *group);
    }
    state_->classic.leave(step, caller, request);
  });
}

GroupEffects GroupMachine::commit_offsets(const GroupContext& context, const GroupCaller& caller,
                                          const wire::OffsetCommitRequest& request) {
  return state_->step(context,
                      [&](Step& step) { state_->offset_protocol.commit(step, caller, request); });
}

GroupEffects GroupMachine::commit_transactional_offsets(
    const GroupContext& context, const GroupCaller& caller,
    const wire::TxnOffsetCommitRequest& request) {
  return state_->step(context, [&](Step& step) {
    state_->offset_protocol.commit_transactional(step, caller, request);
  });
}

GroupEffects GroupMachine::delete_offsets(const GroupContext& context, const GroupCaller& caller,
                                          const wire::OffsetDeleteRequest& request) {
  return state_->step(
      context, [&](Step& step) { state_->offset_protocol.delete_offsets(step, caller, request); });
}

GroupEffects GroupMachine::delete_group(const GroupContext& context, const GroupCaller& caller,
                                        std::string_view group_id) {
  return state_->step(
      context, [&](Step& step) { state_->offset_protocol.delete_group(step, caller, group_id); });
}

GroupEffects GroupMachine::topics_deleted(const GroupContext& context,
                                          std::span<const DeletedTopic> topics) {
  return state_->step(context, [&](Step& step) {
    for (const DeletedTopic& topic : topics) {
      state_->refresh_topic(topic.name);
      state_->share.topic_deleted(step, topic.id);
    }
    state_->offset_protocol.topics_deleted(topics);
    state_->offset_protocol.sweep(step);
  });
}

void GroupMachine::topics_changed(std::span<const std::string> names, std::optional<Offset> image) {
  if (image) state_->consumer.topics_created(*image);
  for (const std::string& name : names) state_->refresh_topic(name);
}

void GroupMachine::reconfigure(const GroupSettings& settings) {
  state_->settings = settings;
}

void GroupMachine::State::refresh_topic(std::string_view topic) {
  topic_hashes.forget(topic);
  for (const std::string& id : subscribers.of(topic)) {
    if (Group* group = groups.find(id)) group->request_metadata_refresh();
  }
}

wire::OffsetFetchResponse::OffsetFetchResponseGroup GroupMachine::fetch_offsets(
    const wire::OffsetFetchRequest::OffsetFetchRequestGroup& request, bool require_stable,
    const image::MetadataImage& image) const {
  return state_->offset_protocol.fetch(request, require_stable, image);
}

wire::DescribeGroupsResponse::DescribedGroup GroupMachine::describe(std::string_view group_id,
                                                                    std::int16_t version) const {
  const GroupTable& groups = state_->groups;
  const Group* group = groups.find(group_id);
  if (group != nullptr && group->type() == GroupType::kClassic) {
    return describe_classic(static_cast<const ClassicGroup&>(*group));
  }
  wire::DescribeGroupsResponse::DescribedGroup out;
  out.group_id = wire::Text::copy_of(group_id);
  out.group_state = "Dead";
  if (version >= 6) {
    out.error_code = static_cast<std::int16_t>(ErrorCode::kGroupIdNotFound);
    const char* why = group == nullptr ? " not found." : " is not a classic group.";
    out.error_message = "Group " + std::string(group_id) + why;
  }
  return out;
}

std::vector<wire::ListGroupsResponse::ListedGroup> GroupMachine::list(
    const wire::ListGroupsRequest& request) const {
  std::vector<std::string> states;
  for (const auto& state : request.states_filter) states.push_back(trimmed(lower(state.view())));
  std::vector<std::string> types;
  for (const auto& type : request.types_filter) types.push_back(lower(type.view()));
  const auto passes = [](const std::vector<std::string>& filter, std::string_view value) {
    return filter.empty() || std::find(filter.begin(), filter.end(), lower(value)) != filter.end();
  };
  std::vector<wire::ListGroupsResponse::ListedGroup> out;
  for (const auto& [id, group] : state_->groups.groups()) {
    const std::string_view type = group_type_name(group->type());
    const std::string_view state = group->state_name();
    // The only name of two words, which Apache's filter writes so.
    if (!passes(states, state == "NotReady" ? "not_ready" : state) || !passes(types, type)) {
      continue;
    }
    auto& to = out.emplace_back();
    to.group_id = wire::Text::copy_of(id);
    to.protocol_type = wire::Text::copy_of(group->protocol_type());
    to.group_state = wire::Text::copy_of(group->state_name());
    to.group_type = wire::Text::copy_of(type);
  }
  return out;
}

GroupCounts GroupMachine::counts() const {
  GroupCounts out = state_->counts;
  out.groups = static_cast<std::int64_t>(state_->groups.groups().size());
  out.offsets = state_->offsets.count();
  out.open_transactions = static_cast<std::int64_t>(state_->offsets.open_transactions());
  for (const auto& [id, group] : state_->groups.groups()) {
    ++out.by_state[{group_type_name(group->type()), group->state_name()}];
    if (group->type() != GroupType::kClassic) continue;
    ++out.classic_groups;
    switch (static_cast<const ClassicGroup&>(*group).state()) {
      case ClassicState::kEmpty:
        ++out.empty;
        break;
      case ClassicState::kPreparingRebalance:
        ++out.preparing_rebalance;
        break;
      case ClassicState::kCompletingRebalance:
        ++out.completing_rebalance;
        break;
      case ClassicState::kStable:
        ++out.stable;
        break;
    }
  }
  return out;
}

}  // namespace moldau::group
