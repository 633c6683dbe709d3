// SPDX-License-Identifier: Apache-2.0
#include "record/validate.h"

#include <algorithm>
#include <utility>

#include "record/batch_builder.h"
#include "record/record_iterator.h"
#include "record/record_view.h"
#include "record/record_window.h"

namespace moldau::record {
namespace {

RejectedBatch reject(ErrorCode code, std::string message,
                     RejectReason reason = RejectReason::kOther) {
  RejectedBatch out;
  out.code = code;
  out.message = std::move(message);
  out.reason = reason;
  return out;
}

RejectedBatch invalid(std::string message, RejectReason reason = RejectReason::kOther) {
  return reject(ErrorCode::kInvalidRecord, std::move(message), reason);
}

RejectedBatch reject(const Error& error) {
  return reject(error.code, error.detail);
}

std::int64_t saturating_subtract(std::int64_t a, std::int64_t b) {
  std::int64_t out;
  if (!__builtin_sub_overflow(a, b, &out)) return out;
  return b > 0 ? INT64_MIN : INT64_MAX;
}

std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  std::int64_t out;
  if (!__builtin_add_overflow(a, b, &out)) return out;
  return b > 0 ? INT64_MAX : INT64_MIN;
}

/// The rules for single records, applied to one after the other.
class RecordRules {
 public:
  RecordRules(const BatchView& batch, const ValidateOptions& options)
      : options_(options),
        base_timestamp_(batch.base_timestamp().value()),
        create_time_(options.timestamp_type == TimestampType::kCreateTime),
        batch_has_append_time_(batch.timestamp_type() == TimestampType::kLogAppendTime),
        append_time_(batch.max_timestamp().value()),
        earliest_(saturating_subtract(options.now.value(), options.timestamp_before_max.value())),
        latest_(saturating_add(options.now.value(), options.timestamp_after_max.value())) {}

  void check(std::int32_t index, const RawRecord& record) {
    const std::int64_t timestamp = batch_has_append_time_
                                       ? append_time_
                                       : wrapping_add(base_timestamp_, record.timestamp_delta);
    if (options_.compacted && record.key_size < 0) [[unlikely]] {
      refuse_key(index);
    } else if (create_time_ && timestamp != kNoTimestamp.value()) {
      if (timestamp < earliest_ || timestamp > latest_) [[unlikely]]
        refuse_timestamp(index, timestamp, record.offset_delta);
    } else if (batch_has_append_time_) [[unlikely]] {
      refuse_append_time(index);
    }
  }

  /// What the loop over the records compares with; a record that fails goes to check(). Kept in
  /// registers there, which members are not.
  struct Fast {
    std::int64_t base_timestamp;
    std::int64_t earliest;
    std::int64_t latest;
    std::int32_t key_size_min;
  };
  Fast fast() const {
    Fast out{base_timestamp_, INT64_MIN, INT64_MAX, options_.compacted ? 0 : INT32_MIN};
    if (create_time_) {
      out.earliest = earliest_;
      out.latest = latest_;
    }
    // Then every record is judged one by one; producers do not do this.
    if (batch_has_append_time_) out.key_size_min = INT32_MAX;
    return out;
  }

  /// What the loop has found. With append time in the batch, its records all have that.
  void sum_up(std::int64_t max_timestamp, bool offsets_in_order, std::size_t uncompressed_size) {
    max_timestamp_ =
        batch_has_append_time_ ? std::max(append_time_, kNoTimestamp.value()) : max_timestamp;
    offsets_in_order_ = offsets_in_order;
    uncompressed_size_ = uncompressed_size;
  }

  bool refused() const { return refused_ > 0; }
  bool offsets_in_order() const { return offsets_in_order_; }
  std::int64_t max_timestamp() const { return max_timestamp_; }
  std::size_t uncompressed_size() const { return uncompressed_size_; }

  RejectedBatch rejection() && {
    RejectedBatch out;
    if (bad_timestamp_) {
      out.code = ErrorCode::kInvalidTimestamp;
      out.message = "One or more records have been rejected due to invalid timestamp";
    } else {
      out.message = "One or more records have been rejected due to " + std::to_string(refused_) +
                    " record errors in total, and only showing the first three errors at most: ";
      for (std::size_t i = 0; i < std::min<std::size_t>(errors_.size(), 3); ++i)
        out.message += (i > 0 ? ", " : "") + errors_[i].message;
    }
    if (without_key_ > 0) out.reason = RejectReason::kNoKeyInCompactedTopic;
    out.records_without_key = without_key_;
    out.record_errors = std::move(errors_);
    return out;
  }

