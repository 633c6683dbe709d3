// SPDX-License-Identifier: Apache-2.0
#include "sim/epoch_member.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sim/group_offsets.h"
#include "wire/fetch_response.h"
#include "wire/offset_commit_response.h"
#include "wire/offset_fetch_response.h"

namespace moldau::sim {
namespace {

constexpr std::int32_t kLeaveEpoch = -1;
constexpr std::int32_t kLeaveStaticEpoch = -2;
/// Longer than anything stays on its way: pauses of the node included.
constexpr Millis kOnItsWay{15'000};
constexpr std::int16_t kOffsetsVersion = 9;

std::string text_of(const std::pair<std::string, std::int32_t>& partition) {
  return partition.first + "-" + std::to_string(partition.second);
}

}  // namespace

EpochMember::EpochMember(Model& model, env::fake::FakeShard& shard, EpochMemberOptions options)
    : CallingClient(model, shard), options_(std::move(options)) {
  begin_anew(true);
}

std::string EpochMember::waits_for() const {
  return "member " + own_name() + " of " + options_.group + " is in epoch " +
         std::to_string(epoch_) + (busy() ? ", waits for an answer" : "") +
         (must_answer_ ? ", has partitions to give back" : "") + ", the last error was " +
         std::string(error_name(last_error_));
}

void EpochMember::begin_anew(bool with_a_new_id) {
  owned_.clear();
  sure_.clear();
  if (!member_id_.empty()) tell({});
  if (with_a_new_id) member_id_ = options_.name + "." + std::to_string(++incarnation_);
  epoch_ = 0;
  told_.reset();
  must_answer_ = false;
  positions_.clear();
  committed_.clear();
  former_.clear();
  heartbeat_at_ = shard_.now();
}

void EpochMember::say_all() {
  told_.reset();
  heartbeat_at_ = std::min(heartbeat_at_, shard_.now());
}

void EpochMember::lost() {
  // It is not known what the coordinator makes of the last heartbeat: all of it is said again.
  say_all();
}

bool EpochMember::is_loose(const Partition& partition) const {
  return std::any_of(unanswered_.begin(), unanswered_.end(),
                     [&](const auto& one) { return !one.second.contains(partition); });
}

void EpochMember::tell(const Partitions& gained) {
  Owned told;
  told.group = options_.group;
  told.member = own_name();
  told.epoch = epoch_;
  if (!sure_.empty()) told.topic = topic();
  for (const Partition& one : sure_) told.partitions.insert(text_of(one));
  for (const Partition& one : gained)
    if (sure_.contains(one)) told.gained.insert(text_of(one));
  told.now = shard_.now();
  told.until = alive_at_ + Millis(options_.session_timeout_ms);
  if (unsettled_since_)
    told.until = std::min(told.until, *unsettled_since_ + Millis(options_.rebalance_timeout_ms));
  model_.checks.tell(&Invariant::on_owned, told);
}

void EpochMember::work() {
  if (busy() || !has_topics() || shard_.now() < away_until_) return;
  if (!has_coordinators()) return find_coordinator(options_.group, false);
  if (!model_.draining) {
    if (random_.chance(2)) {
      begin_anew(true);
      away_until_ = shard_.now() + Millis(random_.between(1, 500));
      return;
    }
    // Longer than its session, so that it wakes up fenced.
    if (random_.chance(3)) {
      away_until_ = shard_.now() + Millis(random_.between(100, options_.session_timeout_ms * 2));
      return;
    }
    if (epoch_ > 0 && random_.chance(3)) {
      owned_.clear();
      sure_.clear();
      tell({});
      const bool for_good = options_.instance.empty() || random_.chance(300);
      return leave(for_good ? kLeaveEpoch : kLeaveStaticEpoch);
    }
    change_its_mind();
  }
  if (epoch_ <= 0 || must_answer_ || shard_.now() >= heartbeat_at_) return heartbeat();
  if (!former_.empty() && !model_.draining && random_.chance(40)) return commit_late();
  Partitions readable;
  for (const Partition& one : owned_)
    if (reads(one)) readable.insert(one);
  for (const Partition& one : readable)
    if (!positions_.contains(one)) return fetch_position(one);
  if (readable.empty() || model_.draining) return;
  auto pick = readable.begin();
  std::advance(pick, random_.below(readable.size()));
  if (positions_[*pick] > committed_[*pick] && random_.chance(400)) return commit(*pick);
  fetch(*pick);
}

void EpochMember::heartbeat_leaves(bool names_all) {
  const MonoTime now = shard_.now();
  // What a node had not read dies with it.
  if (std::exchange(life_, model_.lives_ended) != model_.lives_ended) unanswered_.clear();
  std::erase_if(unanswered_, [&](const auto& one) { return one.first + kOnItsWay < now; });
  if (names_all) {
    told_ = owned_;
    unanswered_.emplace_back(now, owned_);
    std::erase_if(sure_, [this](const auto& one) { return !owned_.contains(one); });
  }
  if (!unsettled_since_) unsettled_since_ = now;
  must_answer_ = false;
  if (epoch_ > 0) tell({});
  heartbeat_at_ = now + Millis(options_.session_timeout_ms / 4);
}

void EpochMember::heartbeat_answered(MonoTime sent, bool names_all, ErrorCode code,
                                     std::int32_t epoch, std::optional<Partitions> now) {
  if (names_all) std::erase_if(unanswered_, [&](const auto& one) { return one.first == sent; });
  if (code != ErrorCode::kNone) {
    told_.reset();
    return judge(code);
  }
  alive_at_ = sent;
  const std::int32_t before = epoch_;
  const bool joined = epoch_ <= 0;
  epoch_ = epoch;
  if (joined) ++model_.assignments;
  if (epoch_ <= 0) {
    return model_.checks.fail(
        "Protocol", options_.group + " " + own_name() + " got epoch " + std::to_string(epoch_));
  }
  reconcile(std::move(now), before);
}

void EpochMember::reconcile(std::optional<Partitions> now, std::int32_t before) {
  Partitions gained;
  bool gives_back = false;
  if (now) {
    std::set_difference(now->begin(), now->end(), owned_.begin(), owned_.end(),
                        std::inserter(gained, gained.end()));
    gives_back = !std::includes(now->begin(), now->end(), owned_.begin(), owned_.end());
    must_answer_ = *now != owned_;
    for (const auto& [partition, position] : positions_)
      if (!now->contains(partition)) former_[partition] = {position, before};
    for (const Partition& one : *now) former_.erase(one);
    owned_ = std::move(*now);
    std::erase_if(positions_, [this](const auto& one) { return !owned_.contains(one.first); });
    std::erase_if(committed_, [this](const auto& one) { return !owned_.contains(one.first); });
  }
  // It works on what it was asked for no more, but has it until it says so.
  if (!gives_back) unsettled_since_.reset();
  const bool in_time = shard_.now() < alive_at_ + Millis(options_.session_timeout_ms);
  for (const Partition& one : gained)
    if (in_time && !is_loose(one)) sure_.insert(one);
  tell(gained);
}

void EpochMember::has_left(ErrorCode code, std::int32_t epoch) {
  if (code == ErrorCode::kNone && epoch == kLeaveEpoch) gone_.insert(member_id_);
  begin_anew(true);
  away_until_ = shard_.now() + Millis(random_.between(1, 1'000));
}

void EpochMember::fetch_position(const Partition& partition) {
  const GroupPartition where{options_.group, partition.first, partition.second};
  wire::OffsetFetchRequest request = ask_for(where, kOffsetsVersion);
  if (random_.chance(500)) {
    request.groups.at(0).member_id = std::string_view(member_id_);
    request.groups.at(0).member_epoch = epoch_;
  }
  ask<wire::OffsetFetchResponse>(
      request, kOffsetsVersion,
      [this, where, partition,
       asked = model_.world.events()](const wire::OffsetFetchResponse& answer) {
        const FoundOffset found = only_offset(answer, kOffsetsVersion);
        if (found.error != ErrorCode::kNone) return judge(found.error);
        const OffsetFetched fetched{where, found.offset, asked, model_.world.events()};
        model_.checks.tell(&Invariant::on_offset_fetched, fetched);
        positions_[partition] = std::max<std::int64_t>(found.offset, 0);
        committed_[partition] = positions_[partition];
      });
}

void EpochMember::fetch(const Partition& partition) {
  ask<wire::FetchResponse>(
      read_from(partition.first, partition.second, Offset(positions_[partition])), kFetchVersion,
      [this, partition](const wire::FetchResponse& answer) {
        if (!positions_.contains(partition)) return;
        positions_[partition] = std::max(positions_[partition], end_of(answer, model_));
      });
}

void EpochMember::commit(const Partition& partition) {
  OffsetCommitted told;
  told.where = {options_.group, partition.first, partition.second};
  told.offset = positions_[partition];
  if (sure_.contains(partition)) told.owner = own_name();
  send_commit(std::move(told), epoch_);
}

void EpochMember::commit_late() {
  auto pick = former_.begin();
  std::advance(pick, random_.below(former_.size()));
  const auto [partition, had] = *pick;
  former_.erase(pick);
  // Who is still in that epoch may commit for all.
  if (had.second <= 0 || had.second >= epoch_) return;
  OffsetCommitted told;
  told.where = {options_.group, partition.first, partition.second};
  told.offset = had.first;
  told.owner = own_name();
  send_commit(std::move(told), had.second);
}

void EpochMember::send_commit(OffsetCommitted told, std::int32_t epoch) {
  wire::OffsetCommitRequest request = set_to(told.where, Offset(told.offset));
  request.member_id = std::string_view(member_id_);
  request.generation_id_or_member_epoch = epoch;
  request.group_instance_id = instance();
  told.id = ++model_.offset_commits;
  told.now = model_.world.events();
  model_.checks.tell(&Invariant::on_offset_committed, told);
  // Nobody is told of it: the coordinator knows no such member any more, and must refuse it.
  const auto is_over = [this, id = member_id_] { return gone_.contains(id); };
  if (random_.chance(100))
    send_late(request, kOffsetsVersion, Millis(random_.between(100, 4'000)), is_over);
  ask<wire::OffsetCommitResponse>(
      request, kOffsetsVersion, [this, told](const wire::OffsetCommitResponse& answer) mutable {
        const auto code = error_from_wire(answer.topics.at(0).partitions.at(0).error_code);
        told.now = model_.world.events();
        if (code == ErrorCode::kNone) told.outcome = OffsetCommitted::Outcome::kDone;
        if (is_refusal(code)) told.outcome = OffsetCommitted::Outcome::kRefused;
        if (told.outcome != OffsetCommitted::Outcome::kSent)
          model_.checks.tell(&Invariant::on_offset_committed, told);
        if (code != ErrorCode::kNone) return judge(code);
        const auto committed = committed_.find({told.where.topic, told.where.partition});
        if (committed != committed_.end()) committed->second = told.offset;
        ++model_.acked;
      });
}

void EpochMember::judge(ErrorCode code) {
  last_error_ = code;
  switch (code) {
    case ErrorCode::kUnknownMemberId:
      gone_.insert(member_id_);
      return begin_anew(true);
    case ErrorCode::kFencedMemberEpoch:
    case ErrorCode::kFencedInstanceId:
    case ErrorCode::kGroupIdNotFound:
      return begin_anew(!options_.instance.empty());
    case ErrorCode::kStaleMemberEpoch:
      heartbeat_at_ = shard_.now();
      return;
    case ErrorCode::kUnreleasedInstanceId:
      away_until_ = shard_.now() + Millis(random_.between(50, 300));
      return;
    default:
      break;
  }
  if (is_retriable(code)) {
    away_until_ = shard_.now() + Millis(random_.between(1, 100));
    return;
  }
  model_.checks.fail("GoodRequestsAreTaken",
                     options_.group + " " + own_name() + " got " + std::string(error_name(code)));
}

}  // namespace moldau::sim
