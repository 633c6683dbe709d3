// SPDX-License-Identifier: Apache-2.0
#include "sim/consumer_member.h"

#include <utility>

#include "sim/group_offsets.h"

namespace moldau::sim {

bool ConsumerMember::has_topics() const {
  return there(model_, topic_) && (also_.empty() || there(model_, also_));
}

void ConsumerMember::change_its_mind() {
  if (also_.empty() || !random_.chance(3)) return;
  subscribes_to_both_ = !subscribes_to_both_;
  say_all();
}

ConsumerMember::Request ConsumerMember::request_now() {
  Request request;
  request.group_id = std::string_view(options_.group);
  request.member_id = std::string_view(member_id());
  request.member_epoch = epoch();
  request.instance_id = instance();
  const bool is_full = must_say_all() || random_.chance(50);
  if (is_full) {
    request.rebalance_timeout_ms = options_.rebalance_timeout_ms;
    request.subscribed_topic_names.emplace();
    request.subscribed_topic_names->emplace_back(std::string_view(topic_));
    if (subscribes_to_both_) request.subscribed_topic_names->emplace_back(std::string_view(also_));
  }
  if (is_full || must_name_all()) {
    request.topic_partitions.emplace();
    for (const std::string& name : {topic_, also_}) {
      const ModelTopic* topic = there(model_, name);
      if (!topic) continue;
      auto& one = request.topic_partitions->emplace_back();
      one.topic_id = topic->id;
      for (const auto& [of, number] : owned())
        if (of == name) one.partitions.push_back(number);
      if (one.partitions.empty()) request.topic_partitions->pop_back();
    }
  }
  return request;
}

void ConsumerMember::heartbeat() {
  const Request request = request_now();
  const bool names_all = request.topic_partitions.has_value();
  heartbeat_leaves(names_all);
  ask<Response>(request, 1, [this, now = shard_.now(), names_all](const Response& answer) {
    heartbeat_answered(now, names_all, error_from_wire(answer.error_code), answer.member_epoch,
                       assignment_in(answer));
  });
}

std::optional<EpochMember::Partitions> ConsumerMember::assignment_in(const Response& answer) {
  if (!answer.assignment) return std::nullopt;
  Partitions out;
  for (const auto& topic : answer.assignment->topic_partitions) {
    const ModelTopic* known = model_.topic_of(topic.topic_id);
    if (!known) {
      model_.checks.fail("Protocol", "a topic that was never there is assigned");
      return std::nullopt;
    }
    for (const std::int32_t number : topic.partitions) out.emplace(known->name, number);
  }
  return out;
}

void ConsumerMember::leave(std::int32_t epoch) {
  Request request;
  request.group_id = std::string_view(options_.group);
  request.member_id = std::string_view(member_id());
  request.instance_id = instance();
  request.member_epoch = epoch;
  ask<Response>(request, 1, [this, epoch](const Response& answer) {
    has_left(error_from_wire(answer.error_code), epoch);
  });
}

}  // namespace moldau::sim
