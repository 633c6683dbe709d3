// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace moldau::os {

/// Says which log lines are too many: one place may speak `burst` times a second.
///
/// A place is a component with the words of its line up to the first number or value; the lines
/// it holds back are counted and summed up when their second is over. In the audit log every line
/// of its own is a place.
/// Thread   guarded by whoever owns it.
/// Bounds   kPlaces places; two that fall together share their burst.
class LogLimiter {
 public:
  explicit LogLimiter(std::uint32_t burst) : burst_(burst) {}

  /// Summaries of seconds that are over are added to `summaries`; false: the line is held back.
  bool admit(std::string_view component, std::string_view text, MonoTime now,
             std::vector<std::string>& summaries);
  /// The summaries of all places whose second is over.
  void collect(MonoTime now, std::vector<std::string>& summaries);

 private:
  static constexpr std::size_t kPlaces = 256;
  struct Place {
    MonoTime begin;
    std::uint32_t seen = 0;
    std::string words;
  };
  void close(Place& place, std::vector<std::string>& summaries);

  const std::uint32_t burst_;
  std::array<Place, kPlaces> places_;
};

}  // namespace moldau::os
