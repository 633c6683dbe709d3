// SPDX-License-Identifier: Apache-2.0
// Several voters and an observer in one thread: messages are lost, delayed and reordered, nodes
// stop at any effect and come back with what was durable. After every step: one leader per epoch,
// logs match where epochs match, nothing committed is ever lost or changed.
// KIP-595, KIP-630, KIP-996
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "machine/raft/control_records.h"
#include "machine/raft/raft_machine.h"
#include "record/batch_builder.h"

namespace moldau::raft {
namespace {

const char* const kCluster = "nyk1D6EFRoucP3xtdf3zpw";

ReplicaKey key_of(int id) {
  return {NodeId(id), Uuid(id, 7)};
}

Voter voter_of(int id) {
  return {key_of(id), {Endpoint("CONTROLLER", "host", static_cast<std::uint16_t>(9000 + id))}};
}

// A batch as it stands in a log.
struct Entry {
  Offset base;
  Offset next;
  LeaderEpoch epoch;
  Slice bytes;
};

struct Snapshot {
  OffsetAndEpoch id;
  VoterSet voters;
};

// What a node has on its disk; `synced` entries survive.
struct Disk {
  std::optional<ElectionState> election;
  std::vector<Entry> log;
  std::size_t synced = 0;
  std::optional<Snapshot> snapshot;
  Offset end() const {
    if (!log.empty()) return log.back().next;
    return snapshot ? snapshot->id.offset : Offset(0);
  }
};

struct Node {
  int id = 0;
  bool may_vote = true;
  Disk disk;
  std::unique_ptr<RaftMachine> machine;  // null while it is down
  std::optional<FlushMark> flushing;
  std::size_t flushing_entries = 0;
};

struct Envelope {
  int from = 0;
  int to = 0;
  CorrelationId id{0};
  bool is_answer = false;
  Request request;
  Response response;
  std::uint64_t life = 0;  // of the sender: an answer to a former life is dropped
};

// How bad it gets; drawn per seed, in percent unless said otherwise.
struct Faults {
  int doom = 0;            // a step that stops its node between two effects
  int crash = 0;           // per mille and step
  int lost = 0;            // messages
  int flush = 100;         // chance that a due fsync ends in a step
  int isolate = 0;         // per mille and step: another node is cut off, or none
  std::size_t window = 1;  // messages that may overtake each other
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, int voters) : random_(seed), voters_(voters) {
    drawn_.doom = static_cast<int>(below(4));
    drawn_.crash = static_cast<int>(below(20));
    drawn_.lost = static_cast<int>(below(30));
    drawn_.flush = 2 + static_cast<int>(below(60));
    drawn_.isolate = static_cast<int>(below(20));
    drawn_.window = 1 + below(12);
    VoterSet set;
    for (int i = 1; i <= voters; ++i) set.put(voter_of(i));
    bootstrap_ = set;
    for (int i = 1; i <= voters + 1; ++i) {
      Node& node = nodes_[i];
      node.id = i;
      node.may_vote = i <= voters;
      start(node);
    }
  }

