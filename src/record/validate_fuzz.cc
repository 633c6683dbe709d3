// SPDX-License-Identifier: Apache-2.0
// Any bytes as a produced batch, under every rule: what is accepted must be readable, with the
// count and offsets that the log will rely on.
#include "record/validate.h"

#include <cstddef>
#include <cstdint>
#include <variant>

#include "base/check.h"
#include "base/hash.h"
#include "record/record_iterator.h"

namespace moldau::record {
namespace {

constexpr std::size_t kOptionBytes = 2;

ValidateOptions options_of(std::uint8_t bits, std::uint8_t codec) {
  ValidateOptions out;
  out.topic_partition = "t-0";
  out.now = Timestamp(1'700'000'000'000);
  out.compacted = (bits & 1) != 0;
  if ((bits & 2) != 0) out.timestamp_type = TimestampType::kLogAppendTime;
  if ((bits & 4) != 0) out.timestamp_before_max = Millis(1000);
  if ((bits & 8) != 0) out.origin = AppendOrigin::kCoordinator;
  if ((bits & 16) != 0) out.message_bytes_max = 4096;
  if (codec < 5) out.compression = Compression{static_cast<CompressionType>(codec), {}};
  return out;
}

void check_accepted(ValidatedBatch& accepted, const ValidateOptions& options,
                    bool came_with_append_time, CompressionContext& context) {
  accepted.assign(Offset(1000), LeaderEpoch(3));
  const BatchView batch = accepted.view();
  MOLDAU_CHECK(batch.crc_is_valid());
  MOLDAU_CHECK(batch.leader_epoch() == LeaderEpoch(3));
  MOLDAU_CHECK(batch.record_count() == accepted.record_count);
  MOLDAU_CHECK(batch.max_timestamp() == accepted.max_timestamp);
  if (options.message_bytes_max) MOLDAU_CHECK(batch.size() <= *options.message_bytes_max);
  if (options.origin == AppendOrigin::kClient) {
    MOLDAU_CHECK(batch.base_offset() == Offset(1000) && !batch.is_control());
    MOLDAU_CHECK(batch.last_offset_delta() == batch.record_count() - 1);
  }
  std::int32_t count = 0;
  RecordIterator records(batch, context);
  RecordView record;
  while (records.next(record)) {
    if (options.origin == AppendOrigin::kClient)
      MOLDAU_CHECK(record.offset == Offset(1000 + count));
    if (options.compacted) MOLDAU_CHECK(record.key.has_value());
    // Kafka clears the append time bit of a producer but judges the records by it.
    MOLDAU_CHECK(came_with_append_time || record.timestamp <= accepted.max_timestamp);
    ++count;
  }
  MOLDAU_CHECK(records.status().ok() && count == accepted.record_count);
}

}  // namespace
}  // namespace moldau::record

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau;
  using namespace moldau::record;
  if (size < kOptionBytes) return 0;
  const auto options = options_of(data[0], data[1] % 8);
  const ByteView input(reinterpret_cast<const std::byte*>(data) + kOptionBytes,
                       size - kOptionBytes);
  (void)check_produce_records(input, 9);
  (void)check_record_set(input);
  Slice bytes = Slice::copy_of(input);
  // A checksum is no obstacle to who means harm.
  if (const auto batch = BatchView::parse(bytes.view());
      (data[0] & 32) == 0 && batch.ok() && batch.value().is_v2())
    store_big(bytes.data() + at::kCrc, batch.value().computed_crc());
  const auto came = BatchView::parse(input);
  const bool append_time =
      came.ok() && came.value().timestamp_type() == TimestampType::kLogAppendTime;
  CompressionContext context;
  context.limits.output_bytes_max = std::size_t{1} << 20;
  context.limits.zstd_window_log_max = 20;
  auto outcome = validate_produced(bytes.mutable_view(), options, context);
  if (auto* accepted = std::get_if<ValidatedBatch>(&outcome))
    check_accepted(*accepted, options, append_time, context);
  else
    MOLDAU_CHECK(std::get<RejectedBatch>(outcome).code != ErrorCode::kNone);
  return 0;
}
