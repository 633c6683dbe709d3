// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/share_partition_host.h"

#include <algorithm>
#include <utility>

#include "config/group_config.h"
#include "log/batch_reader.h"
#include "node/coordinator/offset_reset.h"
#include "record/control_record.h"
#include "record/record_iterator.h"

namespace moldau::coordinator {
namespace {

constexpr std::size_t kReadBuffer = 64 << 10;
/// How often a read that gave nothing to acquire is done once more, further on.
constexpr int kReadsMax = 8;

/// What clients are told of an error of the share coordinator.
/// Source   SharePartition.fetchPersisterError.
share::StateOutcome told_of(const share::StateOutcome& outcome) {
  switch (outcome.error) {
    case ErrorCode::kNone:
      return {};
    case ErrorCode::kNotCoordinator:
    case ErrorCode::kCoordinatorNotAvailable:
    case ErrorCode::kCoordinatorLoadInProgress:
      return share::StateOutcome(ErrorCode::kCoordinatorNotAvailable, outcome.message);
    case ErrorCode::kGroupIdNotFound:
    case ErrorCode::kUnknownTopicOrPartition:
      return outcome;
    case ErrorCode::kFencedLeaderEpoch:
    case ErrorCode::kFencedStateEpoch:
      return share::StateOutcome(ErrorCode::kNotLeaderOrFollower, outcome.message);
    default:
      return share::StateOutcome(ErrorCode::kUnknownServerError, outcome.message);
  }
}

/// Another leader or another epoch of the state is in force: what is known here is of the past.
bool is_fatal(ErrorCode code) {
  return code == ErrorCode::kNotLeaderOrFollower || code == ErrorCode::kGroupIdNotFound ||
         code == ErrorCode::kUnknownTopicOrPartition;
}

bool is_abort_marker(const record::BatchView& batch, record::CompressionContext& context) {
  if (!batch.is_control()) return false;
  record::RecordIterator records(batch, context);
  record::RecordView record;
  if (!records.next(record)) return false;
  const auto marker = record::parse_end_transaction_marker(record);
  return marker.ok() && marker->type == record::ControlRecordType::kAbort;
}

}  // namespace

SharePartitionHost::SharePartitionHost(replica::ReplicaHost& host, SharePersister& persister,
                                       std::shared_ptr<const config::BrokerConfig> config)
    : host_(host),
      persister_(persister),
      config_(std::move(config)),
      metrics_(host.env().metrics()),
      alive_(std::make_shared<bool>(true)) {}

void SharePartitionHost::stop() {
  stopped_ = true;
  while (!entries_.empty()) drop(EntryPtr(entries_.begin()->second));
  *alive_ = false;
}

void SharePartitionHost::show(const image::ImagePtr& image,
                              std::shared_ptr<const config::BrokerConfig> config) {
  image_ = image;
  config_ = std::move(config);
  std::vector<EntryPtr> gone;
  for (auto& [key, entry] : entries_) {
    entry->settings.reset();
    const image::TopicImage* topic = image->topic(key.topic_id);
    const image::PartitionState* state = topic ? topic->partition(key.partition) : nullptr;
    if (!state || state->leader != host_.self() || state->leader_epoch != entry->epoch)
      gone.push_back(entry);
  }
  for (const EntryPtr& entry : gone) drop(entry);
}

void SharePartitionHost::drop(const EntryPtr& entry) {
  if (entry->phase == Phase::kGone) return;
  entry->phase = Phase::kGone;
  if (entry->timer_at) host_.shard().cancel(entry->timer);
  entry->timer_at.reset();
  const auto found = entries_.find(entry->key);
  if (found != entries_.end() && found->second == entry) entries_.erase(found);
  entry->waiters.wake_all();
  auto pending = std::exchange(entry->pending, {});
  for (Pending& one : pending)
    if (one.done) one.done(share::StateOutcome(ErrorCode::kNotLeaderOrFollower));
}

void SharePartitionHost::forget_group(std::string_view group_id) {
  std::vector<EntryPtr> gone;
  for (const auto& [key, entry] : entries_)
    if (key.group_id == group_id) gone.push_back(entry);
  for (const EntryPtr& entry : gone) {
    // Nobody is left to be answered, but what was said is still to be stored.
    entry->forgotten = entry->writing;
    if (!entry->forgotten) drop(entry);
  }
}

const SharePartitionHost::Settings& SharePartitionHost::settings_of(Entry& entry) {
  if (entry.settings) return *entry.settings;
  config::ConfigMap group;
  if (image_) {
    const image::ConfigEntries& set =
        image_->config(image::ConfigResource(image::ResourceType::kGroup, entry.key.group_id));
    group = config::ConfigMap(set.begin(), set.end());
  }
  const config::GroupValues values = config::effective_group_config(*config_, group);
  Settings settings;
  settings.machine.record_locks_max = values.share_partition_max_record_locks;
  settings.machine.delivery_limit =
      static_cast<std::int16_t>(std::clamp(values.share_delivery_count_limit, 1, INT16_MAX - 1));
  settings.machine.lock_duration = Millis(values.share_record_lock_duration_ms);
  settings.machine.may_renew = values.share_renew_acknowledge_enable;
  settings.read_committed = values.share_isolation_level == "read_committed";
  settings.auto_offset_reset = values.share_auto_offset_reset;
  entry.settings = std::move(settings);
  return *entry.settings;
}

// --- loading ------------------------------------------------------------------------------------

SharePartitionHost::EntryPtr SharePartitionHost::entry_of(const share::SharePartitionKey& key,
                                                          LeaderEpoch epoch) {
  const auto found = entries_.find(key);
  if (found != entries_.end() && found->second->epoch == epoch) return found->second;
  if (found != entries_.end()) drop(EntryPtr(found->second));
  auto entry = std::make_shared<Entry>();
  entry->key = key;
  entry->epoch = epoch;
  entries_[key] = entry;
  tasks_.spawn(load(entry));
  return entry;
}

env::Task<void> SharePartitionHost::load(EntryPtr entry) {
  const MonoTime begun = host_.shard().now();
  share::ReadState asked;
  asked.key = entry->key;
  asked.leader_epoch = entry->epoch;
  share::ReadOutcome read = co_await persister_.read(&host_.shard(), std::move(asked));
  if (entry->phase == Phase::kGone) co_return;
  share::StateOutcome failure = told_of(read);
  if (failure.error == ErrorCode::kNone && read.start_offset == Offset(-1)) {
    const Result<Offset> start = co_await find_start(entry);
    if (entry->phase == Phase::kGone) co_return;
    if (start.ok()) {
      read.start_offset = *start;
    } else {
      failure = share::StateOutcome(start.error().code, start.error().detail);
    }
  }
  if (failure.error == ErrorCode::kNone) {
    entry->partition.emplace(entry->epoch, read.state_epoch, read.start_offset);
    if (!entry->partition->recover(read.batches))
      failure = share::StateOutcome(ErrorCode::kUnknownServerError,
                                    "Failed to initialize the share partition");
  }
  entry->phase = failure.error == ErrorCode::kNone ? Phase::kActive : Phase::kFailed;
  if (entry->phase == Phase::kFailed)
    host_.env().logger().warn("coordinator", "cannot begin with share partition {}: {}",
                              entry->key.text(), failure.message);
  entry->failure = std::move(failure);
  metrics_.partition_loaded(Millis((host_.shard().now() - begun) / 1'000'000));
  entry->waiters.wake_all();
}

/// Where a group begins that has no offset yet.
env::Task<Result<Offset>> SharePartitionHost::find_start(EntryPtr entry) {
  const std::string reset = settings_of(*entry).auto_offset_reset;
  Result<Offset> start =
      co_await reset_offset(&host_, entry->key.topic_partition(), entry->epoch, reset);
  co_return start;
}

// --- fetching -----------------------------------------------------------------------------------

ShareFetchOutcome SharePartitionHost::fetch(const ShareFetchAsk& ask,
                                            const std::shared_ptr<park::Waiter>& waiter) {
  ShareFetchOutcome out;
  const TopicIdPartition id = ask.key.topic_partition();
  replica::HostedPartition* hosted = host_.find(id);
  out.error = hosted ? hosted->check_leader(LeaderEpoch(-1)) : host_.error_of_absent(id);
  if (stopped_) out.error = ErrorCode::kNotLeaderOrFollower;
  if (out.error != ErrorCode::kNone) {
    if (hosted) {
      out.leader = hosted->machine().assignment().leader;
      out.leader_epoch = hosted->machine().assignment().leader_epoch;
    }
    return out;
  }
  const EntryPtr entry = entry_of(ask.key, hosted->machine().assignment().leader_epoch);
  if (entry->phase == Phase::kFailed) {
    out.error = entry->failure.error;
    out.message = entry->failure.message;
    // The next one tries again.
    drop(entry);
    return out;
  }
  if (entry->phase == Phase::kActive && acquire(*entry, ask, *hosted, out)) {
    arm_timer(entry);
    return out;
  }
  if (waiter) {
    entry->waiters.add(waiter);
    if (entry->phase == Phase::kActive &&
        entry->partition->can_acquire(settings_of(*entry).machine)) {
      // What is appended next may be acquired.
      replica::FetchPartition asked;
      asked.topic_id = id.topic_id;
      asked.partition = id.partition;
      asked.fetch_offset = entry->partition->next_fetch_offset();
      asked.bytes_max = 1;
      replica::ReadAs as;
      as.read_committed = settings_of(*entry).read_committed;
      (void)hosted->read(asked, as, 1, waiter);
    }
  }
  return out;
}

/// False if there is nothing to be told of.
bool SharePartitionHost::acquire(Entry& entry, const ShareFetchAsk& ask,
                                 replica::HostedPartition& hosted, ShareFetchOutcome& out) {
  const Settings& settings = settings_of(entry);
  share::SharePartition& partition = *entry.partition;
  for (int reads = 0; reads < kReadsMax; ++reads) {
    if (!partition.can_acquire(settings.machine)) return false;
    replica::FetchPartition asked;
    asked.topic_id = ask.key.topic_id;
    asked.partition = ask.key.partition;
    asked.fetch_offset = partition.next_fetch_offset();
    asked.bytes_max = static_cast<std::int32_t>(std::min<std::uint32_t>(ask.bytes_max, INT32_MAX));
    replica::ReadAs as;
    as.read_committed = settings.read_committed;
    as.wait = ask.wait;
    replica::ReadOutcome read = hosted.read(asked, as, ask.bytes_max, nullptr);
    if (read.error == ErrorCode::kOffsetOutOfRange) {
      const Offset log_start = hosted.log().log_start_offset();
      if (log_start <= partition.start_offset()) return false;
      partition.advance_log_start(log_start);
      continue;
    }
    out.error = read.error;
    out.renaming = read.renaming;
    out.cold = std::move(read.cold);
    if (out.error != ErrorCode::kNone || out.renaming || out.cold) return true;
    if (read.range.length == 0) return false;
    if (ask.look_only) {
      out.range = std::move(read.range);
      return true;
    }
    const Result<void> cut = cut_out(entry, ask, read, out);
    if (!cut.ok()) {
      out.error = cut.error().code;
      return true;
    }
    if (!out.acquired.empty()) return true;
    if (partition.next_fetch_offset() == asked.fetch_offset) return false;
  }
  return false;
}

/// Acquires from what was read, and leaves of it what holds the acquired records.
Result<void> SharePartitionHost::cut_out(Entry& entry, const ShareFetchAsk& ask,
                                         replica::ReadOutcome& read, ShareFetchOutcome& out) {
  const Settings& settings = settings_of(entry);
  share::FetchedRecords fetched;
  fetched.fetch_offset = entry.partition->next_fetch_offset();
  std::vector<std::uint64_t> positions;
  // Beyond that, nothing could be acquired.
  const Offset enough =
      std::max(entry.partition->end_offset(), fetched.fetch_offset) + std::max(0, ask.records_max);
  log::BatchReader reader(read.range.file, read.range.position,
                          read.range.position + read.range.length, kReadBuffer);
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<record::BatchView> batch, reader.next());
    if (!batch) break;
    share::FetchedBatch& one =
        fetched.batches.emplace_back(batch->base_offset(), batch->last_offset());
    one.producer_id = batch->producer_id();
    one.is_transactional = batch->is_transactional();
    one.is_abort_marker = is_abort_marker(*batch, host_.compression());
    positions.push_back(reader.batch_position());
    if (one.last >= enough) break;
  }
  positions.push_back(reader.position());
  if (settings.read_committed)
    for (const log::AbortedTransaction& one : read.aborted)
      fetched.aborted.emplace_back(one.producer_id, one.first_offset);
  share::AcquireWish wish;
  wish.member = ask.member_id;
  wish.batch_size = ask.batch_size;
  wish.records_max = ask.records_max;
  wish.record_limit = ask.record_limit;
  share::Acquired acquired =
      entry.partition->acquire(settings.machine, wish, fetched, host_.shard().now());
  if (acquired.ranges.empty()) return {};
  std::size_t first = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < fetched.batches.size(); ++i) {
    if (fetched.batches[i].base <= acquired.ranges.front().first) first = i;
    if (fetched.batches[i].base <= acquired.ranges.back().last) last = i;
  }
  out.range = read.range;
  out.range.position = positions[first];
  out.range.length = static_cast<std::uint32_t>(positions[last + 1] - positions[first]);
  out.count = acquired.count;
  out.acquired = std::move(acquired.ranges);
  return {};
}

