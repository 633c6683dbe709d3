// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "machine/group/streams_protocol.h"
#include "machine/group/streams_records.h"
#include "machine/group/streams_request.h"
#include "machine/group/streams_target.h"
#include "machine/group/topic_hash.h"

namespace moldau::group {
namespace {

constexpr std::string_view kStandbyConfig = "num.standby.replicas";

wire::StreamsGroupHeartbeatResponse::Status status_of(StreamsStatus code, std::string detail) {
  wire::StreamsGroupHeartbeatResponse::Status out;
  out.status_code = static_cast<std::int8_t>(code);
  out.status_detail = detail;
  return out;
}

Error no_such_member(std::string_view member_id, std::string_view group_id) {
  return {ErrorCode::kUnknownMemberId, "Member " + std::string(member_id) +
                                           " is not a member of group " + std::string(group_id) +
                                           "."};
}

Error not_found(std::string_view before, std::string_view group_id, std::string_view after) {
  return {ErrorCode::kGroupIdNotFound,
          std::string(before) + std::string(group_id) + std::string(after)};
}

std::int64_t hash_of(const StreamsTopology& topology, const image::MetadataImage& image) {
  std::map<std::string_view, std::int64_t> hashes;
  for (const std::string& name : topology.required_topics()) {
    const image::TopicImage* topic = image.topic(name);
    if (topic != nullptr) hashes.emplace(topic->name, topic_hash(*topic, image));
  }
  return group_hash(hashes);
}

using Response = wire::StreamsGroupHeartbeatResponse;

std::vector<Response::TaskIds> task_ids(const StreamsTasks& tasks) {
  std::vector<Response::TaskIds> out;
  for (const auto& [subtopology, partitions] : tasks) {
    Response::TaskIds& to = out.emplace_back();
    to.subtopology_id = subtopology;
    to.partitions.assign(partitions.begin(), partitions.end());
  }
  return out;
}

std::vector<Response::TaskIds> task_ids(const StreamsTasksWithEpochs& tasks) {
  std::vector<Response::TaskIds> out;
  for (const auto& [subtopology, partitions] : tasks) {
    Response::TaskIds& to = out.emplace_back();
    to.subtopology_id = subtopology;
    for (const auto& [partition, since] : partitions) to.partitions.push_back(partition);
  }
  return out;
}

/// The input partitions of tasks. A topic that has fewer than there are tasks is read by the
/// first ones only.
std::vector<Response::TopicPartition> inputs_of(const std::vector<Response::TaskIds>& tasks,
                                                const ConfiguredStreamsSubtopologies& topology,
                                                const image::MetadataImage& image) {
  std::vector<Response::TopicPartition> out;
  for (const Response::TaskIds& ids : tasks) {
    const auto part = topology.find(ids.subtopology_id.view());
    if (part == topology.end()) continue;
    std::set<std::string_view> topics(part->second.source_topics.begin(),
                                      part->second.source_topics.end());
    for (const auto& [name, topic] : part->second.repartition_source_topics) topics.insert(name);
    for (const std::string_view name : topics) {
      const image::TopicImage* topic = image.topic(name);
      if (topic == nullptr) continue;
      Response::TopicPartition& to = out.emplace_back();
      to.topic = wire::Text::copy_of(name);
      to.partitions = ids.partitions;
      if (topic->partitions.size() < to.partitions.size()) {
        to.partitions.resize(topic->partitions.size());
      }
    }
  }
  return out;
}

void add_endpoint(const StreamsMember& member, const ConfiguredStreamsTopology& configured,
                  const image::MetadataImage& image,
                  std::vector<Response::EndpointToPartitions>& out) {
  if (!member.user_endpoint || !configured.subtopologies) return;
  Response::EndpointToPartitions& to = out.emplace_back();
  to.user_endpoint.host = member.user_endpoint->host;
  to.user_endpoint.port = member.user_endpoint->port;
  to.active_partitions =
      inputs_of(task_ids(member.assigned.active), *configured.subtopologies, image);
  to.standby_partitions =
      inputs_of(task_ids(member.assigned.standby), *configured.subtopologies, image);
}

}  // namespace

/// A heartbeat with what follows from it.
struct StreamsProtocol::Beat {
  Beat(const Request& r, config::GroupValues c)
      : request(r), group_id(r.group_id.view()), config(std::move(c)) {
    configs.emplace(kStandbyConfig, std::to_string(config.streams_num_standby_replicas));
  }

