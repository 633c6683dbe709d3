// SPDX-License-Identifier: Apache-2.0
#include "machine/group/share_group_protocol.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "machine/assignor/simple_assignor.h"
#include "machine/group/consumer_member.h"
#include "machine/group/group_records.h"

namespace moldau::group {
namespace {

constexpr std::size_t kMemberIdMax = 36;
/// Of a group that there is no record of.
constexpr std::int32_t kFirstEpoch = 1;
constexpr std::int64_t kMetadataRefreshMs = 2'147'483'647;

Error bad(std::string why) {
  return {ErrorCode::kInvalidRequest, std::move(why)};
}

/// Given, but only blanks.
bool is_blank(const wire::Text& text) {
  const std::string_view view = text.view();
  return !text.is_null() &&
         std::all_of(view.begin(), view.end(), [](char c) { return c >= 0 && c <= ' '; });
}

Result<void> check(const wire::ShareGroupHeartbeatRequest& request) {
  if (is_blank(request.member_id)) return bad("MemberId can't be empty.");
  if (request.member_id.size() > kMemberIdMax) return bad("MemberId is too long.");
  if (is_blank(request.group_id)) return bad("GroupId can't be empty.");
  if (request.group_id.size() > kStringBytesMax) return bad("GroupId is too long.");
  if (is_blank(request.rack_id)) return bad("RackId can't be empty.");
  if (request.rack_id.size() > kStringBytesMax) return bad("RackId is too long.");
  if (request.member_epoch < kLeaveEpoch) return bad("MemberEpoch is invalid.");
  if (request.member_epoch == kJoinEpoch &&
      (!request.subscribed_topic_names || request.subscribed_topic_names->empty()))
    return bad("SubscribedTopicNames must be set in first request.");
  return {};
}

template <class To>
void add_assignment(const assignor::Assignment& from, To& to) {
  for (const auto& [topic, partitions] : from) {
    auto& one = to.emplace_back();
    one.topic_id = topic;
    for (const PartitionId partition : partitions) one.partitions.push_back(partition.value());
  }
}

void add_all(ShareTopics& to, const ShareTopics& from) {
  for (const auto& [id, topic] : from) {
    ShareTopic& one = to[id];
    one.name = topic.name;
    one.partitions.insert(topic.partitions.begin(), topic.partitions.end());
    one.since = std::max(one.since, topic.since);
  }
}

void take_away(ShareTopics& from, const std::vector<ShareStart>& partitions) {
  for (const ShareStart& one : partitions) {
    const auto at = from.find(one.topic_id);
    if (at == from.end()) continue;
    at->second.partitions.erase(one.partition);
    if (at->second.partitions.empty()) from.erase(at);
  }
}

/// Only what the member subscribes to.
assignor::Assignment subscribed_part(const assignor::Assignment& from,
                                     const ShareGroupMember& member,
                                     const image::MetadataImage& image) {
  assignor::Assignment out;
  for (const auto& [id, partitions] : from) {
    const image::TopicImage* topic = image.topic(id);
    if (topic && std::binary_search(member.topics.begin(), member.topics.end(), topic->name))
      out.emplace(id, partitions);
  }
  return out;
}

}  // namespace

/// A heartbeat with what follows from it.
struct ShareGroupProtocol::Beat {
  explicit Beat(const Request& r) : request(r), group_id(r.group_id.view()) {}

