// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "sim/invariant.h"

namespace moldau::sim {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

/// A committed offset is one that somebody set, and nobody has set another one since, or deleted
/// it; it goes away by itself no sooner than its retention is over, and then for good. A request
/// without an answer may be done at any time until the node dies.
/// Thread   one thread.
/// Bounds   about kKept requests for an offset.
class OffsetsNeverGoBack final : public Invariant {
 public:
  std::string_view name() const override { return "OffsetsNeverGoBack"; }
  Finding on_offset_committed(const OffsetCommitted& commit) override {
    now_ = std::max(now_, commit.now);
    auto& requests = requests_[commit.where];
    if (commit.outcome == OffsetCommitted::Outcome::kSent) {
      requests[commit.id] = {commit.offset, commit.now, kNever, false, commit.sent_at};
    } else if (commit.outcome == OffsetCommitted::Outcome::kRefused) {
      requests.erase(commit.id);
    } else if (const auto found = requests.find(commit.id); found != requests.end()) {
      found->second.answered = commit.now;
      found->second.is_done = true;
      is_set_.insert(commit.where);
    }
    if (requests.size() > kKept) forget_some(requests);
    return {};
  }
  Finding on_offset_fetched(const OffsetFetched& fetched) override {
    now_ = std::max(now_, fetched.now);
    const auto found = requests_.find(fetched.where);
    if (found == requests_.end()) return {};
    std::string newest = "none";
    // Who was answered before this was asked, the one that began last.
    std::uint64_t begun = 0;
    for (const auto& [id, request] : found->second) {
      if (!request.is_done || request.answered >= fetched.asked || request.sent < begun) continue;
      begun = request.sent;
      newest = std::to_string(request.offset);
    }
    const bool fits =
        std::any_of(found->second.begin(), found->second.end(), [&](const auto& item) {
          return item.second.offset == fetched.offset && item.second.answered >= begun;
        });
    if (fits || (fetched.offset < 0 && begun == 0 && !is_set_.contains(fetched.where))) return {};
    if (may_have_expired(found->second, begun, fetched)) {
      // As if somebody had deleted it.
      found->second[kExpiries + ++expiries_] = {-1, fetched.asked, fetched.now, true, fetched.at};
      return {};
    }
    return fetched.where.text() + " is " + std::to_string(fetched.offset) +
           ", the last one set was " + newest;
  }
  Finding on_death(DeathKind) override {
    for (auto& [where, requests] : requests_)
      for (auto& [id, request] : requests)
        if (request.answered == kNever) request.answered = now_;
    return {};
  }

 private:
  static constexpr std::size_t kKept = 400;
  /// Behind the ids of requests.
  static constexpr std::uint64_t kExpiries = std::uint64_t{1} << 62;
  struct Request {
    std::int64_t offset = -1;
    std::uint64_t sent = 0;
    /// Or when the node died that had it.
    std::uint64_t answered = kNever;
    bool is_done = false;
    MonoTime sent_at;
  };
  /// Whether what is gone can have been there for as long as it must.
  static bool may_have_expired(const std::map<std::uint64_t, Request>& requests,
                               std::uint64_t begun, const OffsetFetched& fetched) {
    if (fetched.offset >= 0 || fetched.retention == Millis(0)) return false;
    return std::any_of(requests.begin(), requests.end(), [&](const auto& item) {
      return item.second.answered >= begun && item.second.offset >= 0 &&
             fetched.at >= item.second.sent_at + fetched.retention;
    });
  }
  static void forget_some(std::map<std::uint64_t, Request>& requests) {
    auto until = requests.begin();
    std::advance(until, requests.size() / 2);
    for (auto it = requests.begin(); it != until;)
      it = it->second.answered != kNever ? requests.erase(it) : std::next(it);
  }
  std::map<GroupPartition, std::map<std::uint64_t, Request>> requests_;
  std::set<GroupPartition> is_set_;
  std::uint64_t expiries_ = 0;
  std::uint64_t now_ = 0;
};

/// Groups that may be deleted at this moment, or have been: one of that name begins anew.
/// Thread   one thread.
class Deletions {
 public:
  /// True if what was known of the group's epochs may be of another one.
  bool see(const GroupDeletion& deletion) {
    using enum GroupDeletion::Outcome;
    if (deletion.outcome == kSent) {
      open_.insert(deletion.group);
      return false;
    }
    if (deletion.outcome == kUnknown) {
      unknown_.insert(deletion.group);
      return true;
    }
    open_.erase(deletion.group);
    return unknown_.erase(deletion.group) > 0 || deletion.outcome == kDone;
  }
  bool are_open(const std::string& group) const { return open_.contains(group); }