  const Request& request;
  const std::string_view group_id;
  const config::GroupValues config;
  StreamsGroup::Configs configs;

  /// A group that is not in the table yet is there for this heartbeat only: its records make the
  /// one that stays.
  std::unique_ptr<StreamsGroup> fresh;
  StreamsGroup* group = nullptr;
  bool is_known = false;
  /// New members wait for others to come.
  bool is_waiting = false;
  StreamsMember before;
  StreamsMember after;
  std::optional<StreamsTopology> own_topology;
  const StreamsTopology* topology = nullptr;
  bool is_bumped = false;
  bool is_reconciled = false;
  std::int64_t metadata_hash = 0;
  std::int32_t epoch = 0;
  std::vector<record::KeyedRecord> records;
  std::vector<Status> status;
};

void StreamsProtocol::heartbeat(Step& step, const GroupCaller& caller, const Request& request) {
  const auto decide = [&]() -> Result<StreamsHeartbeat> {
    MOLDAU_TRY(check_streams_heartbeat(request));
    return request.member_epoch < 0 ? leave(step, request) : beat(step, caller, request);
  };
  Result<StreamsHeartbeat> decided = decide();
  if (decided.ok()) return step.answer(caller.answer, std::move(*decided));
  StreamsHeartbeat refused;
  const Error& why = decided.error();
  refused.response.error_code = static_cast<std::int16_t>(why.code);
  // What went wrong on our side is nobody's business.
  if (why.code != ErrorCode::kUnknownServerError) refused.response.error_message = why.detail;
  step.answer(caller.answer, std::move(refused));
}

Result<StreamsHeartbeat> StreamsProtocol::leave(Step& step, const Request& request) {
  const std::string_view group_id = request.group_id.view();
  Group* found = groups_.find(group_id);
  if (found == nullptr) return not_found("Group ", group_id, " not found.");
  if (found->type() != GroupType::kStreams) {
    return not_found("Group ", group_id, " is not a streams group.");
  }
  auto& group = static_cast<StreamsGroup&>(*found);
  if (request.shutdown_application && !group.shutdown_member_id) {
    group.shutdown_member_id = request.member_id.str();
  }
  const std::string member_id = request.member_id.str();
  if (group.member(member_id) == nullptr) return no_such_member(member_id, group_id);
  if (!fence(step, group, member_id)) return Error(ErrorCode::kUnknownServerError);
  StreamsHeartbeat out;
  out.response.member_id = member_id;
  out.response.member_epoch = request.member_epoch;
  out.response.status.emplace();
  return out;
}

Result<StreamsHeartbeat> StreamsProtocol::beat(Step& step, const GroupCaller& caller,
                                               const Request& request) {
  Beat beat(request, settings_.of_group(step.context.image, request.group_id.view()));
  MOLDAU_TRY(find_group(beat));
  MOLDAU_TRY(take_member(caller, beat));
  MOLDAU_TRY(take_topology(step, beat));
  MOLDAU_TRY(measure(step, beat));
  MOLDAU_TRY(raise_epoch(beat));
  beat.is_waiting = beat.group->is_empty() && beat.config.streams_initial_rebalance_delay_ms > 0;
  const Goal goal = aim(step, beat, beat.records);
  if (goal.delayed) {
    beat.status.push_back(status_of(StreamsStatus::kAssignmentDelayed, *goal.delayed));
  }
  MOLDAU_TRY(reconcile(goal, beat));
  if (!step.has_room(beat.records)) {
    return Error(ErrorCode::kUnknownServerError, "more records than fit into a batch");
  }
  step.write(std::move(beat.records));
  set_timers(step, beat);
  if (request.shutdown_application && !beat.group->shutdown_member_id) {
    beat.group->shutdown_member_id = request.member_id.str();
  }
  return respond(step, beat);
}

Result<void> StreamsProtocol::find_group(Beat& beat) {
  const bool is_joining = beat.request.member_epoch == 0;
  Group* found = groups_.find(beat.group_id);
  beat.is_known = found != nullptr;
  const bool is_empty_classic =
      found != nullptr && found->type() == GroupType::kClassic && found->is_empty();
  if (is_joining && (found == nullptr || is_empty_classic)) {
    if (is_empty_classic) found->append_tombstones(beat.records);
    beat.fresh = std::make_unique<StreamsGroup>(std::string(beat.group_id));
    beat.group = beat.fresh.get();
  } else if (found == nullptr) {
    return not_found("Streams group ", beat.group_id, " not found.");
  } else if (found->type() != GroupType::kStreams) {
    return not_found("Group ", beat.group_id, " is not a streams group.");
  } else {
    beat.group = static_cast<StreamsGroup*>(found);
  }
  const auto most = static_cast<std::size_t>(settings_.broker->values.group_streams_max_size);
  if (is_joining && beat.group->members().size() >= most) {
    return Error(ErrorCode::kGroupMaxSizeReached,
                 "The streams group has reached its maximum capacity of " + std::to_string(most) +
                     " members.");
  }
  return {};
}

Result<void> StreamsProtocol::take_member(const GroupCaller& caller, Beat& beat) const {
  const std::string_view member_id = beat.request.member_id.view();
  const StreamsMember* there = beat.group->member(member_id);
  if (there == nullptr && beat.request.member_epoch != 0) {
    return no_such_member(member_id, beat.group_id);
  }
  if (there != nullptr) beat.before = *there;
  beat.before.id = member_id;
  MOLDAU_TRY(check_streams_epoch(beat.before, beat.request));
  MOLDAU_ASSIGN_OR_RETURN(
      beat.after, updated_member(beat.before, beat.request, caller.client_id, caller.client_host));
  if (beat.after != beat.before) {
    beat.records.push_back(streams_member_record(beat.group_id, beat.after));
    beat.is_bumped = true;
  }
  return {};
}

Result<void> StreamsProtocol::take_topology(const Step& step, Beat& beat) const {
  const std::optional<StreamsTopology>& known = beat.group->topology();
  if (known) beat.topology = &*known;
  if (beat.request.topology) {
    const wire::StreamsGroupTopologyValue value = topology_value(*beat.request.topology);
    beat.own_topology = StreamsTopology::from(value);
    if (!beat.own_topology) return Error(ErrorCode::kUnknownServerError, "a broken topology");
    if (!known) {
      record::KeyedRecord record = streams_topology_record(beat.group_id, value);
      if (!step.has_room(record)) return Error(ErrorCode::kUnknownServerError, "too large");
      beat.records.push_back(std::move(record));
      beat.topology = &*beat.own_topology;
    } else if (beat.own_topology->epoch >= known->epoch && *beat.own_topology != *known) {
      return Error(ErrorCode::kInvalidRequest, "Topology updates are not supported yet.");
    }
  }
  if (beat.topology == nullptr) {
    return Error(ErrorCode::kUnknownServerError, "a group without a topology");
  }
  if (known && beat.after.topology_epoch < known->epoch) {
    beat.status.push_back(status_of(
        StreamsStatus::kStaleTopology,
        "The member's topology epoch " + std::to_string(beat.after.topology_epoch) +
            " is behind the group's topology epoch " + std::to_string(known->epoch) + "."));
  }
  return {};
}

/// Looks at the topics again if any may have changed.
Result<void> StreamsProtocol::measure(const Step& step, Beat& beat) const {
  StreamsGroup& group = *beat.group;
  const image::MetadataImage& image = step.context.image;
  const bool is_first = !group.topology();
  beat.metadata_hash = group.metadata_hash();
  if (!is_first && group.configured && group.measured_at == image.provenance().offset) return {};
  beat.metadata_hash = hash_of(*beat.topology, image);
  const bool is_changed = beat.metadata_hash != group.metadata_hash();
  if (is_changed) beat.is_bumped = true;
  if (is_first || is_changed || !group.configured) {
    MOLDAU_ASSIGN_OR_RETURN(ConfiguredStreamsTopology configured,
                            configure_streams_topology(*beat.topology, image, tasks_max()));
    group.configured = std::move(configured);
  }
  // While the new hash is not in the log, every heartbeat has to see the change.
  if (!is_changed) group.measured_at = image.provenance().offset;
  return {};
}

Result<void> StreamsProtocol::raise_epoch(Beat& beat) const {
  StreamsGroup& group = *beat.group;
  std::int32_t validated = -1;
  if (group.configured->is_ready()) {
    validated = beat.topology->epoch;
    MOLDAU_TRY(check_streams_tasks(*group.configured->subtopologies, beat.request));
  }
  if (validated != group.validated_topology_epoch()) beat.is_bumped = true;
  if (beat.configs != group.last_assignment_configs()) beat.is_bumped = true;
  beat.epoch = group.epoch();
  if (!beat.is_bumped) return {};
  beat.epoch = static_cast<std::int32_t>(static_cast<std::uint32_t>(beat.epoch) + 1);
  beat.records.push_back(streams_metadata_record(beat.group_id, beat.epoch, beat.metadata_hash,
                                                 validated, beat.configs));
  return {};
}

StreamsProtocol::Goal StreamsProtocol::aim(const Step& step, const Beat& beat,
                                           std::vector<record::KeyedRecord>& records) const {
  const StreamsGroup& group = *beat.group;
  Goal goal;
  goal.epoch = group.assignment_epoch();
  if (beat.is_waiting || group.initial_rebalance_end) {
    goal.delayed = "Assignment delayed due to the configured initial rebalance delay.";
    return goal;
  }
  goal.target = group.target(beat.after.id);
  if (group.assignment_epoch() >= beat.epoch) return goal;
  const std::int64_t last = group.assignment_timestamp().value();
  const std::int64_t interval = beat.config.streams_assignment_interval_ms;
  if (last != 0 && interval != 0 && step.context.wall.value() - last < interval) {
    goal.delayed = "Assignment delayed due to the configured assignment interval.";
    return goal;
  }
  goal.epoch = beat.epoch;
  goal.target = assign_streams_group(group, &beat.after, *group.configured,
                                     beat.config.streams_num_standby_replicas, beat.epoch,
                                     step.context.wall, records);
  return goal;
}

Result<void> StreamsProtocol::reconcile(const Goal& goal, Beat& beat) const {
  if (beat.after.is_reconciled_to(goal.epoch)) return {};
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<StreamsTarget> owned, owned_tasks(beat.request));
  MOLDAU_ASSIGN_OR_RETURN(
      StreamsMember next,
      reconcile_streams_member(beat.after, goal.epoch, goal.target, owned, *beat.group));
  if (next == beat.after) return {};
  beat.records.push_back(streams_current_assignment_record(beat.group_id, next));
  beat.after = std::move(next);
  beat.is_reconciled = true;
  return {};
}

