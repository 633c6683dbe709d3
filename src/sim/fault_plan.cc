// SPDX-License-Identifier: Apache-2.0
#include "sim/fault_plan.h"

#include <cerrno>
#include <string_view>

#include "env/fake/network.h"

namespace moldau::sim {
namespace {

using Death = env::fake::FakeEnv::Death;
using CallKind = env::fake::DiskCall::Kind;
constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 40;
constexpr std::int64_t kJumpMax = 2 * 3'600'000;

bool may_rot(std::string_view path) {
  return path.ends_with(".index") || path.ends_with(".timeindex") || path.ends_with(".snapshot");
}

}  // namespace

FaultPlan::FaultPlan(const Scenario& scenario, Model& model, env::fake::FakeDisk& disk)
    : model_(model), disk_(disk), random_(model.random.fork()) {
  for (const Scenario::Fault& fault : scenario.faults) armed_.push_back({&fault, later(fault)});
}

MonoTime FaultPlan::later(const Scenario::Fault& fault) {
  return model_.world.now() + Millis(random_.between(fault.every_ms / 2, fault.every_ms * 3 / 2));
}

bool FaultPlan::excuses_delay() const {
  return disk_is_full_ || model_.world.now() < paused_until_;
}

void FaultPlan::on_start(NodeProcess& node) {
  for (const Armed& armed : armed_)
    if (armed.fault->at_start && random_.chance(700)) inject_death(*armed.fault, node);
}

void FaultPlan::on_step(NodeProcess& node, const std::vector<std::unique_ptr<Client>>& clients) {
  const MonoTime now = model_.world.now();
  if (disk_is_full_ && now >= disk_heals_) {
    disk_.set_capacity(kUnlimited);
    disk_is_full_ = false;
  }
  for (Armed& armed : armed_) {
    if (now < armed.next) continue;
    armed.next = later(*armed.fault);
    if (!node.is_dead()) inject(*armed.fault, node, clients);
  }
}

void FaultPlan::heal() {
  armed_.clear();
  disk_.set_fault(nullptr);
  disk_.set_capacity(kUnlimited);
  disk_.forget_cut();
  disk_is_full_ = false;
  rot_wanted_ = false;
}

void FaultPlan::on_buried() {
  disk_.set_fault(nullptr);
  disk_failed_ = false;
  sync_failed_ = false;
  if (rot_wanted_) rot();
  rot_wanted_ = false;
}

void FaultPlan::inject(const Scenario::Fault& fault, NodeProcess& node,
                       const std::vector<std::unique_ptr<Client>>& clients) {
  if (fault.kind == "stop") {
    if (node.is_running()) node.stop();
  } else if (fault.kind == "reset") {
    if (random_.chance(300))
      model_.world.network().reset_one(node.env());
    else if (!clients.empty())
      clients[random_.below(clients.size())]->disturb();
  } else if (fault.kind == "pause") {
    const Millis span(random_.between(10, 12'000));
    paused_until_ = model_.world.now() + span + 5'000;
    model_.paused_until = model_.world.now() + span;
    node.env().pause(span);
  } else if (fault.kind == "disk_full") {
    fill_disk();
  } else if (fault.kind == "io_error" || fault.kind == "sync_error") {
    fail_calls(fault, fault.kind == "sync_error");
  } else if (fault.kind == "clock_jump") {
    const std::int64_t jump = random_.between(-kJumpMax, kJumpMax) - wall_jumped_ms_;
    wall_jumped_ms_ += jump;
    node.env().clock().jump(jump);
  } else if (fault.kind == "rot_index") {
    rot_wanted_ = true;
  } else {
    inject_death(fault, node);
  }
}

void FaultPlan::inject_death(const Scenario::Fault& fault, NodeProcess& node) {
  env::fake::FakeEnv& env = node.env();
  const auto count = static_cast<std::uint64_t>(random_.between(1, fault.calls_max));
  if (fault.kind == "kill") {
    env.die(Death::kKill);
  } else if (fault.kind == "kill_in_step") {
    env.die_in_steps(count, Death::kKill);
  } else if (fault.kind == "kill_in_call") {
    disk_.cut_after(count, [&env] { env.die(Death::kKill); });
  } else if (fault.kind == "power_cut") {
    env.die(Death::kPowerCut);
  } else if (fault.kind == "power_cut_in_call") {
    disk_.cut_after(count, [&env] { env.die(Death::kPowerCut); });
  }
}

void FaultPlan::fill_disk() {
  disk_.set_capacity(disk_.used() + random_.below(300'000));
  disk_is_full_ = true;
  disk_heals_ = model_.world.now() + Millis(random_.between(500, 8'000));
}

void FaultPlan::fail_calls(const Scenario::Fault& fault, bool syncs_only) {
  auto left = random_.between(1, fault.calls_max);
  disk_.set_fault([this, left, syncs_only](const env::fake::DiskCall& call) mutable {
    const bool counts = syncs_only ? call.kind == CallKind::kSync : call.changes();
    if (!counts || left < 0 || --left > 0) return 0;
    left = -1;
    disk_failed_ = true;
    sync_failed_ = sync_failed_ || call.kind == CallKind::kSync;
    return EIO;
  });
}

void FaultPlan::rot() {
  for (const std::string& path : disk_.files_below("data")) {
    if (!may_rot(path) || !random_.chance(300)) continue;
    const std::size_t size = disk_.content(path).size();
    if (size > 0)
      disk_.flip_bit(path, random_.below(size), static_cast<unsigned>(random_.below(8)));
  }
}

}  // namespace moldau::sim
