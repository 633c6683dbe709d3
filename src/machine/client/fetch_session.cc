// SPDX-License-Identifier: Apache-2.0
#include "machine/client/fetch_session.h"

#include <limits>

namespace moldau::client {

FetchSessionMove FetchSession::next(const std::map<TopicPartition, FetchWanted>& wanted) {
  FetchSessionMove move;
  move.id = id_;
  move.epoch = epoch_;
  for (const auto& [partition, what] : wanted) {
    const auto before = told_.find(partition);
    if (epoch_ != 0 && before != told_.end() && before->second == what) continue;
    move.named.emplace_back(partition, what);
    // A topic that was made again is another one.
    if (epoch_ != 0 && before != told_.end() && before->second.topic_id != what.topic_id)
      move.forgotten.emplace_back(partition, before->second.topic_id);
  }
  if (epoch_ != 0) {
    for (const auto& [partition, what] : told_)
      if (!wanted.contains(partition)) move.forgotten.emplace_back(partition, what.topic_id);
  }
  told_ = wanted;
  return move;
}

void FetchSession::answered(std::int32_t id) {
  if (id == 0) return reset();
  const bool fresh = id != id_;
  id_ = id;
  epoch_ = fresh ? 1 : epoch_ == std::numeric_limits<std::int32_t>::max() ? 1 : epoch_ + 1;
}

}  // namespace moldau::client
