// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "machine/image/image.h"
#include "node/coordinator/load_metrics.h"
#include "node/coordinator/log_replay.h"
#include "node/replica/replica_host.h"

namespace moldau::coordinator {

/// The transaction of a producer that a step is part of.
struct TransactionStep {
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  partition::TransactionClaim claim;
};

/// Drives the machines of one kind on one shard: one for each partition of the kind's internal
/// topic that this node leads and this shard hosts (docs/coordinators.md).
///
/// `Kind` says what the machine is:
///   Machine, Context, AnswerId, Answer
///   Effects {batch, answers of {id, response}}
///   kTopic                                   name of the internal topic
///   make(leader epoch) → Machine
///   context(image) → Context                 what a step may look at
///   replay(machine, LoggedBatch)
///   compression() → record::CompressionType
///   commit_timeout() → Millis                who waits for a write gives up after that
///   piece_bytes()                            read at a time while loading
///   was_loaded(how long it took)
///   changed(LoadState, LoadState)            may be missing; metrics, as what follows; with
///                                            was_committed(how long it took)
///   count(index, machine, image) → Millis    may be missing: what there is now, and how long to
///                                            wait before the next time; with forget(index) when
///                                            it ends
/// A machine has loaded(context), tick(context) and next_deadline().
///
/// Path     handler → post to the owner's shard → run() or read() → machine → HostedPartition.
/// Owner    node/assembly, one per shard.
/// Thread   shard-bound.
/// Bounds   what waits is bounded by the requests in flight; a load holds one piece in memory.
/// Durable  an answer leaves when all that was appended before it is committed.
/// Errors   kCoordinatorLoadInProgress, kNotCoordinator, kCoordinatorNotAvailable.
template <class Kind>
class Coordinator {
 public:
  using Machine = typename Kind::Machine;
  using Effects = typename Kind::Effects;
  using Answer = typename Kind::Answer;
  using AnswerId = typename Kind::AnswerId;
  using Done = UniqueFunction<void(Result<Answer>)>;

  Coordinator(replica::ReplicaSet& replicas, std::uint32_t shard, Kind kind)
      : replicas_(replicas),
        host_(replicas.host(shard)),
        kind_(std::move(kind)),
        alive_(std::make_shared<bool>(true)) {}
  ~Coordinator() { *alive_ = false; }
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  env::Shard& shard() { return host_.shard(); }

  /// `image` is in force: begins with partitions that are led here in a new epoch, ends others.
  void show(const image::ImagePtr& image);

  /// `step(Machine&, const Context&, AnswerId) → Effects`; `done` hears the answer.
  template <class Step>
  void run(PartitionId index, Step step, Done done) {
    const std::shared_ptr<Active> active = usable(index, done);
    if (!active) return;
    const AnswerId id{++last_answer_};
    active->waiting.emplace(id, std::move(done));
    perform(active, step(*active->machine, kind_.context(*image_), id));
  }

  /// The same for a step whose batch belongs to a producer's transaction.
  /// Errors   besides those of run(): what the partition says of that producer (kInvalidTxnState,
  ///          kInvalidProducerEpoch).
  template <class Step>
  void run_in_transaction(PartitionId index, const TransactionStep& transaction, Step step,
                          Done done) {
    const std::shared_ptr<Active> active = usable(index, done);
    if (!active) return;
    const partition::ProducerState& producers = host_.find(active->id)->log().producers();
    const ErrorCode refused = producers.check_transactional(
        transaction.producer_id, transaction.producer_epoch, transaction.claim);
    if (refused != ErrorCode::kNone)
      return done(Error(refused, "the partition has no such transaction"));
    claim_ = transaction.claim;
    run(index, std::move(step), std::move(done));
    claim_ = {};
  }
  /// Whether a producer's transaction must be verified before a step of it; `done` hears the guard
  /// to claim, nothing if it is open in this partition.
  template <class DoneAsking>
  void begin_verification(PartitionId index, const TransactionStep& transaction, bool adds_itself,
                          DoneAsking done) {
    const std::shared_ptr<Active> active = usable(index, done);
    if (!active) return;
    partition::ProducerBatch batch;
    batch.producer_id = transaction.producer_id;
    batch.producer_epoch = transaction.producer_epoch;
    done(host_.find(active->id)
             ->log()
             .begin_verification(batch, adds_itself, host_.shard().wall_now()));
  }

