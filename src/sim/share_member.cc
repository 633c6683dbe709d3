// SPDX-License-Identifier: Apache-2.0
#include "sim/share_member.h"

#include <algorithm>
#include <utility>

#include "sim/consumer.h"
#include "sim/group_offsets.h"

namespace moldau::sim {
namespace {

constexpr std::int32_t kLeaveEpoch = -1;
constexpr std::int8_t kAccept = 1;
constexpr std::int8_t kRelease = 2;
constexpr std::int8_t kReject = 3;
constexpr std::int8_t kRenew = 4;
/// By which the node's timers may be late.
constexpr Millis kTimersAreLate{200};
/// Of ShareFetch and ShareAcknowledge, in which locks can be renewed.
constexpr std::int16_t kRenewsVersion = 2;

template <class Partition, class Range>
void add_batch(Partition& to, const Range& range, std::int8_t type) {
  auto& batch = to.acknowledgement_batches.emplace_back();
  batch.first_offset = range.first.value();
  batch.last_offset = range.last.value();
  batch.acknowledge_types.push_back(type);
}

/// The entry of a partition, made where there is none.
template <class Topic>
auto& entry_of(Topic& topic, std::int32_t partition) {
  for (auto& one : topic.partitions)
    if (one.partition_index == partition) return one;
  auto& made = topic.partitions.emplace_back();
  made.partition_index = partition;
  return made;
}

}  // namespace

ShareMember::ShareMember(Model& model, env::fake::FakeShard& shard, ShareMemberOptions options)
    : CallingClient(model, shard), options_(std::move(options)) {
  begin_anew();
}

std::string ShareMember::waits_for() const {
  return "member " + member_id_ + " of " + options_.group + " is in epoch " +
         std::to_string(epoch_) + (busy() ? ", waits for an answer" : "") + ", holds " +
         std::to_string(held_.size()) + " ranges, the last error was " +
         std::string(error_name(last_error_));
}

void ShareMember::tell(ShareStep::Kind kind, const Held& range, std::int16_t delivery_count) {
  const ModelTopic* topic = there(model_, options_.topic);
  if (!topic) return;
  ShareStep step;
  step.kind = kind;
  step.group = options_.group;
  step.member = member_id_;
  step.partition = {topic->id, PartitionId(range.partition)};
  step.first = range.first;
  step.last = range.last;
  step.delivery_count = delivery_count;
  step.delivery_limit = options_.delivery_limit;
  step.asked = asked_at_;
  step.answered = model_.world.events();
  step.now = shard_.now();
  step.until = range.until;
  step.sent = sent_at_;
  step.ends = model_.paused_until < range.ends ? range.ends : step.now;
  model_.checks.tell(&Invariant::on_share, step);
}

void ShareMember::lock(Held& range) const {
  range.until = std::min(sent_at_ + Millis(options_.lock_ms),
                         alive_at_ + Millis(options_.session_timeout_ms));
  range.ends = shard_.now() + Millis(options_.lock_ms) + kTimersAreLate;
}

void ShareMember::forget_session() {
  session_epoch_ = 0;
  for (const Held& one : held_) tell(ShareStep::Kind::kLetGo, one);
  held_.clear();
}

void ShareMember::begin_anew() {
  if (!member_id_.empty()) forget_session();
  member_id_ = options_.name + "." + std::to_string(++incarnation_);
  epoch_ = 0;
  assigned_.clear();
  heartbeat_at_ = shard_.now();
}

void ShareMember::lost() {
  forget_session();
}

void ShareMember::on_connected() {
  CallingClient::on_connected();
  // The session has gone with its connection. What is on its way over the old one may still come,
  // and end a session that this member has over the new one: it takes another name.
  const bool node_died = std::exchange(life_, model_.lives_ended) != model_.lives_ended;
  if (epoch_ > 0 && !node_died && !model_.draining) return begin_anew();
  forget_session();
}

void ShareMember::work() {
  if (busy() || !there(model_, options_.topic) || shard_.now() < away_until_) return;
  if (!has_coordinators()) return find_coordinator(options_.group, false);
  if (!model_.draining) {
    if (random_.chance(2)) {
      begin_anew();
      return;
    }
    // Longer than its locks, at times than its session.
    if (random_.chance(6)) {
      away_until_ = shard_.now() + Millis(random_.between(100, options_.lock_ms * 2));
      return;
    }
    if (epoch_ > 0 && random_.chance(2)) return leave();
  }
  if (epoch_ <= 0 || shard_.now() >= heartbeat_at_) return heartbeat();
  if (assigned_.empty()) return;
  if (session_epoch_ > 0 && !held_.empty() && random_.chance(400)) return acknowledge();
  fetch();
}

void ShareMember::heartbeat() {
  wire::ShareGroupHeartbeatRequest request;
  request.group_id = std::string_view(options_.group);
  request.member_id = std::string_view(member_id_);
  request.member_epoch = epoch_;
  if (epoch_ <= 0 || random_.chance(100)) {
    request.subscribed_topic_names.emplace();
    request.subscribed_topic_names->emplace_back(std::string_view(options_.topic));
  }
  sent_at_ = shard_.now();
  heartbeat_at_ = sent_at_ + Millis(options_.session_timeout_ms / 4);
  ask<wire::ShareGroupHeartbeatResponse>(
      request, 1,
      [this](const wire::ShareGroupHeartbeatResponse& answer) { on_heartbeat(answer); });
}

void ShareMember::on_heartbeat(const wire::ShareGroupHeartbeatResponse& answer) {
  if (answer.error_code != 0) return judge(error_from_wire(answer.error_code));
  alive_at_ = sent_at_;
  if (epoch_ <= 0) ++model_.assignments;
  if (answer.member_epoch < epoch_)
    model_.checks.fail("EpochsNeverGoBack", member_id_ + " of " + options_.group +
                                                " is in an earlier epoch than before");
  epoch_ = answer.member_epoch;
  if (!answer.assignment) return;
  std::set<std::int32_t> now;
  for (const auto& topic : answer.assignment->topic_partitions)
    now.insert(topic.partitions.begin(), topic.partitions.end());
  if (now == assigned_) return;
  assigned_ = std::move(now);
  forget_session();
}

void ShareMember::leave() {
  forget_session();
  wire::ShareGroupHeartbeatRequest request;
  request.group_id = std::string_view(options_.group);
  request.member_id = std::string_view(member_id_);
  request.member_epoch = kLeaveEpoch;
  ask<wire::ShareGroupHeartbeatResponse>(
      request, 1, [this](const wire::ShareGroupHeartbeatResponse&) {
        begin_anew();
        away_until_ = shard_.now() + Millis(random_.between(1, 500));
      });
}

/// Some of what it holds, and what it says of it.
std::vector<ShareMember::Acknowledged> ShareMember::decide() {
  std::vector<Acknowledged> out;
  while (!held_.empty() && (model_.draining || random_.chance(700))) {
    Held one = held_.front();
    held_.erase(held_.begin());
    // A part, so that ranges are torn.
    if (one.first < one.last && random_.chance(300)) {
      Held rest = one;
      one.last = one.first + random_.between(0, one.last.value() - one.first.value() - 1);
      rest.first = one.last + 1;
      held_.push_back(rest);
    }
    std::int8_t type = kAccept;
    if (!model_.draining && random_.chance(150)) type = kRelease;
    if (!model_.draining && random_.chance(50)) type = kReject;
    out.push_back({one, type});
    tell(ShareStep::Kind::kLetGo, one);
  }
  sort(out);
  return out;
}

void ShareMember::add_renewals(std::vector<Acknowledged>& to) {
  for (const Held& one : held_)
    if (random_.chance(700)) to.push_back({one, kRenew});
  sort(to);
}

void ShareMember::renewed(const Held& range, bool done) {
  const auto held = std::find(held_.begin(), held_.end(), range);
  if (held == held_.end()) return;
  if (!done) {
    tell(ShareStep::Kind::kLetGo, range);
    held_.erase(held);
    return;
  }
  lock(*held);
  Held told = *held;
  told.ends = range.ends;
  tell(ShareStep::Kind::kRenewed, told);
  // Until the lock it had before is over.
  if (random_.chance(300) && !model_.draining)
    away_until_ = shard_.now() + Millis(random_.between(options_.lock_ms / 2, options_.lock_ms));
}

/// Ranges of a partition are taken in their order only.
void ShareMember::sort(std::vector<Acknowledged>& all) {
  std::sort(all.begin(), all.end(), [](const Acknowledged& a, const Acknowledged& b) {
    return std::pair(a.range.partition, a.range.first) <
           std::pair(b.range.partition, b.range.first);
  });
}

void ShareMember::fetch() {
  const auto version = static_cast<std::int16_t>(random_.between(1, 2));
  wire::ShareFetchRequest request;
  request.group_id = std::string_view(options_.group);
  request.member_id = std::string_view(member_id_);
  request.share_session_epoch = session_epoch_;
  request.max_wait_ms = 50;
  request.min_bytes = 1;
  request.max_bytes = 20'000;
  request.max_records = static_cast<std::int32_t>(random_.between(1, 60));
  request.batch_size = static_cast<std::int32_t>(random_.between(1, 40));
  if (version >= 2 && random_.chance(400)) request.share_acquire_mode = 1;
  const ModelTopic* known = there(model_, options_.topic);
  auto& topic = request.topics.emplace_back();
  topic.topic_id = known->id;
  std::vector<Acknowledged> sent;
  if (session_epoch_ == 0) {
    for (const std::int32_t p : assigned_) entry_of(topic, p);
  } else if (random_.chance(600) || model_.draining) {
    sent = decide();
    if (version >= kRenewsVersion && !held_.empty() && random_.chance(150)) {
      add_renewals(sent);
      request.is_renew_ack = true;
      request.max_wait_ms = request.min_bytes = request.max_bytes = request.max_records = 0;
    }
    for (const Acknowledged& one : sent)
      add_batch(entry_of(topic, one.range.partition), one.range, one.type);
  }
  if (topic.partitions.empty()) request.topics.clear();
  asked_at_ = model_.world.events();
  sent_at_ = shard_.now();
  ask<wire::ShareFetchResponse>(
      request, version, [this, version, sent](const wire::ShareFetchResponse& answer) {
        for (const auto& of : answer.responses)
          for (const auto& part : of.partitions)
            judge_acknowledged(sent, part.partition_index,
                               error_from_wire(part.acknowledge_error_code));
        on_fetched(answer, version);
      });
}

void ShareMember::on_fetched(const wire::ShareFetchResponse& answer, std::int16_t) {
  if (answer.error_code != 0) return judge(error_from_wire(answer.error_code));
  ++session_epoch_;
  for (const auto& topic : answer.responses)
    for (const auto& part : topic.partitions) take(part);
}

void ShareMember::take(const wire::ShareFetchResponse::PartitionData& part) {
  const ErrorCode code = error_from_wire(part.error_code);
  if (code != ErrorCode::kNone) {
    last_error_ = code;
    if (!is_retriable(code))
      model_.checks.fail("GoodRequestsAreTaken",
                         options_.group + " ShareFetch got " + std::string(error_name(code)));
    return;
  }
  if (part.acquired_records.empty()) return;
  const auto batches = read_batches(part.records.view(), model_.compression);
  if (!batches.ok()) return model_.checks.fail("RecordsAreWhole", batches.error().text());
  // The session has been told to be another one meanwhile: the locks run out by themselves.
  for (const auto& range : part.acquired_records) {
    Held one;
    one.partition = part.partition_index;
    one.first = Offset(range.first_offset);
    one.last = Offset(range.last_offset);
    lock(one);
    const bool is_there = std::any_of(batches->begin(), batches->end(), [&](const auto& batch) {
      return batch.base_offset <= one.last && batch.last_offset >= one.first;
    });
    if (!is_there) model_.checks.fail("AcquiredIsServed", "acquired records are not in the answer");
    // What it held of that until its lock ran out is replaced, or it would be acknowledged twice.
    std::erase_if(held_, [&](const Held& old) {
      const bool replaced =
          old.partition == one.partition && old.first <= one.last && old.last >= one.first;
      if (replaced) tell(ShareStep::Kind::kLetGo, old);
      return replaced;
    });
    tell(ShareStep::Kind::kAcquired, one, range.delivery_count);
    held_.push_back(one);
    model_.read += static_cast<std::uint64_t>(one.last.value() - one.first.value() + 1);
  }
}

void ShareMember::acknowledge() {
  std::vector<Acknowledged> sent = decide();
  wire::ShareAcknowledgeRequest request;
  const auto version = static_cast<std::int16_t>(random_.between(1, 2));
  if (version >= kRenewsVersion && random_.chance(400)) {
    add_renewals(sent);
    request.is_renew_ack = true;
  }
  if (sent.empty()) return;
  request.group_id = std::string_view(options_.group);
  request.member_id = std::string_view(member_id_);
  request.share_session_epoch = session_epoch_;
  auto& topic = request.topics.emplace_back();
  topic.topic_id = there(model_, options_.topic)->id;
  for (const Acknowledged& one : sent)
    add_batch(entry_of(topic, one.range.partition), one.range, one.type);
  sent_at_ = shard_.now();
  ask<wire::ShareAcknowledgeResponse>(
      request, version, [this, sent](const wire::ShareAcknowledgeResponse& answer) {
        if (answer.error_code != 0) return judge(error_from_wire(answer.error_code));
        ++session_epoch_;
        for (const auto& of : answer.responses)
          for (const auto& part : of.partitions)
            judge_acknowledged(sent, part.partition_index, error_from_wire(part.error_code));
      });
}

void ShareMember::judge_acknowledged(const std::vector<Acknowledged>& sent, std::int32_t partition,
                                     ErrorCode code) {
  for (const Acknowledged& one : sent) {
    if (one.range.partition != partition) continue;
    if (code == ErrorCode::kNone) {
      ++model_.acked;
      if (one.type == kRenew)
        renewed(one.range, true);
      else if (one.type != kRelease)
        tell(ShareStep::Kind::kDone, one.range);
      continue;
    }
    last_error_ = code;
    if (one.type == kRenew) renewed(one.range, false);
    // It came too late.
    const bool any_late = std::any_of(sent.begin(), sent.end(), [&](const auto& other) {
      return other.range.partition == partition && shard_.now() >= other.range.until;
    });
    if (any_late || is_retriable(code)) continue;
    model_.checks.fail("GoodRequestsAreTaken",
                       options_.group + " an acknowledgement got " + std::string(error_name(code)));
  }
}

void ShareMember::judge(ErrorCode code) {
  last_error_ = code;
  switch (code) {
    case ErrorCode::kUnknownMemberId:
    case ErrorCode::kFencedMemberEpoch:
    case ErrorCode::kGroupIdNotFound:
      return begin_anew();
    case ErrorCode::kShareSessionNotFound:
    case ErrorCode::kInvalidShareSessionEpoch:
      return forget_session();
    default:
      break;
  }
  if (is_retriable(code)) {
    forget_session();
    away_until_ = shard_.now() + Millis(random_.between(1, 100));
    return;
  }
  model_.checks.fail("GoodRequestsAreTaken",
                     options_.group + " " + member_id_ + " got " + std::string(error_name(code)));
}

}  // namespace moldau::sim
