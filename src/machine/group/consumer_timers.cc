// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "machine/group/consumer_protocol.h"
#include "machine/group/consumer_records.h"

namespace moldau::group {
namespace {

/// When to try again what did not fit into the batch of this step.
constexpr Millis kNoRoomDelay(1'000);

bool is_due(std::optional<MonoTime>& deadline, MonoTime now) {
  if (!deadline || *deadline > now) return false;
  deadline.reset();
  return true;
}

}  // namespace

Millis ConsumerProtocol::session_timeout(const Step& step, const ConsumerGroup& group,
                                         const ConsumerMember& member) const {
  if (member.classic) return member.classic->session_timeout;
  return Millis(settings_.of_group(step.context.image, group.id()).consumer_session_timeout_ms);
}

void ConsumerProtocol::start_session(const Step& step, ConsumerGroup& group,
                                     std::string_view member_id, Millis span) {
  const MonoTime deadline = step.context.now + span;
  group.timers[std::string(member_id)].session = deadline;
  groups_.wake_by(group, deadline);
}

void ConsumerProtocol::start_rebalance(const Step& step, ConsumerGroup& group,
                                       const ConsumerMember& member) {
  const MonoTime deadline = step.context.now + Millis(std::max(member.rebalance_timeout_ms, 0));
  ConsumerGroup::Timers& timers = group.timers[member.id];
  timers.rebalance = deadline;
  timers.rebalance_epoch = member.epoch;
  groups_.wake_by(group, deadline);
}

void ConsumerProtocol::start_join(const Step& step, ConsumerGroup& group,
                                  const ConsumerMember& member) {
  ConsumerGroup::Timers& timers = group.timers[member.id];
  if (timers.join) return;
  timers.join = step.context.now + Millis(std::max(member.rebalance_timeout_ms, 0));
  groups_.wake_by(group, *timers.join);
}

void ConsumerProtocol::loaded(Step& step, ConsumerGroup& group) {
  for (const auto& [id, member] : group.members()) {
    // Whether a classic member is still there only its own heartbeats tell, as for the others.
    start_session(
        step, group, id,
        Millis(settings_.of_group(step.context.image, group.id()).consumer_session_timeout_ms));
    if (member.state == MemberState::kUnrevokedPartitions) start_rebalance(step, group, member);
  }
}

void ConsumerProtocol::tick(Step& step, ConsumerGroup& group) {
  const MonoTime now = step.context.now;
  std::set<std::string> gone;
  for (auto& [id, timers] : group.timers) {
    const ConsumerMember* member = group.member(id);
    const bool session = is_due(timers.session, now);
    const bool rebalance = is_due(timers.rebalance, now);
    const bool join = is_due(timers.join, now);
    const bool sync = is_due(timers.sync, now);
    if (member == nullptr) continue;
    const bool is_late = rebalance && member->epoch == timers.rebalance_epoch;
    if (session || is_late || join || sync) gone.insert(id);
  }
  std::erase_if(group.timers, [&](const auto& one) {
    return one.second.is_idle() && group.member(one.first) == nullptr;
  });
  // One by one, as their timers would fire: the last one may leave another kind of group behind.
  const std::string group_id = group.id();
  for (const std::string& id : gone) {
    Group* still = groups_.find(group_id);
    if (still == nullptr || still->type() != GroupType::kConsumer) return;
    auto& consumer = static_cast<ConsumerGroup&>(*still);
    if (remove_members(step, consumer, {id})) {
      ++counts_.expired_members;
    } else {
      start_session(step, consumer, id, kNoRoomDelay);
    }
  }
}

bool ConsumerProtocol::remove_members(Step& step, ConsumerGroup& group,
                                      const std::set<std::string>& ids) {
  std::size_t classic = 0;
  for (const std::string& id : ids) classic += group.member(id)->uses_classic_protocol() ? 1 : 0;
  const std::size_t left = group.members().size() - ids.size();
  if (group.classic_member_count() - classic == left && left > 0 && may_downgrade(left)) {
    const Result<void> done = downgrade(step, group, ids, nullptr, true, {});
    if (done.ok()) return true;
    // Members whose metadata cannot be read stay what they are.
    if (done.error().code != ErrorCode::kGroupIdNotFound) return false;
  }
  std::vector<record::KeyedRecord> records;
  auto topics = group.subscribed_topics();
  std::map<std::string, std::size_t> regexes;
  for (const std::string& id : ids) {
    const ConsumerMember& member = *group.member(id);
    records.push_back(consumer_current_tombstone(group.id(), id));
    records.push_back(consumer_target_tombstone(group.id(), id));
    records.push_back(consumer_member_tombstone(group.id(), id));
    drop_name_count(topics, member);
    if (member.has_regex()) ++regexes[*member.regex];
  }
  for (const auto& [regex, count] : regexes) {
    if (group.regex_subscribers(regex) != count) continue;
    records.push_back(consumer_regex_tombstone(group.id(), regex));
    const auto at = group.regexes().find(regex);
    if (at != group.regexes().end()) drop_regex_count(topics, at->second);
  }
  records.push_back(consumer_epoch_record(group.id(), epoch_after(group.epoch()),
                                          metadata_hash_of(topics, hashes_, step.context.image)));
  if (!step.has_room(records)) return false;
  step.write(std::move(records));
  return true;
}

void ConsumerProtocol::regexes_resolved(Step& step, std::string_view group_id,
                                        const ResolvedRegexes& resolved) {
  Group* found = groups_.find(group_id);
  if (found == nullptr || found->type() != GroupType::kConsumer) return;
  auto& group = static_cast<ConsumerGroup&>(*found);
  group.is_resolving = false;
  std::vector<record::KeyedRecord> records;
  auto topics = group.subscribed_topics();
  bool bump = false;
  for (const auto& [regex, now] : resolved) {
    // Nobody subscribes by it any more.
    if (group.regex_subscribers(regex) == 0) continue;
    static const ResolvedRegex kNothing;
    const auto at = group.regexes().find(regex);
    const ResolvedRegex& old = at == group.regexes().end() ? kNothing : at->second;
    if (old.topics != now.topics) {
      bump = true;
      drop_regex_count(topics, old);
      add_regex_count(topics, now);
    }
    records.push_back(consumer_regex_record(group.id(), regex, now));
  }
  const std::int64_t hash = metadata_hash_of(topics, hashes_, step.context.image);
  if (bump || hash != group.metadata_hash()) {
    records.push_back(consumer_epoch_record(group.id(), epoch_after(group.epoch()), hash));
    bump = true;
  }
  // Too much for a batch: the next heartbeat asks again, in vain, but the group lives on.
  if (!step.has_room(records)) return;
  step.write(std::move(records));
  if (bump) group.refresh_metadata_at(step.context.now + Millis(2'147'483'647), group.epoch());
}

}  // namespace moldau::group