  /// `step(Machine&, const Context&) → Effects` on each machine that is loaded.
  template <class Step>
  void tell_all(Step step) {
    const auto all = active_;
    for (const auto& [index, active] : all)
      if (active->loaded && !active->ended)
        perform(active, step(*active->machine, kind_.context(*image_)));
  }

  /// How machines are made from now on.
  Kind& kind() { return kind_; }

  /// `look(const Machine&, const image::MetadataImage&) → T`; `done(Result<T>)` hears it.
  template <class Look, class DoneReading>
  void read(PartitionId index, Look look, DoneReading done) {
    const std::shared_ptr<Active> active = usable(index, done);
    if (!active) return;
    auto value = look(std::as_const(*active->machine), *image_);
    release(*active, [done = std::move(done),
                      value = std::move(value)](const std::optional<Error>& error) mutable {
      if (error) return done(*error);
      done(std::move(value));
    });
  }

  /// The same on one machine; one that is not loaded has not missed it, it reads the log.
  template <class Step>
  void tell(PartitionId index, Step step) {
    const std::shared_ptr<Active> active = find_shared(index);
    if (active && active->loaded && !active->ended)
      perform(active, step(*active->machine, kind_.context(*image_)));
  }
  /// News for a machine that lie in its log already: `take(Machine&)`.
  template <class Take>
  void note(PartitionId index, Take take) {
    const std::shared_ptr<Active> active = find_shared(index);
    if (active && active->loaded && !active->ended) take(*active->machine);
  }

  bool is_loaded(PartitionId index) const {
    const auto found = active_.find(index);
    return found != active_.end() && found->second->loaded;
  }
  /// Indexes of the partitions that are loaded, and of those that are being loaded.
  std::vector<PartitionId> partitions() const {
    std::vector<PartitionId> out;
    for (const auto& [index, active] : active_) out.push_back(index);
    return out;
  }
  /// Whoever waits is told, nothing is served any more.
  void stop() {
    stopped_ = true;
    while (!active_.empty()) end(active_.begin()->first, ErrorCode::kNotCoordinator);
  }

 private:
  using Release = UniqueFunction<void(const std::optional<Error>&)>;
  /// A batch on its way, and what must not leave before it is committed.
  struct Entry {
    bool committed = false;
    std::vector<Release> releases;
  };
  struct Active {
    PartitionId index;
    TopicIdPartition id;
    LeaderEpoch epoch;
    bool loaded = false;
    bool ended = false;
    std::optional<Machine> machine;
    std::unordered_map<AnswerId, Done> waiting;
    std::deque<std::shared_ptr<Entry>> entries;
    /// Batches for this partition, of earlier machines too, of which nobody knows yet whether they
    /// get into the log.
    std::shared_ptr<std::size_t> under_way;
    std::optional<MonoTime> timer_at;
    env::TimerId timer{0};
    /// Of metrics.
    LoadState state = LoadState::kNone;
    bool counts_soon = false;
    Millis count_pause{1'000};
  };

  /// Null, and `done` has heard why, if it can decide nothing at present.
  template <class AnyDone>
  std::shared_ptr<Active> usable(PartitionId index, AnyDone& done) {
    const auto refuse = [&](ErrorCode code, const char* why) {
      done(Error(code, why));
      return nullptr;
    };
    std::shared_ptr<Active> active = find_shared(index);
    if (!active) return refuse(ErrorCode::kNotCoordinator, "not the coordinator of this key");
    if (!active->loaded)
      return refuse(ErrorCode::kCoordinatorLoadInProgress, "the coordinator is loading");
    replica::HostedPartition* partition = host_.find(active->id);
    if (!partition || partition->machine().may_append_all() != ErrorCode::kNone ||
        !host_.directory_accepts(partition->identity().directory))
      return refuse(ErrorCode::kCoordinatorNotAvailable, "the internal topic takes no records now");
    return active;
  }
  std::shared_ptr<Active> find_shared(PartitionId index) const {
    const auto found = active_.find(index);
    return found == active_.end() ? nullptr : found->second;
  }

