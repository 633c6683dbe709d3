// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/types.h"
#include "loadgen_codec.h"

namespace moldau::loadgen {

// Requests of the load generator, built by hand in old, inflexible versions: the generator must
// cost as little as possible and share no code with what it measures, records apart.

/// What one partition gets in a produce request.
struct Portion {
  std::int32_t partition = 0;
  ByteView records;
};

/// Where a consumer stands.
struct Cursor {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

struct FetchLimits {
  std::int32_t wait_ms = 500;
  std::int32_t bytes_min = 1;
  std::int32_t bytes_max = 50 << 20;
  std::int32_t partition_bytes_max = 1 << 20;
};

/// Produce v8.
Frame produce_frame(std::int32_t correlation, const std::string& topic, std::int16_t acks,
                    const std::vector<Portion>& portions);
/// Fetch v11 without a session.
Frame fetch_frame(std::int32_t correlation, const std::string& topic,
                  const std::vector<Cursor>& cursors, const FetchLimits& limits);
/// CreateTopics v4.
Frame create_topic_frame(std::int32_t correlation, const std::string& topic,
                         std::int32_t partitions);
/// DeleteTopics v3.
Frame delete_topic_frame(std::int32_t correlation, const std::string& topic);
/// ApiVersions v0.
Frame api_versions_frame(std::int32_t correlation);

/// The first error in a Produce v8 answer, 0 if all is well. The frame is without its size.
std::int16_t produce_error(ByteView answer);
/// The error of the one topic in a CreateTopics or DeleteTopics answer.
std::int16_t topic_error(ByteView answer);
/// Where each batch of a Produce v8 request went.
struct Produced {
  std::int32_t partition = 0;
  std::int16_t error = 0;
  std::int64_t base_offset = -1;
};
std::vector<Produced> produced(ByteView answer);

struct FetchedPartition {
  std::int32_t partition = 0;
  std::int16_t error = 0;
  std::int64_t high_watermark = 0;
  ByteView records;
};
std::vector<FetchedPartition> fetched(ByteView answer);

/// Offset behind the last whole batch of a fetched set, and how many records stand in it.
struct Progress {
  std::int64_t next_offset = -1;
  std::int64_t records = 0;
};
Progress progress_of(ByteView records);

}  // namespace moldau::loadgen
