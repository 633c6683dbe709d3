// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string_view>

#include "base/types.h"
#include "machine/group/offset_store.h"
#include "record/keyed_record.h"
#include "wire/group_metadata_value.h"

namespace moldau::group {

class ClassicGroup;

/// Records of `__consumer_offsets` in the versions that Apache Kafka 4.3 writes.
/// Source   GroupCoordinatorRecordHelpers.

/// A group that was just made, before anybody is in it.
record::KeyedRecord empty_group_record(std::string_view group_id, Timestamp wall);
/// The next generation, without members.
record::KeyedRecord emptied_group_record(const ClassicGroup& group, Timestamp wall);
/// This generation. Members have what `assignments` says by their id, else what they have.
record::KeyedRecord group_metadata_record(const ClassicGroup& group,
                                          const std::map<std::string_view, ByteView>* assignments);
record::KeyedRecord group_metadata_tombstone(std::string_view group_id);

record::KeyedRecord offset_commit_record(std::string_view group_id, std::string_view topic,
                                         PartitionId partition, const CommittedOffset& offset);
record::KeyedRecord offset_commit_tombstone(std::string_view group_id, std::string_view topic,
                                            PartitionId partition);

/// A longer string would be cut on its way into a record: what is decided must not depend on it.
inline constexpr std::size_t kStringBytesMax = 32'767;

/// At most so many bytes a record takes in a batch, and a batch without records.
std::size_t batch_bytes(const record::KeyedRecord& record);
inline constexpr std::size_t kBatchHeaderBytes = 61;

}  // namespace moldau::group