void SharePartitionHost::arm_timer(const EntryPtr& entry) {
  const std::optional<MonoTime> due =
      entry->partition ? entry->partition->next_deadline() : std::nullopt;
  if (!due || entry->phase != Phase::kActive) return;
  if (entry->timer_at && *entry->timer_at <= *due) return;
  if (entry->timer_at) host_.shard().cancel(entry->timer);
  const MonoTime at = std::max(*due, host_.shard().now() + Millis(1));
  entry->timer_at = at;
  entry->timer = host_.shard().call_at(at, [this, alive = alive_, entry] {
    if (!*alive || entry->phase != Phase::kActive) return;
    entry->timer_at.reset();
    auto write = entry->partition->tick(settings_of(*entry).machine, host_.shard().now());
    if (write) {
      entry->pending.push_back({std::move(*write), nullptr});
      if (!entry->writing) tasks_.spawn(write_pending(entry));
      entry->waiters.wake_all();
    }
    arm_timer(entry);
  });
}

// --- acknowledging ------------------------------------------------------------------------------

void SharePartitionHost::acknowledge(const share::SharePartitionKey& key,
                                     std::string_view member_id,
                                     const std::vector<share::Acknowledgement>& batches,
                                     Done done) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second->phase != Phase::kActive)
    return done(share::StateOutcome(ErrorCode::kUnknownTopicOrPartition));
  const EntryPtr entry = found->second;
  auto counted = [this, records = ShareGroupMetrics::by_type(batches),
                  done = std::move(done)](share::StateOutcome outcome) mutable {
    if (outcome.error == ErrorCode::kNone) metrics_.acknowledged(records);
    done(std::move(outcome));
  };
  store(entry,
        entry->partition->acknowledge(settings_of(*entry).machine, member_id, batches,
                                      host_.shard().now()),
        std::move(counted));
}

