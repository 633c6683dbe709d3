// SPDX-License-Identifier: Apache-2.0
#include "machine/group/streams_request.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace moldau::group {
namespace {

using Request = wire::StreamsGroupHeartbeatRequest;
using TaskIds = Request::TaskIds;
using TaskList = std::optional<std::vector<TaskIds>>;

/// Parts of a topology that one group may have.
constexpr std::size_t kSubtopologiesMax = 2'000;

Error bad(std::string why) {
  return {ErrorCode::kInvalidRequest, std::move(why)};
}

/// Given, but only blanks.
bool is_blank(const wire::Text& text) {
  const std::string_view view = text.view();
  return !text.is_null() && std::all_of(view.begin(), view.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ';
  });
}

bool is_empty_list(const TaskList& tasks) {
  return tasks && tasks->empty();
}

Result<void> check_supported(const Request& request) {
  if (!request.instance_id.is_null()) return bad("Static membership is not yet supported.");
  if (request.task_offsets) return bad("TaskOffsets are not supported yet.");
  if (request.task_end_offsets) return bad("TaskEndOffsets are not supported yet.");
  if (request.warmup_tasks && !request.warmup_tasks->empty()) {
    return bad("WarmupTasks are not supported yet.");
  }
  if (!request.topology) return {};
  for (const auto& part : request.topology->subtopologies) {
    if (!part.source_topic_regex.empty()) {
      return bad("Regular expressions for source topics are not supported yet.");
    }
  }
  return {};
}

Result<void> check_names(const Request& request) {
  if (is_blank(request.member_id)) return bad("MemberId can't be empty.");
  if (is_blank(request.group_id)) return bad("GroupId can't be empty.");
  if (is_blank(request.rack_id)) return bad("RackId can't be empty.");
  return {};
}

Result<void> check_join(const Request& request) {
  if (request.rebalance_timeout_ms == -1) {
    return bad("RebalanceTimeoutMs must be provided in first request.");
  }
  if (!is_empty_list(request.active_tasks)) {
    return bad("ActiveTasks must be empty when (re-)joining.");
  }
  if (!is_empty_list(request.standby_tasks)) {
    return bad("StandbyTasks must be empty when (re-)joining.");
  }
  if (!is_empty_list(request.warmup_tasks)) {
    return bad("WarmupTasks must be empty when (re-)joining.");
  }
  if (!request.topology) return bad("Topology must be non-null when (re-)joining.");
  for (const auto& part : request.topology->subtopologies) {
    for (const auto& topic : part.state_changelog_topics) {
      if (topic.partitions == 0) continue;
      return Error(ErrorCode::kStreamsInvalidTopology,
                   "Changelog topic " + topic.name.str() +
                       " must have an undefined partition count, but it is set to " +
                       std::to_string(topic.partitions) + ".");
    }
  }
  if (request.topology->subtopologies.size() > kSubtopologiesMax) {
    return Error(ErrorCode::kStreamsInvalidTopology,
                 "A topology has at most " + std::to_string(kSubtopologiesMax) + " subtopologies.");
  }
  return {};
}

Result<void> check_epoch_number(std::int32_t epoch) {
  if (epoch == -2) return bad("InstanceId can't be null.");
  if (epoch < -2) {
    return bad("MemberEpoch is " + std::to_string(epoch) +
               ", but must be greater than or equal to -2.");
  }
  return {};
}

/// Whether all tasks of the list are among those of the map.
template <class Tasks>
bool are_among(const TaskList& list, const Tasks& tasks) {
  return list && std::all_of(list->begin(), list->end(), [&](const TaskIds& ids) {
           const auto at = tasks.find(ids.subtopology_id.view());
           return at != tasks.end() && std::all_of(ids.partitions.begin(), ids.partitions.end(),
                                                   [&](std::int32_t partition) {
                                                     return at->second.contains(partition);
                                                   });
         });
}

Result<void> check_tasks(const ConfiguredStreamsSubtopologies& topology, const TaskList& list) {
  if (!list) return {};
  for (const TaskIds& ids : *list) {
    const auto at = topology.find(ids.subtopology_id.view());
    const std::string id = ids.subtopology_id.str();
    if (at == topology.end()) {
      return bad("Subtopology " + id + " does not exist in the topology.");
    }
    for (const std::int32_t partition : ids.partitions) {
      if (partition >= 0 && partition < at->second.tasks) continue;
      return bad(
          "Task " + std::to_string(partition) + " for subtopology " + id +
          " is invalid. Number of tasks for this subtopology: " + std::to_string(at->second.tasks));
    }
  }
  return {};
}

