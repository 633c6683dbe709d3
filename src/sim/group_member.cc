// SPDX-License-Identifier: Apache-2.0
#include "sim/group_member.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "sim/group_offsets.h"
#include "wire/heartbeat_request.h"
#include "wire/heartbeat_response.h"
#include "wire/join_group_request.h"
#include "wire/leave_group_request.h"
#include "wire/leave_group_response.h"
#include "wire/offset_commit_response.h"
#include "wire/sync_group_request.h"

namespace moldau::sim {
namespace {

/// Version 0 of the consumer protocol: topics, no user data.
std::string subscription_to(const std::string& topic) {
  std::string out("\0\0\0\0\0\1\0", 7);
  out += static_cast<char>(topic.size());
  out += topic;
  out += "\xff\xff\xff\xff";
  return out;
}

std::set<std::int32_t> numbers_in(const std::string& text) {
  std::set<std::int32_t> out;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    std::int32_t number = 0;
    std::from_chars(text.data() + from, text.data() + comma, number);
    out.insert(number);
    from = comma + 1;
  }
  return out;
}

}  // namespace

std::string GroupMember::waits_for() const {
  return "member " + own_name() + " of " + options_.group + " is in state " +
         std::to_string(static_cast<int>(state_)) + (busy() ? ", waits for an answer" : "") +
         ", the last error was " + std::string(error_name(last_error_));
}

void GroupMember::lost() {
  // Whoever joins is removed with its connection's request unanswered only when its session ends.
  if (state_ != State::kStable) state_ = State::kOutside;
}

void GroupMember::begin_anew() {
  state_ = State::kOutside;
  member_id_.clear();
  generation_ = -1;
  owned_.clear();
  positions_.clear();
}

void GroupMember::work() {
  if (busy() || !there(model_, options_.topic) || shard_.now() < away_until_) return;
  if (!has_coordinators()) return find_coordinator(options_.group, false);
  if (!model_.draining && !options_.is_steady) {
    if (random_.chance(2)) begin_anew();
    // Longer than its session, so that it wakes up in a generation that is over.
    if (random_.chance(4)) {
      away_until_ = shard_.now() + Millis(random_.between(100, options_.session_timeout_ms * 2));
      return;
    }
    if (state_ == State::kStable && random_.chance(4)) return leave();
  }
  switch (state_) {
    case State::kOutside:
      return join();
    case State::kJoined:
      return sync();
    case State::kStable:
      return serve();
  }
}

void GroupMember::join() {
  constexpr std::int16_t kVersions[] = {9, 7, 5};
  const std::int16_t version = kVersions[random_.below(3)];
  const std::string metadata = subscription_to(options_.topic);
  wire::JoinGroupRequest request;
  request.group_id = std::string_view(options_.group);
  request.session_timeout_ms = options_.session_timeout_ms;
  request.rebalance_timeout_ms = options_.rebalance_timeout_ms;
  request.member_id = std::string_view(member_id_);
  request.group_instance_id = instance();
  request.protocol_type = "consumer";
  auto& protocol = request.protocols.emplace_back();
  protocol.name = "range";
  protocol.metadata = wire::Bytes(as_view(metadata));
  ask<wire::JoinGroupResponse>(
      request, version, [this](const wire::JoinGroupResponse& answer) { on_joined(answer); });
}

void GroupMember::on_joined(const wire::JoinGroupResponse& answer) {
  const ErrorCode code = error_from_wire(answer.error_code);
  if (code == ErrorCode::kMemberIdRequired) {
    member_id_ = answer.member_id.str();
    return;
  }
  if (code != ErrorCode::kNone) return judge(code);
  member_id_ = answer.member_id.str();
  generation_ = answer.generation_id;
  given_.clear();
  if (answer.leader == answer.member_id && !answer.skip_assignment) assign(answer);
  state_ = State::kJoined;
}

void GroupMember::assign(const wire::JoinGroupResponse& answer) {
  if (answer.members.empty())
    return model_.checks.fail("Protocol", options_.group + " has a leader without members");
  const auto count = static_cast<std::uint64_t>(answer.members.size());
  std::uint64_t next = random_.below(count);
  for (std::int32_t p = 0; p < there(model_, options_.topic)->partitions; ++p) {
    std::string& to = given_[answer.members[next++ % count].member_id.str()];
    to += (to.empty() ? "" : ",") + std::to_string(p);
  }
  for (const auto& member : answer.members) {
    const bool is_static = !member.group_instance_id.is_null();
    const std::string name = is_static ? member.group_instance_id.str() : member.member_id.str();
    const Assignment given{options_.group, generation_,
                           name,           given_[member.member_id.str()],
                           true,           model_.world.events()};
    model_.checks.tell(&Invariant::on_assignment, given);
  }
}

