// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "sim/client.h"

namespace moldau::sim {

/// Takes the batches of a fetch answer apart, checking what a client checks.
/// Errors   kCorruptMessage and what record/ finds.
Result<std::vector<ReadBatch>> read_batches(ByteView records, record::CompressionContext& context);

/// Follows all partitions of a topic, looks at watermarks, jumps now and then.
///
/// Thread   one thread.
/// Bounds   one request at a time.
class Consumer final : public Client {
 public:
  Consumer(Model& model, env::fake::FakeShard& shard, std::string topic)
      : Client(model, shard), topic_(std::move(topic)) {}

 protected:
  void work() override;
  void on_connected() override { busy_ = false; }

 private:
  void fetch(const ModelTopic& topic, std::int32_t partition);
  void on_fetched(const ModelTopic& topic, std::int32_t partition, std::int16_t version,
                  std::uint64_t asked, Life life, const Result<Slice>& frame);
  void list_offset(const ModelTopic& topic, std::int32_t partition, bool earliest);

  const std::string topic_;
  std::map<PartitionKey, Offset> positions_;
  bool busy_ = false;
};

}  // namespace moldau::sim
