// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "machine/assignor/assignor.h"
#include "machine/group/consumer_group.h"
#include "record/keyed_record.h"

namespace moldau::group {

/// Records of consumer groups in the versions that Apache Kafka 4.3 writes.
/// Source   GroupCoordinatorRecordHelpers.

record::KeyedRecord consumer_member_record(std::string_view group_id, const ConsumerMember& member);
record::KeyedRecord consumer_member_tombstone(std::string_view group_id,
                                              std::string_view member_id);
record::KeyedRecord consumer_epoch_record(std::string_view group_id, std::int32_t epoch,
                                          std::int64_t metadata_hash);
record::KeyedRecord consumer_epoch_tombstone(std::string_view group_id);
/// Of the record type that Apache Kafka 4.0 wrote before there was a metadata hash.
record::KeyedRecord consumer_partition_metadata_tombstone(std::string_view group_id);
record::KeyedRecord consumer_target_record(std::string_view group_id, std::string_view member_id,
                                           const assignor::Assignment& target);
record::KeyedRecord consumer_target_tombstone(std::string_view group_id,
                                              std::string_view member_id);
record::KeyedRecord consumer_target_metadata_record(std::string_view group_id, std::int32_t epoch,
                                                    Timestamp timestamp);
record::KeyedRecord consumer_target_metadata_tombstone(std::string_view group_id);
record::KeyedRecord consumer_current_record(std::string_view group_id,
                                            const ConsumerMember& member);
record::KeyedRecord consumer_current_tombstone(std::string_view group_id,
                                               std::string_view member_id);
record::KeyedRecord consumer_regex_record(std::string_view group_id, std::string_view regex,
                                          const ResolvedRegex& resolved);
record::KeyedRecord consumer_regex_tombstone(std::string_view group_id, std::string_view regex);

}  // namespace moldau::group
