// SPDX-License-Identifier: Apache-2.0
// Decisions of the active controller: written, replayed at once, answered when committed.
#include <algorithm>
#include <utility>

#include "node/quorum/quorum_host.h"
#include "record/batch_builder.h"

namespace moldau::quorum {
namespace {

constexpr const char* kComponent = "quorum.controller";
constexpr int kDutiesPerTickMax = 100;

}  // namespace

void QuorumHost::follow_leadership() {
  LeaderAndEpoch leader;
  leader.leader_id = raft_->leader_id();
  leader.epoch = raft_->epoch();
  if (!raft_->is_leader()) deactivate();
  quorum_.set_leader(leader, quorum_.is_active_controller());
  env_.logger().info(kComponent, "leader={} epoch={} role={}", leader.leader_id.value(),
                     leader.epoch.value(), raft::role_name(raft_->role()));
}

// A leader becomes the active controller once it has replayed all that its predecessors wrote.
void QuorumHost::maybe_activate() {
  if (!raft_->is_leader() || controller_ || stopping_) return;
  if (replayed_end_ <= raft_->epoch_start()) return;
  controller::ControllerSettings settings = config_.controller;
  settings.kraft_version = raft_->log().kraft_version();
  settings.quorum_nodes.clear();
  for (const auto& [id, voter] : raft_->log().voters().voters())
    settings.quorum_nodes.push_back(id);
  settings.broker_config = broker_config_;
  controller_.emplace(std::move(settings), loader_.fork(), shard_.now());
  activating_ = true;
  step([this] {
    EffectsList list;
    if (!controller_ || !activating_) return list;
    activating_ = false;
    const auto decision = controller_->decide_activation(bootstrap_);
    const Result<void> written = write(decision.records, decision.atomic, list);
    if (!written.ok()) return list;
    quorum_.set_leader(quorum_.leader(), true);
    env_.logger().info(kComponent, "active controller epoch={} records={}", raft_->epoch().value(),
                       decision.records.size());
    return list;
  });
}

void QuorumHost::deactivate() {
  quorum_.set_leader(quorum_.leader(), false);
  controller_.reset();
  activating_ = false;
  const ErrorCode code = failure_ ? ErrorCode::kKafkaStorageError : ErrorCode::kNotController;
  fail_answers(code, failure_ ? failure_->detail : "this node is not the active controller");
}

controller::RequestContext QuorumHost::context() {
  controller::RequestContext out;
  out.now = shard_.now();
  out.next_offset = raft_->log().end();
  out.seed = shard_.random().next();
  return out;
}

QuorumHost::EffectsList QuorumHost::decide(Quorum::Propose& decide_fn,
                                           const std::shared_ptr<Quorum::Answer>& answer) {
  EffectsList list;
  if (!quorum_.is_active_controller() || !controller_) {
    deliver(*answer, Error(ErrorCode::kNotController, "this node is not the active controller"));
    return list;
  }
  controller::RequestContext request = context();
  bool atomic = true;
  const MonoTime began = env_.clock().mono();
  Result<image::RecordList> records = decide_fn(*controller_, request, atomic);
  events_.observe("request", began, env_.clock().mono(), env_.logger());
  if (!records.ok()) {
    deliver(*answer, records.error());
    return list;
  }
  const Result<void> written = write(*records, atomic, list);
  if (!written.ok()) {
    deliver(*answer, written.error());
    return list;
  }
  // Without records too: what was decided upon may not be committed yet.
  PendingAnswer pending;
  pending.end = raft_->log().end();
  pending.answer = answer;
  answers_.push_back(std::move(pending));
  release_answers();
  return list;
}

QuorumHost::EffectsList QuorumHost::tick_controller() {
  EffectsList list;
  for (int i = 0; i < kDutiesPerTickMax; ++i) {
    if (!quorum_.is_active_controller() || !controller_) break;
    const MonoTime began = env_.clock().mono();
    const auto decision = controller_->tick(context());
    if (!decision) break;
    events_.observe("duty", began, env_.clock().mono(), env_.logger());
    if (!write(decision->records, decision->atomic, list).ok()) break;
  }
  return list;
}

Result<void> QuorumHost::write(const image::RecordList& records, bool atomic, EffectsList& out) {
  const std::vector<image::MetadataRecord>& all = records.records();
  const std::size_t step_size =
      atomic ? std::max<std::size_t>(all.size(), 1) : controller::kRecordsPerOperationMax;
  for (std::size_t from = 0; from < all.size(); from += step_size) {
    const std::size_t to = std::min(from + step_size, all.size());
    MOLDAU_TRY(write_batch({all.begin() + static_cast<std::ptrdiff_t>(from),
                            all.begin() + static_cast<std::ptrdiff_t>(to)},
                           out));
  }
  return {};
}

Result<void> QuorumHost::write_batch(std::vector<image::MetadataRecord> records, EffectsList& out) {
  const raft::Now at = now();
  PendingBatch pending;
  pending.base = raft_->log().end();
  pending.end = pending.base + static_cast<std::int64_t>(records.size());
  pending.epoch = raft_->epoch();
  pending.timestamp = at.wall;
  record::BatchFields fields;
  fields.base_offset = pending.base;
  fields.leader_epoch = pending.epoch;
  record::BatchBuilder builder(fields);
  for (const image::MetadataRecord& record : records) {
    const std::vector<std::byte> value = image::serialize_record(record);
    record::RecordFields one;
    one.timestamp = at.wall;
    one.value = ByteView(value);
    MOLDAU_TRY(builder.append(one));
  }
  if (builder.uncompressed_size() > config_.batch_bytes_max)
    return Error(ErrorCode::kPolicyViolation,
                 "Unable to perform excessively large batch operation.");
  record::CompressionContext compression;
  MOLDAU_ASSIGN_OR_RETURN(Slice batch, builder.build(compression));
  pending.bytes = batch.size();
  MOLDAU_ASSIGN_OR_RETURN(raft::RaftEffects effects, raft_->append(std::move(batch), at));
  out.push_back(std::move(effects));
  const Result<void> replayed = controller_->replay(records, pending.base, at.mono);
  pending.records = std::move(records);
  batches_.push_back(std::move(pending));
  if (replayed.ok()) return {};
  // Our own records contradict what we know: whoever leads next starts from the log.
  env_.logger().error(kComponent, "own records cannot be replayed, resigning error={}",
                      replayed.error().text());
  deactivate();
  out.push_back(raft_->resign(at));
  return Error(ErrorCode::kUnknownServerError, replayed.error().detail);
}

void QuorumHost::release_answers() {
  while (!answers_.empty() && answers_.front().end <= replayed_end_) {
    const std::shared_ptr<Quorum::Answer> answer = std::move(answers_.front().answer);
    answers_.pop_front();
    deliver(*answer, Result<void>());
  }
}

void QuorumHost::fail_answers(ErrorCode code, const std::string& detail) {
  std::deque<PendingAnswer> failed;
  failed.swap(answers_);
  for (const PendingAnswer& one : failed) deliver(*one.answer, Error(code, detail));
}

void QuorumHost::deliver(Quorum::Answer& answer, Result<void> outcome) {
  if (answer.waiter->finished()) return;  // gave up waiting: nobody reads it
  answer.outcome = std::move(outcome);
  answer.waiter->wake();
}

}  // namespace moldau::quorum
