// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace moldau {
namespace {
std::atomic<CrashSink> crash_sink{nullptr};
}

void set_crash_sink(CrashSink sink) {
  crash_sink.store(sink);
}

void check_failed(const char* file, int line, const char* condition, std::string_view detail) {
  std::string text = "check failed: ";
  text.append(condition).append(" at ").append(file).append(":").append(std::to_string(line));
  if (!detail.empty()) text.append(": ").append(detail);
  if (CrashSink sink = crash_sink.load()) sink(text);
  text.push_back('\n');
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::abort();
}

}  // namespace moldau