  const Request& request;
  const std::string_view group_id;
  std::unique_ptr<ShareGroup> fresh;
  ShareGroup* group = nullptr;
  ShareGroupMember before;
  ShareGroupMember after;
  bool is_new = false;
  bool is_changed = false;
  /// Of the whole group, with this member.
  std::set<std::string> topics;
  std::int32_t epoch = 0;
  std::int32_t target_epoch = 0;
  assignor::Assignment target;
  std::vector<record::KeyedRecord> records;
  ShareHeartbeat answer;
};

void ShareGroupProtocol::heartbeat(Step& step, const GroupCaller& caller, const Request& request) {
  Result<ShareHeartbeat> decided = decide(step, caller, request);
  if (decided.ok()) return step.answer(caller.answer, std::move(decided).value());
  ShareHeartbeat refused;
  refused.response.error_code = to_wire(decided.error().code);
  refused.response.error_message = wire::Text::copy_of(decided.error().detail);
  step.answer(caller.answer, std::move(refused));
}

Result<ShareHeartbeat> ShareGroupProtocol::decide(Step& step, const GroupCaller& caller,
                                                  const Request& request) {
  MOLDAU_TRY(check(request));
  if (request.member_epoch == kLeaveEpoch) return leave(step, request);
  Beat beat(request);
  MOLDAU_TRY(find_group(beat));
  MOLDAU_TRY(take_member(caller, beat));
  raise_epoch(step, beat);
  MOLDAU_TRY(assign(step, beat));
  reconcile(step, beat);
  begin_states(step, beat);
  if (!step.has_room(beat.records))
    return Error(ErrorCode::kUnknownServerError, "The records of the group are too large.");
  const std::string member_id = beat.after.id;
  if (!beat.records.empty()) step.write(std::move(beat.records));
  auto* group = static_cast<ShareGroup*>(groups_.find(beat.group_id));
  const config::GroupValues config = settings_.of_group(step.context.image, beat.group_id);
  if (group != nullptr) {
    for (const ShareStart& one : beat.answer.initialize)
      group->note_begun(one.topic_id, step.context.wall);
    group->refresh_metadata_at(step.context.now + Millis(kMetadataRefreshMs), beat.epoch);
    group->sessions[member_id] = step.context.now + Millis(config.share_session_timeout_ms);
    groups_.schedule(*group);
  }
  auto& response = beat.answer.response;
  response.member_id = wire::Text::copy_of(member_id);
  response.member_epoch = beat.after.epoch;
  response.heartbeat_interval_ms = config.share_heartbeat_interval_ms;
  if (request.member_epoch == kJoinEpoch || request.subscribed_topic_names ||
      beat.before.assigned != beat.after.assigned) {
    response.assignment.emplace();
    add_assignment(beat.after.assigned, response.assignment->topic_partitions);
  }
  return std::move(beat.answer);
}

Result<void> ShareGroupProtocol::find_group(Beat& beat) {
  const std::string name(beat.group_id);
  Group* group = groups_.find(beat.group_id);
  const bool joins = beat.request.member_epoch == kJoinEpoch;
  if (group != nullptr && group->type() == GroupType::kShare) {
    beat.group = static_cast<ShareGroup*>(group);
  } else {
    if (group != nullptr)
      return Error(ErrorCode::kGroupIdNotFound, "Group " + name + " is not a share group.");
    if (!joins) return Error(ErrorCode::kGroupIdNotFound, "Share group " + name + " not found.");
    beat.fresh = std::make_unique<ShareGroup>(name, subscribers_);
    beat.group = beat.fresh.get();
  }
  const auto size_max = static_cast<std::size_t>(settings_.broker->values.group_share_max_size);
  if (beat.group->member_count() >= size_max &&
      beat.group->member(beat.request.member_id.view()) == nullptr)
    return Error(ErrorCode::kGroupMaxSizeReached,
                 "The share group has reached its maximum capacity of " + std::to_string(size_max) +
                     " members.");
  return {};
}

Result<void> ShareGroupProtocol::take_member(const GroupCaller& caller, Beat& beat) {
  const Request& request = beat.request;
  const ShareGroupMember* known = beat.group->member(request.member_id.view());
  beat.is_new = known == nullptr;
  if (known == nullptr && request.member_epoch != kJoinEpoch)
    return Error(ErrorCode::kUnknownMemberId, "Member " + request.member_id.str() +
                                                  " is not a member of group " +
                                                  std::string(beat.group_id) + ".");
  if (known != nullptr) beat.before = *known;
  beat.before.id = request.member_id.str();
  const std::int32_t epoch = request.member_epoch;
  const bool greater = epoch > beat.before.epoch;
  const bool older = epoch < beat.before.epoch && epoch != beat.before.previous_epoch;
  if (epoch != kJoinEpoch && (greater || older))
    return Error(ErrorCode::kFencedMemberEpoch,
                 std::string("The share group member has a ") + (greater ? "greater" : "smaller") +
                     " member epoch (" + std::to_string(epoch) +
                     ") than the one known by the group coordinator (" +
                     std::to_string(beat.before.epoch) +
                     "). The member must abandon all its partitions and rejoin.");
  beat.after = beat.before;
  if (!request.rack_id.is_null()) beat.after.rack_id = request.rack_id.str();
  beat.after.client_id = std::string(caller.client_id);
  beat.after.client_host = std::string(caller.client_host);
  if (request.subscribed_topic_names) {
    std::set<std::string> topics;
    for (const wire::Text& topic : *request.subscribed_topic_names) {
      if (topic.size() > kStringBytesMax) return bad("A topic's name is too long.");
      topics.insert(topic.str());
    }
    beat.after.topics.assign(topics.begin(), topics.end());
  }
  return {};
}

/// Members or topics are others than when the epoch began.
void ShareGroupProtocol::raise_epoch(const Step& step, Beat& beat) {
  ShareGroup& group = *beat.group;
  beat.epoch = group.epoch();
  if (beat.is_new || !beat.after.same_subscription(beat.before)) {
    beat.records.push_back(share_member_record(beat.group_id, beat.after));
    beat.is_changed = beat.after.topics != beat.before.topics;
  }
  for (const auto& [id, member] : group.members())
    if (id != beat.after.id) beat.topics.insert(member.topics.begin(), member.topics.end());
  beat.topics.insert(beat.after.topics.begin(), beat.after.topics.end());
  bool is_raised = beat.is_changed;
  if (group.assignment_epoch() >= group.epoch()) is_raised |= is_assignment_pending(group);
  if (!is_raised && !group.has_metadata_expired(step.context.now)) return;
  const std::int64_t hash = hashes_.of_group(beat.topics, step.context.image);
  is_raised |= hash != group.metadata_hash();
  beat.is_changed = is_raised;
  if (!is_raised) return;
  beat.epoch = static_cast<std::int32_t>(static_cast<std::uint32_t>(group.epoch()) + 1);
  beat.records.push_back(share_epoch_record(beat.group_id, beat.epoch, hash));
}

/// Partitions have got their state that nobody is to have yet.
bool ShareGroupProtocol::is_assignment_pending(const ShareGroup& group) const {
  if (group.is_empty() || group.topics().initialized.empty()) return false;
  std::map<TopicId, std::set<PartitionId>> assigned;
  for (const auto& [id, target] : group.targets())
    for (const auto& [topic, partitions] : target)
      assigned[topic].insert(partitions.begin(), partitions.end());
  for (const auto& [id, topic] : group.topics().initialized) {
    if (!group.is_subscribed_to(topic.name)) continue;
    const auto at = assigned.find(id);
    if (at == assigned.end() || at->second != topic.partitions) return true;
  }
  return false;
}

Result<void> ShareGroupProtocol::assign(const Step& step, Beat& beat) {
  ShareGroup& group = *beat.group;
  beat.target_epoch = group.assignment_epoch();
  beat.target = group.target(beat.after.id);
  if (group.assignment_epoch() >= beat.epoch) return {};
  const config::GroupValues config = settings_.of_group(step.context.image, beat.group_id);
  const std::int64_t last = group.assignment_timestamp().value();
  const std::int64_t interval = config.share_assignment_interval_ms;
  if (last != 0 && interval != 0 && step.context.wall.value() - last < interval) return {};
  assignor::GroupSpec spec;
  std::set<TopicId> topics;
  bool same = true;
  const auto add = [&](const ShareGroupMember& member) {
    assignor::MemberSpec& one = spec.members[member.id];
    for (const std::string& name : member.topics)
      if (const image::TopicImage* topic = step.context.image.topic(name))
        one.topics.push_back(topic->id);
    std::sort(one.topics.begin(), one.topics.end());
    topics.insert(one.topics.begin(), one.topics.end());
    one.target = &group.target(member.id);
    same = same && one.topics == spec.members.begin()->second.topics;
  };
  for (const auto& [id, member] : group.members())
    if (id != beat.after.id) add(member);
  add(beat.after);
  spec.subscription_type =
      same ? assignor::SubscriptionType::kHomogeneous : assignor::SubscriptionType::kHeterogeneous;
  group.describe_topics(topics, step.context.image, spec);
  spec.assignable.emplace();
  for (const auto& [id, topic] : group.topics().initialized)
    (*spec.assignable)[id].assign(topic.partitions.begin(), topic.partitions.end());
  MOLDAU_ASSIGN_OR_RETURN(const assignor::GroupAssignment assignment,
                          assignor::assign_simple(spec));
  for (const auto& [id, target] : assignment) {
    if (group.targets().contains(id) && group.target(id) == target) continue;
    beat.records.push_back(share_target_record(beat.group_id, id, target));
  }
  beat.records.push_back(share_target_epoch_record(beat.group_id, beat.epoch, step.context.wall));
  beat.target_epoch = beat.epoch;
  const auto own = assignment.find(beat.after.id);
  beat.target = own == assignment.end() ? assignor::Assignment() : own->second;
  return {};
}

void ShareGroupProtocol::reconcile(const Step& step, Beat& beat) {
  ShareGroupMember& member = beat.after;
  if (member.epoch != beat.target_epoch) {
    member.previous_epoch = member.epoch;
    member.epoch = beat.target_epoch;
    member.assigned = beat.target;
  } else if (beat.is_changed) {
    member.assigned = subscribed_part(member.assigned, member, step.context.image);
  }
  if (member.epoch == beat.before.epoch && member.assigned == beat.before.assigned && !beat.is_new)
    return;
  beat.records.push_back(share_current_record(beat.group_id, member));
}

/// Topics that somebody subscribes to get their state.
void ShareGroupProtocol::begin_states(const Step& step, Beat& beat) {
  const ShareTopicStates& known = beat.group->topics();
  const std::int64_t retry = settings_.broker->values.group_share_initialize_retry_interval_ms;
  ShareTopics begun;
  for (const std::string& name : beat.topics) {
    const image::TopicImage* topic = step.context.image.topic(name);
    if (topic == nullptr) continue;
    ShareTopic one;
    one.name = name;
    one.since = step.context.wall;
    const auto done = known.initialized.find(topic->id);
    const auto under_way = known.initializing.find(topic->id);
    const bool waits = under_way != known.initializing.end() &&
                       step.context.wall - under_way->second.since < retry;
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(topic->partitions.size()); ++i) {
      const PartitionId partition(i);
      if (done != known.initialized.end() && done->second.partitions.contains(partition)) continue;
      if (waits && under_way->second.partitions.contains(partition)) continue;
      one.partitions.insert(partition);
      ShareStart& start = beat.answer.initialize.emplace_back();
      start.topic_id = topic->id;
      start.partition = partition;
    }
    if (!one.partitions.empty()) begun.emplace(topic->id, std::move(one));
  }
  if (begun.empty()) return;
  beat.answer.state_epoch = beat.epoch;
  ShareTopicStates next = known;
  add_all(next.initializing, begun);
  for (const auto& [id, topic] : begun) next.deleting.erase(id);
  beat.records.push_back(share_topics_record(beat.group_id, next));
}

