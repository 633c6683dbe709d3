// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>
#include <string>
#include <utility>

#include "sim/invariant.h"

namespace moldau::sim {
namespace {

using Where = std::pair<std::string, PartitionKey>;

std::string text_of(const ShareStep& step, Offset offset) {
  return step.member + " of " + step.group + " was given " + std::to_string(offset.value()) +
         " of " + step.partition.text();
}

/// What is accepted or rejected is not delivered to who asks afterwards.
/// Thread   one thread.
class DoneIsNotDeliveredAgain final : public Invariant {
 public:
  std::string_view name() const override { return "DoneIsNotDeliveredAgain"; }
  Finding on_share(const ShareStep& step) override {
    auto& done = done_[{step.group, step.partition}];
    for (Offset o = step.first; o <= step.last; ++o) {
      if (step.kind == ShareStep::Kind::kDone) done.emplace(o, step.answered);
      if (step.kind != ShareStep::Kind::kAcquired) continue;
      const auto at = done.find(o);
      if (at != done.end() && at->second < step.asked)
        return text_of(step, o) + ", which was acknowledged before";
    }
    return {};
  }

 private:
  std::map<Where, std::map<Offset, std::uint64_t>> done_;
};

/// Until its lock runs out, or it lets go, a record is with one member, and nobody else can
/// acknowledge it.
/// Thread   one thread.
class OneHolderAtATime final : public Invariant {
 public:
  std::string_view name() const override { return "OneHolderAtATime"; }
  Finding on_share(const ShareStep& step) override {
    auto& holders = holders_[{step.group, step.partition}];
    for (Offset o = step.first; o <= step.last; ++o) {
      const auto at = holders.find(o);
      const bool takes =
          step.kind == ShareStep::Kind::kAcquired || step.kind == ShareStep::Kind::kRenewed;
      if (!takes) {
        if (at == holders.end()) continue;
        const Holder& holder = at->second;
        const bool is_stolen = step.kind == ShareStep::Kind::kDone &&
                               holder.member != step.member && holder.since < step.sent &&
                               holder.until > step.now;
        if (is_stolen)
          return step.member + " of " + step.group + " could acknowledge " +
                 std::to_string(o.value()) + " of " + step.partition.text() + ", which " +
                 holder.member + " holds";
        if (holder.member == step.member) holders.erase(at);
        continue;
      }
      if (step.now >= step.until) continue;
      if (at != holders.end() && at->second.member != step.member && at->second.until > step.now)
        return text_of(step, o) + ", which " + at->second.member + " holds";
      holders.insert_or_assign(o, Holder{step.member, step.now, step.until});
    }
    return {};
  }
  /// Who holds what is not stored.
  Finding on_death(DeathKind) override {
    holders_.clear();
    return {};
  }

 private:
  struct Holder {
    std::string member;
    MonoTime since;
    MonoTime until;
  };
  std::map<Where, std::map<Offset, Holder>> holders_;
};

/// Nobody can acknowledge or renew what is locked for it no more. What is behind all deliveries, or
/// was done by somebody else meanwhile, is let pass, as by Apache Kafka.
/// Thread   one thread.
class LocksRunOut final : public Invariant {
 public:
  std::string_view name() const override { return "LocksRunOut"; }
  Finding on_share(const ShareStep& step) override {
    auto& last = last_[{step.group, step.partition}];
    const bool asks = step.kind == ShareStep::Kind::kDone || step.kind == ShareStep::Kind::kRenewed;
    for (Offset o = step.first; o <= step.last; ++o) {
      if (step.kind == ShareStep::Kind::kAcquired)
        last.insert_or_assign(o, std::pair(step.member, step.delivery_count));
      if (!asks || step.sent <= step.ends) continue;
      const auto at = last.find(o);
      if (at == last.end() || at->second.first != step.member) continue;
      // One more delivery could be the last one, and on its way.
      if (at->second.second + 2 > step.delivery_limit) continue;
      return step.member + " of " + step.group + " still had " + std::to_string(o.value()) +
             " of " + step.partition.text() + " when its lock was over";
    }
    return {};
  }
  Finding on_death(DeathKind) override {
    last_.clear();
    return {};
  }

 private:
  /// Who got it last, and how often it had been delivered then.
  std::map<Where, std::map<Offset, std::pair<std::string, std::int16_t>>> last_;
};

/// No record is delivered more often than the group allows.
/// Thread   one thread.
class DeliveriesAreLimited final : public Invariant {
 public:
  std::string_view name() const override { return "DeliveriesAreLimited"; }
  Finding on_share(const ShareStep& step) override {
    if (step.kind != ShareStep::Kind::kAcquired) return {};
    if (step.delivery_count >= 1 && step.delivery_count <= step.delivery_limit) return {};
    return text_of(step, step.first) + " for the " + std::to_string(step.delivery_count) +
           "th time";
  }
};

}  // namespace

void add_share_invariants(Invariants& all) {
  all.push_back(std::make_unique<DoneIsNotDeliveredAgain>());
  all.push_back(std::make_unique<OneHolderAtATime>());
  all.push_back(std::make_unique<LocksRunOut>());
  all.push_back(std::make_unique<DeliveriesAreLimited>());
}

}  // namespace moldau::sim
