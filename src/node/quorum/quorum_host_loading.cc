// SPDX-License-Identifier: Apache-2.0
// Loading at start, and what becomes committed: images, snapshots, cleaning.
#include <algorithm>
#include <utility>

#include "machine/raft/control_records.h"
#include "node/quorum/quorum_host.h"
#include "record/batch_view.h"
#include "record/record_iterator.h"

namespace moldau::quorum {
namespace {

constexpr const char* kComponent = "quorum.loader";

/// A part of the log, whole batches, of about `bytes_max`.
Result<Slice> read_chunk(const log::LogView& view, Offset from, Offset to,
                         std::uint32_t bytes_max) {
  log::ReadRequest request;
  request.offset = from;
  request.upper_bound = to;
  request.bytes_max = bytes_max;
  request.min_one_message = true;
  MOLDAU_ASSIGN_OR_RETURN(const log::ReadResult read, view.read(request));
  Slice bytes = Slice::allocate(read.range.length);
  if (read.range.length == 0) return bytes;
  MOLDAU_ASSIGN_OR_RETURN(const std::size_t got,
                          read.range.file->read(bytes.mutable_view(), read.range.position));
  return bytes.sub(0, got);
}

log::LogConfig metadata_log_config(const QuorumConfig& config) {
  log::LogConfig out;
  out.segment_bytes = config.segment_bytes;
  out.segment_ms = config.segment_ms;
  out.file_delete_delay_ms = config.file_delete_delay;
  // One record may be larger than a batch should be; the machine has judged it already.
  out.max_message_bytes = INT32_MAX;
  out.cleanup_delete = true;
  out.retention_ms = Millis(-1);
  out.retention_bytes = -1;
  return out;
}

Result<std::unique_ptr<log::PartitionLog>> open_log(env::Disk& disk, const QuorumConfig& config,
                                                    const std::string& directory, Timestamp now) {
  TopicPartition partition;
  partition.topic = kMetadataTopic;
  partition.partition = PartitionId(0);
  log::PartitionLog::OpenOptions options(directory, partition, metadata_log_config(config));
  options.topic_id = kMetadataTopicId;
  options.was_clean = config.was_clean;
  options.recovery_point = config.recovery_point;
  options.log_start_offset = config.log_start_offset;
  options.now = now;
  return log::PartitionLog::open(disk, std::move(options));
}

/// What stands before the newest snapshot's end need not be read again if the log's own
/// checkpoint knows which epochs are there. Gives the offset from which on it must be read.
Offset skip_snapshot(const log::PartitionLog& log, const StoredMetadata& stored,
                     raft::LogState& state) {
  const Offset start = log.log_start_offset();
  if (!stored.newest || stored.newest->id.offset <= start) return start;
  const raft::OffsetAndEpoch snapshot = stored.newest->id;
  std::vector<partition::EpochEntry> before;
  for (const partition::EpochEntry& entry : log.leader_epochs().entries())
    if (entry.start_offset < snapshot.offset) before.push_back(entry);
  const bool complete = !before.empty() && before.front().start_offset <= start &&
                        before.back().epoch == snapshot.epoch;
  if (!complete) return start;
  for (const partition::EpochEntry& entry : before)
    state.note_epoch(entry.epoch, std::max(entry.start_offset, start));
  state.skip_to(snapshot.offset);
  return snapshot.offset;
}

/// The oldest snapshot and the records before the next one go together.
Result<Timestamp> time_of(MetadataStore& store, raft::OffsetAndEpoch id) {
  return store.snapshot_time(id);
}

}  // namespace

Result<void> QuorumHost::align_log_with_snapshot(const StoredMetadata& stored) {
  const Offset start = log_->log_start_offset();
  const Offset end = log_->log_end_offset();
  if (!stored.newest) {
    if (start == Offset(0)) return {};
    return Error(ErrorCode::kCorruptMessage, store_.directory() + ": the log begins at offset " +
                                                 std::to_string(start.value()) +
                                                 " and there is no snapshot");
  }
  const Offset snapshot_end = stored.newest->id.offset;
  // A fetched snapshot that was frozen just before the power went.
  if (snapshot_end > end) return log_->truncate_fully_and_start_at(snapshot_end, shard_.wall_now());
  if (snapshot_end < start)
    return Error(ErrorCode::kCorruptMessage,
                 store_.directory() + ": records are missing between the newest snapshot and " +
                     std::to_string(start.value()));
  return {};
}

// On the pool: reads what stands behind the newest snapshot once.
Result<raft::LogState> QuorumHost::scan_log(const StoredMetadata& stored) {
  MOLDAU_TRY(align_log_with_snapshot(stored));
  MOLDAU_ASSIGN_OR_RETURN(const log::FlushPoint point, log_->flush_point());
  MOLDAU_TRY(point.sync());
  log_->mark_flushed(point);

  raft::LogState state(config_.static_voters);
  if (stored.first_voters && stored.first_voters->voters)
    state.note_bootstrap(stored.first_voters->kraft_version.value_or(0),
                         *stored.first_voters->voters);
  for (const auto& [id, size] : stored.snapshots) state.note_snapshot(id, size);
  const Offset start = log_->log_start_offset();
  if (stored.newest && stored.newest->id.offset == start) state.restart_at(stored.newest->id);
  if (stored.newest)
    state.note_snapshot_voters(stored.newest->id, stored.newest->prologue.kraft_version.value_or(0),
                               stored.newest->prologue.voters.value_or(raft::VoterSet()));
  state.set_start(start);
  const log::LogView view = log_->view();
  for (Offset at = skip_snapshot(*log_, stored, state); at < view.log_end_offset;) {
    MOLDAU_ASSIGN_OR_RETURN(const Slice bytes,
                            read_chunk(view, at, view.log_end_offset, kReplayBytes));
    record::BatchIterator batches(bytes.view());
    const Offset before = at;
    for (;;) {
      MOLDAU_ASSIGN_OR_RETURN(const std::optional<record::BatchView> batch, batches.next());
      if (!batch) break;
      if (batch->next_offset() <= at) continue;
      MOLDAU_TRY(state.note_batch(*batch));
      at = batch->next_offset();
    }
    if (at == before)
      return Error(ErrorCode::kCorruptMessage,
                   store_.directory() + ": no batch at offset " + std::to_string(at.value()));
  }
  return state;
}

env::Task<Result<void>> QuorumHost::load() {
  auto read_files = [store = &store_] { return store->load(); };
  Result<StoredMetadata> stored =
      co_await env::blocking(shard_, config_.pool, std::move(read_files));
  if (!stored.ok()) co_return stored.error();
  auto open = [this, wall = shard_.wall_now()] {
    return open_log(env_.disk(), config_, store_.directory(), wall);
  };
  Result<std::unique_ptr<log::PartitionLog>> opened =
      co_await env::blocking(shard_, config_.pool, std::move(open));
  if (!opened.ok()) co_return opened.error();
  log_ = std::move(*opened);
  const StoredMetadata* files = &*stored;
  auto scan = [this, files] { return scan_log(*files); };
  Result<raft::LogState> state = co_await env::blocking(shard_, config_.pool, std::move(scan));
  if (!state.ok()) co_return state.error();

  bootstrap_ = stored->bootstrap;
  snapshots_ = stored->snapshots;
  if (stored->newest) {
    const LoadedSnapshot& newest = *stored->newest;
    image::Provenance end(newest.id.offset - 1, newest.id.epoch, newest.prologue.last_contained);
    Result<void> loaded = loader_.load_snapshot(newest.records, end);
    if (!loaded.ok()) co_return loaded.error();
    replayed_end_ = newest.id.offset;
  }
  raft::RaftConfig raft_config;
  raft_config.self = raft::ReplicaKey(config_.node_id, config_.directory_id);
  raft_config.cluster_id = config_.cluster_id;
  raft_config.endpoints = config_.controller_endpoints;
  raft_config.may_vote = config_.is_controller;
  raft_config.election_timeout = config_.election_timeout;
  raft_config.election_backoff_max = config_.election_backoff_max;
  raft_config.fetch_timeout = config_.fetch_timeout;
  raft_config.request_timeout = config_.request_timeout;
  raft_config.retry_backoff = config_.retry_backoff;
  raft_config.seed = shard_.random().next();
  raft_ = std::make_unique<raft::RaftMachine>(std::move(raft_config), stored->election,
                                              std::move(*state));
  env_.logger().info(kComponent, "metadata log loaded start={} end={} snapshots={}",
                     log_->log_start_offset().value(), log_->log_end_offset().value(),
                     snapshots_.size());
  co_return Result<void>();
}

void QuorumHost::catch_up() {
  if (replaying_ || failure_) return;
  const Offset committed = raft_->high_watermark();
  while (!batches_.empty() && batches_.front().end <= committed &&
         batches_.front().base <= replayed_end_) {
    const PendingBatch batch = std::move(batches_.front());
    batches_.pop_front();
    if (batch.base < replayed_end_) continue;
    const Result<void> replayed =
        loader_.replay(batch.records, batch.base, batch.epoch, batch.timestamp);
    if (!replayed.ok()) return fail(replayed.error());
    replayed_end_ = batch.end;
    bytes_since_snapshot_ += static_cast<std::int64_t>(batch.bytes);
  }
  if (replayed_end_ < committed) {
    replaying_ = true;
    tasks_.spawn(replay_from_log());
    return;
  }
  log_->set_high_watermark(committed);
  publish();
  release_answers();
  maybe_activate();
}

// What is not in memory any more (or never was): a start, a follower.
env::Task<void> QuorumHost::replay_from_log() {
  for (;;) {
    Offset to = raft_->high_watermark();
    if (!batches_.empty() && batches_.front().base > replayed_end_)
      to = std::min(to, batches_.front().base);
    if (replayed_end_ >= to || failure_ || stopping_) break;
    auto read = [view = log_->view(), from = replayed_end_, to] {
      return read_chunk(view, from, to, kReplayBytes);
    };
    Result<Slice> bytes = co_await env::blocking(shard_, config_.pool, std::move(read));
    const Offset before = replayed_end_;
    Result<void> replayed = bytes.ok() ? replay_batches(bytes->view()) : bytes.error();
    if (replayed.ok() && replayed_end_ == before)
      replayed = Error(ErrorCode::kCorruptMessage,
                       "the metadata log has no batch at offset " + std::to_string(before.value()));
    if (!replayed.ok()) {
      replaying_ = false;
      fail(replayed.error());
      co_return;
    }
  }
  replaying_ = false;
  catch_up();
  pump();
}

Result<void> QuorumHost::replay_batches(ByteView bytes) {
  record::BatchIterator batches(bytes);
  record::CompressionContext context;
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<record::BatchView> batch, batches.next());
    if (!batch || batch->next_offset() > raft_->high_watermark()) return {};
    if (batch->next_offset() <= replayed_end_) continue;
    MOLDAU_TRY(batch->check_crc());
    if (!batch->is_control()) {
      std::vector<image::MetadataRecord> parsed;
      record::RecordIterator records(*batch, context);
      record::RecordView view;
      while (records.next(view)) {
        MOLDAU_ASSIGN_OR_RETURN(image::MetadataRecord one,
                                image::parse_record(view.value.value_or(ByteView())));
        parsed.push_back(std::move(one));
      }
      MOLDAU_TRY(records.status());
      MOLDAU_TRY(loader_.replay(parsed, batch->base_offset(), batch->leader_epoch(),
                                batch->max_timestamp()));
    }
    bytes_since_snapshot_ += static_cast<std::int64_t>(batch->size());
    replayed_end_ = batch->next_offset();
  }
}