  void run(int steps, bool faults) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      step(faults);
      check();
    }
  }
  // Without faults, a leader must stand and commit within so much time.
  void settle() {
    const Offset before = committed_end();
    for (auto& [id, node] : nodes_)
      if (!node.machine) start(node);
    run(2500, false);
    EXPECT_GT(committed_end(), before) << "no progress without faults";
    for (auto& [id, node] : nodes_)
      EXPECT_GE(node.machine->high_watermark(), before) << "node " << id << " does not catch up";
  }
  Offset committed_end() const {
    return committed_.empty() ? Offset(0) : committed_.rbegin()->second.next;
  }
  int elections() const { return static_cast<int>(leaders_.size()); }
  int snapshots_installed() const { return snapshots_installed_; }

 private:
  Now now() const {
    Now n;
    n.mono = time_;
    n.wall = Timestamp(1'700'000'000'000 + time_.value() / 1'000'000);
    return n;
  }
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool chance(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }

  void start(Node& node) {
    node.disk.log.resize(std::min(node.disk.log.size(), node.disk.synced));
    LogState log;
    log.note_bootstrap(1, bootstrap_);
    if (node.disk.snapshot) {
      log.note_snapshot(node.disk.snapshot->id, 100);
      log.restart_at(node.disk.snapshot->id);
      log.note_snapshot_voters(node.disk.snapshot->id, 1, node.disk.snapshot->voters);
    }
    for (const Entry& entry : node.disk.log)
      ASSERT_TRUE(log.note_batch(*record::BatchView::parse(entry.bytes.view())).ok());
    RaftConfig config;
    config.self = key_of(node.id);
    config.cluster_id = kCluster;
    config.endpoints = voter_of(node.id).endpoints;
    config.may_vote = node.may_vote;
    config.bootstrap_servers = voters_;
    config.seed = random_();
    node.machine = std::make_unique<RaftMachine>(config, node.disk.election, std::move(log));
    node.flushing.reset();
    lives_[node.id] = ++life_;
    perform(node, node.machine->start(now()));
  }

  void stop(Node& node) {
    node.machine.reset();
    std::erase_if(parked_, [&](const auto& e) { return e.second.to == node.id; });
  }

  // Does the effects in their order; may stop the node between any two.
  void perform(Node& node, RaftEffects effects) {
    const bool doomed = chance(faults_.doom);
    std::uint64_t left = doomed ? below(6) : 1000;
    const auto dies = [&] { return left-- == 0; };
    EXPECT_EQ(effects.fault, "");
    if (effects.persist) {
      if (dies()) return stop(node);
      if (node.disk.election) {
        EXPECT_GE(effects.persist->epoch, node.disk.election->epoch);
      }
      node.disk.election = effects.persist;
    }
    if (effects.truncate_to) {
      if (dies()) return stop(node);
      while (!node.disk.log.empty() && node.disk.log.back().next > *effects.truncate_to)
        node.disk.log.pop_back();
      node.disk.synced = std::min(node.disk.synced, node.disk.log.size());
      EXPECT_EQ(node.disk.end(), *effects.truncate_to);
    }
    for (const Slice& batch : effects.append) {
      if (dies()) return stop(node);
      const auto view = *record::BatchView::parse(batch.view());
      EXPECT_EQ(view.base_offset(), node.disk.end());
      node.disk.log.push_back({view.base_offset(), view.next_offset(), view.leader_epoch(), batch});
    }
    if (effects.snapshot && effects.snapshot->complete)
      pending_snapshots_[node.id] = *effects.snapshot;
    if (effects.flush) {
      node.flushing = effects.flush;
      node.flushing_entries = node.disk.log.size();
    }
    for (OutboundRequest& out : effects.send) {
      if (dies()) return stop(node);
      Envelope envelope;
      envelope.from = node.id;
      envelope.to = out.to.value() <= -2 ? -out.to.value() - 1 : out.to.value();
      envelope.id = out.id;
      envelope.request = std::move(out.request);
      envelope.life = lives_[node.id];
      network_.push_back(std::move(envelope));
    }
    for (Answer& answer : effects.answers) {
      if (dies()) return stop(node);
      send_answer(node, answer);
    }
    if (node.machine && node.machine->is_leader()) note_leader(node);
  }

  void send_answer(Node& node, Answer& answer) {
    const auto it = parked_.find(answer.token);
    if (it == parked_.end()) return;
    Envelope envelope = std::move(it->second);
    parked_.erase(it);
    std::swap(envelope.from, envelope.to);
    envelope.is_answer = true;
    if (auto* fetch = std::get_if<FetchResponse>(&answer.response); fetch && answer.read)
      fetch->records = read(node, answer.read->from);
    if (auto* snapshot = std::get_if<FetchSnapshotResponse>(&answer.response);
        snapshot && answer.snapshot_bytes > 0)
      snapshot->bytes = Slice::allocate(static_cast<std::size_t>(answer.snapshot_bytes));
    envelope.response = std::move(answer.response);
    network_.push_back(std::move(envelope));
  }

  Slice read(const Node& node, Offset from) {
    std::string bytes;
    for (const Entry& entry : node.disk.log) {
      if (entry.next <= from || bytes.size() > 2000) continue;
      bytes.append(as_text(entry.bytes.view()));
    }
    return Slice::copy_of(as_view(bytes));
  }

  void step(bool faults) {
    faults_ = faults ? drawn_ : Faults();
    time_ += static_cast<std::int64_t>(below(20'000'000));
    for (auto& [id, node] : nodes_) {
      if (!node.machine) {
        if (!faults || chance(3)) start(node);
        continue;
      }
      if (node.machine->next_tick() <= time_) perform(node, node.machine->tick(now()));
    }
    deliver();
    Node& any = nodes_[1 + static_cast<int>(below(nodes_.size()))];
    if (any.machine) act(any);
  }

  bool per_mille(int n) { return below(1000) < static_cast<std::uint64_t>(n); }

  void act(Node& node) {
    finish_flush(node);
    if (!node.machine) return;
    finish_snapshot(node);
    if (!node.machine) return;
    if (node.machine->is_leader() && chance(30)) append(node);
    if (node.machine && per_mille(10)) make_snapshot(node);
    if (node.machine && per_mille(faults_.crash)) stop(node);
    if (node.machine && per_mille(faults_.crash / 4)) perform(node, node.machine->resign(now()));
    if (faults_.window == 1) isolated_ = 0;
    if (per_mille(faults_.isolate)) isolated_ = chance(40) ? 0 : node.id;
  }

  void append(Node& node) {
    record::BatchFields fields;
    fields.base_offset = node.machine->log().end();
    fields.leader_epoch = node.machine->epoch();
    record::BatchBuilder builder(fields);
    const std::string value = "v" + std::to_string(random_());
    record::RecordFields one;
    one.timestamp = now().wall;
    one.value = as_view(value);
    for (std::uint64_t i = 0; i <= below(3); ++i) ASSERT_TRUE(builder.append(one).ok());
    record::CompressionContext context;
    perform(node, *node.machine->append(*builder.build(context), now()));
  }

  void finish_flush(Node& node) {
    if (!node.flushing || !chance(faults_.flush)) return;
    const FlushMark mark = *std::exchange(node.flushing, std::nullopt);
    const std::size_t entries = std::min(node.flushing_entries, node.disk.log.size());
    node.disk.synced = std::max(node.disk.synced, entries);
    perform(node, node.machine->flushed(mark, now()));
  }

  // Snapshots of committed prefixes, made by each node for itself; the log before them goes.
  void make_snapshot(Node& node) {
    std::size_t keep = 0;
    std::optional<OffsetAndEpoch> id;
    for (const Entry& entry : node.disk.log) {
      if (entry.next > node.machine->high_watermark() || keep >= node.disk.synced) break;
      id = OffsetAndEpoch(entry.next, entry.epoch);
      ++keep;
    }
    if (keep < 5) return;
    node.disk.snapshot = Snapshot{*id, bootstrap_};
    node.disk.log.erase(node.disk.log.begin(), node.disk.log.begin() + static_cast<long>(keep));
    node.disk.synced -= keep;
    node.flushing_entries -= std::min(node.flushing_entries, keep);
    node.machine->snapshot_made(*id, 100);
    node.machine->log_start_moved(id->offset);
  }

  void finish_snapshot(Node& node) {
    const auto it = pending_snapshots_.find(node.id);
    if (it == pending_snapshots_.end() || !chance(50)) return;
    const OffsetAndEpoch id = it->second.id;
    pending_snapshots_.erase(it);
    if (chance(20)) return perform(node, node.machine->snapshot_refused(now()));
    node.disk.snapshot = Snapshot{id, bootstrap_};
    node.disk.log.clear();
    node.disk.synced = 0;
    node.flushing.reset();
    ++snapshots_installed_;
    perform(node, node.machine->snapshot_installed(id, 100, 1, bootstrap_, now()));
  }

  void deliver() {
    for (std::uint64_t n = below(6); n > 0 && !network_.empty(); --n) {
      const std::size_t at = below(std::min(network_.size(), faults_.window));
      Envelope envelope = std::move(network_[at]);
      network_.erase(network_.begin() + static_cast<long>(at));
      Node& to = nodes_[envelope.to];
      const bool cut = isolated_ != 0 && (envelope.to == isolated_) != (envelope.from == isolated_);
      if (!to.machine || cut || chance(faults_.lost)) {
        lose(envelope);
      } else if (envelope.is_answer) {
        if (lives_[to.id] == envelope.life)
          perform(to, to.machine->receive(envelope.id, envelope.response, now()));
      } else {
        const RequestToken token(++next_token_);
        const Request request = envelope.request;
        parked_[token] = std::move(envelope);
        perform(to, to.machine->receive(token, request, now()));
      }
    }
  }

  void lose(const Envelope& envelope) {
    Node& asker = nodes_[envelope.is_answer ? envelope.to : envelope.from];
    if (asker.machine && lives_[asker.id] == envelope.life && chance(50))
      perform(asker, asker.machine->request_failed(envelope.id, now()));
  }

  void note_leader(const Node& node) {
    const auto [it, first] = leaders_.emplace(node.machine->epoch(), node.id);
    EXPECT_EQ(it->second, node.id) << "two leaders in epoch " << node.machine->epoch().value();
    (void)first;
  }

  void check() {
    for (auto& [id, node] : nodes_) {
      if (!node.machine) continue;
      // Each committed entry is looked at once per life of a node.
      const Offset committed = node.machine->high_watermark();
      Offset& checked = checked_[lives_[id]];
      const auto first_new =
          std::partition_point(node.disk.log.begin(), node.disk.log.end(),
                               [&](const Entry& entry) { return entry.base < checked; });
      for (auto next = first_new; next != node.disk.log.end(); ++next) {
        const Entry& entry = *next;
        if (entry.next > committed) break;
        checked = entry.next;
        const auto [it, first] = committed_.emplace(entry.base, entry);
        EXPECT_EQ(it->second.epoch, entry.epoch) << "node " << id << " at " << entry.base.value();
        EXPECT_TRUE(as_text(it->second.bytes.view()) == as_text(entry.bytes.view()))
            << "a committed batch changed at " << entry.base.value() << " on node " << id;
        (void)first;
      }
      EXPECT_EQ(node.disk.end(), node.machine->log().end()) << "node " << id;
    }
  }

  std::mt19937_64 random_;
  int voters_;
  VoterSet bootstrap_;
  std::map<int, Node> nodes_;
  std::map<int, std::uint64_t> lives_;
  std::uint64_t life_ = 0;
  MonoTime time_{1};
  Faults drawn_;
  Faults faults_;
  int isolated_ = 0;
  std::vector<Envelope> network_;
  std::map<RequestToken, Envelope> parked_;
  std::map<int, SnapshotChunk> pending_snapshots_;
  std::uint64_t next_token_ = 0;
  std::map<LeaderEpoch, int> leaders_;
  std::map<Offset, Entry> committed_;
  std::map<std::uint64_t, Offset> checked_;
  int snapshots_installed_ = 0;
};

TEST(RaftSimulationTest, CommittedRecordsSurviveWhateverHappens) {
  int elections = 0;
  int installed = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(seed, seed % 3 == 0 ? 5 : 3);
    simulation.run(3000, true);
    if (HasFailure()) break;
    simulation.settle();
    if (HasFailure()) break;
    elections += simulation.elections();
    installed += simulation.snapshots_installed();
  }
  // Otherwise the faults are too weak to prove anything.
  EXPECT_GT(elections, 200);
  EXPECT_GT(installed, 20);
}

TEST(RaftSimulationTest, ASingleVoterSurvivesWithItsObserver) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(seed, 1);
    simulation.run(2000, true);
    if (HasFailure()) break;
    simulation.settle();
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace moldau::raft
