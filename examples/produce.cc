// SPDX-License-Identifier: Apache-2.0
// Sends each line of stdin to a topic; what stands before the first tab is the key. Prints where
// each record went. Ends with 1 if any was not stored.
//
//   printf 'alice\thello\nbob\thi\n' | moldau-example-produce localhost:9092 greetings
#include <moldau/producer.h>

#include <atomic>
#include <cstdio>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: moldau-example-produce BOOTSTRAP TOPIC < LINES\n", stderr);
    return 2;
  }
  moldau::ProducerConfig config;
  config.bootstrap_servers = {argv[1]};
  config.client_id = "example-produce";
  config.compression_type = moldau::CompressionKind::kLz4;
  auto opened = moldau::Producer::open(config);
  if (!opened.ok()) {
    std::fprintf(stderr, "%s\n", opened.error().text().c_str());
    return 1;
  }
  moldau::Producer& producer = **opened;

  std::atomic<int> failed = 0;
  std::string line;
  while (std::getline(std::cin, line)) {
    moldau::ProducerRecord record;
    record.topic = argv[2];
    const std::size_t tab = line.find('\t');
    if (tab != std::string::npos) record.key = std::string_view(line).substr(0, tab);
    record.value = std::string_view(line).substr(tab == std::string::npos ? 0 : tab + 1);
    // The bytes are copied: `line` may change once send() has returned.
    producer.send(record).then([&failed](const moldau::Result<moldau::RecordMetadata>& sent) {
      if (sent.ok()) {
        std::printf("%d %lld\n", sent->partition, static_cast<long long>(sent->offset));
      } else {
        std::fprintf(stderr, "%s\n", sent.error().text().c_str());
        ++failed;
      }
    });
  }
  const auto closed = producer.close(std::chrono::minutes(2));
  if (!closed.ok()) std::fprintf(stderr, "%s\n", closed.error().text().c_str());
  return closed.ok() && failed == 0 ? 0 : 1;
}