void QuorumHost::publish() {
  auto published = loader_.publish();
  if (!published) return;
  published_ = published->image;
  quorum_.publish(std::make_shared<const image::PublishedImage>(std::move(*published)));
  if (bytes_since_snapshot_ >= config_.snapshot_after_bytes) maybe_snapshot();
}

void QuorumHost::maybe_snapshot() {
  if (snapshotting_ || stopping_ || failure_ || !published_ || replaying_) return;
  const Offset end = published_->provenance().offset + 1;
  const bool newer = snapshots_.empty() || snapshots_.rbegin()->first.offset < end;
  const bool due =
      bytes_since_snapshot_ >= config_.snapshot_after_bytes || shard_.now() >= snapshot_at_;
  if (newer && due && end > Offset(0)) {
    snapshotting_ = true;
    tasks_.spawn(make_snapshot(published_));
  } else if (shard_.now() >= clean_at_) {
    clean_at_ = shard_.now() + kCleanInterval;
    snapshotting_ = true;
    tasks_.spawn(clean_snapshots());
  }
}

env::Task<void> QuorumHost::make_snapshot(image::ImagePtr image) {
  const image::Provenance& last = image->provenance();
  const raft::OffsetAndEpoch id(last.offset + 1, last.epoch);
  raft::SnapshotPrologue prologue;
  prologue.last_contained = last.timestamp;
  if (raft_->log().kraft_version_before(id.offset) > 0) {
    prologue.kraft_version = raft_->log().kraft_version_before(id.offset);
    prologue.voters = raft_->log().voters_before(id.offset);
  }
  bytes_since_snapshot_ = 0;
  snapshot_at_ = shard_.now() + config_.snapshot_after;
  auto work = [store = &store_, image, id, prologue, wall = shard_.wall_now()] {
    raft::SnapshotWriter writer(id.epoch, prologue, wall);
    const image::RecordList records = image::write_records(*image);
    for (const image::MetadataRecord& record : records.records()) {
      const std::vector<std::byte> value = image::serialize_record(record);
      writer.append(value);
    }
    return store->write_snapshot(id, writer.finish());
  };
  Result<std::int64_t> size = co_await env::blocking(shard_, config_.pool, std::move(work));
  snapshotting_ = false;
  if (!size.ok()) {
    env_.logger().error(kComponent, "no snapshot could be written error={}", size.error().text());
    co_return;
  }
  snapshots_[id] = *size;
  raft_->snapshot_made(id, *size);
  env_.logger().info(kComponent, "snapshot written end={} epoch={} bytes={}", id.offset.value(),
                     id.epoch.value(), *size);
}

