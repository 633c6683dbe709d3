// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "base/types.h"
#include "base/unique_function.h"
#include "log/partition_log.h"
#include "record/validate.h"

namespace moldau::replica {

/// One batch for one partition.
struct AppendItem {
  AppendItem(TopicIdPartition to, Slice bytes) : partition(to), records(std::move(bytes)) {}
  TopicIdPartition partition;
  Slice records;
  /// For transactional batches of clients, and for markers.
  partition::TransactionClaim claim;
  /// The producer leaves it to the node to add the partition to its transaction.
  bool adds_itself = false;
};

/// What became of it, as a produce answer says it.
struct AppendOutcome {
  AppendOutcome() = default;
  explicit AppendOutcome(ErrorCode code, std::string text = {})
      : error(code), message(std::move(text)) {}

  ErrorCode error = ErrorCode::kNone;
  std::string message;
  Offset base_offset{-1};
  Timestamp log_append_time{-1};
  Offset log_start_offset{-1};
  std::vector<record::RecordError> record_errors;
  /// For kNotLeaderOrFollower and kFencedLeaderEpoch: who leads as far as we know.
  NodeId leader{-1};
  LeaderEpoch leader_epoch{-1};
  /// Not 0: the batch begins a transaction here. To be appended again with this guard once the
  /// coordinator has the partition in the transaction; this time it was refused with
  /// kInvalidTxnState.
  partition::VerificationGuard guard{0};
};

/// The batches of one produce request that belong to one shard, and their outcomes.
///
/// Path     handler/produce → ReplicaHost::append → HostedPartition; `done` when all are known.
/// Owner    shared by the partitions that still owe an outcome.
/// Thread   the shard of the partitions; `done` runs there too.
class AppendPart {
 public:
  using Done = UniqueFunction<void(std::vector<AppendOutcome>)>;

  AppendPart(std::vector<AppendItem> batches, bool all, Done callback)
      : items(std::move(batches)),
        acks_all(all),
        outcomes_(items.size()),
        open_(items.size()),
        done_(std::move(callback)) {}

  /// Sets an outcome, once; the last one calls `done`.
  void finish(std::size_t index, AppendOutcome outcome) {
    outcomes_[index] = std::move(outcome);
    MOLDAU_CHECK(open_ > 0, "an outcome is set once");
    if (--open_ == 0) done_(std::move(outcomes_));
  }
  std::size_t open() const { return open_; }

  std::vector<AppendItem> items;
  const bool acks_all;
  /// Not kClient: batches of this process, which are not judged.
  log::AppendOrigin origin = log::AppendOrigin::kClient;
  /// When acks=all stops waiting for the followers.
  MonoTime deadline{0};

 private:
  std::vector<AppendOutcome> outcomes_;
  std::size_t open_;
  Done done_;
};

}  // namespace moldau::replica
