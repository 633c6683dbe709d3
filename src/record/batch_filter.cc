// SPDX-License-Identifier: Apache-2.0
#include "record/batch_filter.h"

#include <optional>
#include <utility>
#include <vector>

#include "record/batch_builder.h"
#include "record/record_iterator.h"

namespace moldau::record {
namespace {

/// Which records stay, learnt in the first walk.
struct Choice {
  std::vector<bool> kept;
  std::int32_t retained = 0;
  std::optional<Offset> first_retained;
  std::optional<Offset> last_retained;
  bool has_tombstone = false;
};

Result<Choice> choose(const BatchView& batch, const KeepRecord& keep, CompressionContext& context) {
  Choice out;
  RecordIterator records(batch, context);
  RecordView record;
  while (records.next(record)) {
    const bool kept = keep(record);
    out.kept.push_back(kept);
    if (!kept) continue;
    ++out.retained;
    if (!out.first_retained) out.first_retained = record.offset;
    out.last_retained = record.offset;
    out.has_tombstone |= !record.value.has_value();
  }
  MOLDAU_TRY(records.status());
  return out;
}

/// The batch again with the records that stay.
Result<void> rewrite(const BatchView& batch, const Choice& choice,
                     std::optional<Timestamp> delete_horizon, CompressionContext& context,
                     FilteredBatch& out) {
  BatchFields fields = fields_of_batch(batch);
  fields.delete_horizon = delete_horizon;
  if (!batch.is_v2()) fields.base_offset = *choice.first_retained;
  BatchBuilder builder(fields, batch.size());
  RecordIterator records(batch, context);
  RecordView record;
  for (std::size_t i = 0; records.next(record); ++i)
    if (choice.kept[i]) MOLDAU_TRY(builder.append_copy(record.offset, record));
  MOLDAU_TRY(records.status());
  // The last sequence of the batch follows from its last offset.
  if (batch.is_v2()) builder.set_last_offset(batch.last_offset());
  out.action = FilterAction::kReplace;
  out.max_timestamp = builder.max_timestamp();
  out.last_offset = batch.is_v2() ? batch.last_offset() : *choice.last_retained;
  MOLDAU_ASSIGN_OR_RETURN(out.bytes, builder.build(context));
  return {};
}

}  // namespace

Result<FilteredBatch> filter_batch(const BatchView& batch, const FilterRules& rules,
                                   const KeepRecord& keep, CompressionContext& context) {
  MOLDAU_ASSIGN_OR_RETURN(const Choice choice, choose(batch, keep, context));
  FilteredBatch out;
  out.records_read = static_cast<std::int32_t>(choice.kept.size());
  out.records_retained = choice.retained;
  if (choice.retained == 0) {
    if (!rules.retain_empty || !batch.is_v2()) return out;
    out.action = FilterAction::kReplace;
    out.bytes = build_empty_batch(batch);
    out.max_timestamp = batch.max_timestamp();
    out.last_offset = batch.last_offset();
    return out;
  }
  const bool set_horizon =
      !batch.delete_horizon() && (choice.has_tombstone || rules.marker_of_empty_transaction);
  if (batch.is_v2() && choice.retained == out.records_read && !set_horizon) {
    out.action = FilterAction::kKeep;
    out.max_timestamp = batch.max_timestamp();
    out.last_offset = batch.last_offset();
    return out;
  }
  auto horizon = batch.delete_horizon();
  if (set_horizon)
    horizon = Timestamp(wrapping_add(rules.now.value(), rules.delete_retention.value()));
  // A retention for ever is no horizon.
  if (horizon && *horizon < Timestamp(0)) horizon.reset();
  MOLDAU_TRY(rewrite(batch, choice, horizon, context, out));
  return out;
}

}  // namespace moldau::record
