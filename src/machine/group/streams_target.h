// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "machine/group/streams_group.h"
#include "record/keyed_record.h"

namespace moldau::group {

/// The target assignment of an epoch in records; `joining` (may be null) counts as a member, in
/// place of the one of that id. Without tasks to give, everybody is to have nothing. Gives what
/// `joining` is to have.
/// Thread   any thread; pure.
/// Source   streams.TargetAssignmentBuilder.
StreamsTarget assign_streams_group(const StreamsGroup& group, const StreamsMember* joining,
                                   const ConfiguredStreamsTopology& topology,
                                   std::int32_t standby_replicas, std::int32_t epoch, Timestamp now,
                                   std::vector<record::KeyedRecord>& records);

}  // namespace moldau::group