 private:
  void refuse(std::int32_t index, std::string message) {
    ++refused_;
    if (errors_.size() < kRecordErrorsMax) errors_.push_back({index, std::move(message)});
  }
  void refuse_key(std::int32_t index) {
    ++without_key_;
    refuse(index, "Compacted topic cannot accept message without key in topic partition " +
                      std::string(options_.topic_partition));
  }
  void refuse_timestamp(std::int32_t index, std::int64_t timestamp, std::int32_t offset) {
    bad_timestamp_ = true;
    refuse(index, "Timestamp " + std::to_string(timestamp) + " of message with offset " +
                      std::to_string(offset) +
                      " is out of range. The timestamp should be within [" +
                      std::to_string(earliest_) + ", " + std::to_string(latest_) + "]");
  }
  void refuse_append_time(std::int32_t index) {
    bad_timestamp_ = true;
    refuse(index,
           "Invalid timestamp type in message. Producer should not set timestamp type to "
           "LogAppendTime.");
  }

  const ValidateOptions& options_;
  const std::int64_t base_timestamp_;
  const bool create_time_;
  const bool batch_has_append_time_;
  const std::int64_t append_time_;
  const std::int64_t earliest_;
  const std::int64_t latest_;

  std::int64_t max_timestamp_ = kNoTimestamp.value();
  std::size_t uncompressed_size_ = kBatchOverhead;
  bool offsets_in_order_ = true;
  bool bad_timestamp_ = false;
  std::int32_t refused_ = 0;
  std::int32_t without_key_ = 0;
  std::vector<RecordError> errors_;
};

Error fault_error(RecordFault fault) {
  return {ErrorCode::kInvalidRecord, std::string(record_fault_text(fault))};
}

Error bytes_remain() {
  return {ErrorCode::kInvalidRecord,
          "Incorrect declared batch size, records still remaining in file"};
}

Result<void> walk_plain(const BatchView& batch, RecordRules& rules) {
  const ByteView bytes = batch.record_bytes();
  const std::byte* p = bytes.data();
  const std::byte* const end = p + bytes.size();
  const std::int32_t count = batch.record_count();
  const RecordRules::Fast fast = rules.fast();
  std::int64_t max_timestamp = kNoTimestamp.value();
  bool in_order = true;
  for (std::int32_t i = 0; i < count; ++i) {
    RawRecord record;
    const RecordFault fault = parse_record(p, end, record);
    if (fault != RecordFault::kNone) [[unlikely]]
      return fault_error(fault);
    const std::int64_t timestamp = wrapping_add(fast.base_timestamp, record.timestamp_delta);
    if (timestamp < fast.earliest || timestamp > fast.latest || record.key_size < fast.key_size_min)
        [[unlikely]]
      rules.check(i, record);
    max_timestamp = std::max(max_timestamp, timestamp);
    in_order &= record.offset_delta == i;
    p = record.end;
  }
  if (count > 0 && p != end) return bytes_remain();
  rules.sum_up(max_timestamp, in_order, batch.size());
  return {};
}

Result<void> walk_compressed(const BatchView& batch, RecordRules& rules,
                             CompressionContext& context) {
  const std::int32_t count = batch.record_count();
  if (count == 0) return {};
  MOLDAU_ASSIGN_OR_RETURN(
      auto window, RecordWindow::open(context, batch.compression_type(), batch.record_bytes()));
  const std::int64_t base_timestamp = batch.base_timestamp().value();
  std::int64_t max_timestamp = kNoTimestamp.value();
  bool in_order = true;
  std::size_t uncompressed_size = kBatchOverhead;
  for (std::int32_t i = 0; i < count; ++i) {
    RawRecord record;
    MOLDAU_ASSIGN_OR_RETURN(const RecordFault fault, window.skim(record));
    if (fault != RecordFault::kNone) return fault_error(fault);
    rules.check(i, record);
    max_timestamp = std::max(max_timestamp, wrapping_add(base_timestamp, record.timestamp_delta));
    in_order &= record.offset_delta == i;
    uncompressed_size += static_cast<std::size_t>(record.size);
  }
  MOLDAU_ASSIGN_OR_RETURN(const bool ended, window.at_end());
  if (!ended) return bytes_remain();
  rules.sum_up(max_timestamp, in_order, uncompressed_size);
  return {};
}

/// What the header alone must fulfil; nothing means it does. Texts are made only when needed.
std::optional<RejectedBatch> check_header(const BatchView& batch, const ValidateOptions& options) {
  const auto refuse = [&](std::string what, RejectReason reason) {
    return invalid(what + " in topic partition " + std::string(options.topic_partition), reason);
  };
  const auto range = [&] {
    return "[" + std::to_string(batch.base_offset().value()) + ", " +
           std::to_string(batch.last_offset().value()) + "]";
  };
  const std::int32_t count = batch.record_count();
  if (count < 0)
    return refuse("Found invalid record count " + std::to_string(count) + " in magic v2 batch",
                  RejectReason::kOther);
  if (options.origin != AppendOrigin::kClient) return std::nullopt;
  // The base offset is 0 here, so this range cannot wrap.
  const std::int64_t count_from_offsets = std::int64_t{batch.last_offset_delta()} + 1;
  if (count_from_offsets <= 0)
    return refuse("Batch has an invalid offset range: " + range(), RejectReason::kInvalidOffset);
  if (count == 0)
    return refuse("Invalid reported count for record batch: 0", RejectReason::kInvalidOffset);
  if (count_from_offsets != count)
    return refuse("Inconsistent batch offset range " + range() + " and count of records " +
                      std::to_string(count),
                  RejectReason::kInvalidOffset);
  if (batch.is_control())
    return refuse("Clients are not allowed to write control records", RejectReason::kInvalidOffset);
  if (batch.has_producer_id() && batch.base_sequence() < 0)
    return refuse("Invalid sequence number " + std::to_string(batch.base_sequence()) +
                      " in record batch with producerId " +
                      std::to_string(batch.producer_id().value()),
                  RejectReason::kInvalidSequence);
  return std::nullopt;
}

RejectedBatch too_large(std::size_t size, const ValidateOptions& options) {
  return reject(ErrorCode::kMessageTooLarge,
                "The record batch size in the append to " + std::string(options.topic_partition) +
                    " is " + std::to_string(size) +
                    " bytes which exceeds the maximum configured value of " +
                    std::to_string(*options.message_bytes_max) + ".");
}

/// The one batch in `records`, its checksum verified.
std::variant<BatchView, RejectedBatch> single_batch(ByteView records,
                                                    const ValidateOptions& options) {
  BatchIterator batches(records);
  auto first = batches.next();
  if (!first.ok()) return reject(first.error());
  if (!first.value()) return invalid("Record batch has no batches at all");
  const BatchView batch = *first.value();
  if (!batch.is_v2())
    return invalid("Batch magic " + std::to_string(batch.magic()) + " is not 2",
                   RejectReason::kInvalidMagic);
  if (options.origin == AppendOrigin::kClient && batch.base_offset() != Offset(0))
    return invalid("The baseOffset of the record batch in the append to " +
                   std::string(options.topic_partition) + " should be 0, but it is " +
                   std::to_string(batch.base_offset().value()));
  if (options.message_bytes_max && batch.size() > *options.message_bytes_max)
    return too_large(batch.size(), options);
  if (auto crc = batch.check_crc(); !crc.ok()) {
    auto rejected = reject(crc.error());
    rejected.reason = RejectReason::kInvalidChecksum;
    return rejected;
  }
  if (batch.compression_type() > CompressionType::kZstd)
    return reject(ErrorCode::kUnsupportedCompressionType,
                  "Unknown compression type id: " +
                      std::to_string(static_cast<int>(batch.compression_type())));
  auto second = batches.next();
  if (!second.ok()) return reject(second.error());
  if (second.value()) return invalid("Compressed outer record has more than one batch");
  return batch;
}

/// Writes the records anew with offsets from 0, in the wanted codec.
Result<ValidatedBatch> rebuild(const BatchView& batch, const ValidateOptions& options,
                               Compression target, CompressionContext& context) {
  BatchFields fields;
  fields.compression = target;
  fields.timestamp_type = options.timestamp_type;
  fields.log_append_time = options.now;
  fields.producer_id = batch.producer_id();
  fields.producer_epoch = batch.producer_epoch();
  fields.base_sequence = batch.base_sequence();
  fields.transactional = batch.is_transactional();
  fields.control = batch.is_control();
  BatchBuilder builder(fields, batch.size());
  RecordIterator records(batch, context);
  RecordView record;
  while (records.next(record)) MOLDAU_TRY(builder.append_copy(builder.next_offset(), record));
  MOLDAU_TRY(records.status());
  ValidatedBatch out;
  out.record_count = builder.record_count();
  out.max_timestamp = builder.max_timestamp();
  out.uncompressed_size = builder.uncompressed_size();
  MOLDAU_ASSIGN_OR_RETURN(out.rebuilt, builder.build(context));
  out.bytes = out.rebuilt.mutable_view();
  return out;
}

}  // namespace