  void begin(PartitionId index, const TopicIdPartition& id, LeaderEpoch epoch, Millis delay);
  void end(PartitionId index, ErrorCode code);
  void fail(const std::shared_ptr<Active>& active, ErrorCode code);
  env::Task<void> load(std::shared_ptr<Active> active, Millis delay);
  env::Task<bool> load_records(std::shared_ptr<Active> active);
  void perform(const std::shared_ptr<Active>& active, Effects effects);
  void append(const std::shared_ptr<Active>& active, const record::KeyedBatch& batch);
  void appended(const std::shared_ptr<Active>& active, Entry& entry, ErrorCode code);
  void release(Active& active, Release release);
  void arm_timer(const std::shared_ptr<Active>& active);
  void count_soon(const std::shared_ptr<Active>& active);
  void enter(Active& active, LoadState state) {
    const LoadState from = std::exchange(active.state, state);
    if constexpr (kTellsStates)
      if (from != state) kind_.changed(from, state);
  }

  static constexpr Millis kRetry{100};
  static constexpr bool kIsCounted =
      requires(Kind& kind, PartitionId index, const Machine& machine,
               const image::MetadataImage& image) { kind.count(index, machine, image); };
  static constexpr bool kTellsStates =
      requires(Kind& kind, LoadState state) { kind.changed(state, state); };
  /// The machine wants to know where its records lie.
  static constexpr bool kTellsOffsets = requires(
      Machine& machine, const record::KeyedBatch& batch) { machine.appended(batch, Offset()); };
  static record::KeyedBatch told_of(const record::KeyedBatch& batch) {
    return kTellsOffsets ? batch : record::KeyedBatch();
  }

