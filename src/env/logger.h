// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "env/log_levels.h"

namespace moldau::env {

/// Where log lines go. Structured by convention: "what happened key=value key=value".
/// Thread   any thread.
/// Bounds   a sink limits what repeats: lines of one place beyond `log_burst` a second are
///          counted and summed up (os/).
class Logger {
 public:
  virtual ~Logger() = default;
  virtual bool enabled(LogLevel level, std::string_view component) const {
    return levels_.admits(level, component);
  }
  LogLevels& levels() { return levels_; }
  /// `component` is the folder or class that speaks ("log.cleaner").
  virtual void write(LogLevel level, std::string_view component, std::string_view text) = 0;

  template <class... Args>
  void info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
    say(LogLevel::kInfo, component, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void warn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
    say(LogLevel::kWarn, component, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
    say(LogLevel::kError, component, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
    say(LogLevel::kDebug, component, format, std::forward<Args>(args)...);
  }

 protected:
  explicit Logger(LogLevel root = LogLevel::kInfo) : levels_(root) {}

 private:
  template <class... Args>
  void say(LogLevel level, std::string_view component, fmt::format_string<Args...> format,
           Args&&... args) {
    if (enabled(level, component))
      write(level, component, fmt::format(format, std::forward<Args>(args)...));
  }

  LogLevels levels_;
};

/// A logger that keeps nothing, for tests.
/// Thread   any thread.
class NullLogger final : public Logger {
 public:
  bool enabled(LogLevel, std::string_view) const override { return false; }
  void write(LogLevel, std::string_view, std::string_view) override {}
};

}  // namespace moldau::env
