// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "env/clock.h"

namespace moldau::os {

MonoTime read_mono_clock();
Timestamp read_wall_clock();
/// Nanoseconds of CPU that the calling thread has used, in the kernel too.
std::int64_t read_thread_cpu();

/// The kernel's clocks, asked each time.
/// Thread   any thread.
class RealClock final : public env::Clock {
 public:
  MonoTime mono() override { return read_mono_clock(); }
  Timestamp wall() override { return read_wall_clock(); }
};

}  // namespace moldau::os
