// SPDX-License-Identifier: Apache-2.0
// Steps of raft and their effects, in order.
#include "node/quorum/quorum_host.h"

#include <algorithm>
#include <utility>

#include "machine/raft/quorum_state_file.h"

namespace moldau::quorum {
namespace {

constexpr env::ShardId kHome{0};
constexpr const char* kComponent = "quorum";
constexpr Millis kStopPoll{5};
constexpr Millis kStopWaitMax{10'000};

bool is_slow(const raft::RaftEffects& effects) {
  return effects.persist.has_value() || effects.truncate_to.has_value();
}

}  // namespace

QuorumHost::QuorumHost(Quorum& quorum, env::Env& env, QuorumConfig config)
    : quorum_(quorum),
      env_(env),
      shard_(env.shard(kHome)),
      config_(std::move(config)),
      store_(env.disk(), config_.metadata_log_dir),
      broker_config_(config_.controller.broker_config),
      events_(config_.slow_event, config_.event_sample_period) {}

QuorumHost::~QuorumHost() {
  shard_.disarm(*this);
  if (timer_set_) shard_.cancel(timer_);
}

raft::Now QuorumHost::now() const {
  raft::Now out;
  out.mono = shard_.now();
  out.wall = shard_.wall_now();
  return out;
}

env::Task<Result<void>> QuorumHost::start() {
  Result<void> loaded = co_await load();
  if (!loaded.ok()) co_return loaded;
  const raft::ReplicaKey self(config_.node_id, config_.directory_id);
  if (config_.is_controller && !raft_->log().voters().contains(self)) {
    co_return Error(ErrorCode::kInvalidConfig,
                    "node " + std::to_string(config_.node_id.value()) + " with directory " +
                        config_.directory_id.text() +
                        " is no voter of its metadata log; format its directories with "
                        "--standalone: a quorum of several nodes is not built yet");
  }
  started_ = std::make_shared<env::OneShot<bool>>(shard_);
  const std::shared_ptr<env::OneShot<bool>> kept = started_;
  env::OneShot<bool>& started = *kept;
  snapshot_at_ = shard_.now() + config_.snapshot_after;
  clean_at_ = shard_.now() + kCleanInterval;
  step([this] {
    EffectsList list;
    list.push_back(raft_->start(now()));
    return list;
  });
  (void)co_await started;
  if (failure_) co_return *failure_;
  co_return Result<void>();
}

void QuorumHost::maybe_started() {
  if (!started_ || started_->is_set()) return;
  const bool led_by_us = raft_ && raft_->is_leader();
  const bool ready = published_ && published_->has_metadata_version() &&
                     (!led_by_us || quorum_.is_active_controller());
  if (ready || failure_) started_->set(true);
}

void QuorumHost::step(Step input) {
  steps_.push_back(std::move(input));
  pump();
}

void QuorumHost::step_with(raft::RaftEffects effects) {
  step([effects = std::move(effects)]() mutable {
    EffectsList list;
    list.push_back(std::move(effects));
    return list;
  });
}

void QuorumHost::pump() {
  if (std::exchange(pumping_, true)) return;
  while (!busy_ && !steps_.empty() && !failure_) {
    Step input = std::move(steps_.front());
    steps_.pop_front();
    EffectsList list = input();
    for (std::size_t i = 0; i < list.size() && !failure_; ++i) {
      if (is_slow(list[i])) {
        busy_ = true;
        tasks_.spawn(perform_slowly(std::move(list), i));
        break;
      }
      perform_rest(std::move(list[i]));
    }
  }
  pumping_ = false;
  maybe_started();
  arm_timer();
}

env::Task<void> QuorumHost::perform_slowly(EffectsList list, std::size_t from) {
  for (std::size_t i = from; i < list.size() && !failure_; ++i) {
    raft::RaftEffects& effects = list[i];
    if (effects.persist) {
      const raft::ElectionState state = *effects.persist;
      co_await persist(state);
    }
    if (effects.truncate_to) {
      const Offset to = *effects.truncate_to;
      co_await truncate(to);
    }
    perform_rest(std::move(effects));
  }
  busy_ = false;
  shard_.arm(*this);
  pump();
}

// Until it stands on the disk nothing else may happen: a vote that is forgotten is given twice.
env::Task<void> QuorumHost::persist(raft::ElectionState state) {
  const std::string text =
      raft::serialize_quorum_state(state, raft_->log().kraft_version(), raft_->log().voters());
  for (;;) {
    auto write = [store = &store_, text] { return store->write_quorum_state(text); };
    Result<void> written = co_await env::blocking(shard_, config_.pool, std::move(write));
    if (written.ok()) co_return;
    env_.logger().error(kComponent, "quorum-state cannot be written, trying again error={}",
                        written.error().text());
    co_await env::sleep_until(shard_, shard_.now() + kPersistRetry);
    if (stopping_) co_return;
  }
}

env::Task<void> QuorumHost::truncate(Offset to) {
  batches_.clear();
  auto work = [log = log_.get(), to, wall = shard_.wall_now()] {
    return log->truncate_to(to, wall);
  };
  Result<bool> done = co_await env::blocking(shard_, config_.pool, std::move(work));
  if (!done.ok()) fail(done.error());
}

void QuorumHost::perform_rest(raft::RaftEffects effects) {
  if (!effects.fault.empty()) env_.logger().error(kComponent, "{}", effects.fault);
  for (const Slice& batch : effects.append) stage(batch);
  if (effects.flush) {
    flush_wanted_ = effects.flush;
    shard_.arm(*this);
  }
  // No channel to peers yet: a quorum of one has none, and more are refused.
  for (const raft::OutboundRequest& request : effects.send) {
    steps_.push_back([this, id = request.id] {
      EffectsList list;
      list.push_back(raft_->request_failed(id, now()));
      return list;
    });
  }
  quorum_.kraft_version_.store(raft_->log().kraft_version(), std::memory_order_release);
  if (effects.leader_changed) follow_leadership();
  if (effects.high_watermark) catch_up();
}

void QuorumHost::stage(const Slice& batch) {
  const auto view = record::BatchView::parse(batch.view()).value();
  if (view.is_control() && raft_->is_leader()) {
    PendingBatch pending;
    pending.base = view.base_offset();
    pending.end = view.next_offset();
    pending.epoch = view.leader_epoch();
    pending.timestamp = view.max_timestamp();
    pending.bytes = view.size();
    batches_.push_back(std::move(pending));
  }
  const auto origin =
      raft_->is_leader() ? log::AppendOrigin::kRaftLeader : log::AppendOrigin::kReplication;
  log::AppendInput input(batch, origin, view.leader_epoch(), shard_.wall_now());
  const auto staged = log_->stage(std::move(input));
  if (!staged.ok()) return write_failed(staged.error());
  shard_.arm(*this);
}

void QuorumHost::on_turn_end() {
  if (busy_ || failure_ || !log_) return;
  if (log_->has_staged()) {
    const log::WriteOutcome outcome = log_->write_staged();
    if (outcome.error) write_failed(*outcome.error);
  }
  if (!flushing_ && flush_wanted_) {
    flushing_ = true;
    tasks_.spawn(flush(*std::exchange(flush_wanted_, std::nullopt)));
  }
  take_log_jobs();
}

env::Task<void> QuorumHost::flush(raft::FlushMark mark) {
  Result<log::FlushPoint> point = log_->flush_point();
  if (point.ok()) {
    auto sync = [p = *point] { return p.sync(); };
    Result<void> synced = co_await env::blocking(shard_, config_.pool, std::move(sync));
    flushing_ = false;
    if (synced.ok()) {
      log_->mark_flushed(*point);
      step([this, mark] {
        EffectsList list;
        list.push_back(raft_->flushed(mark, now()));
        return list;
      });
      shard_.arm(*this);
      co_return;
    }
    // A second fsync would lie about what the first one lost.
    log_->mark_failed();
    fail(synced.error());
    co_return;
  }
  flushing_ = false;
  fail(point.error());
}

void QuorumHost::write_failed(const Error& error) {
  if (log_->failed()) return fail(error);
  env_.logger().error(kComponent, "the log cannot be written, giving up leadership error={}",
                      error.text());
  deactivate();
  batches_.clear();
  // Before anything else is decided upon records that are not there.
  steps_.push_front([this] {
    EffectsList list;
    list.push_back(raft_->append_failed(log_->log_end_offset(), now()));
    return list;
  });
  if (!pumping_)
    shard_.post([this, alive = std::weak_ptr(quorum_.alive_)] {
      if (!alive.expired()) pump();
    });
}

void QuorumHost::fail(const Error& error) {
  if (failure_) return;
  failure_ = error;
  env_.logger().write(env::LogLevel::kFatal, kComponent,
                      "the metadata log has failed error=" + error.text());
  deactivate();
  steps_.clear();
  maybe_started();
  if (quorum_.on_failure_) quorum_.on_failure_(error);
}

void QuorumHost::arm_timer() {
  if (!raft_ || stopping_ || failure_) return;
  MonoTime at = std::min(raft_->next_tick(), snapshot_check_at_);
  if (controller_) at = std::min(at, controller_->next_tick());
  at = std::max(at, shard_.now() + 1);
  if (timer_set_ && timer_at_ == at) return;
  if (timer_set_) shard_.cancel(timer_);
  timer_set_ = true;
  timer_at_ = at;
  timer_ = shard_.call_at(at, [this] { on_timer(); });
}

void QuorumHost::on_timer() {
  timer_set_ = false;
  if (shard_.now() >= snapshot_check_at_) {
    snapshot_check_at_ = shard_.now() + kSnapshotCheck;
    maybe_snapshot();
  }
  // Timers fire again after a slow effect; a second tick in the queue would say nothing new.
  if (busy_) return;
  step([this] {
    EffectsList list;
    list.push_back(raft_->tick(now()));
    for (raft::RaftEffects& effects : tick_controller()) list.push_back(std::move(effects));
    return list;
  });
}

void QuorumHost::take_log_jobs() {
  for (log::LogJob& job : log_->take_jobs()) jobs_.push_back(std::move(job));
  if (jobs_.empty() || running_jobs_) return;
  running_jobs_ = true;
  tasks_.spawn(run_log_jobs());
}

env::Task<void> QuorumHost::run_log_jobs() {
  while (!jobs_.empty()) {
    log::LogJob job = std::move(jobs_.front());
    jobs_.pop_front();
    if (job.delay.value() > 0) {
      auto later = std::make_unique<log::LogJob>(std::move(job));
      tasks_.spawn(run_delayed_job(std::move(later)));
      continue;
    }
    Result<void> done = co_await env::blocking(shard_, config_.pool, std::move(job.work));
    if (!done.ok()) env_.logger().warn(kComponent, "{} error={}", job.what, done.error().text());
    if (job.done) job.done(done);
  }
  running_jobs_ = false;
}

env::Task<void> QuorumHost::run_delayed_job(std::unique_ptr<log::LogJob> job) {
  co_await env::sleep_until(shard_, shard_.now() + job->delay);
  Result<void> done = co_await env::blocking(shard_, config_.pool, std::move(job->work));
  if (!done.ok()) env_.logger().warn(kComponent, "{} error={}", job->what, done.error().text());
  if (job->done) job->done(done);
}

bool QuorumHost::is_quiet() const {
  return !busy_ && !flushing_ && !flush_wanted_ && !replaying_ && !snapshotting_ &&
         steps_.empty() && answers_.empty() && !running_jobs_;
}

env::Task<Result<void>> QuorumHost::stop() {
  if (!raft_) co_return Result<void>();
  const MonoTime deadline = shard_.now() + kStopWaitMax;
  while (!is_quiet() && !failure_ && shard_.now() < deadline)
    co_await env::sleep_until(shard_, shard_.now() + kStopPoll);
  stopping_ = true;
  if (timer_set_) shard_.cancel(timer_);
  timer_set_ = false;
  deactivate();
  // Soft state only: whoever reads its own name as leader's begins as resigned.
  if (!failure_) {
    step([this] {
      EffectsList list;
      list.push_back(raft_->begin_shutdown(now()));
      return list;
    });
  }
  while ((busy_ || flushing_ || snapshotting_ || replaying_) && shard_.now() < deadline)
    co_await env::sleep_until(shard_, shard_.now() + kStopPoll);
  if (failure_ || !log_) co_return Result<void>();
  shard_.disarm(*this);
  auto close = [log = log_.get()] { return log->close(); };
  Result<void> closed = co_await env::blocking(shard_, config_.pool, std::move(close));
  co_return closed;
}

void QuorumHost::propose(Quorum::Propose decide_fn, std::shared_ptr<Quorum::Answer> answer) {
  if (failure_) return deliver(*answer, *failure_);
  if (stopping_ || !raft_)
    return deliver(*answer, Error(ErrorCode::kNotController, "the node is starting or stopping"));
  if (answers_.size() + steps_.size() >= Quorum::kProposalsMax)
    return deliver(*answer, Error(ErrorCode::kRequestTimedOut, "too many decisions are waiting"));
  step([this, decide_fn = std::move(decide_fn), answer = std::move(answer)]() mutable {
    return decide(decide_fn, answer);
  });
}

raft::QuorumDescription QuorumHost::describe() {
  return raft_ ? raft_->describe(now()) : raft::QuorumDescription();
}

void QuorumHost::configure(std::shared_ptr<const config::BrokerConfig> broker_config) {
  broker_config_ = std::move(broker_config);
  if (controller_) controller_->configure(broker_config_);
}

}  // namespace moldau::quorum