 private:
  std::set<std::string> open_;
  /// Until another one is answered.
  std::set<std::string> unknown_;
};

std::set<std::string> split(const std::string& partitions) {
  std::set<std::string> out;
  for (std::size_t from = 0; from < partitions.size();) {
    const std::size_t comma = std::min(partitions.find(',', from), partitions.size());
    out.insert(partitions.substr(from, comma - from));
    from = comma + 1;
  }
  return out;
}

/// In a generation a partition has one owner, and every member what its leader gave it.
/// Thread   one thread.
class OneOwnerPerGeneration final : public Invariant {
 public:
  std::string_view name() const override { return "OneOwnerPerGeneration"; }
  Finding on_assignment(const Assignment& assignment) override {
    Generation& generation = generations_[{assignment.group, assignment.generation}];
    const std::string who = assignment.group + " generation " +
                            std::to_string(assignment.generation) + " " + assignment.member;
    if (assignment.by_leader) {
      generation.given[assignment.member].insert(assignment.partitions);
      return {};
    }
    const auto given = generation.given.find(assignment.member);
    const bool was_given = given == generation.given.end()
                               ? assignment.partitions.empty()
                               : given->second.contains(assignment.partitions);
    if (!was_given) return who + " has " + assignment.partitions + ", its leader gave others";
    for (const std::string& partition : split(assignment.partitions)) {
      const auto [owner, is_new] = generation.owners.try_emplace(partition, assignment.member);
      if (owner->second != assignment.member)
        return who + " has " + partition + ", as " + owner->second + " has";
    }
    return {};
  }

 private:
  struct Generation {
    std::map<std::string, std::set<std::string>> given;
    std::map<std::string, std::string> owners;
  };
  std::map<std::pair<std::string, std::int32_t>, Generation> generations_;
};

/// A member of a generation that is over commits nothing.
/// Thread   one thread.
class NoCommitOfAnOldGeneration final : public Invariant {
 public:
  std::string_view name() const override { return "NoCommitOfAnOldGeneration"; }
  Finding on_assignment(const Assignment& assignment) override {
    if (assignment.by_leader) return {};
    std::int32_t& newest = newest_.try_emplace(assignment.group, 0).first->second;
    newest = std::max(newest, assignment.generation);
    return {};
  }
  Finding on_offset_committed(const OffsetCommitted& commit) override {
    if (commit.generation < 0) return {};
    if (commit.outcome == OffsetCommitted::Outcome::kSent) {
      const auto newest = newest_.find(commit.where.group);
      if (newest != newest_.end() && newest->second > commit.generation)
        too_late_.insert(commit.id);
      return {};
    }
    const bool late = too_late_.erase(commit.id) > 0;
    if (!late || commit.outcome != OffsetCommitted::Outcome::kDone) return {};
    return commit.where.text() + " was set to " + std::to_string(commit.offset) +
           " in generation " + std::to_string(commit.generation) + ", while it is " +
           std::to_string(newest_[commit.where.group]);
  }

 private:
  std::map<std::string, std::int32_t> newest_;
  std::set<std::uint64_t> too_late_;
};

/// A partition is given to a member only when whoever had it has given it back, or may have been
/// fenced, and with a later epoch.
/// Thread   one thread.
class OneOwnerAtATime final : public Invariant {
 public:
  std::string_view name() const override { return "OneOwnerAtATime"; }
  Finding on_owned(const Owned& owned) override {
    auto& partitions = groups_[owned.group];
    const auto who = [&](const std::string& partition) {
      return owned.member + " of " + owned.group + " was given " + partition + " in epoch " +
             std::to_string(owned.epoch);
    };
    for (auto& [name, state] : partitions)
      if (!owned.partitions.contains(name)) state.owners.erase(owned.member);
    for (const std::string& name : owned.partitions) {
      Partition& state = partitions[name];
      if (owned.gained.contains(name) && owned.now < owned.until) {
        for (const auto& [other, until] : state.owners)
          if (other != owned.member && until > owned.now)
            return who(name) + ", which " + other + " still has";
        if (state.last_owner != owned.member && owned.epoch <= state.epoch &&
            !deletions_.are_open(owned.group))
          return who(name) + ", which " + state.last_owner + " had in epoch " +
                 std::to_string(state.epoch);
        state.last_owner = owned.member;
        state.epoch = owned.epoch;
      }
      state.owners[owned.member] = owned.until;
    }
    return {};
  }
  Finding on_group_deletion(const GroupDeletion& deletion) override {
    if (deletions_.see(deletion))
      for (auto& [name, state] : groups_[deletion.group]) state.epoch = -1;
    return {};
  }