void StreamsProtocol::set_timers(const Step& step, const Beat& beat) {
  Group* found = groups_.find(beat.group_id);
  MOLDAU_CHECK(found != nullptr && found->type() == GroupType::kStreams,
               "records of a heartbeat make its group");
  auto& group = static_cast<StreamsGroup&>(*found);
  const MonoTime now = step.context.now;
  StreamsMemberTimers& timer = group.timers[beat.after.id];
  timer.session_end = now + Millis(beat.config.streams_session_timeout_ms);
  groups_.wake_by(group, *timer.session_end);
  if (beat.is_reconciled) {
    timer.rebalance_end.reset();
    if (beat.after.state == StreamsMemberState::kUnrevokedTasks) {
      timer.rebalance_end = now + Millis(beat.after.rebalance_timeout_ms);
      timer.rebalance_epoch = beat.after.epoch;
      groups_.wake_by(group, *timer.rebalance_end);
    }
  }
  const Millis delay(beat.config.streams_initial_rebalance_delay_ms);
  if (beat.is_waiting && !group.initial_rebalance_end) {
    group.initial_rebalance_end = now + delay;
    groups_.wake_by(group, *group.initial_rebalance_end);
  }
}

/// Apache tells tasks only when they change. Here also when the member does not seem to know of the
/// last change, whose answer may have been lost: it would wait for its tasks for ever.
bool StreamsProtocol::must_tell_tasks(const Beat& beat) {
  const StreamsAssignment& has = beat.before.assigned;
  if (beat.request.member_epoch < beat.before.epoch || has != beat.after.assigned) return true;
  const auto knows = [](const auto& list, const auto& tasks) {
    if (!list) return true;
    std::map<std::string_view, std::set<std::int32_t>> own;
    for (const auto& ids : *list) {
      own[ids.subtopology_id.view()].insert(ids.partitions.begin(), ids.partitions.end());
    }
    return own.size() == tasks.size() &&
           std::all_of(tasks.begin(), tasks.end(), [&](const auto& entry) {
             const auto at = own.find(entry.first);
             return at != own.end() && at->second == entry.second;
           });
  };
  StreamsTasks active;
  for (const auto& [subtopology, partitions] : has.active) {
    for (const auto& [partition, since] : partitions) active[subtopology].insert(partition);
  }
  return beat.request.member_epoch == 0 || !knows(beat.request.active_tasks, active) ||
         !knows(beat.request.standby_tasks, has.standby);
}

