// SPDX-License-Identifier: Apache-2.0
#include "os/log_limiter.h"

#include <fmt/core.h>

#include <functional>

namespace moldau::os {
namespace {

constexpr Millis kWindow{1000};
constexpr std::size_t kWordsMax = 80;

/// Lines that differ only in who and what: none may hold back another.
constexpr std::string_view kAuditLog = "kafka.authorizer.logger";

std::string_view words_of(std::string_view component, std::string_view text) {
  if (component == kAuditLog) return text;
  return text.substr(0, std::min(text.find_first_of("=0123456789\"'"), kWordsMax));
}

}  // namespace

void LogLimiter::close(Place& place, std::vector<std::string>& summaries) {
  if (place.seen > burst_)
    summaries.push_back(fmt::format("... and {} more lines like \"{}\" within a second",
                                    place.seen - burst_, place.words));
  place.seen = 0;
}

bool LogLimiter::admit(std::string_view component, std::string_view text, MonoTime now,
                       std::vector<std::string>& summaries) {
  const std::string_view words = words_of(component, text);
  const std::uint64_t hash =
      std::hash<std::string_view>()(component) * 31 + std::hash<std::string_view>()(words);
  Place& place = places_[hash % kPlaces];
  if (place.seen == 0 || now >= place.begin + kWindow) {
    close(place, summaries);
    place.begin = now;
    place.words = words;
  }
  if (++place.seen <= burst_) return true;
  place.words = words;  // of those held back, should two places have fallen together
  return false;
}

void LogLimiter::collect(MonoTime now, std::vector<std::string>& summaries) {
  for (Place& place : places_)
    if (place.seen > 0 && now >= place.begin + kWindow) close(place, summaries);
}

}  // namespace moldau::os
