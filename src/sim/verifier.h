// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "sim/client.h"
#include "wire/fetch_response.h"

namespace moldau::sim {

/// Reads every partition from its start to its end: after each start of the node, and at the end
/// of the run. Ignores the gate: it opens it.
///
/// Thread   one thread.
/// Bounds   one request at a time.
class Verifier {
 public:
  Verifier(Model& model, env::fake::FakeShard& shard) : model_(model), shard_(shard) {}

  /// Begins anew; done() holds once everything was read.
  void begin();
  bool done() const { return done_; }

 private:
  void go_on();
  void again_later();
  void ask_start();
  void ask_end();
  void fetch();
  void list(std::int64_t timestamp, UniqueFunction<void(Offset)> then, bool stable = false);
  void on_fetched(const Result<Slice>& frame);
  void take(std::vector<ReadBatch> batches, const wire::FetchResponse::PartitionData& answer);
  /// What has been read to its end is read once more as readers of committed records do.
  bool reads_committed() const { return reading_.transactional && reads_committed_; }
  Offset upper() const { return reads_committed() ? reading_.stable : reading_.end; }
  void end_partition();

  Model& model_;
  env::fake::FakeShard& shard_;
  std::shared_ptr<Connection> connection_;
  std::uint64_t round_ = 0;
  bool done_ = false;
  std::deque<std::pair<std::string, std::int32_t>> left_;
  FullRead reading_;
  Life life_ = 0;
  Offset position_;
  bool reads_committed_ = false;
};

}  // namespace moldau::sim