  replica::ReplicaSet& replicas_;
  replica::ReplicaHost& host_;
  Kind kind_;
  image::ImagePtr image_;
  std::map<PartitionId, std::shared_ptr<Active>> active_;
  std::map<PartitionId, std::shared_ptr<std::size_t>> under_way_;
  std::uint64_t last_answer_ = 0;
  bool stopped_ = false;
  /// Of the step that is being done.
  partition::TransactionClaim claim_;
  record::CompressionContext compression_;
  std::shared_ptr<bool> alive_;
  env::TaskScope tasks_;
};

template <class Kind>
void Coordinator<Kind>::show(const image::ImagePtr& image) {
  image_ = image;
  if (stopped_) return;
  const image::TopicImage* topic = image->topic(Kind::kTopic);
  std::map<PartitionId, std::pair<TopicIdPartition, LeaderEpoch>> led;
  if (topic) {
    for (const auto& [index, state] : topic->partitions) {
      TopicIdPartition id;
      id.topic_id = topic->id;
      id.partition = index;
      if (state.leader == host_.self() && &replicas_.owner(id) == &host_)
        led[index] = {id, state.leader_epoch};
    }
  }
  std::vector<PartitionId> gone;
  for (const auto& [index, active] : active_) {
    const auto now = led.find(index);
    if (now == led.end() || now->second.first != active->id || now->second.second != active->epoch)
      gone.push_back(index);
  }
  for (PartitionId index : gone) end(index, ErrorCode::kNotCoordinator);
  for (const auto& [index, what] : led)
    if (!active_.contains(index)) begin(index, what.first, what.second, Millis(0));
}

template <class Kind>
void Coordinator<Kind>::begin(PartitionId index, const TopicIdPartition& id, LeaderEpoch epoch,
                              Millis delay) {
  auto active = std::make_shared<Active>();
  active->index = index;
  active->id = id;
  active->epoch = epoch;
  active->machine.emplace(kind_.make(epoch));
  std::shared_ptr<std::size_t>& under_way = under_way_[index];
  if (!under_way) under_way = std::make_shared<std::size_t>(0);
  active->under_way = under_way;
  active_[index] = active;
  enter(*active, LoadState::kLoading);
  tasks_.spawn(load(std::move(active), delay));
}

template <class Kind>
void Coordinator<Kind>::end(PartitionId index, ErrorCode code) {
  const std::shared_ptr<Active> active = find_shared(index);
  active_.erase(index);
  fail(active, code);
}

/// Its machine is of no use any more.
template <class Kind>
void Coordinator<Kind>::fail(const std::shared_ptr<Active>& active, ErrorCode code) {
  active->ended = true;
  enter(*active, LoadState::kNone);
  if constexpr (kIsCounted) kind_.forget(active->index);
  if (active->timer_at) host_.shard().cancel(active->timer);
  const Error error(code, "the coordinator has gone");
  const auto entries = std::exchange(active->entries, {});
  for (const std::shared_ptr<Entry>& entry : entries)
    for (Release& release : entry->releases) release(error);
  auto waiting = std::exchange(active->waiting, {});
  for (auto& [id, done] : waiting) done(error);
}

template <class Kind>
env::Task<void> Coordinator<Kind>::load(std::shared_ptr<Active> active, Millis delay) {
  env::Shard& shard = host_.shard();
  const MonoTime begun = shard.now();
  if (delay.value() > 0) {
    const MonoTime later = begun + delay;
    co_await env::sleep_until(shard, later);
  }
  const bool complete = co_await load_records(active);
  if (!complete) co_return;
  active->loaded = true;
  enter(*active, LoadState::kActive);
  host_.env().logger().info("coordinator", "loaded {}-{} in epoch {} within {} ms", Kind::kTopic,
                            active->index.value(), active->epoch.value(),
                            (shard.now() - begun) / 1'000'000);
  kind_.was_loaded(Millis((shard.now() - begun) / 1'000'000));
  perform(active, active->machine->loaded(kind_.context(*image_)));
}

/// False if the partition is led by somebody else meanwhile.
template <class Kind>
env::Task<bool> Coordinator<Kind>::load_records(std::shared_ptr<Active> active) {
  env::Shard& shard = host_.shard();
  Offset next(0);
  while (!active->ended) {
    replica::HostedPartition* partition = host_.find(active->id);
    Millis pause = kRetry;
    enter(*active,
          partition && partition->log().failed() ? LoadState::kFailed : LoadState::kLoading);
    if (partition && !partition->log().failed() && !partition->renaming()) {
      const log::PartitionLog& log = partition->log();
      next = std::max(next, log.log_start_offset());
      // What others have not got yet could still be taken back; and what the machine before has
      // appended, and is held or being written, gets behind the end of today.
      if (*active->under_way == 0 && next >= log.log_end_offset() &&
          partition->machine().high_watermark() >= next)
        co_return true;
      if (next < log.log_end_offset()) {
        auto view = std::make_shared<const log::LogView>(log.view_from(next));
        const env::PoolId pool = partition->identity().pool;
        const std::uint32_t bytes = kind_.piece_bytes();
        auto work = [view, next, bytes] { return read_piece(*view, next, bytes); };
        Result<LoggedPiece> piece = co_await env::blocking(shard, pool, std::move(work));
        if (piece.ok() && !active->ended) {
          for (const LoggedBatch& batch : piece->batches) kind_.replay(*active->machine, batch);
          if (piece->damaged > 0)
            host_.env().logger().error("coordinator", "{} damaged batches of {}-{} are left out",
                                       piece->damaged, Kind::kTopic, active->index.value());
          if (piece->next > next) pause = Millis(0);
          next = piece->next;
        }
      }
    }
    if (pause.value() > 0) {
      const MonoTime again = shard.now() + pause;
      co_await env::sleep_until(shard, again);
    }
  }
  co_return false;
}

template <class Kind>
void Coordinator<Kind>::perform(const std::shared_ptr<Active>& active, Effects effects) {
  if (!effects.batch.records.empty()) append(active, effects.batch);
  if (active->ended) return;
  for (auto& answer : effects.answers) {
    const auto found = active->waiting.find(answer.id);
    if (found == active->waiting.end()) continue;
    release(*active, [done = std::move(found->second), response = std::move(answer.response)](
                         const std::optional<Error>& error) mutable {
      if (error) return done(*error);
      done(Answer(std::move(response)));
    });
    active->waiting.erase(found);
  }
  if constexpr (requires(Kind& kind) { kind.at_once(active->index, effects); }) {
    kind_.at_once(active->index, effects);
    if (kind_.has_later(effects))
      // The release waits in a list of this Active: it must not keep it alive.
      release(*active, [this, alive = alive_, waiting = std::weak_ptr<Active>(active),
                        effects = std::move(effects)](const std::optional<Error>& error) {
        const std::shared_ptr<Active> still = waiting.lock();
        if (!error && *alive && still && !still->ended)
          kind_.when_committed(still->index, image_, effects);
      });
  }
  arm_timer(active);
  if constexpr (kIsCounted) count_soon(active);
}

/// Counting looks at all that the machine has: not for each step.
template <class Kind>
void Coordinator<Kind>::count_soon(const std::shared_ptr<Active>& active) {
  if (active->counts_soon) return;
  active->counts_soon = true;
  host_.shard().call_at(host_.shard().now() + active->count_pause, [this, alive = alive_, active] {
    if (!*alive || active->ended) return;
    active->counts_soon = false;
    active->count_pause = kind_.count(active->index, *active->machine, *image_);
  });
}

template <class Kind>
void Coordinator<Kind>::append(const std::shared_ptr<Active>& active,
                               const record::KeyedBatch& batch) {
  auto entry = std::make_shared<Entry>();
  active->entries.push_back(entry);
  auto built = build_batch(batch, kind_.compression(), host_.shard().wall_now(), compression_);
  if (!built.ok()) return appended(active, *entry, built.error().code);
  std::vector<replica::AppendItem> items;
  items.emplace_back(active->id, std::move(built).value());
  auto part = std::make_shared<replica::AppendPart>(
      std::move(items), true,
      [this, alive = alive_, active, entry, told = told_of(batch),
       begun = host_.shard().now()](std::vector<replica::AppendOutcome> outcomes) {
        --*active->under_way;
        if (!*alive) return;
        if constexpr (kTellsStates)
          kind_.was_committed(Millis((host_.shard().now() - begun) / 1'000'000));
        if constexpr (kTellsOffsets)
          if (!active->ended && outcomes.front().error == ErrorCode::kNone)
            active->machine->appended(told, outcomes.front().base_offset);
        appended(active, *entry, outcomes.front().error);
      });
  ++*active->under_way;
  part->items.front().claim = claim_;
  part->origin = log::AppendOrigin::kCoordinator;
  part->deadline = host_.shard().now() + kind_.commit_timeout();
  host_.append(part);
}

template <class Kind>
void Coordinator<Kind>::appended(const std::shared_ptr<Active>& active, Entry& entry,
                                 ErrorCode code) {
  if (active->ended) return;
  // A batch that is late is in the log all the same; only those who wait give up.
  if (code != ErrorCode::kNone && code != ErrorCode::kRequestTimedOut) {
    const bool is_led = code != ErrorCode::kNotLeaderOrFollower;
    fail(active, is_led ? ErrorCode::kCoordinatorNotAvailable : ErrorCode::kNotCoordinator);
    const auto found = active_.find(active->index);
    if (found == active_.end() || found->second != active) return;
    // The machine knows what the log does not: it begins anew.
    return begin(active->index, active->id, active->epoch, kRetry);
  }
  entry.committed = true;
  if (code == ErrorCode::kRequestTimedOut) {
    auto late = std::exchange(entry.releases, {});
    for (Release& release : late)
      release(Error(ErrorCode::kCoordinatorNotAvailable, "the write is not replicated in time"));
  }
  while (!active->entries.empty() && active->entries.front()->committed) {
    const std::shared_ptr<Entry> first = std::move(active->entries.front());
    active->entries.pop_front();
    for (Release& release : first->releases) release(std::nullopt);
  }
}

template <class Kind>
void Coordinator<Kind>::release(Active& active, Release release) {
  if (active.entries.empty()) return release(std::nullopt);
  active.entries.back()->releases.push_back(std::move(release));
}

template <class Kind>
void Coordinator<Kind>::arm_timer(const std::shared_ptr<Active>& active) {
  std::optional<MonoTime> due = active->machine->next_deadline();
  // A machine that has more to do at once lets others have their turn first.
  if (due) due = std::max(*due, host_.shard().now() + Millis(1));
  if (active->timer_at && (!due || *due != *active->timer_at)) {
    host_.shard().cancel(active->timer);
    active->timer_at.reset();
  }
  if (!due || active->timer_at) return;
  active->timer_at = due;
  active->timer = host_.shard().call_at(*due, [this, alive = alive_, active] {
    if (!*alive || active->ended) return;
    active->timer_at.reset();
    perform(active, active->machine->tick(kind_.context(*image_)));
  });
}

}  // namespace moldau::coordinator
