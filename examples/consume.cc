// SPDX-License-Identifier: Apache-2.0
// Reads partitions of a topic from their beginning and prints "partition offset key value" for each
// record, until nothing has come for some seconds.
//
//   moldau-example-consume localhost:9092 greetings 3
#include <moldau/consumer.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr std::chrono::seconds kPatience{5};

void print(const moldau::ConsumerRecord& record) {
  const auto text = [](const std::optional<std::string_view>& bytes) {
    return std::string(bytes.value_or("null"));
  };
  std::printf("%d %lld %s %s\n", record.partition, static_cast<long long>(record.offset),
              text(record.key).c_str(), text(record.value).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: moldau-example-consume BOOTSTRAP TOPIC PARTITIONS\n", stderr);
    return 2;
  }
  moldau::ConsumerConfig config;
  config.bootstrap_servers = {argv[1]};
  config.client_id = "example-consume";
  config.auto_offset_reset = moldau::AutoOffsetReset::kEarliest;
  config.read_committed = true;
  auto opened = moldau::Consumer::open(config);
  if (!opened.ok()) {
    std::fprintf(stderr, "%s\n", opened.error().text().c_str());
    return 1;
  }
  std::vector<moldau::TopicPartition> partitions;
  for (int i = 0; i < std::atoi(argv[3]); ++i)
    partitions.push_back({argv[2], moldau::PartitionId(i)});
  (*opened)->assign(partitions);
  for (;;) {
    const auto records = (*opened)->poll(kPatience);
    if (!records.ok()) {
      std::fprintf(stderr, "%s\n", records.error().text().c_str());
      return 1;
    }
    if (records->empty()) return 0;
    for (const moldau::ConsumerRecord& record : *records) print(record);
  }
}
