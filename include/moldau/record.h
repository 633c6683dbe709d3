// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace moldau {

/// One header of a record.
/// Owner    borrows.
/// Thread   a value.
struct Header {
  std::string_view key;
  std::optional<std::string_view> value;
};

/// A record to be sent. Bytes are what std::string_view views; null is not the same as empty.
///
/// Owner    borrows; all of it is copied before send() returns.
/// Thread   a value.
struct ProducerRecord {
  std::string_view topic;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  /// Chosen by the key, or so that batches fill, if it is not given.
  std::optional<std::int32_t> partition;
  /// Milliseconds since 1970; now if it is not given.
  std::optional<std::int64_t> timestamp_ms;
  std::span<const Header> headers;
};

/// Where a record went.
/// Thread   a value.
struct RecordMetadata {
  std::int32_t partition = -1;
  /// -1 if it is not known: acks=0, or a retry that the broker recognised as one.
  std::int64_t offset = -1;
  /// Of the broker's clock if the topic uses log append time, else -1.
  std::int64_t log_append_time_ms = -1;
};

}  // namespace moldau
