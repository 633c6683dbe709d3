// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/result.h"
#include "machine/group/streams_member.h"
#include "machine/group/streams_topics.h"
#include "wire/streams_group_heartbeat_request.h"

namespace moldau::group {

/// What can be told of a heartbeat without knowing its group.
/// Thread   any thread; pure.
/// Errors   kInvalidRequest, kStreamsInvalidTopology.
/// Source   GroupCoordinatorService.throwIfStreamsGroupHeartbeatRequestIsInvalid and its like.
Result<void> check_streams_heartbeat(const wire::StreamsGroupHeartbeatRequest& request);

/// The epochs of member and request fit together.
/// Errors   kFencedMemberEpoch.
/// Source   GroupMetadataManager.throwIfStreamsGroupMemberEpochIsInvalid.
Result<void> check_streams_epoch(const StreamsMember& member,
                                 const wire::StreamsGroupHeartbeatRequest& request);

/// What the member says it has is in the topology.
/// Errors   kInvalidRequest.
Result<void> check_streams_tasks(const ConfiguredStreamsSubtopologies& topology,
                                 const wire::StreamsGroupHeartbeatRequest& request);

/// What the member says it has; nothing if it does not. A subtopology that comes twice is
/// kUnknownServerError.
Result<std::optional<StreamsTarget>> owned_tasks(const wire::StreamsGroupHeartbeatRequest& request);

/// The member with what the request says of it.
/// Errors   kUnknownServerError: a client tag that comes twice.
Result<StreamsMember> updated_member(const StreamsMember& member,
                                     const wire::StreamsGroupHeartbeatRequest& request,
                                     std::string_view client_id, std::string_view client_host);

}  // namespace moldau::group
