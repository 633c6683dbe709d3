// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/types.h"

namespace moldau::client {

/// What a fetch says of a partition.
struct FetchWanted {
  TopicId topic_id;
  Offset offset{0};
  LeaderEpoch leader_epoch{-1};
  LeaderEpoch last_epoch{-1};
  bool operator==(const FetchWanted&) const = default;
};

/// How a session goes on with a request.
struct FetchSessionMove {
  std::int32_t id = 0;
  std::int32_t epoch = 0;
  std::vector<std::pair<TopicPartition, FetchWanted>> named;  // new or changed
  std::vector<std::pair<TopicPartition, TopicId>> forgotten;
};

/// The client's side of an incremental fetch session: what the broker remembers need not be said
/// again.
///
/// Owner    FetchMachine, one for each broker.
/// Thread   a value. Pure.
/// Source   KIP-227; FetchSessionHandler.
class FetchSession {
 public:
  /// The next request, for exactly these partitions.
  FetchSessionMove next(const std::map<TopicPartition, FetchWanted>& wanted);
  /// The broker answered; 0: it keeps no session.
  void answered(std::int32_t id);
  /// It refused the session, or the answer was lost: begin anew.
  void reset() { *this = FetchSession(); }

 private:
  std::int32_t id_ = 0;
  std::int32_t epoch_ = 0;
  std::map<TopicPartition, FetchWanted> told_;
};

}  // namespace moldau::client
