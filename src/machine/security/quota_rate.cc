// SPDX-License-Identifier: Apache-2.0
#include "machine/security/quota_rate.h"

#include <algorithm>
#include <cmath>

namespace moldau::security {
namespace {

/// A pause is an int32 of milliseconds on the wire.
constexpr double kThrottleMax = 2147483647.0;

/// As Java rounds: halves go up.
Millis rounded(double ms) {
  return Millis(static_cast<std::int64_t>(std::floor(std::clamp(ms, 0.0, kThrottleMax) + 0.5)));
}

double seconds(Millis span) {
  return static_cast<double>(span.value()) / 1000.0;
}

}  // namespace

QuotaRate::Sample& QuotaRate::current(Millis now) {
  if (samples_.empty()) samples_.emplace_back(now);
  return samples_[current_];
}

QuotaRate::Sample& QuotaRate::advance(Millis now, const QuotaWindow& window) {
  current_ = (current_ + 1) % (static_cast<std::size_t>(window.samples) + 1);
  if (current_ >= samples_.size()) {
    current_ = samples_.size();
    return samples_.emplace_back(now);
  }
  samples_[current_].reset(now);
  return samples_[current_];
}

void QuotaRate::record(double value, Millis now, const QuotaWindow& window) {
  Sample* sample = &current(now);
  if (now - sample->start >= window.size.value()) sample = &advance(now, window);
  sample->sum += value;
  sample->last = std::max(sample->last, now);
}

void QuotaRate::purge(Millis now, const QuotaWindow& window) {
  const std::int64_t age_max = window.samples * window.size.value();
  for (Sample& sample : samples_)
    if (now - sample.last >= age_max) sample.reset(now);
}

Millis QuotaRate::measured(Millis now, const QuotaWindow& window) {
  purge(now, window);
  Millis oldest = current(now).start;
  for (const Sample& sample : samples_) oldest = std::min(oldest, sample.start);
  std::int64_t elapsed = std::max<std::int64_t>(0, now - oldest);
  const std::int64_t full = elapsed / window.size.value();
  const std::int64_t least = window.samples - 1;
  // Without this a first burst would count as if it were to go on.
  if (full < least) elapsed += (least - full) * window.size.value();
  return Millis(std::max<std::int64_t>(elapsed, 1));
}

double QuotaRate::per_second(Millis now, const QuotaWindow& window) {
  purge(now, window);
  double sum = 0;
  for (const Sample& sample : samples_) sum += sample.sum;
  return sum / seconds(measured(now, window));
}

Millis QuotaRate::throttle(double limit, Millis now, const QuotaWindow& window) {
  const double rate = per_second(now, window);
  if (rate <= limit) return Millis(0);
  return rounded((rate - limit) / limit * static_cast<double>(measured(now, window).value()));
}

double QuotaTokens::left(double limit, Millis now, const QuotaWindow& window) {
  const double burst = window.samples * seconds(window.size) * limit;
  if (!filled_) {
    filled_ = true;
    tokens_ = burst;
  } else {
    // Time of another clock, or a later call's: nothing comes in, nothing is taken back.
    const std::int64_t elapsed = std::max<std::int64_t>(0, now - updated_);
    tokens_ = std::min(burst, tokens_ + limit * seconds(Millis(elapsed)));
  }
  updated_ = std::max(updated_, now);
  return tokens_;
}

void QuotaTokens::take(double tokens, double limit, Millis now, const QuotaWindow& window) {
  const double burst = window.samples * seconds(window.size) * limit;
  tokens_ = std::min(burst, left(limit, now, window) - tokens);
}

Millis QuotaTokens::throttle(double limit, Millis now, const QuotaWindow& window) {
  const double tokens = left(limit, now, window);
  return tokens < 0 ? rounded(-tokens / limit * 1000.0) : Millis(0);
}

}  // namespace moldau::security
