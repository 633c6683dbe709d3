// SPDX-License-Identifier: Apache-2.0
// Any bytes as a record set: every batch is walked, filtered and written in another codec, and
// what comes out must read like what went in.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "record/batch_builder.h"
#include "record/batch_filter.h"
#include "record/batch_view.h"
#include "record/control_record.h"
#include "record/record_iterator.h"

namespace moldau::record {
namespace {

struct Sum {
  std::int64_t records = 0;
  std::uint64_t bytes = 0;
  std::int64_t offsets = 0;
  bool operator==(const Sum&) const = default;
};

bool walk(const BatchView& batch, CompressionContext& context, Sum& sum) {
  RecordIterator records(batch, context);
  RecordView record;
  while (records.next(record)) {
    ++sum.records;
    sum.offsets = wrapping_add(sum.offsets, record.offset.value());
    if (record.key) sum.bytes += record.key->size() * 3;
    if (record.value) sum.bytes += record.value->size() * 5;
    auto headers = record.headers();
    while (auto header = headers.next())
      sum.bytes += header->key.size() * 7 + (header->value ? header->value->size() * 11 + 1 : 0);
    if (batch.is_control()) (void)parse_end_transaction_marker(record);
  }
  return records.status().ok();
}

void check_batch(const BatchView& batch, CompressionContext& context) {
  (void)batch.crc_is_valid();
  (void)batch.last_sequence();
  (void)batch.next_offset();
  Sum before;
  const bool readable = walk(batch, context, before);
  for (int codec = 0; codec <= 4; ++codec) {
    const auto again =
        recompress_batch(batch, Compression{static_cast<CompressionType>(codec), {}}, context);
    if (!again.ok()) continue;
    MOLDAU_CHECK(readable);
    Sum after;
    const auto view = BatchView::parse(again.value().view());
    MOLDAU_CHECK(view.ok() && view.value().crc_is_valid());
    MOLDAU_CHECK(walk(view.value(), context, after) && after == before);
  }
  int i = 0;
  FilterRules rules;
  rules.retain_empty = true;
  rules.now = Timestamp(1'700'000'000'000);
  const auto filtered =
      filter_batch(batch, rules, [&](const RecordView&) { return i++ % 3 != 0; }, context);
  if (!filtered.ok() || filtered.value().action != FilterAction::kReplace) return;
  const auto view = BatchView::parse(filtered.value().bytes.view());
  MOLDAU_CHECK(view.ok() && view.value().crc_is_valid());
  Sum after;
  MOLDAU_CHECK(walk(view.value(), context, after));
  MOLDAU_CHECK(after.records == filtered.value().records_retained);
  if (batch.is_v2()) MOLDAU_CHECK(view.value().last_offset() == batch.last_offset());
}

}  // namespace
}  // namespace moldau::record

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau::record;
  CompressionContext context;
  context.limits.output_bytes_max = std::size_t{1} << 20;
  context.limits.zstd_window_log_max = 20;
  BatchIterator batches({reinterpret_cast<const std::byte*>(data), size});
  for (;;) {
    const auto batch = batches.next();
    if (!batch.ok() || !batch.value()) return 0;
    check_batch(*batch.value(), context);
  }
}
