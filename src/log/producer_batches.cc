// SPDX-License-Identifier: Apache-2.0
#include "log/producer_batches.h"

#include "record/control_record.h"
#include "record/record_view.h"

namespace moldau::log {
namespace {

Result<std::optional<partition::EndTransactionMarker>> marker_of(const record::BatchView& batch) {
  const ByteView bytes = batch.record_bytes();
  // Compaction may have left the batch without its record.
  if (batch.record_count() <= 0 || bytes.empty())
    return std::optional<partition::EndTransactionMarker>();
  record::RawRecord raw;
  const record::RecordFault fault =
      record::parse_record(bytes.data(), bytes.data() + bytes.size(), raw);
  if (fault != record::RecordFault::kNone)
    return Error(ErrorCode::kInvalidRecord,
                 "control record: " + std::string(record::record_fault_text(fault)));
  record::RecordView view;
  view.key = raw.key_view();
  view.value = raw.value_view();
  MOLDAU_ASSIGN_OR_RETURN(const record::ControlRecordType type, record::control_record_type(view));
  if (type != record::ControlRecordType::kAbort && type != record::ControlRecordType::kCommit)
    return std::optional<partition::EndTransactionMarker>();
  MOLDAU_ASSIGN_OR_RETURN(const record::EndTransactionMarker marker,
                          record::parse_end_transaction_marker(view));
  return std::optional(partition::EndTransactionMarker{type == record::ControlRecordType::kAbort,
                                                       marker.coordinator_epoch});
}

}  // namespace

Result<partition::ProducerBatch> producer_batch_of(const record::BatchView& batch) {
  partition::ProducerBatch out;
  out.producer_id = batch.producer_id();
  out.producer_epoch = batch.producer_epoch();
  out.first_sequence = batch.base_sequence();
  out.last_sequence = batch.last_sequence();
  out.first_offset = batch.base_offset();
  out.last_offset = batch.last_offset();
  out.max_timestamp = batch.max_timestamp();
  out.is_transactional = batch.is_transactional();
  out.is_control = batch.is_control();
  if (out.is_control) {
    MOLDAU_ASSIGN_OR_RETURN(out.marker, marker_of(batch));
  }
  return out;
}

std::optional<partition::CompletedTransaction> aborted_of(
    const partition::ProducerVerdict& verdict) {
  return verdict.completed && verdict.completed->is_aborted ? verdict.completed : std::nullopt;
}

}  // namespace moldau::log
