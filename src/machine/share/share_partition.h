// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_code.h"
#include "base/types.h"
#include "machine/share/in_flight.h"
#include "machine/share/state_batch.h"

namespace moldau::share {

/// What a group's configuration says about its share partitions; may differ from call to call.
/// Thread   a value.
struct SharePartitionSettings {
  SharePartitionSettings() = default;
  /// share.partition.max.record.locks
  std::int32_t record_locks_max = 2'000;
  /// share.delivery.count.limit
  std::int16_t delivery_limit = 5;
  /// share.record.lock.duration.ms
  Millis lock_duration{30'000};
  /// share.renew.acknowledge.enable
  bool may_renew = true;
};

/// A record batch of the log, as a fetch found it.
struct FetchedBatch {
  FetchedBatch() = default;
  FetchedBatch(Offset b, Offset l) : base(b), last(l) {}
  Offset base{0};
  Offset last{0};
  ProducerId producer_id{-1};
  bool is_transactional = false;
  bool is_abort_marker = false;
};

struct AbortedRange {
  AbortedRange(ProducerId p, Offset f) : producer_id(p), first(f) {}
  ProducerId producer_id;
  Offset first;
};

/// What a read of the log at next_fetch_offset() gave.
struct FetchedRecords {
  FetchedRecords() = default;
  Offset fetch_offset{0};
  /// Whole batches only.
  std::vector<FetchedBatch> batches;
  /// Of read_committed: what was aborted, else empty.
  std::vector<AbortedRange> aborted;
};

/// How a member wants its records.
struct AcquireWish {
  AcquireWish() = default;
  std::string_view member;
  /// Records that are told as one are at most so many, rounded up to the batch of the log.
  std::int32_t batch_size = 0;
  std::int32_t records_max = 0;
  /// Not one record more than records_max, even if that tears a batch.
  bool record_limit = false;
};

/// Records a member has just acquired.
struct AcquiredRange {
  AcquiredRange(Offset f, Offset l, std::int16_t count)
      : first(f), last(l), delivery_count(count) {}
  Offset first;
  Offset last;
  std::int16_t delivery_count;
  bool operator==(const AcquiredRange&) const = default;
};

struct Acquired {
  Acquired() = default;
  std::vector<AcquiredRange> ranges;
  /// As Apache counts them against the limit of the request.
  std::int64_t count = 0;
};

/// The numbers are on the wire; 0 says that there is no record at the offset.
enum class AcknowledgeType : std::int8_t {
  kGap = 0,
  kAccept = 1,
  kRelease = 2,
  kReject = 3,
  kRenew = 4,
};

struct Acknowledgement {
  Acknowledgement() = default;
  Offset first{0};
  Offset last{0};
  /// One for all, or one for each offset.
  std::vector<std::int8_t> types;
};

/// State to be stored. written() must be told what became of it.
struct StateToWrite {
  StateToWrite() = default;
  TransitionId id{0};
  std::int32_t state_epoch = 0;
  LeaderEpoch leader_epoch{0};
  Offset start_offset{0};
  std::int32_t delivery_complete_count = 0;
  std::vector<StateBatch> batches;
};

/// What an acknowledgement (or a member's end) came to. Nothing to write: it is done.
struct AcknowledgeOutcome {
  AcknowledgeOutcome() = default;
  ErrorCode error = ErrorCode::kNone;
  std::string message;
  std::optional<StateToWrite> write;
};

/// The leader's view of one share group on one partition: which records are acquired by whom and
/// until when, how often they were delivered, and where the group starts.
///
/// Path     node/coordinator's SharePartitionHost → this.
/// Owner    all state; what it is given is borrowed for the call.
/// Thread   a value of the topic partition's shard.
/// Bounds   from start_offset() to end_offset() there are at most record_locks_max records, and
///          what one log batch more holds.
/// Errors   in outcomes: kInvalidRecordState, kInvalidRequest.
/// Source   kafka.server.share.SharePartition; KIP-932, KIP-1206 (record limit), KIP-1222 (renew).
class SharePartition {
 public:
  /// Goes on from what is stored; `start` stands in for a stored start of -1. False if what is
  /// stored is not sound.
  SharePartition(LeaderEpoch leader_epoch, std::int32_t state_epoch, Offset start);
  bool recover(const std::vector<StateBatch>& batches);

