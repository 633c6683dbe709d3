// SPDX-License-Identifier: Apache-2.0
#include "record/format.h"

#include <array>

namespace moldau::record {
namespace {
constexpr std::array<std::string_view, 5> kNames = {"none", "gzip", "snappy", "lz4", "zstd"};
}  // namespace

std::string_view compression_type_name(CompressionType type) {
  const auto code = static_cast<std::size_t>(type);
  return code < kNames.size() ? kNames[code] : "unknown";
}

std::optional<CompressionType> compression_type_of_name(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<CompressionType>(i);
  return std::nullopt;
}

}  // namespace moldau::record
