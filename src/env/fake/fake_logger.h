// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <string>

#include "env/clock.h"
#include "env/logger.h"

namespace moldau::env::fake {

struct LogLine {
  MonoTime when;
  LogLevel level = LogLevel::kInfo;
  std::string component;
  std::string text;
};

/// Keeps the last lines.
/// Thread   one thread.
/// Bounds   kLinesMax lines.
class FakeLogger final : public Logger {
 public:
  static constexpr std::size_t kLinesMax = 2000;

  explicit FakeLogger(Clock& clock) : clock_(clock) {}
  void write(LogLevel level, std::string_view component, std::string_view text) override {
    if (lines_.size() == kLinesMax) lines_.pop_front();
    lines_.push_back({clock_.mono(), level, std::string(component), std::string(text)});
  }
  void set_level(LogLevel level) { levels().set(LogLevels::kRoot, level); }
  const std::deque<LogLine>& lines() const { return lines_; }
  /// Whether a kept line contains `text`.
  bool has(std::string_view text) const {
    for (const LogLine& line : lines_)
      if (line.text.find(text) != std::string::npos) return true;
    return false;
  }

 private:
  Clock& clock_;
  std::deque<LogLine> lines_;
};

}  // namespace moldau::env::fake
