// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace moldau {

/// Where reading begins in a partition that has no position, or whose position is gone.
enum class AutoOffsetReset : std::uint8_t { kEarliest, kLatest, kNone };

/// Settings of a consumer, with Kafka's names and defaults.
/// Thread   a value.
struct ConsumerConfig {
  std::vector<std::string> bootstrap_servers;
  std::string client_id;
  std::string client_rack;
  AutoOffsetReset auto_offset_reset = AutoOffsetReset::kLatest;
  bool read_committed = false;  // isolation.level
  bool check_crcs = true;
  std::int32_t fetch_min_bytes = 1;
  std::int32_t fetch_max_bytes = 50 << 20;
  std::int32_t max_partition_fetch_bytes = 1 << 20;
  std::int32_t max_poll_records = 500;
  std::chrono::milliseconds fetch_max_wait{500};
  std::chrono::milliseconds request_timeout{30'000};
  std::chrono::milliseconds metadata_max_age{300'000};
  std::chrono::milliseconds retry_backoff{100};
  std::chrono::milliseconds retry_backoff_max{1'000};
};

/// A record that was read.
/// Owner    views the ConsumerRecords it came in.
/// Thread   a value.
struct ConsumerRecord {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = -1;
  std::int32_t leader_epoch = -1;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  struct Header {
    std::string_view key;
    std::optional<std::string_view> value;
  };
  std::vector<Header> headers;
};

/// What one poll gave, with the bytes its records view.
/// Owner    the application; moving keeps the views.
/// Thread   a value.
class ConsumerRecords {
 public:
  std::vector<ConsumerRecord>::const_iterator begin() const { return records_.begin(); }
  std::vector<ConsumerRecord>::const_iterator end() const { return records_.end(); }
  std::size_t size() const { return records_.size(); }
  bool empty() const { return records_.empty(); }
  const ConsumerRecord& operator[](std::size_t i) const { return records_[i]; }

 private:
  friend class Consumer;
  /// Bytes that stay where they are while more come.
  std::string_view keep(std::string_view bytes);

  std::vector<ConsumerRecord> records_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t left_ = 0;
  char* at_ = nullptr;
};

/// Reads partitions that are named to it. (Groups: not yet.)
///
/// Owner    the application.
/// Thread   one at a time, as Java's; one thread of its own talks to brokers and fetches ahead.
/// Bounds   poll() gives at most max_poll_records; fetched ahead is one answer of each broker,
///          fetch_max_bytes at most and one batch.
/// Errors   open(): kInvalidConfig. poll(): kOffsetOutOfRange without a reset policy,
///          kTopicAuthorizationFailed, kCorruptMessage; it names the partition, which stays where
///          it is.
/// Source   KafkaConsumer of Apache's clients; KIP-227, KIP-320, KIP-392.
class Consumer {
 public:
  static Result<std::unique_ptr<Consumer>> open(const ConsumerConfig& config);
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  /// Exactly these; those that were assigned before keep their position.
  void assign(const std::vector<TopicPartition>& partitions);
  /// Records, or none after `patience`.
  Result<ConsumerRecords> poll(std::chrono::milliseconds patience);

  void seek(const TopicPartition& partition, Offset offset);
  void seek_to_beginning(const std::vector<TopicPartition>& partitions);
  void seek_to_end(const std::vector<TopicPartition>& partitions);
  void pause(const std::vector<TopicPartition>& partitions);
  void resume(const std::vector<TopicPartition>& partitions);
  /// The offset of the next record; nothing as long as it is not known.
  std::optional<Offset> position(const TopicPartition& partition) const;
  /// Records behind the position that are stored, as the last answer told.
  std::optional<std::int64_t> current_lag(const TopicPartition& partition) const;

 private:
  class State;
  explicit Consumer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moldau
