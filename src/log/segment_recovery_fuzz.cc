// SPDX-License-Identifier: Apache-2.0
// Any bytes as the files of a partition directory: opening them ends in a log whose every record
// can be read, appended to, and opened again with the same content.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "log/batch_header.h"
#include "log/partition_log.h"
#include "log/test_memory_disk.h"
#include "record/batch_builder.h"

namespace moldau::log {
namespace {

const std::string kDirectory = "data/t-0";

std::unique_ptr<PartitionLog> open_log(MemoryDisk& disk, bool clean) {
  LogConfig config;
  config.index_interval_bytes = 64;
  PartitionLog::OpenOptions options(kDirectory, {"t", PartitionId(0)}, config);
  options.was_clean = clean;
  options.now = disk.now;
  auto log = PartitionLog::open(disk, std::move(options));
  return log.ok() ? std::move(*log) : nullptr;
}

/// The last offset read, going on from each batch to the next; -1 if a read failed.
Offset walk(const PartitionLog& log) {
  Offset next = log.log_start_offset();
  while (next < log.log_end_offset()) {
    ReadRequest request;
    request.offset = next;
    request.upper_bound = log.log_end_offset();
    request.bytes_max = 1 << 16;
    request.min_one_message = true;
    const auto read = log.read(request);
    if (!read.ok() || read->range.length < kBatchHeaderBytesMin) return Offset(-1);
    std::string bytes(read->range.length, '\0');
    MutableBytes into(reinterpret_cast<std::byte*>(bytes.data()), bytes.size());
    MOLDAU_CHECK(read->range.file->read(into, read->range.position).ok());
    const auto header = parse_batch_header(as_view(bytes), 0, bytes.size());
    if (!header.ok() || !*header) return Offset(-1);
    MOLDAU_CHECK((*header)->last_offset >= next, "a read goes on from where it was asked");
    next = (*header)->last_offset + 1;
  }
  return next;
}

}  // namespace
}  // namespace moldau::log

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau;
  using namespace moldau::log;
  if (size < 8) return 0;
  // Five files, their sizes from the first bytes; the rest of the input is the segment.
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::size_t at = 6;
  const auto take = [&](std::size_t n) {
    const std::string_view part = input.substr(at, n);
    at += part.size();
    return std::string(part);
  };
  MemoryDisk disk;
  const std::string base = kDirectory + "/00000000000000000000";
  const bool clean = (data[5] & 1) != 0;
  if (data[5] & 2) disk.put_file(base + ".index", take(data[0]));
  if (data[5] & 4) disk.put_file(base + ".timeindex", take(data[1]));
  if (data[5] & 8) disk.put_file(base + ".txnindex", take(data[2]));
  if (data[5] & 16) disk.put_file(kDirectory + "/00000000000000000003.snapshot", take(data[3]));
  if (data[5] & 32) disk.put_file(kDirectory + "/leader-epoch-checkpoint", take(data[4]));
  disk.put_file(base + ".log", std::string(input.substr(std::min(at, input.size()))));

  auto log = open_log(disk, clean);
  if (!log) return 0;
  const Offset end = log->log_end_offset();
  if (!clean) MOLDAU_CHECK(walk(*log) == end, "what recovery kept can be read");
  if (!log->close().ok()) return 0;
  auto again = open_log(disk, true);
  MOLDAU_CHECK(again != nullptr && again->log_end_offset() == end);
  if (!clean) MOLDAU_CHECK(walk(*again) == end);
  record::CompressionContext context;
  record::BatchBuilder builder{record::BatchFields()};
  MOLDAU_CHECK(builder.append({Timestamp(1), as_view("k"), as_view("v"), {}}).ok());
  AppendInput input_batch(builder.build(context).value(), AppendOrigin::kClient, LeaderEpoch(1),
                          disk.now);
  if (!again->stage(std::move(input_batch)).ok()) return 0;
  const WriteOutcome outcome = again->write_staged();
  MOLDAU_CHECK(!outcome.error && outcome.log_end_offset == end + 1);
  return 0;
}