void GroupMember::sync() {
  wire::SyncGroupRequest request;
  request.group_id = std::string_view(options_.group);
  request.generation_id = generation_;
  request.member_id = std::string_view(member_id_);
  request.group_instance_id = instance();
  request.protocol_type = "consumer";
  request.protocol_name = "range";
  for (const auto& [member, partitions] : given_) {
    auto& one = request.assignments.emplace_back();
    one.member_id = std::string_view(member);
    one.assignment = wire::Bytes(as_view(partitions));
  }
  const std::int16_t version = random_.chance(500) ? 5 : 3;
  // A copy of a generation that is over by then.
  const auto is_over = [this, then = generation_] { return is_behind(then); };
  if (random_.chance(200))
    send_late(request, version, Millis(random_.between(100, 4'000)), is_over);
  ask<wire::SyncGroupResponse>(
      request, version, [this](const wire::SyncGroupResponse& answer) { on_synced(answer); });
}

void GroupMember::on_synced(const wire::SyncGroupResponse& answer) {
  if (answer.error_code != 0) return judge(error_from_wire(answer.error_code));
  const Assignment mine{options_.group, generation_,
                        own_name(),     std::string(as_text(answer.assignment.view())),
                        false,          model_.world.events()};
  model_.checks.tell(&Invariant::on_assignment, mine);
  state_ = State::kStable;
  owned_ = numbers_in(mine.partitions);
  positions_.clear();
  committed_.clear();
  heartbeat_at_ = shard_.now() + Millis(options_.session_timeout_ms / 4);
  ++model_.assignments;
}

void GroupMember::serve() {
  if (shard_.now() >= heartbeat_at_) return heartbeat();
  if (positions_.size() < owned_.size()) return fetch_position();
  if (owned_.empty() || model_.draining) return;
  auto pick = owned_.begin();
  std::advance(pick, random_.below(owned_.size()));
  if (positions_[*pick] > committed_[*pick] && random_.chance(400)) return commit(*pick);
  fetch(*pick);
}

void GroupMember::heartbeat() {
  wire::HeartbeatRequest request;
  request.group_id = std::string_view(options_.group);
  request.generation_id = generation_;
  request.member_id = std::string_view(member_id_);
  request.group_instance_id = instance();
  ask<wire::HeartbeatResponse>(request, 4, [this](const wire::HeartbeatResponse& answer) {
    heartbeat_at_ = shard_.now() + Millis(options_.session_timeout_ms / 4);
    if (answer.error_code != 0) judge(error_from_wire(answer.error_code));
  });
}

void GroupMember::leave() {
  wire::LeaveGroupRequest request;
  request.group_id = std::string_view(options_.group);
  auto& one = request.members.emplace_back();
  one.member_id = std::string_view(member_id_);
  one.group_instance_id = instance();
  ask<wire::LeaveGroupResponse>(request, 5, [this](const wire::LeaveGroupResponse&) {
    begin_anew();
    away_until_ = shard_.now() + Millis(random_.between(1, 1'000));
  });
}

void GroupMember::fetch_position() {
  const auto next = std::find_if(owned_.begin(), owned_.end(),
                                 [this](std::int32_t p) { return !positions_.contains(p); });
  const std::int16_t version = random_.chance(500) ? 9 : 7;
  const GroupPartition where{options_.group, options_.topic, *next};
  ask<wire::OffsetFetchResponse>(
      ask_for(where, version), version,
      [this, where, version,
       asked = model_.world.events()](const wire::OffsetFetchResponse& answer) {
        const FoundOffset found = only_offset(answer, version);
        if (found.error != ErrorCode::kNone) return judge(found.error);
        const OffsetFetched fetched{where, found.offset, asked, model_.world.events()};
        model_.checks.tell(&Invariant::on_offset_fetched, fetched);
        positions_[where.partition] = std::max<std::int64_t>(found.offset, 0);
        committed_[where.partition] = positions_[where.partition];
      });
}

void GroupMember::fetch(std::int32_t partition) {
  ask<wire::FetchResponse>(read_from(options_.topic, partition, Offset(positions_[partition])),
                           kFetchVersion, [this, partition](const wire::FetchResponse& answer) {
                             if (!positions_.contains(partition)) return;
                             positions_[partition] =
                                 std::max(positions_[partition], end_of(answer, model_));
                           });
}

void GroupMember::commit(std::int32_t partition) {
  const GroupPartition where{options_.group, options_.topic, partition};
  const std::int64_t offset = positions_[partition];
  wire::OffsetCommitRequest request = set_to(where, Offset(offset));
  request.member_id = std::string_view(member_id_);
  request.generation_id_or_member_epoch = generation_;
  request.group_instance_id = instance();
  OffsetCommitted told{where,
                       offset,
                       ++model_.offset_commits,
                       OffsetCommitted::Outcome::kSent,
                       model_.world.events(),
                       generation_};
  model_.checks.tell(&Invariant::on_offset_committed, told);
  const std::int16_t version = random_.chance(500) ? 9 : 7;
  // Nobody is told of it: it must be refused.
  const auto is_over = [this, then = generation_] { return is_behind(then); };
  if (random_.chance(100))
    send_late(request, version, Millis(random_.between(100, 4'000)), is_over);
  ask<wire::OffsetCommitResponse>(
      request, version, [this, told](const wire::OffsetCommitResponse& answer) mutable {
        const auto code = error_from_wire(answer.topics.at(0).partitions.at(0).error_code);
        told.now = model_.world.events();
        if (code == ErrorCode::kNone) told.outcome = OffsetCommitted::Outcome::kDone;
        if (is_refusal(code)) told.outcome = OffsetCommitted::Outcome::kRefused;
        if (told.outcome != OffsetCommitted::Outcome::kSent)
          model_.checks.tell(&Invariant::on_offset_committed, told);
        if (code != ErrorCode::kNone) return judge(code);
        committed_[told.where.partition] = told.offset;
        ++model_.acked;
      });
}

void GroupMember::judge(ErrorCode code) {
  last_error_ = code;
  switch (code) {
    case ErrorCode::kUnknownMemberId:
    case ErrorCode::kFencedInstanceId:
      return begin_anew();
    case ErrorCode::kIllegalGeneration:
    case ErrorCode::kRebalanceInProgress:
    case ErrorCode::kInconsistentGroupProtocol:
      state_ = State::kOutside;
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