void ValidatedBatch::assign(Offset first_offset, LeaderEpoch epoch) {
  set_last_offset(bytes, next_offset(first_offset) - 1);
  set_leader_epoch(bytes, epoch);
}

Result<void> check_produce_records(ByteView records, std::int16_t api_version) {
  const auto refuse = [&](ErrorCode code, std::string_view what) {
    return Error(code, "Produce requests with version " + std::to_string(api_version) + " " +
                           std::string(what));
  };
  BatchIterator batches(records);
  MOLDAU_ASSIGN_OR_RETURN(const auto first, batches.next());
  if (!first)
    return refuse(ErrorCode::kInvalidRecord, "must have at least one record batch per partition");
  if (!first->is_v2())
    return refuse(ErrorCode::kInvalidRecord,
                  "are only allowed to contain record batches with magic version 2");
  if (api_version < 7 && first->compression_type() == CompressionType::kZstd)
    return refuse(ErrorCode::kUnsupportedCompressionType,
                  "are not allowed to use ZStandard compression");
  MOLDAU_ASSIGN_OR_RETURN(const auto second, batches.next());
  if (second)
    return refuse(ErrorCode::kInvalidRecord,
                  "are only allowed to contain exactly one record batch per partition");
  return {};
}

ValidateOutcome validate_produced(MutableBytes records, const ValidateOptions& options,
                                  CompressionContext& context) {
  auto single = single_batch(records, options);
  if (auto* rejected = std::get_if<RejectedBatch>(&single)) return std::move(*rejected);
  const BatchView& batch = std::get<BatchView>(single);
  if (auto rejected = check_header(batch, options)) return std::move(*rejected);

  RecordRules rules(batch, options);
  const auto walked =
      batch.is_compressed() ? walk_compressed(batch, rules, context) : walk_plain(batch, rules);
  if (!walked.ok()) return reject(walked.error());
  if (rules.refused()) return std::move(rules).rejection();

  const Compression target =
      options.compression.value_or(Compression{batch.compression_type(), {}});
  // Control batches stay plain: they are small, and readers look into them early.
  const bool plain_control = batch.is_control() && !batch.is_compressed();
  const bool same_codec = target.type == batch.compression_type() || plain_control;
  if (same_codec && batch.is_compressed() && !rules.offsets_in_order())
    return invalid(
        "Offsets of records are not consecutive in a compressed batch in topic partition " +
            std::string(options.topic_partition),
        RejectReason::kInvalidOffset);
  if (!same_codec || !rules.offsets_in_order()) {
    auto rebuilt = rebuild(batch, options, target, context);
    if (!rebuilt.ok()) return reject(rebuilt.error());
    if (options.message_bytes_max && rebuilt.value().bytes.size() > *options.message_bytes_max)
      return too_large(rebuilt.value().bytes.size(), options);
    return std::move(rebuilt).value();
  }

  ValidatedBatch out;
  out.bytes = records.first(batch.size());
  out.record_count = batch.record_count();
  out.uncompressed_size = rules.uncompressed_size();
  out.max_timestamp = options.timestamp_type == TimestampType::kLogAppendTime
                          ? options.now
                          : Timestamp(rules.max_timestamp());
  set_max_timestamp(out.bytes, options.timestamp_type, out.max_timestamp);
  return out;
}

Result<RecordSetSummary> check_record_set(ByteView records, std::optional<LeaderEpoch> epoch_max) {
  RecordSetSummary out;
  BatchIterator batches(records);
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(const auto next, batches.next());
    if (!next) return out;
    const BatchView& batch = *next;
    if (epoch_max && batch.leader_epoch() > *epoch_max) return out;
    if (out.batch_count == 0) {
      out.first_offset = batch.base_offset();
      out.last_offset_of_first_batch = batch.last_offset();
    }
    if (batch.last_offset() <= out.last_offset)
      return Error(ErrorCode::kInvalidRecord,
                   "out of order offsets: " + std::to_string(batch.last_offset().value()) +
                       " after " + std::to_string(out.last_offset.value()));
    MOLDAU_TRY(batch.check_crc());
    out.last_offset = batch.last_offset();
    out.last_leader_epoch = batch.leader_epoch();
    if (batch.max_timestamp() > out.max_timestamp) {
      out.max_timestamp = batch.max_timestamp();
      out.shallow_offset_of_max_timestamp = batch.last_offset();
    }
    ++out.batch_count;
    out.valid_bytes = batches.position();
  }
}

}  // namespace moldau::record
