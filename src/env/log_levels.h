// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace moldau::env {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError, kFatal };

/// TRACE … FATAL.
std::string_view log_level_name(LogLevel level);
/// Any case; nothing for what is no level.
std::optional<LogLevel> parse_log_level(std::string_view name);

/// From which level on the lines of each component are written. "root" holds for all that have no
/// level of their own; "log" also for "log.cleaner".
///
/// Thread   any thread; a change is seen by the next line.
/// Bounds   the components are known beforehand.
/// Source   Admin's BROKER_LOGGER configs.
class LogLevels {
 public:
  static constexpr std::string_view kRoot = "root";

  explicit LogLevels(LogLevel root = LogLevel::kInfo);

  bool admits(LogLevel level, std::string_view component) const {
    if (static_cast<int>(level) < lowest_.load(std::memory_order_relaxed)) return false;
    return admits_slowly(level, component);
  }
  static bool knows(std::string_view name);
  /// Root and all components, each with the level that holds for it.
  std::vector<std::pair<std::string_view, LogLevel>> list() const;
  /// Requires knows(name).
  void set(std::string_view name, LogLevel level);
  /// Back to what holds for the component above. Requires knows(name), not root.
  void unset(std::string_view name);

 private:
  static constexpr int kUnset = -1;
  /// Those that write lines; parents before their children.
  static constexpr std::array<std::string_view, 20> kComponents = {
      "root",          "broker",   "controller",
      "coordinator",   "http",     "kafka.authorizer.logger",
      "config",        "log",      "log.cleaner",
      "net",           "node",     "os",
      "os.log",        "quorum",   "quorum.controller",
      "quorum.loader", "replica",  "request",
      "storage",       "telemetry"};

  bool admits_slowly(LogLevel level, std::string_view component) const;
  /// The place of a component, or of the nearest above it.
  static std::size_t find(std::string_view name);
  int effective(std::size_t at) const;
  void refresh_lowest();

  std::array<std::atomic<int>, kComponents.size()> levels_;
  std::atomic<int> lowest_;
};

}  // namespace moldau::env
