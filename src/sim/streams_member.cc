// SPDX-License-Identifier: Apache-2.0
#include "sim/streams_member.h"

#include <algorithm>

#include "sim/group_offsets.h"

namespace moldau::sim {
namespace {

constexpr std::int16_t kVersion = 0;
/// Of the group; that of a member may be older.
constexpr std::int32_t kTopologyEpoch = 1;
constexpr std::int8_t kStaleTopology = 0;

constexpr const char* kFirst = "0";
constexpr const char* kSecond = "1";

}  // namespace

bool StreamsMember::has_topics() const {
  return there(model_, topic_) != nullptr;
}

void StreamsMember::change_its_mind() {
  if (!has_joined_ || !random_.chance(3)) return;
  topology_epoch_ = static_cast<std::int32_t>(random_.between(0, 2));
  begin_anew(true);
}

StreamsMember::Request::Topology StreamsMember::topology() const {
  Request::Topology out;
  out.epoch = topology_epoch_;
  auto& first = out.subtopologies.emplace_back();
  first.subtopology_id = kFirst;
  first.source_topics.emplace_back(std::string_view(topic_));
  if (topology_epoch_ != kTopologyEpoch) return out;
  first.repartition_sink_topics.emplace_back(std::string_view(repartition_));
  auto& second = out.subtopologies.emplace_back();
  second.subtopology_id = kSecond;
  auto& repartition = second.repartition_source_topics.emplace_back();
  repartition.name = std::string_view(repartition_);
  repartition.partitions = kStreamsRepartitions;
  auto& changelog = second.state_changelog_topics.emplace_back();
  changelog.name = std::string_view(changelog_);
  auto& policy = changelog.topic_configs.emplace_back();
  policy.key = "cleanup.policy";
  policy.value = "compact";
  return out;
}

StreamsMember::Request StreamsMember::request_now() {
  Request request;
  request.group_id = std::string_view(options_.group);
  request.member_id = std::string_view(member_id());
  request.member_epoch = epoch();
  const bool joins = epoch() <= 0;
  if (joins) standby_.clear();
  const bool is_full = must_say_all() || random_.chance(50);
  if (is_full) {
    request.rebalance_timeout_ms = options_.rebalance_timeout_ms;
    request.process_id = std::string_view(process_);
  }
  if (joins) request.topology = topology();
  if (!is_full && !must_name_all() && told_standby_ == standby_) return request;
  const auto add = [](std::vector<Request::TaskIds>& to, const char* subtopology,
                      const Partitions& from, bool of_first, const std::string& input) {
    Request::TaskIds ids;
    ids.subtopology_id = wire::Text(subtopology);
    for (const auto& [name, number] : from)
      if ((name == input) == of_first) ids.partitions.push_back(number);
    if (!ids.partitions.empty()) to.push_back(std::move(ids));
  };
  for (const bool first : {true, false}) {
    const char* subtopology = first ? kFirst : kSecond;
    if (first) request.active_tasks.emplace();
    if (first) request.standby_tasks.emplace();
    add(*request.active_tasks, subtopology, owned(), first, topic_);
    add(*request.standby_tasks, subtopology, standby_, first, topic_);
  }
  request.warmup_tasks.emplace();
  told_standby_ = standby_;
  return request;
}

void StreamsMember::heartbeat() {
  const Request request = request_now();
  const bool names_all = request.active_tasks.has_value();
  heartbeat_leaves(names_all);
  ask<Response>(request, kVersion, [this, now = shard_.now(), names_all](const Response& answer) {
    on_heartbeat(answer, now, names_all);
  });
}

std::optional<EpochMember::Partitions> StreamsMember::tasks_in(const Response& answer) const {
  if (!answer.active_tasks) return std::nullopt;
  Partitions out;
  for (const auto& ids : *answer.active_tasks)
    for (const std::int32_t number : ids.partitions)
      out.emplace(ids.subtopology_id.view() == kFirst ? topic_ : repartition_, number);
  return out;
}

void StreamsMember::on_heartbeat(const Response& answer, MonoTime sent, bool names_all) {
  const ErrorCode code = error_from_wire(answer.error_code);
  if (code != ErrorCode::kNone) {
    told_standby_.reset();
  } else {
    check_status(answer);
    if (topology_epoch_ == kTopologyEpoch) has_joined_ = true;
  }
  if (code == ErrorCode::kNone && answer.standby_tasks) {
    standby_.clear();
    for (const auto& ids : *answer.standby_tasks)
      for (const std::int32_t number : ids.partitions)
        standby_.emplace(ids.subtopology_id.view() == kFirst ? topic_ : repartition_, number);
  }
  heartbeat_answered(sent, names_all, code, answer.member_epoch, tasks_in(answer));
}

void StreamsMember::check_status(const Response& answer) {
  const bool is_stale = answer.status && std::any_of(answer.status->begin(), answer.status->end(),
                                                     [](const Response::Status& one) {
                                                       return one.status_code == kStaleTopology;
                                                     });
  if (topology_epoch_ > kTopologyEpoch || is_stale != (topology_epoch_ < kTopologyEpoch))
    model_.checks.fail("TopologyStays", options_.group + " took " + member_id() +
                                            " with topology " + std::to_string(topology_epoch_) +
                                            (is_stale ? " as stale" : ""));
}

void StreamsMember::leave(std::int32_t epoch) {
  Request request;
  request.group_id = std::string_view(options_.group);
  request.member_id = std::string_view(member_id());
  request.member_epoch = epoch;
  ask<Response>(request, kVersion, [this, epoch](const Response& answer) {
    has_left(error_from_wire(answer.error_code), epoch);
  });
}

void StreamsMember::judge(ErrorCode code) {
  if (code == ErrorCode::kInvalidRequest && topology_epoch_ > kTopologyEpoch) {
    // Topologies of a group cannot be changed yet.
    topology_epoch_ = kTopologyEpoch;
    return begin_anew(true);
  }
  EpochMember::judge(code);
}

}  // namespace moldau::sim
