// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace moldau {

/// Ends the process because we did something wrong: prints what, where and why, then aborts.
/// The crash sink (one, set by main/) sees the text first, so that it reaches the log.
/// Thread   any thread.
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               std::string_view detail);

/// Called with the text of a failed check just before abort(); nullptr turns it off.
using CrashSink = void (*)(std::string_view text);
void set_crash_sink(CrashSink sink);

}  // namespace moldau

/// An invariant of ours. On in every build; never used for what a peer, a disk or a user did.
#define MOLDAU_CHECK(condition, ...)                                                           \
  do {                                                                                         \
    if (!(condition)) [[unlikely]]                                                             \
      ::moldau::check_failed(__FILE__, __LINE__, #condition, ::std::string_view(__VA_ARGS__)); \
  } while (false)
