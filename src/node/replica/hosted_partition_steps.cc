// SPDX-License-Identifier: Apache-2.0
// What the pool does for the appends of a partition, one step at a time, while they are held:
// opening a file that was closed while idle, beginning a segment, writing to a slow device.
#include <utility>

#include "node/replica/hosted_partition.h"
#include "node/replica/replica_host.h"

namespace moldau::replica {

void HostedPartition::run_step(PoolStep step, log::PartitionLog::Work work,
                               UniqueFunction<void(HostedPartition&, Result<void>)> done) {
  pool_step_ = step;
  struct Step {
    log::PartitionLog::Work work;
    UniqueFunction<void(HostedPartition&, Result<void>)> done;
    Result<void> result;
    std::int64_t nanos = 0;
  };
  auto running = std::make_shared<Step>();
  running->work = std::move(work);
  running->done = std::move(done);
  host_.shard().run_blocking(
      identity_.pool,
      [running, &clock = host_.env().clock()] {
        const MonoTime begin = clock.mono();
        running->result = running->work();
        running->nanos = clock.mono() - begin;
      },
      [self = shared_from_this(), running, alive = host_.alive()] {
        if (!*alive) return;
        if (self->pool_step_ == PoolStep::kWrite)
          self->host_.note_append_time(*self, running->nanos);
        self->pool_step_ = PoolStep::kNone;
        running->done(*self, std::move(running->result));
        self->go_on_appending();
      });
}

bool HostedPartition::write_on_pool() {
  std::optional<log::PartitionLog::Work> work = log_->begin_write();
  if (!work) return false;
  run_step(
      PoolStep::kWrite, std::move(*work),
      [staged = std::exchange(staged_, {})](HostedPartition& self, Result<void> result) mutable {
        self.finish_write(std::move(staged), self.log_->end_write(std::move(result)));
      });
  return true;
}

void HostedPartition::open_on_pool() {
  run_step(PoolStep::kOpen, log_->begin_open(), [](HostedPartition& self, Result<void> opened) {
    if (opened.ok() || self.stopped_) return;
    self.host_.note_write_error(self, opened.error());
    self.refuse_held(ErrorCode::kKafkaStorageError);
  });
}

void HostedPartition::roll_on_pool() {
  roll_wanted_ = false;
  if (stopped_ || log_->failed()) return refuse_held(ErrorCode::kKafkaStorageError);
  run_step(PoolStep::kRoll, log_->begin_roll(host_.shard().wall_now()),
           [](HostedPartition& self, const Result<void>& made) {
             const bool failed_before = self.log_->failed();
             const Result<void> rolled = self.log_->finish_roll(made);
             if (!rolled.ok()) {
               if (!failed_before) self.host_.note_write_error(self, rolled.error());
               self.refuse_held(ErrorCode::kKafkaStorageError);
             }
             if (self.wants_flush()) self.host_.want_flush(self.shared_from_this());
             self.run_jobs();
           });
}

/// A step is over, or a move: what was held goes on until something holds it again.
void HostedPartition::go_on_appending() {
  if (stopped_) return refuse_held(ErrorCode::kNotLeaderOrFollower);
  if (roll_wanted_ && pool_step_ == PoolStep::kNone && !holding_) roll_on_pool();
  while (!held_.empty() && !holds_appends()) {
    if (!append_now(held_.front())) return;
    held_.pop_front();
  }
}

}  // namespace moldau::replica
