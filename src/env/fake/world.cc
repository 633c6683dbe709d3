// SPDX-License-Identifier: Apache-2.0
#include "env/fake/world.h"

#include <algorithm>
#include <utility>

#include "env/fake/network.h"

namespace moldau::env::fake {
namespace {

constexpr std::int64_t kWallAtStart = 1'767'225'600'000;  // 2026-01-01

}  // namespace

World::World(std::uint64_t seed)
    : random_(seed), ties_(random_.fork()), network_(std::make_unique<Network>(*this)) {}

World::~World() {
  // Destroying an event may schedule another.
  for (int round = 0; round < 8 && !queue_.empty(); ++round) std::exchange(queue_, {}).clear();
}

Timestamp World::wall() const {
  return Timestamp(kWallAtStart + now_.value() / 1'000'000);
}

void World::at(MonoTime when, Callback event) {
  queue_.push_back({std::max(when, now_), ties_.next(), std::move(event)});
  std::push_heap(queue_.begin(), queue_.end(), Later());
}

bool World::step() {
  if (queue_.empty()) return false;
  std::pop_heap(queue_.begin(), queue_.end(), Later());
  Event event = std::move(queue_.back());
  queue_.pop_back();
  now_ = event.when;
  ++events_;
  trace_.add(static_cast<std::uint64_t>(now_.value()));
  event.run();
  return true;
}

void World::run_until(MonoTime end) {
  while (!queue_.empty() && queue_.front().when <= end) step();
  now_ = std::max(now_, end);
}

}  // namespace moldau::env::fake
