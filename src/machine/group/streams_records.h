// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/types.h"
#include "machine/group/streams_member.h"
#include "record/keyed_record.h"
#include "wire/streams_group_topology_value.h"

namespace moldau::group {

/// Records of streams groups in the versions that Apache Kafka 4.3 writes.
/// Source   StreamsCoordinatorRecordHelpers.

record::KeyedRecord streams_member_record(std::string_view group_id, const StreamsMember& member);
record::KeyedRecord streams_member_tombstone(std::string_view group_id, std::string_view member_id);

record::KeyedRecord streams_metadata_record(
    std::string_view group_id, std::int32_t epoch, std::int64_t metadata_hash,
    std::int32_t validated_topology_epoch,
    const std::map<std::string, std::string, std::less<>>& assignment_configs);
record::KeyedRecord streams_metadata_tombstone(std::string_view group_id);

record::KeyedRecord streams_topology_record(std::string_view group_id,
                                            const wire::StreamsGroupTopologyValue& topology);
record::KeyedRecord streams_topology_tombstone(std::string_view group_id);

record::KeyedRecord streams_target_record(std::string_view group_id, std::string_view member_id,
                                          const StreamsTarget& target);
record::KeyedRecord streams_target_tombstone(std::string_view group_id, std::string_view member_id);

record::KeyedRecord streams_target_metadata_record(std::string_view group_id, std::int32_t epoch,
                                                   Timestamp timestamp);
record::KeyedRecord streams_target_metadata_tombstone(std::string_view group_id);

record::KeyedRecord streams_current_assignment_record(std::string_view group_id,
                                                      const StreamsMember& member);
record::KeyedRecord streams_current_assignment_tombstone(std::string_view group_id,
                                                         std::string_view member_id);

}  // namespace moldau::group