Result<ShareHeartbeat> ShareGroupProtocol::leave(Step& step, const Request& request) {
  Group* group = groups_.find(request.group_id.view());
  if (group == nullptr || group->type() != GroupType::kShare)
    return Error(ErrorCode::kGroupIdNotFound,
                 "Share group " + request.group_id.str() + " not found.");
  auto& share = static_cast<ShareGroup&>(*group);
  const std::string member_id = request.member_id.str();
  if (share.member(member_id) == nullptr)
    return Error(ErrorCode::kUnknownMemberId,
                 "Member " + member_id + " is not a member of group " + share.id() + ".");
  if (!fence(step, share, member_id))
    return Error(ErrorCode::kUnknownServerError, "The records of the group are too large.");
  ShareHeartbeat out;
  out.response.member_id = wire::Text::copy_of(member_id);
  out.response.member_epoch = kLeaveEpoch;
  return out;
}

bool ShareGroupProtocol::fence(Step& step, ShareGroup& group, const std::string& member_id) {
  std::set<std::string> topics;
  for (const auto& [id, member] : group.members())
    if (id != member_id) topics.insert(member.topics.begin(), member.topics.end());
  std::vector<record::KeyedRecord> records;
  records.push_back(share_current_tombstone(group.id(), member_id));
  records.push_back(share_target_tombstone(group.id(), member_id));
  records.push_back(share_member_tombstone(group.id(), member_id));
  const auto epoch = static_cast<std::int32_t>(static_cast<std::uint32_t>(group.epoch()) + 1);
  records.push_back(
      share_epoch_record(group.id(), epoch, hashes_.of_group(topics, step.context.image)));
  if (!step.has_room(records)) return false;
  step.write(std::move(records));
  return true;
}

