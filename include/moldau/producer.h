// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "moldau/pending.h"
#include "moldau/record.h"

namespace moldau {

/// How many brokers have a record when it counts as sent.
enum class Acks : std::int16_t { kNone = 0, kLeader = 1, kAll = -1 };

enum class CompressionKind : std::uint8_t { kNone, kGzip, kSnappy, kLz4, kZstd };

/// Settings of a producer, with Kafka's names and defaults.
/// Thread   a value.
struct ProducerConfig {
  std::vector<std::string> bootstrap_servers;
  std::string client_id;
  Acks acks = Acks::kAll;
  bool enable_idempotence = true;
  std::size_t batch_size = 16'384;
  std::uint64_t buffer_memory = 32 << 20;
  std::chrono::milliseconds linger{5};
  std::chrono::milliseconds max_block{60'000};
  std::chrono::milliseconds delivery_timeout{120'000};
  std::chrono::milliseconds request_timeout{30'000};
  std::chrono::milliseconds retry_backoff{100};
  std::chrono::milliseconds retry_backoff_max{1'000};
  std::int32_t max_in_flight_requests_per_connection = 5;
  std::size_t max_request_size = 1 << 20;
  std::int32_t retries = INT32_MAX;
  CompressionKind compression_type = CompressionKind::kNone;
  std::optional<std::int32_t> compression_level;
  bool partitioner_ignore_keys = false;
  bool partitioner_adaptive_partitioning = true;
};

/// Sends records to topics: batched, in order for each partition, each stored once.
///
/// Owner    the application. Destroying it gives up what is not sent; close() first.
/// Thread   any thread, calls may overlap. One thread of its own talks to brokers and runs
///          callbacks; there send() works if it need not wait, the rest is refused
///          (kInvalidRequest), and the producer must not be destroyed.
/// Bounds   buffer_memory of records that are not answered for; send() waits at most max_block.
/// Durable  when its PendingSend is fine, as far as `acks` asks for it.
/// Errors   open(): kInvalidConfig. send(): in what it returns.
/// Source   KIP-98, KIP-480, KIP-794 and the clients of Apache Kafka 4.3.
class Producer {
 public:
  static Result<std::unique_ptr<Producer>> open(const ProducerConfig& config);
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  /// Puts the record into a batch and returns; waits only for the topic's metadata or for room.
  PendingSend send(const ProducerRecord& record);
  /// Sends what is there without lingering, and waits until all of it is answered for.
  Result<void> flush(std::chrono::milliseconds patience);
  /// The number of partitions of a topic, asked for if need be.
  Result<std::int32_t> partitions_for(const std::string& topic);
  /// As flush(); afterwards send() fails. What is not answered for by then is given up.
  Result<void> close(std::chrono::milliseconds patience);

 private:
  class State;
  explicit Producer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moldau