Result<StreamsTasks> tasks_of(const std::vector<TaskIds>& list) {
  StreamsTasks out;
  for (const TaskIds& ids : list) {
    const auto [at, is_new] = out.try_emplace(ids.subtopology_id.str());
    if (!is_new) return Error(ErrorCode::kUnknownServerError, "a subtopology comes twice");
    at->second.insert(ids.partitions.begin(), ids.partitions.end());
  }
  return out;
}

}  // namespace

Result<void> check_streams_heartbeat(const Request& request) {
  MOLDAU_TRY(check_supported(request));
  MOLDAU_TRY(check_names(request));
  if (request.member_epoch == 0) {
    MOLDAU_TRY(check_join(request));
  } else {
    MOLDAU_TRY(check_epoch_number(request.member_epoch));
  }
  const bool has_some = request.active_tasks || request.standby_tasks || request.warmup_tasks;
  const bool has_all = request.active_tasks && request.standby_tasks && request.warmup_tasks;
  if (has_some && !has_all) return bad("If one task-type is non-null, all must be non-null.");
  if (request.member_epoch != 0 && request.topology) {
    return bad("Topology can only be provided when (re-)joining.");
  }
  return {};
}

Result<void> check_streams_epoch(const StreamsMember& member, const Request& request) {
  const std::int32_t epoch = request.member_epoch;
  if (epoch == 0 || epoch == member.epoch) return {};
  // The answer that raised the epoch may have been lost.
  if (epoch < member.epoch && epoch == member.previous_epoch &&
      are_among(request.active_tasks, member.assigned.active) &&
      are_among(request.standby_tasks, member.assigned.standby) &&
      are_among(request.warmup_tasks, member.assigned.warmup)) {
    return {};
  }
  const char* how = epoch > member.epoch ? "greater" : "smaller";
  return Error(ErrorCode::kFencedMemberEpoch,
               std::string("The streams group member has a ") + how + " member epoch (" +
                   std::to_string(epoch) + ") than the one known by the group coordinator (" +
                   std::to_string(member.epoch) +
                   "). The member must abandon all its partitions and rejoin.");
}

Result<void> check_streams_tasks(const ConfiguredStreamsSubtopologies& topology,
                                 const Request& request) {
  MOLDAU_TRY(check_tasks(topology, request.active_tasks));
  MOLDAU_TRY(check_tasks(topology, request.standby_tasks));
  return check_tasks(topology, request.warmup_tasks);
}

Result<std::optional<StreamsTarget>> owned_tasks(const Request& request) {
  if (!request.active_tasks || !request.standby_tasks || !request.warmup_tasks) {
    return std::optional<StreamsTarget>();
  }
  StreamsTarget out;
  MOLDAU_ASSIGN_OR_RETURN(out.active, tasks_of(*request.active_tasks));
  MOLDAU_ASSIGN_OR_RETURN(out.standby, tasks_of(*request.standby_tasks));
  MOLDAU_ASSIGN_OR_RETURN(out.warmup, tasks_of(*request.warmup_tasks));
  return std::optional<StreamsTarget>(std::move(out));
}

Result<StreamsMember> updated_member(const StreamsMember& member, const Request& request,
                                     std::string_view client_id, std::string_view client_host) {
  StreamsMember out = member;
  if (!request.rack_id.is_null()) out.rack_id = request.rack_id.str();
  if (request.rebalance_timeout_ms != -1) out.rebalance_timeout_ms = request.rebalance_timeout_ms;
  if (request.topology) out.topology_epoch = request.topology->epoch;
  out.client_id = client_id;
  out.client_host = client_host;
  if (!request.process_id.is_null()) out.process_id = request.process_id.str();
  if (request.client_tags) {
    out.client_tags.clear();
    for (const auto& tag : *request.client_tags) {
      if (!out.client_tags.emplace(tag.key.str(), tag.value.str()).second) {
        return Error(ErrorCode::kUnknownServerError, "a client tag comes twice");
      }
    }
  }
  if (request.user_endpoint) {
    StreamsEndpoint& endpoint = out.user_endpoint.emplace();
    endpoint.host = request.user_endpoint->host.str();
    endpoint.port = request.user_endpoint->port;
  }
  return out;
}

}  // namespace moldau::group
