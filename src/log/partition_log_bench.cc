// SPDX-License-Identifier: Apache-2.0
// Append and tail read of one partition on a disk in memory: the work of the log itself, without
// the kernel's.
#include <benchmark/benchmark.h>

#include "log/partition_log.h"
#include "log/test_memory_disk.h"
#include "record/batch_builder.h"

namespace moldau::log {
namespace {

Slice make_batch(std::size_t bytes) {
  static record::CompressionContext context;
  record::BatchBuilder builder{record::BatchFields()};
  const std::string value(1000, 'v');
  for (std::size_t n = 0; n < std::max<std::size_t>(bytes / 1000, 1); ++n)
    (void)builder.append({Timestamp(1000), {}, as_view(value), {}});
  return builder.build(context).value();
}

/// A disk that forgets what is written and reads zeros: the file costs nothing.
class NullDisk : public MemoryDisk {
 public:
  struct NullFile : env::File {
    Result<void> write(std::span<const ByteView>, std::uint64_t) override { return {}; }
    Result<std::size_t> read(MutableBytes into, std::uint64_t) override { return into.size(); }
    Result<std::uint64_t> size() override { return std::uint64_t{0}; }
    Result<void> truncate(std::uint64_t) override { return {}; }
    Result<void> allocate(std::uint64_t) override { return {}; }
    Result<void> sync() override { return {}; }
    void prefetch(std::uint64_t, std::uint64_t) override {}
    int descriptor() const override { return -1; }
  };
  Result<std::shared_ptr<env::File>> open(const std::string& path, env::OpenMode mode) override {
    if (path.ends_with(".log") || path.ends_with("index"))
      return std::shared_ptr<env::File>(std::make_shared<NullFile>());
    return MemoryDisk::open(path, mode);
  }
  Result<void> rename(const std::string&, const std::string&) override { return {}; }
};

void append(benchmark::State& state) {
  NullDisk disk;
  LogConfig config;
  auto log =
      PartitionLog::open(disk, PartitionLog::OpenOptions("d/t-0", {"t", PartitionId(0)}, config));
  const Slice batch = make_batch(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    auto staged =
        (*log)->stage(AppendInput(batch, AppendOrigin::kClient, LeaderEpoch(0), Timestamp(1000)));
    benchmark::DoNotOptimize(staged);
    benchmark::DoNotOptimize((*log)->write_staged());
    (*log)->set_high_watermark((*log)->log_end_offset());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * batch.size()));
}
BENCHMARK(append)->Arg(1000)->Arg(65000);

void read_tail(benchmark::State& state) {
  NullDisk disk;
  auto log = PartitionLog::open(
      disk, PartitionLog::OpenOptions("d/t-0", {"t", PartitionId(0)}, LogConfig()));
  const Slice batch = make_batch(65000);
  for (int n = 0; n < 100; ++n) {
    (void)(*log)->stage(AppendInput(batch, AppendOrigin::kClient, LeaderEpoch(0), Timestamp(1000)));
    (void)(*log)->write_staged();
  }
  ReadRequest request;
  request.offset = (*log)->log_end_offset() - 65;
  request.upper_bound = (*log)->log_end_offset();
  request.bytes_max = 1 << 20;
  for (auto _ : state) benchmark::DoNotOptimize((*log)->read(request));
}
BENCHMARK(read_tail);

/// A consumer far behind: fetches of 1 MiB, one after the other, from the begin of a segment on.
void read_behind(benchmark::State& state) {
  MemoryDisk disk;
  auto log = PartitionLog::open(
      disk, PartitionLog::OpenOptions("d/t-0", {"t", PartitionId(0)}, LogConfig()));
  const auto batch_bytes = static_cast<std::size_t>(state.range(0));
  const Slice batch = make_batch(batch_bytes);
  for (std::size_t bytes = 0; bytes < (std::size_t{128} << 20); bytes += batch.size()) {
    (void)(*log)->stage(AppendInput(batch, AppendOrigin::kClient, LeaderEpoch(0), Timestamp(1000)));
    (void)(*log)->write_staged();
  }
  ReadRequest request;
  request.upper_bound = (*log)->log_end_offset();
  request.bytes_max = 1 << 20;
  const auto step = static_cast<std::int64_t>((std::size_t{1} << 20) / batch.size() *
                                              std::max<std::size_t>(batch_bytes / 1000, 1));
  disk.reads = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize((*log)->read(request));
    request.offset += step;
    if (request.offset + step >= request.upper_bound) request.offset = Offset(0);
  }
  state.counters["preads"] =
      benchmark::Counter(static_cast<double>(disk.reads), benchmark::Counter::kAvgIterations);
}
BENCHMARK(read_behind)->Arg(1000)->Arg(5000)->Arg(65000);

}  // namespace
}  // namespace moldau::log

BENCHMARK_MAIN();
