// SPDX-License-Identifier: Apache-2.0
#include "machine/telemetry/otlp.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>

namespace moldau::telemetry {
namespace {

Error damaged() {
  return {ErrorCode::kInvalidRecord, "the metrics are no OTLP message"};
}

/// The wire types of protobuf; groups are not in use.
enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  std::uint32_t number = 0;
  WireType type = WireType::kVarint;
  std::uint64_t number_value = 0;
  ByteView bytes;
};

/// Takes one field after the other off the front of a message.
class FieldReader {
 public:
  explicit FieldReader(ByteView message) : rest_(message) {}

  /// nullopt at the end.
  Result<std::optional<Field>> next() {
    if (rest_.empty()) return std::optional<Field>();
    MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t key, varint());
    if (key >> 3 == 0 || key >> 3 > 0x1FFF'FFFF) return damaged();
    Field field;
    field.number = static_cast<std::uint32_t>(key >> 3);
    field.type = static_cast<WireType>(key & 7);
    switch (field.type) {
      case WireType::kVarint: {
        MOLDAU_ASSIGN_OR_RETURN(field.number_value, varint());
        break;
      }
      case WireType::kFixed64: {
        MOLDAU_ASSIGN_OR_RETURN(field.number_value, fixed(8));
        break;
      }
      case WireType::kFixed32: {
        MOLDAU_ASSIGN_OR_RETURN(field.number_value, fixed(4));
        break;
      }
      case WireType::kBytes: {
        MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, varint());
        if (size > rest_.size()) return damaged();
        field.bytes = rest_.first(static_cast<std::size_t>(size));
        rest_ = rest_.subspan(static_cast<std::size_t>(size));
        break;
      }
      default:
        return damaged();
    }
    return std::optional<Field>(field);
  }

 private:
  Result<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return damaged();
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_ = rest_.subspan(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    return damaged();
  }
  Result<std::uint64_t> fixed(std::size_t size) {
    if (rest_.size() < size) return damaged();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value |= std::uint64_t{static_cast<std::uint8_t>(rest_[i])} << (8 * i);
    rest_ = rest_.subspan(size);
    return value;
  }

  ByteView rest_;
};

/// Calls `take` for every field; any of its errors ends it.
template <class Take>
Result<void> each_field(ByteView message, Take&& take) {
  FieldReader reader(message);
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<Field> field, reader.next());
    if (!field) return {};
    MOLDAU_TRY(take(*field));
  }
}

bool is_message(const Field& field, std::uint32_t number) {
  return field.number == number && field.type == WireType::kBytes;
}

/// Field numbers of the messages on the way.
constexpr std::uint32_t kMetricsDataResource = 1;
constexpr std::uint32_t kResourceScope = 2;
constexpr std::uint32_t kScopeMetric = 2;
constexpr std::uint32_t kMetricName = 1;
constexpr std::uint32_t kMetricGauge = 5;
constexpr std::uint32_t kMetricSum = 7;
constexpr std::uint32_t kMetricKindLast = 11;
constexpr std::uint32_t kDataPoints = 1;
constexpr std::uint32_t kTemporality = 2;
constexpr std::uint64_t kDelta = 1;
constexpr std::uint32_t kPointDouble = 4;
constexpr std::uint32_t kPointInt = 6;
constexpr std::uint32_t kPointAttribute = 7;
constexpr std::uint32_t kKey = 1;
constexpr std::uint32_t kValue = 2;
constexpr std::uint32_t kValueString = 1;
constexpr std::uint32_t kValueBool = 2;
constexpr std::uint32_t kValueInt = 3;

class OtlpReader {
 public:
  explicit OtlpReader(const OtlpLimits& limits) : limits_(limits) {}

  Result<OtlpRead> read(ByteView message) {
    MOLDAU_TRY(each_field(message, [this](const Field& resource) -> Result<void> {
      if (!is_message(resource, kMetricsDataResource)) return {};
      return each_field(resource.bytes, [this](const Field& scope) -> Result<void> {
        if (!is_message(scope, kResourceScope)) return {};
        return each_field(scope.bytes, [this](const Field& metric) -> Result<void> {
          if (!is_message(metric, kScopeMetric)) return {};
          return read_metric(metric.bytes);
        });
      });
    }));
    return std::move(out_);
  }

 private:
  std::string text(ByteView bytes) const {
    return std::string(as_text(bytes.first(std::min(bytes.size(), limits_.text_max))));
  }

  Result<void> read_metric(ByteView message) {
    std::string name;
    ByteView points;
    bool has_points = false;
    MOLDAU_TRY(each_field(message, [&](const Field& field) -> Result<void> {
      if (is_message(field, kMetricName)) {
        if (field.bytes.size() > limits_.text_max) return damaged();
        name = text(field.bytes);
      } else if (is_message(field, kMetricGauge) || is_message(field, kMetricSum)) {
        has_points = true;
        points = field.bytes;
      } else if (field.number > kMetricSum && field.number <= kMetricKindLast) {
        ++out_.left_out;
      }
      return {};
    }));
    return has_points ? read_points(name, points) : Result<void>();
  }

  Result<void> read_points(const std::string& name, ByteView message) {
    bool delta = false;
    MOLDAU_TRY(each_field(message, [&](const Field& field) -> Result<void> {
      if (field.number == kTemporality) delta = field.number_value == kDelta;
      return {};
    }));
    return each_field(message, [&](const Field& field) -> Result<void> {
      if (!is_message(field, kDataPoints)) return {};
      if (out_.points.size() >= limits_.points_max) {
        ++out_.left_out;
        return {};
      }
      OtlpPoint point;
      point.metric = name;
      point.delta = delta;
      MOLDAU_TRY(read_point(field.bytes, point));
      out_.points.push_back(std::move(point));
      return {};
    });
  }

  Result<void> read_point(ByteView message, OtlpPoint& point) const {
    return each_field(message, [&](const Field& field) -> Result<void> {
      if (field.number == kPointDouble && field.type == WireType::kFixed64) {
        point.value = std::bit_cast<double>(field.number_value);
      } else if (field.number == kPointInt && field.type == WireType::kFixed64) {
        point.value = static_cast<double>(static_cast<std::int64_t>(field.number_value));
      } else if (is_message(field, kPointAttribute) &&
                 point.attributes.size() < limits_.attributes_max) {
        return read_attribute(field.bytes, point);
      }
      return {};
    });
  }

  Result<void> read_attribute(ByteView message, OtlpPoint& point) const {
    auto& [key, value] = point.attributes.emplace_back();
    return each_field(message, [&](const Field& field) -> Result<void> {
      if (is_message(field, kKey)) key = text(field.bytes);
      if (!is_message(field, kValue)) return {};
      return each_field(field.bytes, [&](const Field& any) -> Result<void> {
        if (is_message(any, kValueString)) value = text(any.bytes);
        if (any.number == kValueBool) value = any.number_value != 0 ? "true" : "false";
        if (any.number == kValueInt && any.type == WireType::kVarint)
          value = std::to_string(static_cast<std::int64_t>(any.number_value));
        return {};
      });
    });
  }

  const OtlpLimits& limits_;
  OtlpRead out_;
};

}  // namespace

Result<OtlpRead> read_otlp(ByteView message, const OtlpLimits& limits) {
  return OtlpReader(limits).read(message);
}

}  // namespace moldau::telemetry
