// SPDX-License-Identifier: Apache-2.0
#include "machine/group/streams_target.h"

#include <algorithm>
#include <utility>

#include "machine/assignor/hash_order.h"
#include "machine/assignor/streams_assignor.h"
#include "machine/group/streams_records.h"

namespace moldau::group {
namespace {

std::vector<StreamsTarget> targets_for(const StreamsGroup& group,
                                       const std::vector<const StreamsMember*>& members,
                                       const ConfiguredStreamsTopology& topology,
                                       std::int32_t standby_replicas) {
  std::vector<StreamsTarget> out(members.size());
  if (!topology.is_ready() || !topology.subtopologies) return out;
  std::vector<assignor::StreamsMemberSpec> specs;
  for (const StreamsMember* member : members) {
    const StreamsTarget& last = group.target(member->id);
    specs.emplace_back(member->id, member->process_id, last.active, last.standby);
  }
  std::vector<assignor::StreamsSubtopologyTasks> parts;
  for (const auto& [id, part] : *topology.subtopologies) {
    parts.emplace_back(id, part.tasks, !part.state_changelog_topics.empty());
  }
  auto given = assignor::assign_streams_tasks(specs, parts, standby_replicas);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].active = std::move(given[i].active);
    out[i].standby = std::move(given[i].standby);
  }
  return out;
}

}  // namespace

StreamsTarget assign_streams_group(const StreamsGroup& group, const StreamsMember* joining,
                                   const ConfiguredStreamsTopology& topology,
                                   std::int32_t standby_replicas, std::int32_t epoch, Timestamp now,
                                   std::vector<record::KeyedRecord>& records) {
  std::vector<const StreamsMember*> members;
  for (const auto& [id, member] : group.members()) {
    members.push_back(joining != nullptr && joining->id == id ? joining : &member);
  }
  if (joining != nullptr && group.member(joining->id) == nullptr) members.push_back(joining);
  std::vector<StreamsTarget> targets = targets_for(group, members, topology, standby_replicas);

  std::vector<std::string_view> ids;
  for (const StreamsMember* member : members) ids.push_back(member->id);
  StreamsTarget own;
  for (const std::size_t i : assignor::java_hash_order(ids)) {
    const auto last = group.targets().find(ids[i]);
    if (last == group.targets().end() || last->second != targets[i]) {
      records.push_back(streams_target_record(group.id(), ids[i], targets[i]));
    }
    if (members[i] == joining) own = std::move(targets[i]);
  }
  records.push_back(streams_target_metadata_record(group.id(), epoch, now));
  return own;
}

}  // namespace moldau::group
