// SPDX-License-Identifier: Apache-2.0
// What consuming costs the client: the records of some partitions through libmoldau.
#include <moldau/consumer.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: moldau-client-consume BOOTSTRAP TOPIC PARTITIONS RECORDS\n", stderr);
    return 2;
  }
  moldau::ConsumerConfig config;
  config.bootstrap_servers = {argv[1]};
  config.auto_offset_reset = moldau::AutoOffsetReset::kEarliest;
  auto consumer = moldau::Consumer::open(config);
  if (!consumer.ok()) {
    std::fprintf(stderr, "%s\n", consumer.error().text().c_str());
    return 1;
  }
  std::vector<moldau::TopicPartition> partitions;
  for (int i = 0; i < std::atoi(argv[3]); ++i)
    partitions.push_back({argv[2], moldau::PartitionId(i)});
  (*consumer)->assign(partitions);
  const long wanted = std::strtol(argv[4], nullptr, 10);
  long records = 0;
  unsigned long bytes = 0;
  const auto began = std::chrono::steady_clock::now();
  while (records < wanted) {
    const auto got = (*consumer)->poll(std::chrono::seconds(10));
    if (!got.ok() || got->empty()) {
      std::fprintf(stderr, "%s\n", got.ok() ? "nothing comes" : got.error().text().c_str());
      return 1;
    }
    for (const moldau::ConsumerRecord& record : *got) bytes += record.value.value_or("").size();
    records += static_cast<long>(got->size());
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const double cpu = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                     static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  std::printf(
      "{\"records\": %ld, \"bytes\": %lu, \"seconds\": %.3f, \"cpu_seconds\": %.3f, "
      "\"records_per_cpu_second\": %.0f}\n",
      records, bytes, took.count(), cpu, static_cast<double>(records) / cpu);
  return 0;
}
