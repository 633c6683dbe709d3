// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "base/types.h"
#include "record/batch_view.h"
#include "record/compression.h"

namespace moldau::record {

/// Who appends: producers are checked for more than our own coordinators.
enum class AppendOrigin : std::uint8_t { kClient, kCoordinator };

/// What the topic's configuration and the moment demand of a batch.
struct ValidateOptions {
  /// "topic-3", for messages only.
  std::string_view topic_partition;
  AppendOrigin origin = AppendOrigin::kClient;
  /// compression.type with its level; nothing means "producer": as it came.
  std::optional<Compression> compression;
  /// cleanup.policy has compact: every record needs a key.
  bool compacted = false;
  /// message.timestamp.type, .before.max.ms, .after.max.ms
  TimestampType timestamp_type = TimestampType::kCreateTime;
  Millis timestamp_before_max{INT64_MAX};
  Millis timestamp_after_max{3'600'000};
  Timestamp now;
  /// max.message.bytes, of the batch as it came and as it became.
  std::optional<std::size_t> message_bytes_max;
};

/// One refused record, as ProduceResponse.RecordErrors has it.
struct RecordError {
  std::int32_t batch_index = 0;
  std::string message;
};

/// What the broker counts refusals under.
enum class RejectReason : std::uint8_t {
  kOther,
  kInvalidMagic,
  kInvalidOffset,
  kInvalidSequence,
  kInvalidChecksum,
  kNoKeyInCompactedTopic,
};

/// A batch that must not be appended.
struct RejectedBatch {
  ErrorCode code = ErrorCode::kInvalidRecord;
  std::string message;
  /// At most kRecordErrorsMax; a producer treats unnamed records of the batch as refused too.
  std::vector<RecordError> record_errors;
  RejectReason reason = RejectReason::kOther;
  /// Records without a key, also those beyond kRecordErrorsMax.
  std::int32_t records_without_key = 0;
};
inline constexpr std::size_t kRecordErrorsMax = 1000;

/// A batch that may be appended once assign() has given it its place.
struct ValidatedBatch {
  /// The bytes to append: those that came, patched, or `rebuilt`.
  MutableBytes bytes;
  /// Owns `bytes` if the batch had to be written anew (other codec, wrong offsets).
  Slice rebuilt;
  std::int32_t record_count = 0;
  /// Of the records, or the append time; -1 if no record has one.
  Timestamp max_timestamp = kNoTimestamp;
  /// Bytes of header and records before compression.
  std::size_t uncompressed_size = 0;

  /// Patches base offset and leader epoch, which no checksum covers.
  void assign(Offset first_offset, LeaderEpoch epoch);
  Offset next_offset(Offset first_offset) const { return first_offset + record_count; }
  BatchView view() const { return BatchView::parse(bytes).value(); }
};

using ValidateOutcome = std::variant<ValidatedBatch, RejectedBatch>;

/// What must hold of the records of one partition in a produce request, before any log is asked:
/// one batch of magic 2, and zstd only from version 7 on.
/// Errors   kInvalidRecord, kUnsupportedCompressionType, kCorruptMessage (unreadable sizes).
/// Source   ProduceRequest.validateRecords.
Result<void> check_produce_records(ByteView records, std::int16_t api_version);

/// Judges one produced batch and makes it ready for the log: checksum, counts, offsets, control
/// and sequence rules, and a walk over every record, its bytes, key and timestamp. Sets the
/// append time in place, or writes the batch anew in another codec. Offsets are not needed yet.
///
/// Path     HostedPartition::append → this → ValidatedBatch::assign → log.
/// Owner    `records` is borrowed and patched in place; the outcome points into it.
/// Thread   the context's; pure otherwise.
/// Bounds   no copy and no allocation for a plain batch that is in order; a compressed one is
///          skimmed through a window of CompressionContext::kWindowBytes; output of a rebuilt one
///          and of a bomb by context.limits.
/// Errors   in RejectedBatch: kInvalidRecord, kInvalidTimestamp, kCorruptMessage,
///          kMessageTooLarge, kUnsupportedCompressionType.
///          Records whose offsets are not consecutive are refused in a compressed batch, as in
///          Apache, and rewritten in a plain one, where Apache appends them as they are.
/// Source   UnifiedLog.analyzeAndValidateRecords, LogValidator; KIP-32, KIP-467, KIP-937.
ValidateOutcome validate_produced(MutableBytes records, const ValidateOptions& options,
                                  CompressionContext& context);

/// What a follower, and the leader of the metadata log, learn of the batches they append as they
/// are.
struct RecordSetSummary {
  /// Of old messages the last offset of the first, as Kafka does.
  Offset first_offset{-1};
  Offset last_offset{-1};
  Offset last_offset_of_first_batch{-1};
  LeaderEpoch last_leader_epoch = kNoLeaderEpoch;
  Timestamp max_timestamp = kNoTimestamp;
  /// The last offset of the first batch that has it; -1 if none.
  Offset shallow_offset_of_max_timestamp{-1};
  /// Bytes of whole batches; what follows them is cut off and not to be appended.
  std::size_t valid_bytes = 0;
  std::int32_t batch_count = 0;
};

/// Checks each batch's size and checksum and that offsets increase. Batches of an epoch above
/// `epoch_max` end the set: they come from a leader this replica does not follow yet.
/// Errors   kCorruptMessage; kInvalidRecord: offsets that do not increase.
/// Source   UnifiedLog.analyzeAndValidateRecords with AppendOrigin.REPLICATION.
Result<RecordSetSummary> check_record_set(ByteView records,
                                          std::optional<LeaderEpoch> epoch_max = {});

}  // namespace moldau::record
