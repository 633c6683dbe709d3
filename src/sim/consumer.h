// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/client.h"
#include "wire/fetch_response.h"

namespace moldau::sim {

/// Takes the batches of a fetch answer apart, checking what a client checks.
/// Errors   kCorruptMessage and what record/ finds.
Result<std::vector<ReadBatch>> read_batches(ByteView records, record::CompressionContext& context);

/// What a reader of committed records makes of batches that were fetched as such: their records
/// without those of `aborted` transactions (producer id and first offset).
/// Source   CompletedFetch.
std::vector<std::pair<Offset, std::string>> committed_records(
    const std::vector<ReadBatch>& batches,
    const std::vector<std::pair<ProducerId, Offset>>& aborted);
/// The transactions that a fetch answer names as aborted.
std::vector<std::pair<ProducerId, Offset>> aborted_of(
    const wire::FetchResponse::PartitionData& answer);

/// Follows all partitions of a topic, looks at watermarks, jumps now and then; reads what is
/// committed if it is asked to, and then watches that the last stable offset goes on.
///
/// Thread   one thread.
/// Bounds   one request at a time.
class Consumer final : public Client {
 public:
  /// `hang_limit`: 0 for a reader of all records; else a reader of committed ones that sees no
  /// transaction stay open for so long while the node runs.
  Consumer(Model& model, env::fake::FakeShard& shard, std::string topic, Millis hang_limit)
      : Client(model, shard), topic_(std::move(topic)), hang_limit_(hang_limit) {}

 protected:
  void work() override;
  void on_connected() override { busy_ = false; }

 private:
  void fetch(const ModelTopic& topic, std::int32_t partition);
  void on_fetched(const ModelTopic& topic, std::int32_t partition, std::int16_t version,
                  std::uint64_t asked, Life life, const Result<Slice>& frame);
  void take_committed(const PartitionKey& key, std::vector<ReadBatch> batches,
                      const wire::FetchResponse::PartitionData& answer);
  void watch_stable(const PartitionKey& key, const wire::FetchResponse::PartitionData& answer);
  void list_offset(const ModelTopic& topic, std::int32_t partition, bool earliest);
  bool committed_only() const { return hang_limit_.value() > 0; }

  /// How long the last stable offset has been where it is, pauses of the node left out.
  struct Stable {
    std::int64_t offset = -1;
    std::int64_t stuck = 0;  // in ns
    MonoTime seen;
  };

  const std::string topic_;
  const Millis hang_limit_;
  std::map<PartitionKey, Stable> stable_;
  std::map<PartitionKey, Offset> positions_;
  bool busy_ = false;
};

}  // namespace moldau::sim
