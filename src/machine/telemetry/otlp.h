// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace moldau::telemetry {

/// One number that a client measured.
struct OtlpPoint {
  OtlpPoint() = default;
  std::string metric;
  /// Of the point, not of its client.
  std::vector<std::pair<std::string, std::string>> attributes;
  double value = 0;
  /// It is what came since the last push, not the whole.
  bool delta = false;
};

/// What one push may hold.
struct OtlpLimits {
  OtlpLimits() = default;
  std::size_t points_max = 2'000;
  std::size_t attributes_max = 16;
  std::size_t text_max = 256;
};

/// What came out of a push.
struct OtlpRead {
  OtlpRead() = default;
  std::vector<OtlpPoint> points;
  /// Points left out: beyond the limits, or histograms and summaries.
  std::size_t left_out = 0;
};

/// Reads the gauges and sums of an OpenTelemetry MetricsData message (protobuf).
/// Thread   pure.
/// Bounds   `limits`; fixed depth; one pass over `message`.
/// Errors   kInvalidRecord: not such a message.
/// Source   opentelemetry-proto metrics/v1, common/v1; KIP-714.
Result<OtlpRead> read_otlp(ByteView message, const OtlpLimits& limits);

}  // namespace moldau::telemetry
