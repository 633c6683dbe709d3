// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "machine/group/streams_protocol.h"
#include "machine/group/streams_records.h"
#include "machine/group/streams_target.h"

namespace moldau::group {
namespace {

std::int32_t standbys_of(const StreamsGroup::Configs& configs) {
  std::int32_t out = 0;
  const auto at = configs.find("num.standby.replicas");
  if (at == configs.end()) return 0;
  const char* end = at->second.data() + at->second.size();
  std::from_chars(at->second.data(), end, out);
  return out;
}

}  // namespace

void StreamsProtocol::loaded(Step& step, StreamsGroup& group) {
  const MonoTime now = step.context.now;
  const config::GroupValues config = settings_.of_group(step.context.image, group.id());
  for (const auto& [id, member] : group.members()) {
    StreamsMemberTimers& timer = group.timers[id];
    timer.session_end = now + Millis(config.streams_session_timeout_ms);
    if (member.state == StreamsMemberState::kUnrevokedTasks) {
      timer.rebalance_end = now + Millis(member.rebalance_timeout_ms);
      timer.rebalance_epoch = member.epoch;
    }
  }
  groups_.schedule(group);
}

bool StreamsProtocol::fence(Step& step, StreamsGroup& group, const std::string& member_id) {
  std::vector<record::KeyedRecord> records;
  records.push_back(streams_current_assignment_tombstone(group.id(), member_id));
  records.push_back(streams_target_tombstone(group.id(), member_id));
  records.push_back(streams_member_tombstone(group.id(), member_id));
  const auto next = static_cast<std::int32_t>(static_cast<std::uint32_t>(group.epoch()) + 1);
  records.push_back(streams_metadata_record(group.id(), next, group.metadata_hash(),
                                            group.validated_topology_epoch(),
                                            group.last_assignment_configs()));
  if (!step.has_room(records)) return false;
  step.write(std::move(records));
  return true;
}

void StreamsProtocol::tick(Step& step, StreamsGroup& group) {
  const MonoTime now = step.context.now;
  std::vector<std::string> due;
  for (auto& [id, timer] : group.timers) {
    const StreamsMember* member = group.member(id);
    if (timer.rebalance_end && *timer.rebalance_end <= now) {
      timer.rebalance_end.reset();
      // Whoever has left the epoch in which it had to give back tasks has done so.
      if (member != nullptr && member->epoch == timer.rebalance_epoch) timer.session_end = now;
    }
    if (timer.session_end && *timer.session_end <= now) due.push_back(id);
  }
  for (const std::string& id : due) {
    if (!fence(step, group, id)) return;
  }
  if (group.initial_rebalance_end && *group.initial_rebalance_end <= now) {
    group.initial_rebalance_end.reset();
    assign_late(step, group);
  }
}

/// The wait for more members is over.
void StreamsProtocol::assign_late(Step& step, StreamsGroup& group) {
  if (group.is_empty() || group.epoch() <= group.assignment_epoch() || !group.configured) return;
  const config::GroupValues config = settings_.of_group(step.context.image, group.id());
  const std::int64_t last = group.assignment_timestamp().value();
  const std::int64_t interval = config.streams_assignment_interval_ms;
  if (last != 0 && interval != 0 && step.context.wall.value() - last < interval) return;
  std::vector<record::KeyedRecord> records;
  (void)assign_streams_group(group, nullptr, *group.configured,
                             standbys_of(group.last_assignment_configs()), group.epoch(),
                             step.context.wall, records);
  // Without room the next heartbeat does it.
  if (step.has_room(records)) step.write(std::move(records));
}

}  // namespace moldau::group