void SharePartitionHost::release(const share::SharePartitionKey& key, std::string_view member_id,
                                 Done done) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second->phase != Phase::kActive)
    return done(share::StateOutcome(ErrorCode::kUnknownTopicOrPartition));
  const EntryPtr entry = found->second;
  store(entry, entry->partition->release_member(settings_of(*entry).machine, member_id),
        std::move(done));
}

void SharePartitionHost::store(const EntryPtr& entry, share::AcknowledgeOutcome outcome,
                               Done done) {
  arm_timer(entry);
  if (!outcome.write) return done(share::StateOutcome(outcome.error, std::move(outcome.message)));
  entry->pending.push_back({std::move(*outcome.write), std::move(done)});
  if (!entry->writing) tasks_.spawn(write_pending(entry));
}

/// One write at a time: a later start offset must not be overtaken by an earlier one.
env::Task<void> SharePartitionHost::write_pending(EntryPtr entry) {
  entry->writing = true;
  while (!entry->pending.empty() && entry->phase != Phase::kGone) {
    std::vector<Pending> batch = std::exchange(entry->pending, {});
    share::WriteState asked;
    asked.key = entry->key;
    const share::StateToWrite& last = batch.back().write;
    asked.state_epoch = last.state_epoch;
    asked.leader_epoch = last.leader_epoch;
    asked.start_offset = last.start_offset;
    asked.delivery_complete_count = last.delivery_complete_count;
    for (const Pending& one : batch)
      asked.batches.insert(asked.batches.end(), one.write.batches.begin(), one.write.batches.end());
    const share::StateOutcome outcome = co_await persister_.write(&host_.shard(), std::move(asked));
    written(entry, std::move(batch), outcome);
  }
  entry->writing = false;
  if (entry->forgotten) drop(entry);
}

void SharePartitionHost::written(const EntryPtr& entry, std::vector<Pending> batch,
                                 const share::StateOutcome& outcome) {
  const share::StateOutcome told = told_of(outcome);
  const bool stored = outcome.error == ErrorCode::kNone;
  if (!stored)
    host_.env().logger().warn("coordinator", "cannot store share partition {}: {}",
                              entry->key.text(), outcome.message);
  if (entry->phase == Phase::kActive) {
    for (const Pending& one : batch)
      (void)entry->partition->written(one.write.id, stored, settings_of(*entry).machine,
                                      host_.shard().now());
    entry->waiters.wake_all();
    arm_timer(entry);
  }
  for (Pending& one : batch)
    if (one.done) one.done(told);
  if (is_fatal(told.error)) drop(entry);
}

}  // namespace moldau::coordinator