StreamsHeartbeat StreamsProtocol::respond(const Step& step, Beat& beat) const {
  StreamsGroup& group = *beat.group;
  const ConfiguredStreamsTopology& configured = *group.configured;
  const StreamsMember& member = beat.after;
  StreamsHeartbeat out;
  Response& response = out.response;
  response.member_id = member.id;
  response.member_epoch = member.epoch;
  response.heartbeat_interval_ms = beat.config.streams_heartbeat_interval_ms;
  if (must_tell_tasks(beat)) {
    response.active_tasks = task_ids(member.assigned.active);
    response.standby_tasks = task_ids(member.assigned.standby);
    response.warmup_tasks = task_ids(member.assigned.warmup);
    if (member.user_endpoint) ++group.endpoint_information_epoch;
  }
  if (group.endpoint_information_epoch != beat.request.endpoint_information_epoch) {
    auto& endpoints = response.partitions_by_user_endpoint.emplace();
    for (const auto& [id, other] : group.members()) {
      if (id != member.id) add_endpoint(other, configured, step.context.image, endpoints);
    }
    add_endpoint(member, configured, step.context.image, endpoints);
  }
  if (beat.is_known) response.endpoint_information_epoch = group.endpoint_information_epoch;
  if (configured.problem) {
    out.missing_topics = configured.missing_topics;
    beat.status.push_back(status_of(configured.problem->status, configured.problem->detail));
  }
  if (group.shutdown_member_id) {
    beat.status.push_back(status_of(StreamsStatus::kShutdownApplication,
                                    "Streams group member " + *group.shutdown_member_id +
                                        " encountered a fatal error and requested a shutdown for "
                                        "the entire application."));
  }
  response.status = std::move(beat.status);
  return out;
}

}  // namespace moldau::group