void ShareGroupProtocol::loaded(Step& step, ShareGroup& group) {
  const config::GroupValues config = settings_.of_group(step.context.image, group.id());
  for (const auto& [id, member] : group.members())
    group.sessions[id] = step.context.now + Millis(config.share_session_timeout_ms);
  groups_.schedule(group);
}

void ShareGroupProtocol::tick(Step& step, ShareGroup& group) {
  std::vector<std::string> due;
  for (const auto& [id, at] : group.sessions)
    if (at <= step.context.now) due.push_back(id);
  for (const std::string& id : due)
    if (!fence(step, group, id)) return;
}

// --- state of partitions ------------------------------------------------------------------------

void ShareGroupProtocol::settle(Step& step, AnswerId answer, const ShareSettlement& what) {
  step.answer(answer, ShareSettled());
  Group* found = groups_.find(what.group_id);
  if (found == nullptr || found->type() != GroupType::kShare || what.partitions.empty()) return;
  auto& group = static_cast<ShareGroup&>(*found);
  ShareTopicStates next = group.topics();
  if (what.what == ShareSettlement::What::kDeleted) {
    for (const ShareStart& one : what.partitions) next.deleting.erase(one.topic_id);
  } else {
    take_away(next.initializing, what.partitions);
  }
  if (what.what == ShareSettlement::What::kInitialized) {
    for (const ShareStart& one : what.partitions) {
      const image::TopicImage* topic = step.context.image.topic(one.topic_id);
      if (topic == nullptr) continue;
      ShareTopic& to = next.initialized[one.topic_id];
      to.name = topic->name;
      to.partitions.insert(one.partition);
      to.since = step.context.wall;
    }
  }
  record::KeyedRecord record = share_topics_record(group.id(), next);
  if (step.has_room(record)) step.write(std::move(record));
}

