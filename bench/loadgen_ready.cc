// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "loadgen_connection.h"
#include "loadgen_wire.h"
#include "loadgen_work.h"

namespace moldau::loadgen {
namespace {

constexpr std::chrono::microseconds kConnectEvery{500};
constexpr std::chrono::milliseconds kAskAgainAfter{2};

/// Knocks at a node that is starting and notes when it does what.
class Visitor {
 public:
  explicit Visitor(const Options& options)
      : port_(options.port()),
        topic_(options.topic()),
        batch_(build_batch(100, 100, "none")),
        deadline_(Clock::now() + std::chrono::seconds(options.number("timeout-seconds", 180))) {}

  double accepted() {
    while (true) {
      line_ = std::make_unique<Line>(port_);
      if (line_->good()) return stamp();
      pause(kConnectEvery);
    }
  }
  double answered() {
    while (!ask(api_versions_frame(1))) pause(kConnectEvery);
    return stamp();
  }
  /// When each of `left` has acknowledged a record.
  double acknowledged(std::vector<std::int32_t> left) {
    while (true) {
      std::vector<Portion> portions;
      for (std::int32_t p : left) portions.push_back({p, batch_.view()});
      if (const auto answer = ask(produce_frame(1, topic_, -1, portions))) {
        for (const Produced& one : produced(*answer))
          if (one.error == 0) std::erase(left, one.partition);
      }
      if (left.empty()) return stamp();
      pause(kAskAgainAfter);
    }
  }

 private:
  static double stamp() {
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  }
  void pause(std::chrono::microseconds span) const {
    if (Clock::now() > deadline_) fail("the node does not get ready");
    std::this_thread::sleep_for(span);
  }
  std::optional<Frame> ask(const Frame& frame) {
    if (!line_->good()) accepted();
    return line_->ask(frame);
  }

  std::uint16_t port_;
  std::string topic_;
  Slice batch_;
  Clock::time_point deadline_;
  std::unique_ptr<Line> line_;
};

std::int16_t topic_answer(const Options& options, const Frame& frame) {
  Line line(options.port());
  const auto answer = line.ask(frame);
  if (!answer) fail("the broker went away");
  return topic_error(*answer);
}

}  // namespace

/// Prints "waiting", then one JSON object of seconds of the monotonic clock. Without --partitions
/// nothing is produced.
void wait_until_ready(const Options& options) {
  Visitor visitor(options);
  std::printf("waiting\n");
  std::fflush(stdout);
  std::printf("{\"accepted\": %.6f, ", visitor.accepted());
  std::printf("\"answered\": %.6f", visitor.answered());
  if (options.number("partitions", 0) > 0) {
    std::vector<std::int32_t> all;
    for (std::int32_t p = 0; p < options.partitions(); ++p) all.push_back(p);
    std::printf(", \"first_ack\": %.6f", visitor.acknowledged({0}));
    std::printf(", \"all_acks\": %.6f", visitor.acknowledged(all));
  }
  std::printf("}\n");
}

void create_topic(const Options& options) {
  const auto error =
      topic_answer(options, create_topic_frame(1, options.topic(), options.partitions()));
  if (error != 0) fail("create answered error " + std::to_string(error));
  // The broker learns of its partitions a little later.
  Visitor visitor(options);
  (void)visitor.accepted();
  std::vector<std::int32_t> all;
  for (std::int32_t p = 0; p < options.partitions(); ++p) all.push_back(p);
  (void)visitor.acknowledged(all);
  std::printf("{\"created\": true, \"records\": %d}\n", options.partitions());
}

void delete_topic(const Options& options) {
  const auto error = topic_answer(options, delete_topic_frame(1, options.topic()));
  if (error != 0) fail("delete answered error " + std::to_string(error));
  std::printf("{\"deleted\": true}\n");
}

}  // namespace moldau::loadgen
