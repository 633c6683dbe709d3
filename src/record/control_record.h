// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/buffer.h"
#include "base/result.h"
#include "base/types.h"
#include "record/batch_builder.h"
#include "record/record_view.h"

namespace moldau::record {

/// Control records: their keys (int16 version, int16 type), and the transaction markers. The
/// values of the raft types (leader change, snapshot header …) are messages of wire/.
/// Thread   values and pure functions.
/// Source   KIP-98; ControlRecordType, EndTransactionMarker.

/// The type in the key of a control record; kUnknown for a type of the future.
/// Errors   kInvalidRecord: a key below 4 bytes or of a negative version.
Result<ControlRecordType> control_record_type(const RecordView& record);

/// The value of an ABORT or COMMIT record.
struct EndTransactionMarker {
  ControlRecordType type = ControlRecordType::kUnknown;
  std::int32_t coordinator_epoch = -1;
};

/// The first record of a control batch, if it is a transaction marker.
/// Errors   kInvalidRecord: another type, or a value below 6 bytes or of a negative version.
Result<EndTransactionMarker> parse_end_transaction_marker(const RecordView& record);

/// int16 version 0, int32 coordinator epoch.
std::array<std::byte, 6> serialize_end_transaction_marker(std::int32_t coordinator_epoch);

/// A whole marker batch at `fields.base_offset`; producer id, epoch and leader epoch are taken
/// from `fields`, control and transactional are set. 78 bytes for small timestamps.
/// Source   MemoryRecords.withEndTransactionMarker.
Slice build_end_transaction_marker(BatchFields fields, Timestamp now, ControlRecordType type,
                                   std::int32_t coordinator_epoch, CompressionContext& context);

}  // namespace moldau::record