namespace {

void add_partitions(const TopicId& topic, const std::set<PartitionId>& partitions,
                    std::vector<ShareStart>& out) {
  for (const PartitionId partition : partitions) {
    ShareStart& one = out.emplace_back();
    one.topic_id = topic;
    one.partition = partition;
  }
}

void add_partitions(const image::TopicImage& topic, std::vector<ShareStart>& out) {
  std::set<PartitionId> all;
  for (const auto& [index, partition] : topic.partitions) all.insert(index);
  add_partitions(topic.id, all, out);
}

auto& topic_in(wire::AlterShareGroupOffsetsResponse& response, const wire::Text& name) {
  for (auto& topic : response.responses)
    if (topic.topic_name.view() == name.view()) return topic;
  auto& topic = response.responses.emplace_back();
  topic.topic_name = name;
  return topic;
}

}  // namespace

void ShareGroupProtocol::alter_offsets(Step& step, const GroupCaller& caller,
                                       const wire::AlterShareGroupOffsetsRequest& request) {
  ShareOffsetsAltered out;
  const auto refuse = [&](ErrorCode code, const std::string& why) {
    out.response.error_code = to_wire(code);
    out.response.error_message = wire::Text::copy_of(why);
    step.answer(caller.answer, std::move(out));
  };
  Group* found = groups_.find(request.group_id.view());
  if (found != nullptr && found->type() != GroupType::kShare)
    return refuse(ErrorCode::kGroupIdNotFound,
                  "Group " + request.group_id.str() + " is not a share group.");
  auto* group = static_cast<ShareGroup*>(found);
  if (group != nullptr && !group->is_empty())
    return refuse(ErrorCode::kNonEmptyGroup, "The group is not empty.");
  ShareTopics begun;
  for (const auto& topic : request.topics) {
    auto& to = topic_in(out.response, topic.topic_name);
    const image::TopicImage* known = step.context.image.topic(topic.topic_name.view());
    if (known != nullptr) {
      to.topic_id = known->id;
      // Of a topic that is named again, the last counts.
      ShareTopic& state = begun[known->id];
      state = {};
      state.name = known->name;
      state.since = step.context.wall;
    }
    for (const auto& partition : topic.partitions) {
      auto& one = to.partitions.emplace_back();
      one.partition_index = partition.partition_index;
      const PartitionId index(partition.partition_index);
      if (known == nullptr || !known->partition(index)) {
        one.error_code = to_wire(ErrorCode::kUnknownTopicOrPartition);
        one.error_message = "This server does not host this topic-partition.";
        continue;
      }
      begun[known->id].partitions.insert(index);
      ShareStart& start = out.initialize.emplace_back();
      start.topic_id = known->id;
      start.partition = index;
      start.start_offset = Offset(partition.start_offset);
    }
  }
  out.state_epoch = group ? group->epoch() : kFirstEpoch;
  ShareTopicStates next;
  if (group != nullptr) next = group->topics();
  add_all(next.initializing, begun);
  for (const auto& [id, topic] : begun) next.deleting.erase(id);
  if (!begun.empty()) {
    record::KeyedRecord record = share_topics_record(request.group_id.view(), next);
    if (!step.has_room(record))
      return refuse(ErrorCode::kUnknownServerError, "The records of the group are too large.");
    step.write(std::move(record));
  }
  step.answer(caller.answer, std::move(out));
}

