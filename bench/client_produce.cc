// SPDX-License-Identifier: Apache-2.0
// What producing costs the client: records of one size through libmoldau, as fast as it goes.
#include <moldau/producer.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace {

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::string some_bytes(std::size_t size) {
  std::minstd_rand random(1);
  std::string bytes(size, ' ');
  for (char& byte : bytes) byte = static_cast<char>(' ' + random() % 64);
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: moldau-client-produce BOOTSTRAP TOPIC RECORDS BYTES [BATCH_SIZE]\n", stderr);
    return 2;
  }
  moldau::ProducerConfig config;
  config.bootstrap_servers = {argv[1]};
  if (argc > 5) config.batch_size = std::strtoull(argv[5], nullptr, 10);
  auto producer = moldau::Producer::open(config);
  if (!producer.ok()) {
    std::fprintf(stderr, "%s\n", producer.error().text().c_str());
    return 1;
  }
  const long records = std::strtol(argv[3], nullptr, 10);
  const std::string value = some_bytes(std::strtoull(argv[4], nullptr, 10));
  moldau::ProducerRecord record;
  record.topic = argv[2];
  record.value = value;
  const auto began = std::chrono::steady_clock::now();
  moldau::PendingSend last;
  for (long i = 0; i < records; ++i) last = (*producer)->send(record);
  const auto flushed = (*producer)->flush(std::chrono::minutes(1));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const auto stored = last.wait();
  if (!flushed.ok() || !stored.ok()) {
    std::fprintf(stderr, "%s\n", (flushed.ok() ? stored.error() : flushed.error()).text().c_str());
    return 1;
  }
  const double cpu = cpu_seconds();
  std::printf(
      "{\"records\": %ld, \"seconds\": %.3f, \"cpu_seconds\": %.3f, "
      "\"records_per_cpu_second\": %.0f}\n",
      records, took.count(), cpu, static_cast<double>(records) / cpu);
  return 0;
}