 private:
  struct Partition {
    std::map<std::string, MonoTime> owners;
    std::string last_owner;
    std::int32_t epoch = -1;
  };
  std::map<std::string, std::map<std::string, Partition>> groups_;
  Deletions deletions_;
};

/// A group is not deleted while a member is in it that owns something, nor an offset of a
/// topic that it keeps reading.
/// Thread   one thread.
class GroupsInUseStay final : public Invariant {
 public:
  std::string_view name() const override { return "GroupsInUseStay"; }
  Finding on_owned(const Owned& owned) override {
    auto& members = groups_[owned.group];
    if (owned.partitions.empty()) {
      members.erase(owned.member);
      return {};
    }
    Member& member = members.try_emplace(owned.member, Member{owned.now, {}, {}, {}}).first->second;
    member.topic = owned.topic;
    member.until = owned.until;
    std::erase_if(member.partitions,
                  [&](const auto& one) { return !owned.partitions.contains(one.first); });
    for (const std::string& name : owned.partitions) member.partitions.emplace(name, owned.now);
    return {};
  }
  Finding on_group_deletion(const GroupDeletion& deletion) override {
    if (deletion.outcome != GroupDeletion::Outcome::kDone) return {};
    for (const auto& [name, member] : groups_[deletion.group])
      if (member.since < deletion.asked && member.until > deletion.now)
        return deletion.group + " was deleted, while " + name + " was in it";
    return {};
  }
  Finding on_offset_committed(const OffsetCommitted& commit) override {
    if (commit.offset >= 0 || commit.outcome != OffsetCommitted::Outcome::kDone) return {};
    const auto& where = commit.where;
    for (const auto& [name, member] : groups_[where.group]) {
      const auto owned =
          member.partitions.find(where.topic + "-" + std::to_string(where.partition));
      if (member.topic == where.topic && owned != member.partitions.end() &&
          owned->second < commit.sent_at && member.until > commit.done_at)
        return where.text() + " was deleted, while " + name + " had it";
    }
    return {};
  }

 private:
  struct Member {
    MonoTime since;
    MonoTime until;
    std::string topic;
    /// Since when it has them.
    std::map<std::string, MonoTime> partitions;
  };
  std::map<std::string, std::map<std::string, Member>> groups_;
};

/// Nobody commits for a partition that was given to another one since.
/// Thread   one thread.
class NoCommitOfAFormerOwner final : public Invariant {
 public:
  std::string_view name() const override { return "NoCommitOfAFormerOwner"; }
  Finding on_owned(const Owned& owned) override {
    if (owned.now >= owned.until) return {};
    for (const std::string& name : owned.gained) owners_[{owned.group, name}] = owned.member;
    return {};
  }
  Finding on_offset_committed(const OffsetCommitted& commit) override {
    if (commit.owner.empty()) return {};
    const auto& where = commit.where;
    const auto owner =
        owners_.find({where.group, where.topic + "-" + std::to_string(where.partition)});
    if (commit.outcome == OffsetCommitted::Outcome::kSent) {
      if (owner != owners_.end() && owner->second != commit.owner) too_late_.insert(commit.id);
      return {};
    }
    if (too_late_.erase(commit.id) == 0 || commit.outcome != OffsetCommitted::Outcome::kDone)
      return {};
    return where.text() + " was set by " + commit.owner + ", but belongs to another one";
  }

 private:
  std::map<std::pair<std::string, std::string>, std::string> owners_;
  std::set<std::uint64_t> too_late_;
};

/// What a member was told of its epoch and of what it owns.
/// Thread   one thread.
class EpochsNeverGoBack final : public Invariant {
 public:
  std::string_view name() const override { return "EpochsNeverGoBack"; }
  Finding on_owned(const Owned& owned) override {
    if (owned.epoch <= 0 || owned.now >= owned.until) return {};
    std::int32_t& last = epochs_.try_emplace({owned.group, owned.member}, 0).first->second;
    if (owned.epoch < last && !deletions_.are_open(owned.group))
      return owned.member + " of " + owned.group + " is in epoch " + std::to_string(owned.epoch) +
             ", it was in " + std::to_string(last);
    last = owned.epoch;
    return {};
  }
  Finding on_group_deletion(const GroupDeletion& deletion) override {
    if (deletions_.see(deletion))
      std::erase_if(epochs_, [&](const auto& one) { return one.first.first == deletion.group; });
    return {};
  }

 private:
  std::map<std::pair<std::string, std::string>, std::int32_t> epochs_;
  Deletions deletions_;
};

}  // namespace

void add_group_invariants(Invariants& all) {
  all.push_back(std::make_unique<OffsetsNeverGoBack>());
  all.push_back(std::make_unique<OneOwnerPerGeneration>());
  all.push_back(std::make_unique<NoCommitOfAnOldGeneration>());
  all.push_back(std::make_unique<OneOwnerAtATime>());
  all.push_back(std::make_unique<GroupsInUseStay>());
  all.push_back(std::make_unique<NoCommitOfAFormerOwner>());
  all.push_back(std::make_unique<EpochsNeverGoBack>());
}

}  // namespace moldau::sim
