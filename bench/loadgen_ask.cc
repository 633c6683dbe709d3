// SPDX-License-Identifier: Apache-2.0
#include "loadgen_ask.h"

#include <thread>

#include "loadgen_work.h"

namespace moldau::loadgen {
namespace {

constexpr std::int16_t kCoordinatorLoads = 14;
constexpr std::int16_t kCoordinatorNotAvailable = 15;
constexpr std::int16_t kNotCoordinator = 16;
constexpr std::int16_t kConcurrentTransactions = 51;
constexpr std::chrono::seconds kPatience{60};

}  // namespace

Frame ask(Line& line, const Frame& frame) {
  auto answer = line.ask(frame);
  if (!answer) fail("the connection broke");
  return std::move(*answer);
}

Frame ask_until(Line& line, const Frame& frame,
                const std::function<std::int16_t(ByteView)>& error_of,
                std::chrono::microseconds pause) {
  const Clock::time_point end = Clock::now() + kPatience;
  while (true) {
    Frame answer = ask(line, frame);
    const std::int16_t error = error_of(answer);
    if (error == 0) return answer;
    const bool passes = error == kCoordinatorLoads || error == kCoordinatorNotAvailable ||
                        error == kNotCoordinator || error == kConcurrentTransactions;
    if (!passes || Clock::now() > end) fail("error " + std::to_string(error));
    std::this_thread::sleep_for(pause);
  }
}

void find_coordinator(Line& line, const std::string& key, std::int8_t type) {
  Out out(10, 1, 1);
  out.text(key);
  out.number(type);
  (void)ask_until(
      line, out.finish(),
      [](ByteView answer) {
        In in(answer);
        (void)in.bytes(8);  // correlation, throttle
        return in.number<std::int16_t>();
      },
      std::chrono::milliseconds(50));
}

Frame commit_frame(const std::string& group, const std::string& topic, std::int32_t partitions,
                   std::int64_t offset) {
  Out out(8, 7, 1);
  out.text(group);
  out.number<std::int32_t>(-1);  // generation
  out.text("");                  // member
  out.no_text();                 // instance
  out.number<std::int32_t>(1);
  out.text(topic);
  out.number(partitions);
  for (std::int32_t p = 0; p < partitions; ++p) {
    out.number(p);
    out.number(offset);
    out.number<std::int32_t>(-1);  // leader epoch
    out.no_text();
  }
  return out.finish();
}

std::int16_t error_of_partitions(ByteView answer) {
  In in(answer);
  (void)in.bytes(8);  // correlation, throttle
  for (auto topics = in.number<std::int32_t>(); topics > 0; --topics) {
    in.skip_text();
    for (auto partitions = in.number<std::int32_t>(); partitions > 0; --partitions) {
      (void)in.number<std::int32_t>();
      if (const auto error = in.number<std::int16_t>(); error != 0) return error;
    }
  }
  return 0;
}

}  // namespace moldau::loadgen
