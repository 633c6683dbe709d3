// SPDX-License-Identifier: Apache-2.0
#include "record/record_iterator.h"

#include <string>
#include <utility>

#include "record/legacy_records.h"
#include "record/record_window.h"

namespace moldau::record {
namespace {

Error invalid(std::string detail) {
  return {ErrorCode::kInvalidRecord, std::move(detail)};
}

}  // namespace

RecordIterator::RecordIterator(BatchView batch, CompressionContext& context)
    : batch_(batch),
      base_offset_(batch.base_offset().value()),
      base_timestamp_(batch.base_timestamp().value()),
      base_sequence_(batch.base_sequence()),
      left_(batch.record_count()) {
  if (!batch.is_v2()) {
    auto legacy = LegacyRecords::open(batch, context);
    if (!legacy.ok())
      fail(std::move(legacy).error());
    else
      legacy_ = std::make_unique<LegacyRecords>(std::move(legacy).value());
    return;
  }
  if (batch.timestamp_type() == TimestampType::kLogAppendTime)
    log_append_time_ = batch.max_timestamp();
  if (left_ < 0) {
    fail(invalid("found invalid record count " + std::to_string(left_)));
    return;
  }
  if (!batch.is_compressed()) {
    p_ = batch.record_bytes().data();
    end_ = p_ + batch.record_bytes().size();
    return;
  }
  // An empty batch, left by the cleaner, has no compressed block either.
  if (left_ == 0) return;
  auto window = RecordWindow::open(context, batch.compression_type(), batch.record_bytes());
  if (!window.ok())
    fail(std::move(window).error());
  else
    window_ = std::make_unique<RecordWindow>(std::move(window).value());
}

RecordIterator::~RecordIterator() = default;

bool RecordIterator::fail(Error error) {
  status_ = std::move(error);
  left_ = 0;
  return false;
}

bool RecordIterator::next_raw(RawRecord& raw) {
  RecordFault fault;
  if (window_) {
    auto read = window_->next(raw);
    if (!read.ok()) return fail(std::move(read).error());
    fault = read.value();
  } else {
    fault = parse_record(p_, end_, raw);
    if (fault == RecordFault::kNone) p_ = raw.end;
  }
  if (fault == RecordFault::kNone) return true;
  return fail(invalid(std::string(record_fault_text(fault))));
}

bool RecordIterator::check_end() {
  if (window_) {
    auto ended = window_->at_end();
    if (!ended.ok()) return fail(std::move(ended).error());
    if (ended.value()) return true;
  } else if (p_ == end_) {
    return true;
  }
  return fail(invalid("incorrect declared batch size, bytes remain after the last record"));
}

bool RecordIterator::next(RecordView& record) {
  if (left_ <= 0) return false;
  if (legacy_) {
    auto more = legacy_->next(record);
    if (!more.ok()) return fail(std::move(more).error());
    return more.value();
  }
  RawRecord raw;
  if (!next_raw(raw)) return false;
  record.offset = Offset(wrapping_add(base_offset_, raw.offset_delta));
  record.timestamp = log_append_time_
                         ? *log_append_time_
                         : Timestamp(wrapping_add(base_timestamp_, raw.timestamp_delta));
  record.sequence =
      base_sequence_ < 0 ? kNoSequence : increment_sequence(base_sequence_, raw.offset_delta);
  record.size = raw.size;
  record.key = raw.key_view();
  record.value = raw.value_view();
  record.header_count = raw.header_count;
  record.header_bytes = {raw.headers, raw.end};
  // Kafka looks for left-over bytes before it gives out the last record, so a batch that has
  // them yields one record less.
  if (--left_ == 0) return check_end();
  return true;
}

}  // namespace moldau::record
