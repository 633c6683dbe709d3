// SPDX-License-Identifier: Apache-2.0
#include "os/real_clock.h"

#include <time.h>

namespace moldau::os {

MonoTime read_mono_clock() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return MonoTime(std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec);
}

Timestamp read_wall_clock() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return Timestamp(std::int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000);
}

std::int64_t read_thread_cpu() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace moldau::os
