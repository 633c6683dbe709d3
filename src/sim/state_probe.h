// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "sim/connection.h"
#include "sim/model.h"

namespace moldau::sim {

/// Asks what coordinators know of all groups and transactional ids once nothing is under way:
/// committed offsets, members of groups with epochs, which must have all that is theirs, and states
/// of transactions, which must have come to their ends.
///
/// Thread   one thread.
/// Bounds   one request at a time.
class StateProbe {
 public:
  StateProbe(Model& model, env::fake::FakeShard& shard) : model_(model), shard_(shard) {}

  /// Begins anew; done() holds once all have answered.
  void begin();
  bool done() const { return done_; }
  /// What they said; the same before and after a restart.
  const std::string& state() const { return state_; }
  const std::string& waits_for() const { return waits_for_; }

 private:
  struct Asked {
    enum class Kind {
      kOffsets,
      kConsumerGroup,
      kShareGroup,
      kShareOffsets,
      kStreamsGroup,
      kTransaction
    };
    Kind kind = Kind::kOffsets;
    std::string name;
  };
  void go_on();
  void again_later(const std::string& why);
  void ask_offsets(const std::string& group);
  void on_offsets(const std::string& group, std::uint64_t asked, const Result<Slice>& frame);
  template <class Request, class Response>
  void ask_members(const std::string& group, std::int16_t version, bool one_owner);
  template <class Response>
  void on_members(const Response& answer, bool one_owner);
  void ask_share_offsets(const std::string& group);
  void on_share_offsets(const Result<Slice>& frame);
  void ask_streams_group(const std::string& group);
  void on_streams_group(const std::string& group, const Result<Slice>& frame);
  void ask_transaction(const std::string& transactional_id);
  void on_transaction(const Result<Slice>& frame);
  void answered(const std::string& text);

  Model& model_;
  env::fake::FakeShard& shard_;
  std::shared_ptr<Connection> connection_;
  std::uint64_t round_ = 0;
  bool done_ = false;
  std::deque<Asked> left_;
  std::string state_;
  std::string waits_for_;
};

}  // namespace moldau::sim
