// SPDX-License-Identifier: Apache-2.0
// A load generator that costs little: batches are built once and sent again and again.
//
//   moldau-loadgen create  --port P --topic T --partitions N
//   moldau-loadgen delete  --port P --topic T
//   moldau-loadgen produce --port P --topic T --partitions N --record-bytes B --batch-bytes B
//                          --total-mb M [--codec none|lz4|zstd|snappy|gzip] [--connections C]
//                          [--in-flight F] [--acks -1|0|1] [--per-request-partitions K]
//   moldau-loadgen pace    --port P --topic T --partitions N --record-bytes B --rate RECORDS_PER_S
//                          --seconds S [--warmup-seconds W] [--connections C] [--in-flight F]
//   moldau-loadgen fetch   --port P --topic T --partitions N --consumers C --total-mb M
//                          [--partition-bytes B] [--receive-buffer B]
//   moldau-loadgen drain   --port P --topic T --partitions N
//   moldau-loadgen rebalance-classic   --port P --topic T --members N --rounds R
//   moldau-loadgen rebalance-consumers --port P --topic T --partitions N --members N --rounds R
//                                      [--connections C] [--rest-ms MS]
//   moldau-loadgen ready   --port P [--topic T --partitions N] [--timeout-seconds S]
//
// create waits until every partition has acknowledged one record of 100 bytes. Prints one JSON
// object. Exit codes: 0 fine, 2 wrong options, 3 the broker failed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "loadgen_work.h"
#include "record/batch_builder.h"

namespace moldau::loadgen {

Slice build_batch(std::int64_t record_bytes, std::int64_t batch_bytes, const std::string& codec) {
  const auto type = record::compression_type_of_name(codec);
  if (!type) fail("unknown codec " + codec, 2);
  record::BatchFields fields;
  fields.compression.type = *type;
  record::BatchBuilder builder(fields, static_cast<std::size_t>(batch_bytes) + 1024);
  const Timestamp now(std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count());
  std::uint64_t seed = 42;
  for (std::int64_t bytes = 0; bytes + record_bytes <= batch_bytes || bytes == 0;
       bytes += record_bytes) {
    std::string value(static_cast<std::size_t>(record_bytes), 'x');
    for (std::size_t i = 0; i < value.size() / 2; ++i) {
      seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
      value[i] = static_cast<char>('a' + (seed >> 33) % 26);
    }
    record::RecordFields one;
    one.timestamp = now;
    one.value = as_view(value);
    if (auto added = builder.append(one); !added.ok()) fail(added.error().text());
  }
  record::CompressionContext context;
  auto built = builder.build(context);
  if (!built.ok()) fail(built.error().text());
  return std::move(built).value();
}

std::string latencies_text(std::vector<std::uint32_t>& us, const std::string& prefix) {
  std::sort(us.begin(), us.end());
  const auto at = [&](double quantile) {
    if (us.empty()) return 0.0;
    const auto rank = static_cast<std::size_t>(quantile * static_cast<double>(us.size()));
    return us[std::min(us.size() - 1, rank)] / 1000.0;
  };
  std::string text;
  const std::pair<const char*, double> quantiles[] = {
      {"p50_ms", 0.5}, {"p99_ms", 0.99}, {"p999_ms", 0.999}, {"max_ms", 1.0}};
  for (const auto& [name, quantile] : quantiles) {
    if (!text.empty()) text += ", ";
    text += "\"" + prefix + name + "\": " + std::to_string(at(quantile));
  }
  return text;
}

}  // namespace moldau::loadgen

int main(int argc, char** argv) {
  using namespace moldau::loadgen;
  const std::map<std::string, std::function<void(const Options&)>> works = {
      {"create", create_topic},
      {"delete", delete_topic},
      {"produce", produce},
      {"pace", pace},
      {"fetch", fetch},
      {"drain", drain},
      {"commit", commit},
      {"transact", transact},
      {"ready", wait_until_ready},
      {"fill-groups", fill_groups},
      {"find-groups", find_groups},
      {"producers", many_producers},
      {"rebalance-classic", rebalance_classic},
      {"rebalance-consumers", rebalance_consumers}};
  const auto work = works.find(argc > 1 ? argv[1] : "");
  if (work == works.end()) fail("what to do? See the head of bench/loadgen.cc", 2);
  work->second(Options(argc, argv));
  return 0;
}
