// SPDX-License-Identifier: Apache-2.0
#include "sim/simulation.h"

#include <algorithm>
#include <utility>

#include "env/fake/network.h"
#include "sim/consumer.h"
#include "sim/consumer_member.h"
#include "sim/deleting_client.h"
#include "sim/group_member.h"
#include "sim/image_check.h"
#include "sim/producer.h"
#include "sim/share_member.h"
#include "sim/streams_member.h"
#include "sim/transactional_producer.h"

namespace moldau::sim {
namespace {

using Death = env::fake::FakeEnv::Death;

env::fake::FakeEnvOptions client_machine() {
  env::fake::FakeEnvOptions options;
  options.host = "127.0.0.2";
  return options;
}

}  // namespace

Simulation::Simulation(const Scenario& scenario, std::uint64_t seed)
    : scenario_(scenario),
      world_(seed),
      disk_(world_),
      client_disk_(world_),
      client_env_(std::make_unique<env::fake::FakeEnv>(world_, client_disk_, client_machine())),
      model_(world_),
      faults_(scenario, model_, disk_) {
  world_.network().options().resets_per_million =
      static_cast<std::uint32_t>(scenario.resets_per_million);
  world_.network().options().slow_per_mille = static_cast<std::uint32_t>(scenario.slow_per_mille);
  disk_.set_cold_rate(static_cast<std::uint32_t>(scenario.cold_per_mille) * 1000);
  for (const Scenario::Topic& topic : scenario.topics) {
    ModelTopic& one = model_.topics[topic.name];
    one.name = topic.name;
    one.partitions = topic.partitions;
    one.durable = topic.durable;
    one.churns = topic.churns;
    one.expires = topic.expires;
    one.compacted = topic.compacted;
    one.transactional = topic.transactional;
    one.configs = topic.configs;
  }
  // The directory itself is the user's, and on the medium.
  disk_.put_file("data/.keep", "");
  (void)disk_.remove_file("data/.keep");
  (void)disk_.sync_directory("data");
  make_config();
  make_clients();
}

Simulation::~Simulation() {
  node_.reset();
  client_env_->die(Death::kKill);
  client_env_->drop_all();
  clients_.clear();
  verifier_.reset();
  state_probe_.reset();
  client_env_.reset();
}

void Simulation::make_config() {
  config::PropertySet properties = config::default_single_node_properties();
  properties["log.dirs"].value = "data";
  for (const auto& [key, value] : scenario_.properties)
    properties[key] = config::Property{value, "scenario"};
  auto loaded = config::load_broker_config(properties);
  if (!loaded.ok()) {
    model_.checks.fail("Scenario", loaded.error().detail);
    return;
  }
  config_ = std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
  model_.offsets_retention =
      Millis(std::int64_t{config_->values.offsets_retention_minutes} * 60'000);
}

void Simulation::make_clients() {
  env::fake::FakeShard& shard = client_env_->shard(env::ShardId(0));
  env::fake::CurrentShard current(&shard);
  auto admin =
      std::make_unique<Admin>(model_, shard,
                              std::any_of(scenario_.workloads.begin(), scenario_.workloads.end(),
                                          [](const auto& load) { return load.deletes_records; }));
  for (const Scenario::Workload& load : scenario_.workloads)
    if (!load.moves_between.empty()) admin->move_between(load.moves_between);
  admin_ = admin.get();
  clients_.push_back(std::move(admin));
  for (const Scenario::Workload& load : scenario_.workloads)
    for (std::int64_t i = 0; i < load.count && load.kind != "admin"; ++i)
      clients_.push_back(make_client(load, shard));
  verifier_ = std::make_unique<Verifier>(model_, shard);
  state_probe_ = std::make_unique<StateProbe>(model_, shard);
  for (const auto& client : clients_) client->start();
}

std::unique_ptr<Client> Simulation::make_client(const Scenario::Workload& load,
                                                env::fake::FakeShard& shard) {
  const std::string number = std::to_string(clients_.size());
  if (load.kind == "consumer")
    return std::make_unique<Consumer>(model_, shard, load.topic, Millis(0));
  if (load.kind == "committed_consumer")
    return std::make_unique<Consumer>(model_, shard, load.topic,
                                      Millis(load.timeout_ms + kHangsNoLonger.value()));
  if (load.kind == "group_member") {
    MemberOptions options;
    options.group = load.group;
    options.topic = load.topic;
    options.is_steady = load.is_steady;
    if (load.is_static) options.instance = "static-" + number;
    model_.groups.insert(options.group);
    return std::make_unique<GroupMember>(model_, shard, std::move(options));
  }
  if (load.kind == "consumer_member") {
    EpochMemberOptions options;
    options.name = "m" + number;
    options.group = load.group;
    if (load.is_static) options.instance = "static-" + number;
    model_.groups.insert(options.group);
    model_.consumer_groups.insert(options.group);
    return std::make_unique<ConsumerMember>(model_, shard, std::move(options), load.topic,
                                            load.also);
  }
  if (load.kind == "streams_member") {
    EpochMemberOptions options;
    options.name = "s" + number;
    options.group = load.group;
    model_.groups.insert(options.group);
    model_.streams_groups[options.group] = load.topic;
    // Two threads are in one process.
    return std::make_unique<StreamsMember>(model_, shard, std::move(options), load.topic,
                                           "process-" + std::to_string(clients_.size() / 2));
  }
  if (load.kind == "share_member") {
    ShareMemberOptions options;
    options.name = "s" + number;
    options.group = load.group;
    options.topic = load.topic;
    model_.share_groups[options.group] = load.topic;
    return std::make_unique<ShareMember>(model_, shard, std::move(options));
  }
  if (load.kind == "offset_committer") {
    OffsetCommitterOptions options{"alone-" + number, load.topic, load.deletes, load.lets_expire};
    model_.groups.insert(options.group);
    if (load.lets_expire) model_.expiring_groups.insert(options.group);
    return std::make_unique<OffsetCommitter>(model_, shard, std::move(options));
  }
  if (load.kind == "group_deleter") {
    GroupDeleterOptions options{load.group, {load.topic}, load.whole_groups};
    if (!load.also.empty()) options.topics.push_back(load.also);
    return std::make_unique<GroupDeleter>(model_, shard, std::move(options));
  }
  if (load.kind != "producer") return make_transactional(load, shard, number);
  ProducerOptions options;
  options.name = "p" + number;
  options.topic = load.topic;
  options.acks = static_cast<std::int16_t>(load.acks);
  options.idempotent = load.idempotent;
  options.pause_ms_max = load.pause_ms;
  options.keys = static_cast<std::uint64_t>(load.keys);
  options.records_max = static_cast<std::uint32_t>(load.records_max);
  return std::make_unique<Producer>(model_, shard, std::move(options));
}

std::unique_ptr<Client> Simulation::make_transactional(const Scenario::Workload& load,
                                                       env::fake::FakeShard& shard,
                                                       const std::string& number) {
  TransactionalOptions options;
  options.name = "t" + number;
  const std::string own = load.shares_id ? load.topic : number;
  options.transactional_id = load.kind + "-" + own;
  options.topic = load.topic;
  options.input = load.from;
  if (load.kind == "transformer") options.group = "transform-" + own;
  options.timeout_ms = static_cast<std::int32_t>(load.timeout_ms);
  options.may_be_silent = load.silent;
  options.restarts = static_cast<std::uint32_t>(load.restarts);
  options.pause_ms_max = load.pause_ms;
  model_.transactional_ids.insert(options.transactional_id);
  if (!options.group.empty()) model_.groups.insert(options.group);
  return std::make_unique<TransactionalProducer>(model_, shard, std::move(options));
}

template <class F>
bool Simulation::go_on_until(F done, Millis limit) {
  const MonoTime end = world_.now() + limit;
  while (model_.checks.finding().empty() && !done()) {
    if (world_.now() > end || !world_.step()) return false;
    supervise();
  }
  return true;
}

void Simulation::begin_life() {
  env::fake::FakeEnvOptions options;
  env::fake::SeededRandom& random = model_.random;
  options.shards = 1 + static_cast<std::uint32_t>(
                           random.below(static_cast<std::uint64_t>(scenario_.shards_max)));
  options.wall_jumped_ms = faults_.wall_jumped_ms();
  node_ = std::make_unique<NodeProcess>(world_, disk_, config_, options);
  was_running_ = false;
  faults_.on_start(*node_);
}

void Simulation::end_life(DeathKind kind) {
  ++deaths_;
  last_lines_ = node_->last_lines(20);
  world_.trace(0x656e64, static_cast<std::uint64_t>(kind));
  node_.reset();
  model_.checks.tell(&Invariant::on_death, kind);
  ++model_.lives_ended;
  if (kind == DeathKind::kPowerCut) {
    disk_.revive_after_power_cut();
    gate_waits_ = true;
    model_.gate_open = false;
  } else {
    disk_.revive_after_kill();
  }
  faults_.on_buried();
  next_life_ = world_.now() + Millis(model_.random.between(1, 400));
}

void Simulation::supervise() {
  if (!node_) {
    if (world_.now() >= next_life_) begin_life();
    return;
  }
  if (node_->is_dead()) {
    return end_life(node_->env().died_by() == Death::kPowerCut ? DeathKind::kPowerCut
                                                               : DeathKind::kKill);
  }
  if (node_->exit_code()) {
    if (!faults_.excuses_exit()) model_.checks.fail("RecoveryEndsInAValidState", "it gave up");
    const bool cut = faults_.sync_failed();
    node_->env().die(cut ? Death::kPowerCut : Death::kKill);
    return end_life(cut ? DeathKind::kPowerCut : DeathKind::kKill);
  }
  if (node_->is_stopped()) {
    node_->env().die(Death::kKill);
    return end_life(DeathKind::kStop);
  }
  if (!was_running_ && node_->is_running()) {
    was_running_ = true;
    on_running();
  }
  if (!was_running_ && world_.now() > node_->started() + kStartPatience && !faults_.excuses_delay())
    model_.checks.fail("RecoveryEndsInAValidState", "it does not come up");
  if (gate_waits_ && was_running_ && verifier_->done()) {
    gate_waits_ = false;
    model_.gate_open = true;
  }
  if (was_running_ && world_.now() > next_image_check_) check_image_now();
  faults_.on_step(*node_, clients_);
}

void Simulation::on_running() {
  env::fake::CurrentShard current(&client_env_->shard(env::ShardId(0)));
  if (gate_waits_ || model_.random.chance(500)) verifier_->begin();
  if (!gate_waits_) model_.gate_open = true;
  check_image_now();
}

void Simulation::check_image_now() {
  next_image_check_ = world_.now() + Millis(2'000);
  const image::ImagePtr image = node_->image();
  if (!image) return;
  const Result<void> equal = check_image(disk_, config_->metadata_log_dir, *image);
  if (!equal.ok()) model_.checks.fail("MetadataImageEqualsReplay", equal.error().text());
}

void Simulation::verify_now() {
  const bool has_coordinators =
      !model_.groups.empty() || !model_.share_groups.empty() || !model_.transactional_ids.empty();
  // Transactions that were committed get their markers later.
  if (has_coordinators) probe_state();
  {
    env::fake::CurrentShard current(&client_env_->shard(env::ShardId(0)));
    verifier_->begin();
  }
  if (!go_on_until([this] { return verifier_->done(); }, kRestPatience))
    return model_.checks.fail("Liveness", "the logs cannot be read to their ends");
  if (has_coordinators) model_.checks.tell(&Invariant::on_rest);
}

void Simulation::probe_state() {
  const auto probe = [this] {
    env::fake::CurrentShard current(&client_env_->shard(env::ShardId(0)));
    state_probe_->begin();
  };
  const auto is_done = [this] { return state_probe_->done(); };
  probe();
  if (go_on_until(is_done, kRestPatience)) {
    // Copies of requests that reached a node which stood still have been done by then.
    go_on_until([] { return false; }, kLateCopies);
    probe();
    if (go_on_until(is_done, kRestPatience)) return;
  }
  model_.checks.fail("Liveness", "coordinators do not answer: " + state_probe_->waits_for());
}

void Simulation::come_to_rest() {
  faults_.heal();
  if (!go_on_until([this] { return node_ && node_->is_running() && model_.gate_open; },
                   kRestPatience))
    return model_.checks.fail("Liveness", "the node does not come to rest");
  // A while of peace, in which everybody must get something done.
  const std::uint64_t acked = model_.acked;
  go_on_until([this, acked] { return model_.acked > acked && admin_->all_there(); }, kPeace);
  model_.draining = true;
  const auto idle = [this] {
    return admin_->all_there() && std::all_of(clients_.begin(), clients_.end(),
                                              [](const auto& client) { return client->idle(); });
  };
  if (!go_on_until(idle, kRestPatience)) {
    std::string who;
    for (const auto& client : clients_)
      if (!client->idle()) who += "; " + client->waits_for();
    return model_.checks.fail("Liveness", "clients do not get their answers" + who);
  }
  verify_now();
}

RunReport Simulation::run() {
  const Millis length(scenario_.seconds * 1'000);
  if (model_.checks.finding().empty()) begin_life();
  go_on_until([] { return false; }, length);
  come_to_rest();
  if (model_.checks.finding().empty()) {
    model_.gate_open = false;
    const std::string state = state_probe_->state();
    node_->stop();
    const std::uint64_t before = deaths_;
    const auto is_back = [&] { return deaths_ > before && node_ && node_->is_running(); };
    if (!go_on_until(is_back, kRestPatience))
      model_.checks.fail("Liveness", "a clean stop and start does not end");
    verify_now();
    if (model_.checks.finding().empty() && state_probe_->state() != state)
      model_.checks.fail("ReplayEqualsState",
                         "before: " + state + "; after: " + state_probe_->state());
    if (model_.checks.finding().empty()) check_image_now();
  }
  if (model_.checks.finding().empty() && model_.acked == 0)
    model_.checks.fail("Liveness", "nothing was ever acknowledged");
  return report();
}

RunReport Simulation::report() const {
  RunReport report;
  report.finding = model_.checks.finding();
  if (!report.finding.empty())
    report.last_lines = last_lines_ + (node_ ? "    --- this life\n" + node_->last_lines(25) : "");
  report.trace_hash = world_.trace_hash();
  report.events = world_.events();
  report.acked = model_.acked;
  report.read = model_.read;
  report.deaths = deaths_;
  report.full_reads = model_.full_reads;
  report.produce_errors = model_.produce_errors;
  report.sessions = model_.sessions;
  report.committed = model_.transactions_committed;
  report.assignments = model_.assignments;
  return report;
}

}  // namespace moldau::sim
