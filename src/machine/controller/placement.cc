// SPDX-License-Identifier: Apache-2.0
#include "machine/controller/placement.h"

#include <algorithm>
#include <map>

namespace moldau::controller {
namespace {

/// Brokers handed out in turn, each once in a round; every round begins one further on.
class Ring {
 public:
  void add(NodeId broker) { brokers_.push_back(broker); }
  void begin(Dice& dice) {
    if (brokers_.empty()) return;
    std::sort(brokers_.begin(), brokers_.end());
    start_ = dice.below(brokers_.size());
  }
  void shuffle(Dice& dice) { dice.shuffle(brokers_); }
  std::optional<NodeId> next(std::size_t round) {
    if (brokers_.empty()) return std::nullopt;
    if (round_ != round) {
      round_ = round;
      taken_ = 0;
      start_ = (start_ + 1) % brokers_.size();
    }
    if (taken_ >= brokers_.size()) return std::nullopt;
    return brokers_[(start_ + taken_++) % brokers_.size()];
  }

 private:
  std::vector<NodeId> brokers_;
  std::size_t round_ = 0;
  std::size_t taken_ = 0;
  std::size_t start_ = 0;
};

struct Rack {
  Ring unfenced;
  Ring fenced;
  std::optional<NodeId> next(std::size_t round) {
    auto broker = unfenced.next(round);
    return broker ? broker : fenced.next(round);
  }
};

class Racks {
 public:
  Racks(const std::vector<UsableBroker>& brokers, Dice& dice) : dice_(dice) {
    // Sorted by name, brokers without a rack first.
    std::map<std::optional<std::string>, Rack> by_name;
    for (const UsableBroker& broker : brokers) {
      Rack& rack = by_name[broker.rack];
      (broker.fenced ? rack.fenced : rack.unfenced).add(broker.id);
      if (!broker.fenced) ++unfenced_;
    }
    for (auto& [name, rack] : by_name) {
      rack.fenced.begin(dice);
      rack.unfenced.begin(dice);
      racks_.push_back(std::move(rack));
    }
    if (!racks_.empty()) offset_ = dice.below(racks_.size());
  }

  std::size_t unfenced() const { return unfenced_; }

  /// There are at least `factor` brokers, and one of them is unfenced.
  std::vector<NodeId> place(std::size_t factor) {
    // After as many partitions as there are leaders to be, mix anew, lest the pattern repeat.
    if (since_mixed_ == unfenced_ && unfenced_ > 1) {
      dice_.shuffle(racks_);
      for (Rack& rack : racks_) {
        rack.fenced.shuffle(dice_);
        rack.unfenced.shuffle(dice_);
      }
      since_mixed_ = 0;
    }
    if (offset_ == racks_.size()) offset_ = 0;
    std::vector<NodeId> replicas;
    std::size_t leader_rack = offset_;
    for (;; leader_rack = (leader_rack + 1) % racks_.size()) {
      if (auto broker = racks_[leader_rack].unfenced.next(round_)) {
        replicas.push_back(*broker);
        break;
      }
    }
    // The leader's rack has given one already: it is passed over once.
    bool passed_over = false;
    std::size_t rack = offset_;
    while (replicas.size() < factor) {
      if (rack == leader_rack && !passed_over) {
        passed_over = true;
      } else if (auto broker = racks_[rack].next(round_)) {
        replicas.push_back(*broker);
      }
      rack = (rack + 1) % racks_.size();
    }
    // Rounds are never counted anew: a ring left alone for some rounds must still start full.
    ++round_;
    ++since_mixed_;
    ++offset_;
    return replicas;
  }

 private:
  Dice& dice_;
  std::vector<Rack> racks_;
  std::size_t unfenced_ = 0;
  std::size_t round_ = 0;
  std::size_t since_mixed_ = 0;
  std::size_t offset_ = 0;
};

}  // namespace

Result<std::vector<std::vector<NodeId>>> place_replicas(const std::vector<UsableBroker>& brokers,
                                                        std::int32_t partitions,
                                                        std::int32_t replication_factor,
                                                        Dice& dice) {
  if (replication_factor <= 0) {
    return Error(ErrorCode::kInvalidReplicationFactor,
                 "Invalid replication factor " + std::to_string(replication_factor) +
                     ": the replication factor must be positive.");
  }
  Racks racks(brokers, dice);
  if (racks.unfenced() == 0) {
    return Error(ErrorCode::kInvalidReplicationFactor, "All brokers are currently fenced.");
  }
  const auto factor = static_cast<std::size_t>(replication_factor);
  if (factor > brokers.size()) {
    return Error(ErrorCode::kInvalidReplicationFactor,
                 "The target replication factor of " + std::to_string(replication_factor) +
                     " cannot be reached because only " + std::to_string(brokers.size()) +
                     " broker(s) are registered or some brokers have all their log directories "
                     "cordoned.");
  }
  std::vector<std::vector<NodeId>> placed;
  placed.reserve(static_cast<std::size_t>(std::max(partitions, 0)));
  for (std::int32_t p = 0; p < partitions; ++p) placed.push_back(racks.place(factor));
  return placed;
}

}  // namespace moldau::controller
