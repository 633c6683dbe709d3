// SPDX-License-Identifier: Apache-2.0
#include "env/log_levels.h"

#include <algorithm>

#include "base/check.h"

namespace moldau::env {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"TRACE", "DEBUG", "INFO",
                                                    "WARN",  "ERROR", "FATAL"};

}  // namespace

std::string_view log_level_name(LogLevel level) {
  return kNames[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> parse_log_level(std::string_view name) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (std::equal(name.begin(), name.end(), kNames[i].begin(), kNames[i].end(),
                   [&](char given, char known) { return upper(given) == known; }))
      return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

LogLevels::LogLevels(LogLevel root) {
  for (std::atomic<int>& level : levels_) level = kUnset;
  levels_[0] = static_cast<int>(root);
  refresh_lowest();
}

std::size_t LogLevels::find(std::string_view name) {
  while (!name.empty()) {
    const auto* at = std::find(kComponents.begin(), kComponents.end(), name);
    if (at != kComponents.end()) return static_cast<std::size_t>(at - kComponents.begin());
    const std::size_t dot = name.rfind('.');
    name = dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
  }
  return 0;
}

int LogLevels::effective(std::size_t at) const {
  while (at != 0) {
    const int own = levels_[at].load(std::memory_order_relaxed);
    if (own != kUnset) return own;
    const std::size_t dot = kComponents[at].rfind('.');
    at = dot == std::string_view::npos ? 0 : find(kComponents[at].substr(0, dot));
  }
  return levels_[0].load(std::memory_order_relaxed);
}

bool LogLevels::admits_slowly(LogLevel level, std::string_view component) const {
  return static_cast<int>(level) >= effective(find(component));
}

bool LogLevels::knows(std::string_view name) {
  return std::find(kComponents.begin(), kComponents.end(), name) != kComponents.end();
}

std::vector<std::pair<std::string_view, LogLevel>> LogLevels::list() const {
  std::vector<std::pair<std::string_view, LogLevel>> all;
  for (std::size_t i = 0; i < kComponents.size(); ++i)
    all.emplace_back(kComponents[i], static_cast<LogLevel>(effective(i)));
  return all;
}

void LogLevels::set(std::string_view name, LogLevel level) {
  MOLDAU_CHECK(knows(name), "a level for an unknown component");
  levels_[find(name)] = static_cast<int>(level);
  refresh_lowest();
}

void LogLevels::unset(std::string_view name) {
  MOLDAU_CHECK(knows(name) && name != kRoot, "a level taken from an unknown component");
  levels_[find(name)] = kUnset;
  refresh_lowest();
}

void LogLevels::refresh_lowest() {
  int lowest = static_cast<int>(LogLevel::kFatal);
  for (std::size_t i = 0; i < kComponents.size(); ++i) lowest = std::min(lowest, effective(i));
  lowest_ = lowest;
}

}  // namespace moldau::env
