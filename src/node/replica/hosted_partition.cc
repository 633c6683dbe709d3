// SPDX-License-Identifier: Apache-2.0
#include "node/replica/hosted_partition.h"

#include <utility>

#include "node/replica/replica_host.h"

namespace moldau::replica {

HostedPartition::HostedPartition(ReplicaHost& host, HostedIdentity identity,
                                 std::unique_ptr<log::PartitionLog> log, NodeId self)
    : host_(host),
      identity_(std::move(identity)),
      name_text_(identity_.name.text()),
      log_(std::move(log)),
      machine_(self),
      flushed_at_(host.shard().now()),
      opened_end_(log_->log_end_offset()) {
  (void)machine_.local_end(log_->config().durable_acks() ? log_->flushed_end_offset()
                                                         : log_->log_end_offset());
}

void HostedPartition::restore_high_watermark(Offset checkpointed) {
  machine_.restore_high_watermark(checkpointed, log_->log_start_offset(), log_->log_end_offset());
  log_->set_high_watermark(machine_.high_watermark());
}

void HostedPartition::apply(const partition::PartitionAssignment& assignment) {
  const bool new_epoch = assignment.leader == host_.self() &&
                         assignment.leader_epoch != machine_.assignment().leader_epoch;
  if (new_epoch) begin_epoch(assignment.leader_epoch);
  perform(machine_.apply(assignment, log_->log_end_offset(), host_.shard().now()));
  if (!machine_.is_leader()) {
    while (!waiting_commit_.empty()) {
      Staged staged = std::move(waiting_commit_.front());
      waiting_commit_.pop_front();
      staged.part->finish(staged.index, not_leader(ErrorCode::kNotLeaderOrFollower));
    }
    fetchers_.wake_all();
  }
  run_jobs();
}

/// The epoch begins behind everything that was staged under an earlier one.
void HostedPartition::begin_epoch(LeaderEpoch epoch) {
  if (has_staged()) write_staged();
  if (pool_step_ == PoolStep::kWrite) {
    epoch_to_begin_ = epoch;
  } else {
    log_->assign_epoch_start(epoch, log_->log_end_offset());
  }
}

void HostedPartition::set_config(const log::LogConfig& log_config,
                                 const record::ValidateOptions& validation) {
  const bool was_durable = log_->config().durable_acks();
  log_->set_config(log_config);
  validation_ = validation;
  validation_.topic_partition = name_text_;
  if (was_durable && !log_config.durable_acks()) {
    // What waited for a flush need not any longer.
    perform(machine_.local_end(log_->log_end_offset()));
    release_waiting();
  }
}

AppendOutcome HostedPartition::not_leader(ErrorCode code) const {
  AppendOutcome outcome(code);
  outcome.leader = machine_.assignment().leader;
  outcome.leader_epoch = machine_.assignment().leader_epoch;
  return outcome;
}

/// With some errors Apache tells nothing of the log.
Offset HostedPartition::told_log_start(ErrorCode error) const {
  const bool is_silent =
      error == ErrorCode::kMessageTooLarge || error == ErrorCode::kRecordListTooLarge ||
      error == ErrorCode::kCorruptMessage || error == ErrorCode::kKafkaStorageError;
  return is_silent ? Offset(-1) : log_->log_start_offset();
}

AppendOutcome HostedPartition::rejected(record::RejectedBatch&& batch) const {
  AppendOutcome outcome(batch.code, std::move(batch.message));
  outcome.record_errors = std::move(batch.record_errors);
  outcome.log_start_offset = told_log_start(batch.code);
  return outcome;
}

/// Why nothing can be appended at present; kNone if it can.
AppendOutcome HostedPartition::refusal_of_append(const AppendPart& part) const {
  // The controller takes the leadership of what lies in a failed log dir away.
  if (stopped_ || (!machine_.is_leader() && !log_->failed()))
    return not_leader(ErrorCode::kNotLeaderOrFollower);
  if (log_->failed() || !host_.directory_accepts(identity_.directory))
    return AppendOutcome(ErrorCode::kKafkaStorageError,
                         "the log directory takes no records at present");
  return AppendOutcome(part.acks_all ? machine_.may_append_all() : ErrorCode::kNone);
}

void HostedPartition::append(const std::shared_ptr<AppendPart>& part, std::size_t index) {
  Held append{part, index, {}, 0};
  if (holds_appends() || !append_now(append)) held_.push_back(std::move(append));
}

/// False: it was refused, and has its outcome.
bool HostedPartition::judge(Held& append) {
  AppendItem& item = append.part->items[append.index];
  validation_.now = host_.shard().wall_now();
  append.judged_at = validation_.now;
  if (append.part->origin != log::AppendOrigin::kClient) {
    append.judged = item.records;
    if (const auto own = record::BatchView::parse(item.records.view()); own.ok())
      append.record_count = own->record_count();
    return true;
  }
  auto verdict =
      record::validate_produced(item.records.mutable_view(), validation_, host_.compression());
  if (auto* refused = std::get_if<record::RejectedBatch>(&verdict)) {
    append.part->finish(append.index, rejected(std::move(*refused)));
    return false;
  }
  auto& batch = std::get<record::ValidatedBatch>(verdict);
  append.judged = batch.rebuilt.empty() ? item.records.sub(0, batch.bytes.size()) : batch.rebuilt;
  append.record_count = batch.record_count;
  return true;
}

/// An error if the coordinator must be asked first.
AppendOutcome HostedPartition::ask_for_verification(const Held& append) {
  const AppendItem& item = append.part->items[append.index];
  if (!item.claim.must_be_verified || item.claim.guard.value() != 0) return {};
  auto guard =
      log_->begin_verification(item.records.view(), item.adds_itself, host_.shard().wall_now());
  if (!guard.ok()) return AppendOutcome(guard.error().code, guard.error().detail);
  if (!*guard) return {};
  AppendOutcome outcome(ErrorCode::kInvalidTxnState, "the transaction is to be verified");
  outcome.guard = **guard;
  return outcome;
}

/// False: it has to wait for a step on the pool, which has begun.
bool HostedPartition::append_now(Held& append) {
  const auto finish = [&](AppendOutcome outcome) {
    append.part->finish(append.index, std::move(outcome));
    return true;
  };
  if (AppendOutcome refusal = refusal_of_append(*append.part); refusal.error != ErrorCode::kNone)
    return finish(std::move(refusal));
  if (!log_->has_staged() && !log_->is_open()) {
    open_on_pool();
    return false;
  }
  if (append.judged.empty()) {
    if (AppendOutcome unverified = ask_for_verification(append);
        unverified.error != ErrorCode::kNone)
      return finish(std::move(unverified));
    if (!judge(append)) return true;
  }
  log::AppendInput input(append.judged, append.part->origin, machine_.assignment().leader_epoch,
                         append.judged_at);
  input.roll = log::Roll::kByHost;
  input.claim = append.part->items[append.index].claim;
  const auto staged = log_->stage(std::move(input));
  if (staged.ok() && staged->must_roll) {
    roll_wanted_ = true;
    if (!log_->has_staged()) roll_on_pool();
    return false;
  }
  // The end of the turn hears of a disk error, too.
  if (log_->has_staged()) note_dirty();
  if (!staged.ok()) {
    AppendOutcome outcome(staged.error().code, staged.error().detail);
    outcome.log_start_offset = told_log_start(outcome.error);
    return finish(std::move(outcome));
  }
  Staged entry;
  entry.part = append.part;
  entry.index = append.index;
  entry.end = staged->last_offset + 1;
  entry.outcome.base_offset = staged->base_offset;
  entry.outcome.log_start_offset = staged->log_start_offset;
  // Of a batch that is here already the time is told whatever kind of time the topic keeps.
  if (staged->is_duplicate) {
    entry.outcome.log_append_time = staged->duplicate_timestamp;
  } else if (validation_.timestamp_type == record::TimestampType::kLogAppendTime) {
    entry.outcome.log_append_time = append.judged_at;
  }
  host_.count_appended(staged->is_duplicate ? 0 : append.record_count, append.judged.size());
  staged_.push_back(std::move(entry));
  note_dirty();
  return true;
}

void HostedPartition::note_dirty() {
  if (std::exchange(dirty_, true)) return;
  host_.mark_dirty(shared_from_this());
}

void HostedPartition::write_staged() {
  dirty_ = false;
  // While the pool writes nothing new is staged: its end settles all there is.
  if (!log_ || pool_step_ == PoolStep::kWrite) return;
  if (!stopped_ && !log_->failed() && host_.directory_is_slow(identity_.directory) &&
      write_on_pool())
    return;
  const MonoTime begin = host_.env().clock().mono();
  const log::WriteOutcome written = log_->write_staged();
  host_.note_append_time(*this, host_.env().clock().mono() - begin);
  finish_write(std::exchange(staged_, {}), written);
  if (roll_wanted_) roll_on_pool();
}

void HostedPartition::finish_write(std::vector<Staged> staged, const log::WriteOutcome& written) {
  if (const auto epoch = std::exchange(epoch_to_begin_, std::nullopt))
    log_->assign_epoch_start(*epoch, log_->log_end_offset());
  if (written.error) host_.note_write_error(*this, *written.error);
  const bool durable = log_->config().durable_acks();
  perform(machine_.local_end(durable ? log_->flushed_end_offset() : log_->log_end_offset()));
  for (Staged& entry : staged) settle(std::move(entry), written.log_end_offset, written.error);
  if (wants_flush()) host_.want_flush(shared_from_this());
  run_jobs();
}

void HostedPartition::settle(Staged staged, Offset log_end, const std::optional<Error>& error) {
  if (staged.end > log_end) {
    staged.outcome = AppendOutcome(ErrorCode::kKafkaStorageError,
                                   error ? error->detail : std::string("the write failed"));
    return staged.part->finish(staged.index, std::move(staged.outcome));
  }
  if (staged.part->acks_all) {
    if (!machine_.committed(staged.end)) {
      if (stopped_)
        return staged.part->finish(staged.index, not_leader(ErrorCode::kNotLeaderOrFollower));
      waiting_commit_.push_back(std::move(staged));
      if (!expiry_set_) {
        expiry_set_ = true;
        std::weak_ptr<HostedPartition> weak = weak_from_this();
        expiry_timer_ = host_.shard().call_at(waiting_commit_.back().part->deadline, [weak] {
          if (auto self = weak.lock()) self->expire_waiting(self->host_.shard().now());
        });
      }
      return;
    }
    if (const ErrorCode code = machine_.committed_verdict(); code != ErrorCode::kNone)
      staged.outcome.error = code;
  } else if (log_->config().durable_acks() && log_->flushed_end_offset() < staged.end) {
    if (stopped_)
      return staged.part->finish(staged.index, not_leader(ErrorCode::kNotLeaderOrFollower));
    waiting_flush_.push_back(std::move(staged));
    return;
  }
  staged.part->finish(staged.index, std::move(staged.outcome));
}

void HostedPartition::expire_waiting(MonoTime now) {
  expiry_set_ = false;
  MonoTime next{INT64_MAX};
  std::deque<Staged> kept;
  for (Staged& staged : waiting_commit_) {
    if (staged.part->deadline <= now) {
      staged.outcome.error = ErrorCode::kRequestTimedOut;
      staged.part->finish(staged.index, std::move(staged.outcome));
    } else {
      next = std::min(next, staged.part->deadline);
      kept.push_back(std::move(staged));
    }
  }
  waiting_commit_.swap(kept);
  if (waiting_commit_.empty()) return;
  expiry_set_ = true;
  std::weak_ptr<HostedPartition> weak = weak_from_this();
  expiry_timer_ = host_.shard().call_at(next, [weak] {
    if (auto self = weak.lock()) self->expire_waiting(self->host_.shard().now());
  });
}

void HostedPartition::perform(const partition::PartitionEffects& effects) {
  if (effects.alter_isr) host_.want_alter_isr(identity_.id, *effects.alter_isr);
  if (!effects.high_watermark_moved) return;
  log_->set_high_watermark(machine_.high_watermark());
  release_waiting();
  fetchers_.wake_all();
}

void HostedPartition::release_waiting() {
  while (!waiting_commit_.empty() && machine_.committed(waiting_commit_.front().end)) {
    Staged staged = std::move(waiting_commit_.front());
    waiting_commit_.pop_front();
    staged.outcome.error = machine_.committed_verdict();
    staged.part->finish(staged.index, std::move(staged.outcome));
  }
  const bool durable = log_->config().durable_acks();
  while (!waiting_flush_.empty() &&
         (!durable || waiting_flush_.front().end <= log_->flushed_end_offset())) {
    Staged staged = std::move(waiting_flush_.front());
    waiting_flush_.pop_front();
    staged.part->finish(staged.index, std::move(staged.outcome));
  }
}

/// A segment that was rolled goes to the disk as soon as may be: then no crash has to look at it
/// again, and compaction may count on it.
bool HostedPartition::wants_flush() const {
  if (!log_ || flushing_ || log_->failed()) return false;
  return log_->unflushed_messages() >= std::max<std::int64_t>(1, log_->config().flush_messages) ||
         log_->flushed_end_offset() < log_->active_segment_base_offset();
}

bool HostedPartition::flush_is_due(MonoTime now) const {
  if (!log_ || stopped_ || flushing_ || holding_ || log_->failed()) return false;
  if (log_->unflushed_messages() <= 0) return false;
  constexpr std::int64_t kNanosPerMilli = 1'000'000;
  return (now - flushed_at_) / kNanosPerMilli >= log_->config().flush_ms.value();
}

void HostedPartition::flushed(const log::FlushPoint& point, const Result<void>& result) {
  flushing_ = false;
  if (!log_) return;
  if (!result.ok()) {
    log_->mark_failed();
    host_.note_write_error(*this, result.error());
    return refuse_waiting(result.error().detail);
  }
  log_->mark_flushed(point);
  flushed_at_ = host_.shard().now();
  if (log_->config().durable_acks()) perform(machine_.local_end(log_->flushed_end_offset()));
  release_waiting();
  if (wants_flush()) host_.want_flush(shared_from_this());
}

ErrorCode HostedPartition::check_leader(LeaderEpoch callers_epoch) const {
  if (stopped_ || !log_) return ErrorCode::kNotLeaderOrFollower;
  if (log_->failed()) return ErrorCode::kKafkaStorageError;
  if (const ErrorCode code = machine_.check_leader_epoch(callers_epoch); code != ErrorCode::kNone)
    return code;
  if (!machine_.is_leader()) return ErrorCode::kNotLeaderOrFollower;
  return ErrorCode::kNone;
}

namespace {
/// A refused read tells no offsets.
ReadOutcome refuse(const ReadOutcome& so_far, ErrorCode error) {
  ReadOutcome outcome;
  outcome.error = error;
  outcome.leader = so_far.leader;
  outcome.leader_epoch = so_far.leader_epoch;
  return outcome;
}
}  // namespace

ReadOutcome HostedPartition::read(const FetchPartition& asked, const ReadAs& as,
                                  std::uint32_t bytes_max,
                                  const std::shared_ptr<park::Waiter>& waiter) {
  ReadOutcome outcome;
  outcome.leader = machine_.assignment().leader;
  outcome.leader_epoch = machine_.assignment().leader_epoch;
  outcome.error = check_leader(asked.current_leader_epoch);
  if (outcome.error != ErrorCode::kNone) return outcome;
  if (as.is_follower())
    perform(machine_.follower_fetch(as.follower, as.follower_epoch, asked.fetch_offset,
                                    asked.follower_log_start, log_->log_end_offset(),
                                    host_.shard().now()));
  outcome.high_watermark = machine_.high_watermark();
  outcome.last_stable_offset = log_->last_stable_offset();
  outcome.log_start_offset = log_->log_start_offset();
  if (asked.last_fetched_epoch.value() >= 0) {
    const partition::EpochEndOffset end = log_->end_offset_for_epoch(asked.last_fetched_epoch);
    if (end.end_offset.value() < 0) return refuse(outcome, ErrorCode::kOffsetOutOfRange);
    if (end.epoch < asked.last_fetched_epoch || end.end_offset < asked.fetch_offset) {
      outcome.diverging = end;
      return outcome;
    }
  }
  if (asked.fetch_offset < log_->log_start_offset() || asked.fetch_offset > log_->log_end_offset())
    return refuse(outcome, ErrorCode::kOffsetOutOfRange);
  log::ReadRequest request;
  request.offset = asked.fetch_offset;
  request.upper_bound = as.is_follower()    ? log_->log_end_offset()
                        : as.read_committed ? outcome.last_stable_offset
                                            : outcome.high_watermark;
  request.bytes_max = bytes_max;
  request.min_one_message = true;
  request.aborted_transactions = as.read_committed;
  request.wait = as.wait;
  if (request.offset < request.upper_bound && !renaming_) read_log(request, outcome);
  if (outcome.error != ErrorCode::kNone) return refuse(outcome, outcome.error);
  outcome.renaming = renaming_ && request.offset < request.upper_bound;
  if (waiter && outcome.range.length == 0) fetchers_.add(waiter);
  return outcome;
}

/// What this process has written a moment ago need not be looked for in the page cache.
bool HostedPartition::was_just_written(const log::ReadRequest& request,
                                       const log::ReadResult& found) const {
  constexpr std::uint64_t kBehindTheEnd = 1 << 20;
  return request.offset >= opened_end_ &&
         found.segment_base_offset == log_->active_segment_base_offset() &&
         found.range.position + kBehindTheEnd >= log_->active_segment_size();
}

/// What was found, or the place where it would be found, is not in memory.
bool HostedPartition::is_cold(const log::ReadRequest& request,
                              const Result<log::ReadResult>& found) const {
  if (request.wait == env::Wait::kForDevice) return false;
  if (!found.ok()) return env::is_cold(found.error());
  const log::FileRange& range = found->range;
  return range.length > 0 && !was_just_written(request, *found) &&
         !range.file->is_cached(range.position, range.length);
}

void HostedPartition::read_log(const log::ReadRequest& request, ReadOutcome& outcome) {
  auto found = log_->read(request);
  if (is_cold(request, found)) {
    auto cold = std::make_shared<ColdRead>();
    cold->view = log_->view_from(request.offset);
    cold->request = request;
    cold->request.wait = env::Wait::kForDevice;
    cold->pool = identity_.pool;
    outcome.cold = std::move(cold);
    return host_.count_cold_read();
  }
  if (!found.ok()) {
    host_.note_read_error(*this, found.error());
    outcome.error = found.error().code;
    return;
  }
  outcome.range = std::move(found->range);
  host_.count_read(outcome.range.length);
  outcome.aborted = std::move(found->aborted_transactions);
}

Result<Offset> HostedPartition::delete_records(Offset offset) {
  if (const ErrorCode code = check_leader(LeaderEpoch(-1)); code != ErrorCode::kNone)
    return Error(code);
  if (!log_->config().cleanup_delete)
    return Error(ErrorCode::kPolicyViolation, "cleanup.policy of the topic is not delete");
  if (holding_) return Error(ErrorCode::kNotLeaderOrFollower, "the replica moves just now");
  const Offset wanted = offset.value() == -1 ? machine_.high_watermark() : offset;
  if (wanted.value() < 0 || wanted > machine_.high_watermark())
    return Error(ErrorCode::kOffsetOutOfRange, "beyond the high watermark");
  MOLDAU_ASSIGN_OR_RETURN(const bool moved, log_->increment_log_start_offset(wanted));
  if (moved) {
    machine_.truncated(log_->log_start_offset(), log_->log_end_offset());
    fetchers_.wake_all();
    host_.note_log_start(*this);
  }
  run_jobs();
  return log_->log_start_offset();
}

void HostedPartition::maintain(Timestamp now) {
  if (stopped_ || !log_ || log_->failed() || holds_appends()) return;
  if (auto deleted = log_->delete_old_segments(now); !deleted.ok())
    host_.note_write_error(*this, deleted.error());
  const auto is_old = log_->must_roll_by_time(now);
  if (!is_old.ok()) host_.note_write_error(*this, is_old.error());
  if (is_old.ok() && *is_old) return roll_on_pool();
  if (auto idle = log_->release_idle(); !idle.ok()) host_.note_write_error(*this, idle.error());
  if (wants_flush()) host_.want_flush(shared_from_this());
  run_jobs();
}

void HostedPartition::expire_producers(Timestamp now) {
  if (!stopped_ && log_ && !log_->failed()) (void)log_->remove_expired_producers(now);
}

void HostedPartition::run_jobs() {
  if (!log_ || holding_) return;
  for (log::LogJob& job : log_->take_jobs()) {
    if (job.delay.value() > 0) {
      host_.run_later(std::move(job), identity_.pool);
    } else {
      jobs_.push_back(std::move(job));
    }
  }
  start_next_job();
}

void HostedPartition::start_next_job() {
  if (job_running_ || jobs_.empty()) return;
  job_running_ = true;
  log::LogJob job = std::move(jobs_.front());
  jobs_.pop_front();
  host_.run_job(std::move(job), identity_.pool, [self = shared_from_this()] {
    self->job_running_ = false;
    self->start_next_job();
    if (!self->job_running_) self->run_jobs();
  });
}

void HostedPartition::stop(ErrorCode code) {
  if (stopped_) return;
  if (has_staged()) write_staged();
  stopped_ = true;
  if (compaction_) compaction_->cancel();
  for (std::deque<Staged>* queue : {&waiting_commit_, &waiting_flush_}) {
    while (!queue->empty()) {
      Staged staged = std::move(queue->front());
      queue->pop_front();
      staged.part->finish(staged.index, not_leader(code));
    }
  }
  refuse_held(code);
  if (expiry_set_) host_.shard().cancel(expiry_timer_);
  fetchers_.wake_all();
}

void HostedPartition::refuse_waiting(const std::string& why) {
  while (!waiting_flush_.empty() || !waiting_commit_.empty()) {
    std::deque<Staged>& from = waiting_flush_.empty() ? waiting_commit_ : waiting_flush_;
    Staged staged = std::move(from.front());
    from.pop_front();
    staged.part->finish(staged.index, AppendOutcome(ErrorCode::kKafkaStorageError, why));
  }
}

void HostedPartition::fail() {
  if (stopped_ || !log_) return;
  log_->mark_failed();
  roll_wanted_ = false;
  if (has_staged()) write_staged();
  refuse_waiting("the log directory is offline");
  refuse_held(ErrorCode::kKafkaStorageError);
  fetchers_.wake_all();
}

void HostedPartition::refuse_held(ErrorCode code) {
  const auto held = std::exchange(held_, {});
  for (const Held& append : held) append.part->finish(append.index, not_leader(code));
}

void HostedPartition::hold_appends() {
  if (has_staged()) write_staged();
  holding_ = true;
}

void HostedPartition::release_appends() {
  holding_ = false;
  if (stopped_) return refuse_held(ErrorCode::kNotLeaderOrFollower);
  run_jobs();
  go_on_appending();
}

void HostedPartition::end_renames() {
  renaming_ = false;
  fetchers_.wake_all();
}

void HostedPartition::take_over(std::unique_ptr<log::PartitionLog> log, std::uint32_t directory,
                                env::PoolId pool) {
  log->take_over(*log_);
  log_ = std::move(log);
  identity_.directory = directory;
  identity_.pool = pool;
  future_.reset();
  if (host_.directory_failed(directory)) fail();
}

}  // namespace moldau::replica
