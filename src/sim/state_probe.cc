// SPDX-License-Identifier: Apache-2.0
#include "sim/state_probe.h"

#include <algorithm>

#include "sim/group_offsets.h"
#include "sim/streams_member.h"
#include "wire/consumer_group_describe_request.h"
#include "wire/consumer_group_describe_response.h"
#include "wire/describe_share_group_offsets_request.h"
#include "wire/describe_share_group_offsets_response.h"
#include "wire/describe_transactions_request.h"
#include "wire/describe_transactions_response.h"
#include "wire/offset_fetch_request.h"
#include "wire/offset_fetch_response.h"
#include "wire/share_group_describe_request.h"
#include "wire/share_group_describe_response.h"
#include "wire/streams_group_describe_request.h"
#include "wire/streams_group_describe_response.h"

namespace moldau::sim {
namespace {

constexpr std::int16_t kOffsetFetchVersion = 9;
constexpr std::int16_t kGroupDescribeVersion = 1;
constexpr std::int16_t kStreamsDescribeVersion = 0;
constexpr std::int16_t kShareOffsetsVersion = 1;
constexpr std::int16_t kDescribeVersion = 0;
constexpr Millis kRetry{200};

}  // namespace

void StateProbe::begin() {
  ++round_;
  done_ = false;
  state_.clear();
  left_.clear();
  using enum Asked::Kind;
  for (const std::string& group : model_.groups) left_.push_back({kOffsets, group});
  for (const std::string& group : model_.consumer_groups) left_.push_back({kConsumerGroup, group});
  for (const auto& [group, topic] : model_.share_groups) {
    left_.push_back({kShareGroup, group});
    left_.push_back({kShareOffsets, group});
  }
  for (const auto& [group, topic] : model_.streams_groups) left_.push_back({kStreamsGroup, group});
  for (const std::string& id : model_.transactional_ids) left_.push_back({kTransaction, id});
  if (connection_) connection_->close("begins anew");
  connection_ = Connection::open(shard_, model_.node);
  go_on();
}

void StateProbe::go_on() {
  if (left_.empty()) {
    done_ = true;
    return;
  }
  switch (left_.front().kind) {
    case Asked::Kind::kOffsets:
      return ask_offsets(left_.front().name);
    case Asked::Kind::kConsumerGroup:
      return ask_members<wire::ConsumerGroupDescribeRequest, wire::ConsumerGroupDescribeResponse>(
          left_.front().name, kGroupDescribeVersion, true);
    case Asked::Kind::kShareGroup:
      return ask_members<wire::ShareGroupDescribeRequest, wire::ShareGroupDescribeResponse>(
          left_.front().name, kGroupDescribeVersion, false);
    case Asked::Kind::kShareOffsets:
      return ask_share_offsets(left_.front().name);
    case Asked::Kind::kStreamsGroup:
      return ask_streams_group(left_.front().name);
    case Asked::Kind::kTransaction:
      return ask_transaction(left_.front().name);
  }
}

void StateProbe::again_later(const std::string& why) {
  waits_for_ = left_.front().name + " " + why;
  shard_.call_at(shard_.now() + kRetry, [this, round = round_] {
    if (round != round_) return;
    if (connection_->broken()) connection_ = Connection::open(shard_, model_.node);
    go_on();
  });
}

void StateProbe::answered(const std::string& text) {
  state_ += left_.front().name + text + "; ";
  left_.pop_front();
  go_on();
}

void StateProbe::ask_offsets(const std::string& group) {
  wire::OffsetFetchRequest request;
  request.require_stable = true;
  auto& one = request.groups.emplace_back();
  one.group_id = std::string_view(group);
  for (const auto& [name, topic] : model_.topics) {
    if (topic.state != ModelTopic::State::kThere) continue;
    auto& asked = one.topics->emplace_back();
    asked.name = std::string_view(name);
    for (std::int32_t p = 0; p < topic.partitions; ++p) asked.partition_indexes.push_back(p);
  }
  connection_->send(
      request, kOffsetFetchVersion,
      [this, group, round = round_, asked = model_.world.events()](const Result<Slice>& frame) {
        if (round == round_) on_offsets(group, asked, frame);
      });
}

void StateProbe::on_offsets(const std::string& group, std::uint64_t asked,
                            const Result<Slice>& frame) {
  if (!frame.ok()) return again_later(frame.error().detail);
  const auto answer = body_of<wire::OffsetFetchResponse>(*frame, kOffsetFetchVersion);
  if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
  const auto& found = answer->groups.at(0);
  if (found.error_code != 0)
    return again_later(std::string(error_name(error_from_wire(found.error_code))));
  std::string text;
  for (const auto& topic : found.topics) {
    for (const auto& one : topic.partitions) {
      if (one.error_code != 0)
        return again_later(std::string(error_name(error_from_wire(one.error_code))));
      text += " " + topic.name.str() + "-" + std::to_string(one.partition_index) + "=" +
              std::to_string(one.committed_offset);
    }
  }
  bool are_there = false;
  for (const auto& topic : found.topics) {
    for (const auto& one : topic.partitions) {
      const OffsetFetched fetched{{group, topic.name.str(), one.partition_index},
                                  one.committed_offset,
                                  asked,
                                  model_.world.events(),
                                  model_.world.now(),
                                  model_.retention_of(group)};
      model_.checks.tell(&Invariant::on_offset_fetched, fetched);
      are_there = are_there || one.committed_offset >= 0;
    }
  }
  if (are_there && model_.expiring_groups.contains(group))
    return again_later("has offsets that do not expire");
  answered(text);
}

template <class Request, class Response>
void StateProbe::ask_members(const std::string& group, std::int16_t version, bool one_owner) {
  Request request;
  request.group_ids.emplace_back(std::string_view(group));
  connection_->send(request, version,
                    [this, version, one_owner, round = round_](const Result<Slice>& frame) {
                      if (round != round_) return;
                      if (!frame.ok()) return again_later(frame.error().detail);
                      const auto answer = body_of<Response>(*frame, version);
                      if (!answer.ok())
                        return model_.checks.fail("Protocol", answer.error().text());
                      on_members(*answer, one_owner);
                    });
}

template <class Response>
void StateProbe::on_members(const Response& answer, bool one_owner) {
  const auto& group = answer.groups.at(0);
  const ErrorCode code = error_from_wire(group.error_code);
  if (code == ErrorCode::kGroupIdNotFound) return answered(" has no members");
  if (code != ErrorCode::kNone) return again_later(std::string(error_name(code)));
  const std::string state = group.group_state.str();
  if (state != "Stable" && state != "Empty") return again_later("is " + state);
  // A share group calls itself stable before its members have heard of the last assignment.
  const bool all_heard =
      std::all_of(group.members.begin(), group.members.end(),
                  [&](const auto& member) { return member.member_epoch == group.group_epoch; });
  if (!all_heard) return again_later("has members in earlier epochs");
  std::set<std::string> wanted;
  std::set<std::string> given;
  std::set<std::string> members;
  for (const auto& member : group.members) {
    std::string text = member.member_id.str() + " in epoch " + std::to_string(member.member_epoch);
    for (const wire::Text& name : member.subscribed_topic_names) {
      const ModelTopic* topic = there(model_, name.str());
      for (std::int32_t p = 0; topic != nullptr && p < topic->partitions; ++p)
        wanted.insert(name.str() + "-" + std::to_string(p));
    }
    for (const auto& topic : member.assignment.topic_partitions) {
      for (const std::int32_t p : topic.partitions) {
        const std::string name = topic.topic_name.str() + "-" + std::to_string(p);
        if (!given.insert(name).second && one_owner)
          return model_.checks.fail("OneOwnerAtATime", group.group_id.str() + " gives " + name +
                                                           " to two members at rest");
        text += " " + name;
      }
    }
    members.insert(text);
  }
  if (given != wanted) return again_later("has partitions without an owner, though it is stable");
  std::string text = " " + state + " in epoch " + std::to_string(group.group_epoch) + ", " +
                     std::to_string(group.assignment_epoch);
  for (const std::string& member : members) text += ", " + member;
  answered(text);
}

void StateProbe::ask_share_offsets(const std::string& group) {
  wire::DescribeShareGroupOffsetsRequest request;
  auto& one = request.groups.emplace_back();
  one.group_id = std::string_view(group);
  auto& asked = one.topics.emplace().emplace_back();
  const std::string& name = model_.share_groups.at(group);
  asked.topic_name = std::string_view(name);
  for (std::int32_t p = 0; p < model_.topics.at(name).partitions; ++p)
    asked.partitions.push_back(p);
  connection_->send(request, kShareOffsetsVersion,
                    [this, round = round_](const Result<Slice>& frame) {
                      if (round == round_) on_share_offsets(frame);
                    });
}

void StateProbe::on_share_offsets(const Result<Slice>& frame) {
  if (!frame.ok()) return again_later(frame.error().detail);
  const auto answer =
      body_of<wire::DescribeShareGroupOffsetsResponse>(*frame, kShareOffsetsVersion);
  if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
  const auto& group = answer->groups.at(0);
  if (group.error_code != 0)
    return again_later(std::string(error_name(error_from_wire(group.error_code))));
  std::string text;
  for (const auto& topic : group.topics) {
    for (const auto& one : topic.partitions) {
      const std::string where = topic.topic_name.str() + "-" + std::to_string(one.partition_index);
      if (one.error_code != 0)
        return again_later(where + " " + std::string(error_name(error_from_wire(one.error_code))));
      // Every record is acknowledged, or archived, in the end.
      if (one.lag != 0)
        return again_later(where + " begins at " + std::to_string(one.start_offset) +
                           " with a lag of " + std::to_string(one.lag));
      text += " " + where + " begins at " + std::to_string(one.start_offset);
    }
  }
  answered(text);
}

void StateProbe::ask_streams_group(const std::string& group) {
  wire::StreamsGroupDescribeRequest request;
  request.group_ids.emplace_back(std::string_view(group));
  connection_->send(request, kStreamsDescribeVersion,
                    [this, group, round = round_](const Result<Slice>& frame) {
                      if (round == round_) on_streams_group(group, frame);
                    });
}

void StateProbe::on_streams_group(const std::string& name, const Result<Slice>& frame) {
  if (!frame.ok()) return again_later(frame.error().detail);
  const auto answer = body_of<wire::StreamsGroupDescribeResponse>(*frame, kStreamsDescribeVersion);
  if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
  const auto& group = answer->groups.at(0);
  if (group.error_code != 0)
    return again_later(std::string(error_name(error_from_wire(group.error_code))));
  const std::string state = group.group_state.str();
  if (state != "Stable") return again_later("is " + state);
  std::string text = " in epoch " + std::to_string(group.group_epoch) + ", " +
                     std::to_string(group.assignment_epoch) + ", topology " +
                     std::to_string(group.topology ? group.topology->epoch : -1);
  std::set<std::string> given;
  std::map<std::string, std::string> processes;
  for (const auto& member : group.members) {
    if (member.member_epoch != group.group_epoch)
      return again_later("has members in earlier epochs");
    text += ", " + member.member_id.str() + " in " + member.process_id.str();
    for (const auto& ids : member.assignment.active_tasks) {
      for (const std::int32_t p : ids.partitions) {
        const std::string task = ids.subtopology_id.str() + "_" + std::to_string(p);
        if (!given.insert(task).second)
          return model_.checks.fail("OneOwnerAtATime",
                                    name + " gives " + task + " to two members at rest");
        processes[task] = member.process_id.str();
        text += " " + task;
      }
    }
  }
  std::set<std::string> wanted;
  for (std::int32_t p = 0; p < model_.topics.at(model_.streams_groups.at(name)).partitions; ++p)
    wanted.insert("0_" + std::to_string(p));
  for (std::int32_t p = 0; p < kStreamsRepartitions; ++p) wanted.insert("1_" + std::to_string(p));
  if (given != wanted) return again_later("has tasks without an owner, though it is stable");
  for (const auto& member : group.members) {
    for (const auto& ids : member.assignment.standby_tasks) {
      for (const std::int32_t p : ids.partitions) {
        const std::string task = ids.subtopology_id.str() + "_" + std::to_string(p);
        if (processes[task] == member.process_id.view())
          return model_.checks.fail("StandbysAreElsewhere",
                                    name + " has two copies of " + task + " in one process");
        text += ", " + member.member_id.str() + " stands by for " + task;
      }
    }
  }
  answered(text);
}

void StateProbe::ask_transaction(const std::string& transactional_id) {
  wire::DescribeTransactionsRequest request;
  request.transactional_ids.emplace_back(std::string_view(transactional_id));
  connection_->send(request, kDescribeVersion, [this, round = round_](const Result<Slice>& frame) {
    if (round == round_) on_transaction(frame);
  });
}

void StateProbe::on_transaction(const Result<Slice>& frame) {
  if (!frame.ok()) return again_later(frame.error().detail);
  const auto answer = body_of<wire::DescribeTransactionsResponse>(*frame, kDescribeVersion);
  if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
  const auto& found = answer->transaction_states.at(0);
  const ErrorCode code = error_from_wire(found.error_code);
  if (code == ErrorCode::kTransactionalIdNotFound) return answered(" unknown");
  if (code != ErrorCode::kNone) return again_later(std::string(error_name(code)));
  const std::string state = found.transaction_state.str();
  if (state == "Ongoing" || state.starts_with("Prepare")) return again_later(state);
  answered(" " + state + " " + std::to_string(found.producer_id) + " epoch " +
           std::to_string(found.producer_epoch) + " timeout " +
           std::to_string(found.transaction_timeout_ms) + " begun " +
           std::to_string(found.transaction_start_time_ms) + " partitions " +
           std::to_string(found.topics.size()));
}

}  // namespace moldau::sim