void ShareGroupProtocol::delete_offsets(Step& step, const GroupCaller& caller,
                                        const wire::DeleteShareGroupOffsetsRequest& request) {
  ShareOffsetsDeleted out;
  const auto refuse = [&](ErrorCode code, const std::string& why) {
    out.response.error_code = to_wire(code);
    out.response.error_message = wire::Text::copy_of(why);
    step.answer(caller.answer, std::move(out));
  };
  Group* found = groups_.find(request.group_id.view());
  if (found == nullptr || found->type() != GroupType::kShare)
    return refuse(ErrorCode::kGroupIdNotFound,
                  "Share group " + request.group_id.str() + " not found.");
  auto& group = static_cast<ShareGroup&>(*found);
  if (!group.is_empty()) return refuse(ErrorCode::kNonEmptyGroup, "The group is not empty.");
  ShareTopicStates next = group.topics();
  for (const auto& topic : request.topics) {
    const image::TopicImage* known = step.context.image.topic(topic.topic_name.view());
    const auto state = known ? next.initialized.find(known->id) : next.initialized.end();
    const bool again = known != nullptr && next.deleting.contains(known->id);
    if (state == next.initialized.end() && !again) {
      auto& one = out.response.responses.emplace_back();
      one.topic_name = topic.topic_name;
      one.error_code = to_wire(ErrorCode::kUnknownTopicOrPartition);
      one.error_message = known ? "There is no offset information to delete."
                                : "This server does not host this topic-partition.";
      continue;
    }
    if (state != next.initialized.end())
      add_partitions(known->id, state->second.partitions, out.remove);
    else
      add_partitions(*known, out.remove);
    next.initialized.erase(known->id);
    next.deleting[known->id] = known->name;
  }
  if (group.has_topics()) {
    record::KeyedRecord record = share_topics_record(group.id(), next);
    if (!step.has_room(record))
      return refuse(ErrorCode::kUnknownServerError, "The records of the group are too large.");
    step.write(std::move(record));
  }
  step.answer(caller.answer, std::move(out));
}