  /// Where the log is to be read for acquire().
  Offset next_fetch_offset();
  bool can_acquire(const SharePartitionSettings& settings);
  Acquired acquire(const SharePartitionSettings& settings, const AcquireWish& wish,
                   const FetchedRecords& fetched, MonoTime now);

  AcknowledgeOutcome acknowledge(const SharePartitionSettings& settings, std::string_view member,
                                 const std::vector<Acknowledgement>& batches, MonoTime now);
  /// All that the member holds becomes available.
  AcknowledgeOutcome release_member(const SharePartitionSettings& settings,
                                    std::string_view member);
  /// True if more can be acquired now.
  bool written(TransitionId id, bool stored, const SharePartitionSettings& settings, MonoTime now);

  /// Locks that have run out; what is to be written of it.
  std::optional<StateToWrite> tick(const SharePartitionSettings& settings, MonoTime now);
  std::optional<MonoTime> next_deadline() const { return earliest_lock_; }

  /// The log begins there: what was before is gone.
  void advance_log_start(Offset log_start);

  Offset start_offset() const { return start_offset_; }
  Offset end_offset() const { return end_offset_; }
  LeaderEpoch leader_epoch() const { return leader_epoch_; }
  std::int32_t state_epoch() const { return state_epoch_; }
  std::int64_t in_flight() const;
  std::int32_t delivery_complete_count() const { return complete_count_; }
  const InFlightBatches& batches() const { return batches_; }

 private:
  /// Records that were missing in the stored state have yet to be read, up to the end it had.
  struct GapWindow {
    Offset end{0};
    Offset gap_start{0};
  };
  struct Bounds {
    Offset last{0};
    std::int64_t count_max = 0;
  };
  struct Step;

  Bounds bounds_of(const SharePartitionSettings& settings, const AcquireWish& wish,
                   Offset fetch_offset, Offset last) const;
  void archive_stale(Offset fetch_offset, Offset base);
  std::int64_t acquire_new(Step& step, Offset first, Offset last, std::int64_t count_max);
  std::vector<AcquiredRange> add_new(Step& step, Offset first, Offset last, std::int64_t count_max);
  void acquire_in_flight(Step& step, Offset base);
  bool acquire_one(Step& step, InFlightBatch& batch);
  std::int64_t acquire_part(Step& step, InFlightBatch& batch, std::int64_t count_max);
  bool must_throttle(const Step& step, const InFlightBatch& batch) const;
  void leave_out_aborted(Step& step);
  bool archive(Offset first, Offset last, DeliveryState from, bool count);

  bool gap_window_active() const { return gap_window_ && gap_window_->end == end_offset_; }
  void move_gap_window(Offset offset);
  bool advance_start();
  bool start_is_terminal() const;
  std::pair<Offset, std::int64_t> terminal_prefix() const;
  std::int64_t counted(Offset first, Offset last) const;
  InFlightBatches::iterator floor(Offset offset);
  InFlightBatches::const_iterator floor(Offset offset) const;

  struct Acknowledging;
  void acknowledge_batch(Acknowledging& ack, const Acknowledgement& one);
  bool acknowledge_whole(Acknowledging& ack, InFlightBatch& batch, std::int8_t type);
  bool acknowledge_part(Acknowledging& ack, InFlightBatch& batch, const Acknowledgement& one);
  bool begin(Acknowledging& ack, InFlightRun& run, std::int8_t type);
  void begin_transition(Acknowledging& ack, InFlightRun& run, DeliveryState next);
  AcknowledgeOutcome finish(Acknowledging& ack, MonoTime now);
  StateToWrite to_write(TransitionId id, std::vector<StateBatch> batches) const;
  void complete(TransitionId id, const std::vector<StateBatch>& batches, bool stored,
                const SharePartitionSettings& settings, MonoTime now);
  void note_lock(MonoTime until);

  LeaderEpoch leader_epoch_;
  std::int32_t state_epoch_;
  Offset start_offset_;
  /// The last offset in flight, or the start if there is none.
  Offset end_offset_;
  InFlightBatches batches_;
  /// Something before the end may be available.
  bool look_for_free_ = false;
  std::optional<GapWindow> gap_window_;
  /// Records at or behind the start that are done with.
  std::int32_t complete_count_ = 0;
  std::uint64_t last_transition_ = 0;
  std::map<TransitionId, std::vector<StateBatch>> transitions_;
  /// No lock runs out before it.
  std::optional<MonoTime> earliest_lock_;
};

}  // namespace moldau::share
