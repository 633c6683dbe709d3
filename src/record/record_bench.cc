// SPDX-License-Identifier: Apache-2.0
// What the leader spends on produced batches: checksum, record walk, decompression.
#include <benchmark/benchmark.h>

#include <string>

#include "record/batch_builder.h"
#include "record/record_iterator.h"
#include "record/validate.h"

namespace moldau::record {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{64} << 10;
constexpr std::int64_t kNow = 1'700'000'000'000;

/// Records of `size` bytes that compress about as far as text does.
Slice batch_of(std::size_t size, CompressionType codec) {
  CompressionContext context;
  BatchFields fields;
  fields.compression.type = codec;
  BatchBuilder builder(fields);
  std::uint64_t random = 42;
  std::string value(size, ' ');
  for (std::int64_t i = 0; builder.uncompressed_size() + size < kBatchBytes; ++i) {
    for (std::size_t at = 0; at < size; ++at) {
      random = random * 6364136223846793005ULL + 1442695040888963407ULL;
      value[at] = at % 4 < 2 ? static_cast<char>('a' + (random >> 60)) : "data"[at % 4];
    }
    RecordFields record;
    record.timestamp = Timestamp(kNow + i / 10);
    record.value = as_view(value);
    builder.append(record).value();
  }
  return builder.build(context).value();
}

/// Reports CPU seconds per GB of batch bytes as they are on the wire.
void report(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
  state.counters["cpu_s_per_GB"] = benchmark::Counter(
      static_cast<double>(bytes) / 1e9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void BM_Crc(benchmark::State& state) {
  const Slice bytes = batch_of(static_cast<std::size_t>(state.range(0)), CompressionType::kNone);
  const BatchView batch = BatchView::parse(bytes.view()).value();
  for (auto _ : state) benchmark::DoNotOptimize(batch.crc_is_valid());
  report(state, bytes.size());
}
BENCHMARK(BM_Crc)->Arg(100);

void BM_Iterate(benchmark::State& state) {
  CompressionContext context;
  const Slice bytes = batch_of(static_cast<std::size_t>(state.range(0)), CompressionType::kNone);
  const BatchView batch = BatchView::parse(bytes.view()).value();
  for (auto _ : state) {
    RecordIterator records(batch, context);
    RecordView record;
    while (records.next(record)) benchmark::DoNotOptimize(record);
  }
  report(state, bytes.size());
}
BENCHMARK(BM_Iterate)->Arg(100)->Arg(1024);

void BM_Validate(benchmark::State& state) {
  CompressionContext context;
  Slice bytes = batch_of(static_cast<std::size_t>(state.range(0)),
                         static_cast<CompressionType>(state.range(1)));
  ValidateOptions options;
  options.topic_partition = "topic-0";
  options.now = Timestamp(kNow);
  for (auto _ : state) {
    auto outcome = validate_produced(bytes.mutable_view(), options, context);
    std::get<ValidatedBatch>(outcome).assign(Offset(5), LeaderEpoch(1));
    set_base_offset(bytes.mutable_view(), Offset(0));
  }
  report(state, bytes.size());
  state.SetLabel(std::string(compression_type_name(static_cast<CompressionType>(state.range(1)))));
}
BENCHMARK(BM_Validate)->ArgsProduct({{100, 1024}, {0, 1, 2, 3, 4}});

void BM_Recompress(benchmark::State& state) {
  CompressionContext context;
  Slice bytes = batch_of(100, CompressionType::kNone);
  ValidateOptions options;
  options.now = Timestamp(kNow);
  options.compression = Compression{static_cast<CompressionType>(state.range(0)), {}};
  for (auto _ : state) {
    auto outcome = validate_produced(bytes.mutable_view(), options, context);
    benchmark::DoNotOptimize(std::get<ValidatedBatch>(outcome).bytes.size());
  }
  report(state, bytes.size());
  state.SetLabel(std::string(compression_type_name(options.compression->type)));
}
BENCHMARK(BM_Recompress)->DenseRange(1, 4);

}  // namespace
}  // namespace moldau::record

BENCHMARK_MAIN();