env::Task<void> QuorumHost::clean_snapshots() {
  while (snapshots_.size() >= 2 && !failure_ && !stopping_) {
    const raft::OffsetAndEpoch oldest = snapshots_.begin()->first;
    const raft::OffsetAndEpoch next = std::next(snapshots_.begin())->first;
    auto total = static_cast<std::int64_t>(log_->size_bytes());
    for (const auto& [id, size] : snapshots_) total += size;
    bool over = config_.retention_bytes >= 0 && total > config_.retention_bytes;
    if (!over && config_.retention.value() >= 0) {
      auto look = [store = &store_, oldest] { return time_of(*store, oldest); };
      Result<Timestamp> time = co_await env::blocking(shard_, config_.pool, std::move(look));
      over = time.ok() && *time + config_.retention.value() < shard_.wall_now();
    }
    if (!over || busy_ || raft_->high_watermark() < next.offset) break;
    Result<bool> moved = log_->increment_log_start_offset(next.offset);
    Result<std::size_t> removed = moved.ok() ? log_->delete_old_segments(shard_.wall_now())
                                             : Result<std::size_t>(moved.error());
    if (!removed.ok()) {
      env_.logger().error(kComponent, "old records cannot be removed error={}",
                          removed.error().text());
      break;
    }
    raft_->log_start_moved(next.offset);
    take_log_jobs();
    auto drop = [store = &store_, oldest] { return store->delete_snapshot(oldest); };
    Result<void> dropped = co_await env::blocking(shard_, config_.pool, std::move(drop));
    if (!dropped.ok())
      env_.logger().warn(kComponent, "a snapshot stays error={}", dropped.error().text());
    snapshots_.erase(oldest);
  }
  snapshotting_ = false;
}

}  // namespace moldau::quorum
