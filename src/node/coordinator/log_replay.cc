// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/log_replay.h"

#include <algorithm>
#include <utility>

#include "log/batch_reader.h"
#include "record/batch_builder.h"
#include "record/control_record.h"
#include "record/record_iterator.h"

namespace moldau::coordinator {
namespace {

std::vector<std::byte> copy_of(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

Result<void> read_marker(const record::BatchView& batch, record::CompressionContext& context,
                         LoggedBatch& out) {
  record::RecordIterator records(batch, context);
  record::RecordView record;
  if (!records.next(record)) return records.status();
  MOLDAU_ASSIGN_OR_RETURN(const record::EndTransactionMarker marker,
                          record::parse_end_transaction_marker(record));
  out.is_marker = true;
  out.is_commit = marker.type == record::ControlRecordType::kCommit;
  return {};
}

Result<LoggedBatch> read_batch(const record::BatchView& batch,
                               record::CompressionContext& context) {
  LoggedBatch out;
  out.base_offset = batch.base_offset();
  if (batch.is_transactional()) {
    out.content.producer_id = batch.producer_id();
    out.content.producer_epoch = batch.producer_epoch();
  }
  if (batch.is_control()) {
    MOLDAU_TRY(read_marker(batch, context, out));
    return out;
  }
  record::RecordIterator records(batch, context);
  record::RecordView record;
  while (records.next(record)) {
    // Without a key nobody knows what it is about.
    if (!record.key) continue;
    record::KeyedRecord& one = out.content.records.emplace_back();
    one.key = copy_of(*record.key);
    if (record.value) one.value = copy_of(*record.value);
  }
  MOLDAU_TRY(records.status());
  return out;
}

}  // namespace

Result<LoggedPiece> read_piece(const log::LogView& view, Offset from, std::uint32_t bytes_max) {
  LoggedPiece out;
  out.next = from;
  log::ReadRequest request;
  request.offset = from;
  request.upper_bound = view.log_end_offset;
  request.bytes_max = bytes_max;
  request.min_one_message = true;
  MOLDAU_ASSIGN_OR_RETURN(const log::ReadResult found, view.read(request));
  if (found.range.length == 0) {
    // Compaction may have emptied the rest.
    out.next = view.log_end_offset;
    return out;
  }
  record::CompressionContext context;
  log::BatchReader batches(found.range.file, found.range.position,
                           found.range.position + found.range.length);
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<record::BatchView> batch, batches.next());
    if (!batch) return out;
    out.next = std::max(out.next, batch->next_offset());
    Result<LoggedBatch> read = read_batch(*batch, context);
    if (read.ok()) {
      out.batches.push_back(std::move(read).value());
    } else {
      ++out.damaged;
    }
  }
}

Result<Slice> build_batch(const record::KeyedBatch& content, record::CompressionType type,
                          Timestamp now, record::CompressionContext& context) {
  record::BatchFields fields;
  fields.compression.type = type;
  // Kafka numbers these batches from 0 although no producer stands behind them.
  fields.base_sequence = 0;
  if (content.producer_id) {
    fields.producer_id = *content.producer_id;
    fields.producer_epoch = content.producer_epoch;
    fields.base_sequence = record::kNoSequence;
    fields.transactional = true;
  }
  record::BatchBuilder builder(fields);
  for (const record::KeyedRecord& record : content.records) {
    record::RecordFields one;
    one.timestamp = now;
    one.key = ByteView(record.key);
    if (record.value) one.value = ByteView(*record.value);
    MOLDAU_TRY(builder.append(one));
  }
  return builder.build(context);
}

}  // namespace moldau::coordinator
