// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "machine/group/group_machine.h"
#include "machine/group/group_machine_state.h"
#include "machine/group/streams_protocol.h"

namespace moldau::group {
namespace {

using Described = wire::StreamsGroupDescribeResponse;

std::vector<Described::TaskIds> task_ids(const StreamsTasks& tasks) {
  std::vector<Described::TaskIds> out;
  for (const auto& [subtopology, partitions] : tasks) {
    Described::TaskIds& to = out.emplace_back();
    to.subtopology_id = subtopology;
    to.partitions.assign(partitions.begin(), partitions.end());
  }
  return out;
}

std::vector<Described::TaskIds> task_ids(const StreamsTasksWithEpochs& tasks) {
  std::vector<Described::TaskIds> out;
  for (const auto& [subtopology, partitions] : tasks) {
    Described::TaskIds& to = out.emplace_back();
    to.subtopology_id = subtopology;
    for (const auto& [partition, since] : partitions) to.partitions.push_back(partition);
  }
  return out;
}

template <class Tasks>
Described::Assignment assignment_of(const Tasks& tasks) {
  Described::Assignment out;
  out.active_tasks = task_ids(tasks.active);
  out.standby_tasks = task_ids(tasks.standby);
  out.warmup_tasks = task_ids(tasks.warmup);
  return out;
}

wire::Text nullable(const std::optional<std::string>& text) {
  return text ? wire::Text(*text) : wire::Text::null();
}

Described::Member member_of(const StreamsMember& member, const StreamsTarget& target) {
  Described::Member out;
  out.member_id = member.id;
  out.member_epoch = member.epoch;
  out.instance_id = nullable(member.instance_id);
  out.rack_id = nullable(member.rack_id);
  out.client_id = member.client_id;
  out.client_host = member.client_host;
  out.topology_epoch = member.topology_epoch;
  out.process_id = member.process_id;
  if (member.user_endpoint) {
    auto& endpoint = out.user_endpoint.emplace();
    endpoint.host = member.user_endpoint->host;
    endpoint.port = member.user_endpoint->port;
  }
  for (const auto& [tag, text] : member.client_tags) {
    auto& to = out.client_tags.emplace_back();
    to.key = tag;
    to.value = text;
  }
  out.assignment = assignment_of(member.assigned);
  out.target_assignment = assignment_of(target);
  return out;
}

}  // namespace

Described::DescribedGroup describe_streams_group(const GroupTable& groups,
                                                 std::string_view group_id) {
  Described::DescribedGroup out;
  out.group_id = wire::Text::copy_of(group_id);
  const Group* found = groups.find(group_id);
  if (found == nullptr || found->type() != GroupType::kStreams) {
    out.error_code = static_cast<std::int16_t>(ErrorCode::kGroupIdNotFound);
    const char* why = found == nullptr ? " not found." : " is not a streams group.";
    out.error_message = "Group " + std::string(group_id) + why;
    return out;
  }
  const auto& group = static_cast<const StreamsGroup&>(*found);
  if (!group.topology()) {
    out.error_code = static_cast<std::int16_t>(ErrorCode::kUnknownServerError);
    return out;
  }
  out.group_state = wire::Text::copy_of(group.state_name());
  out.group_epoch = group.epoch();
  out.assignment_epoch = group.assignment_epoch();
  const bool is_ready = group.configured && group.configured->is_ready();
  out.topology = is_ready ? group.configured->describe() : group.topology()->describe();
  for (const auto& [id, member] : group.members()) {
    out.members.push_back(member_of(member, group.target(id)));
  }
  return out;
}

GroupEffects GroupMachine::streams_heartbeat(const GroupContext& context, const GroupCaller& caller,
                                             const wire::StreamsGroupHeartbeatRequest& request) {
  return state_->step(context,
                      [&](Step& step) { state_->streams.heartbeat(step, caller, request); });
}

Described::DescribedGroup GroupMachine::describe_streams(std::string_view group_id) const {
  return describe_streams_group(state_->groups, group_id);
}

}  // namespace moldau::group
