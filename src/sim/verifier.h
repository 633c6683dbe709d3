// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <string>

#include "sim/client.h"

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
  void list(std::int64_t timestamp, UniqueFunction<void(Offset)> then);
  void on_fetched(const Result<Slice>& frame);
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
};

}  // namespace moldau::sim
