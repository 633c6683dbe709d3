// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "machine/group/group_effects.h"
#include "machine/group/group_settings.h"
#include "machine/group/group_table.h"
#include "machine/group/step.h"
#include "machine/group/streams_group.h"
#include "wire/streams_group_describe_response.h"
#include "wire/streams_group_heartbeat_request.h"

namespace moldau::group {

/// Decides what members of streams groups ask for, and what time does to them.
///
/// Path     GroupMachine → this → StreamsGroup, configure_streams_topology, assign_streams_tasks.
/// Owner    borrows the machine's parts.
/// Thread   a value of the partition's shard.
/// Bounds   group.streams.max.size members; as many tasks as fit into one batch of records.
/// Errors   in the responses.
/// Source   GroupMetadataManager.streamsGroupHeartbeat; KIP-1071.
class StreamsProtocol {
 public:
  StreamsProtocol(GroupTable& groups, const GroupSettings& settings)
      : groups_(groups), settings_(settings) {}

  /// The group is read from the log to its end: its sessions begin.
  void loaded(Step& step, StreamsGroup& group);
  /// Something of the group is due.
  void tick(Step& step, StreamsGroup& group);

  void heartbeat(Step& step, const GroupCaller& caller,
                 const wire::StreamsGroupHeartbeatRequest& request);

 private:
  struct Beat;
  using Request = wire::StreamsGroupHeartbeatRequest;
  using Status = wire::StreamsGroupHeartbeatResponse::Status;

  /// Members shall have what is in the group's targets, or nothing yet.
  struct Goal {
    std::int32_t epoch = 0;
    StreamsTarget target;
    /// Why it is not the goal of the latest epoch.
    std::optional<std::string> delayed;
  };

  std::int64_t tasks_max() const {
    return static_cast<std::int64_t>(settings_.batch_bytes_max / sizeof(std::int32_t));
  }

  Result<StreamsHeartbeat> leave(Step& step, const Request& request);
  Result<StreamsHeartbeat> beat(Step& step, const GroupCaller& caller, const Request& request);
  Result<void> find_group(Beat& beat);
  Result<void> take_member(const GroupCaller& caller, Beat& beat) const;
  Result<void> take_topology(const Step& step, Beat& beat) const;
  Result<void> measure(const Step& step, Beat& beat) const;
  Result<void> raise_epoch(Beat& beat) const;
  Goal aim(const Step& step, const Beat& beat, std::vector<record::KeyedRecord>& records) const;
  Result<void> reconcile(const Goal& goal, Beat& beat) const;
  static bool must_tell_tasks(const Beat& beat);
  StreamsHeartbeat respond(const Step& step, Beat& beat) const;
  void set_timers(const Step& step, const Beat& beat);

  /// Whether there was room for it.
  bool fence(Step& step, StreamsGroup& group, const std::string& member_id);
  void assign_late(Step& step, StreamsGroup& group);

  GroupTable& groups_;
  const GroupSettings& settings_;
};

/// GROUP_ID_NOT_FOUND in it, if the group is none of these.
/// Source   GroupMetadataManager.streamsGroupDescribe.
wire::StreamsGroupDescribeResponse::DescribedGroup describe_streams_group(
    const GroupTable& groups, std::string_view group_id);

}  // namespace moldau::group