void ShareGroupProtocol::begin_delete(Step& step, const GroupCaller& caller,
                                      std::string_view group_id) {
  ShareOffsetsDeleted out;
  const Group* found = groups_.find(group_id);
  const bool is_share = found != nullptr && found->type() == GroupType::kShare;
  const auto* group = is_share ? static_cast<const ShareGroup*>(found) : nullptr;
  if (group == nullptr || !group->is_empty() || !group->has_topics())
    return step.answer(caller.answer, std::move(out));
  ShareTopicStates next;
  for (const ShareTopics* some : {&group->topics().initialized, &group->topics().initializing}) {
    for (const auto& [id, topic] : *some) {
      add_partitions(id, topic.partitions, out.remove);
      next.deleting[id] = topic.name;
    }
  }
  // What was to go already, but maybe has not.
  for (const auto& [id, name] : group->topics().deleting) {
    const image::TopicImage* topic = step.context.image.topic(id);
    if (topic == nullptr || !next.deleting.try_emplace(id, name).second) continue;
    add_partitions(*topic, out.remove);
  }
  record::KeyedRecord record = share_topics_record(group_id, next);
  if (step.has_room(record)) step.write(std::move(record));
  step.answer(caller.answer, std::move(out));
}

void ShareGroupProtocol::topic_deleted(Step& step, const TopicId& topic) {
  std::vector<record::KeyedRecord> records;
  for (const auto& [id, group] : groups_.groups()) {
    if (group->type() != GroupType::kShare) continue;
    ShareTopicStates next = static_cast<const ShareGroup&>(*group).topics();
    const std::size_t gone =
        next.initializing.erase(topic) + next.initialized.erase(topic) + next.deleting.erase(topic);
    if (gone > 0) records.push_back(share_topics_record(id, next));
  }
  for (record::KeyedRecord& record : records)
    if (step.has_room(record)) step.write(std::move(record));
}

wire::ShareGroupDescribeResponse::DescribedGroup describe_share_group(
    const GroupTable& groups, std::string_view group_id, const image::MetadataImage& image) {
  wire::ShareGroupDescribeResponse::DescribedGroup out;
  out.group_id = wire::Text::copy_of(group_id);
  const Group* found = groups.find(group_id);
  if (found == nullptr || found->type() != GroupType::kShare) {
    out.error_code = to_wire(ErrorCode::kGroupIdNotFound);
    out.error_message =
        wire::Text::copy_of(found ? "Group " + std::string(group_id) + " is not a share group."
                                  : "Group " + std::string(group_id) + " not found.");
    return out;
  }
  const auto& group = static_cast<const ShareGroup&>(*found);
  out.group_state = wire::Text::copy_of(group.state_name());
  out.group_epoch = group.epoch();
  out.assignment_epoch = group.assignment_epoch();
  out.assignor_name = "simple";
  for (const auto& [id, member] : group.members()) {
    auto& to = out.members.emplace_back();
    to.member_id = wire::Text::copy_of(id);
    to.rack_id = member.rack_id ? wire::Text::copy_of(*member.rack_id) : wire::Text::null();
    to.member_epoch = member.epoch;
    to.client_id = wire::Text::copy_of(member.client_id);
    to.client_host = wire::Text::copy_of(member.client_host);
    for (const std::string& topic : member.topics)
      to.subscribed_topic_names.push_back(wire::Text::copy_of(topic));
    for (const auto& [topic_id, partitions] : member.assigned) {
      const image::TopicImage* topic = image.topic(topic_id);
      if (topic == nullptr) continue;
      auto& one = to.assignment.topic_partitions.emplace_back();
      one.topic_id = topic_id;
      one.topic_name = wire::Text::copy_of(topic->name);
      for (const PartitionId partition : partitions) one.partitions.push_back(partition.value());
    }
  }
  return out;
}

}  // namespace moldau::group
