// SPDX-License-Identifier: Apache-2.0
// Any bytes as a client's pushed metrics: what comes out keeps to the limits.
#include "base/check.h"
#include "machine/telemetry/otlp.h"

using namespace moldau;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  telemetry::OtlpLimits limits;
  limits.points_max = 50;
  limits.text_max = 40;
  const auto read =
      telemetry::read_otlp(ByteView(reinterpret_cast<const std::byte*>(data), size), limits);
  if (!read.ok()) return 0;
  MOLDAU_CHECK(read->points.size() <= limits.points_max, "a push has a limit of points");
  for (const telemetry::OtlpPoint& point : read->points) {
    MOLDAU_CHECK(point.metric.size() <= limits.text_max, "names have a limit");
    MOLDAU_CHECK(point.attributes.size() <= limits.attributes_max, "attributes have a limit");
  }
  return 0;
}
