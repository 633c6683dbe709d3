// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "machine/group/test_group_fixture.h"

namespace moldau::group {

/// An image with topics of so many partitions; the first has id (7, 1), the next (7, 2)…
inline image::MetadataImage image_of(
    const std::vector<std::pair<std::string, std::int32_t>>& topics, Offset at = Offset(1)) {
  image::RecordList list;
  for (std::size_t t = 0; t < topics.size(); ++t) {
    const TopicId id(7, static_cast<std::int64_t>(t) + 1);
    list.topic(topics[t].first, id);
    for (std::int32_t p = 0; p < topics[t].second; ++p) {
      image::PartitionState state;
      state.replicas = image::ReplicaList(std::vector<NodeId>{NodeId(1)});
      state.isr = state.replicas;
      state.leader = NodeId(1);
      state.directories.assign(1, DirectoryId(5, 5));
      list.partition(id, PartitionId(p), state);
    }
  }
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) EXPECT_TRUE(delta.replay(record).ok());
  return delta.publish(image::Provenance(at, LeaderEpoch(1), Timestamp(1)));
}

using Owned = std::map<TopicId, std::set<std::int32_t>>;

/// A consumer as it talks to the coordinator: takes what it is given, gives back what is taken.
struct TestConsumer {
  std::string group = "g";
  std::string id;
  std::optional<std::string> instance;
  std::optional<std::vector<std::string>> topics = std::vector<std::string>{"orders"};
  std::optional<std::string> regex;
  std::optional<std::string> assignor;
  std::int32_t rebalance_ms = 60'000;
  std::int16_t version = 1;

  std::int32_t epoch = 0;
  Owned owned;
  /// Of the last answer.
  wire::ConsumerGroupHeartbeatResponse last;

  wire::ConsumerGroupHeartbeatRequest request() const {
    wire::ConsumerGroupHeartbeatRequest out;
    out.group_id = group;
    out.member_id = id;
    out.member_epoch = epoch;
    if (instance) out.instance_id = *instance;
    if (epoch == 0) {
      out.rebalance_timeout_ms = rebalance_ms;
      if (topics) {
        out.subscribed_topic_names.emplace();
        for (const auto& topic : *topics) out.subscribed_topic_names->emplace_back(topic);
      }
      if (regex) out.subscribed_topic_regex = *regex;
      if (assignor) out.server_assignor = *assignor;
      out.topic_partitions.emplace();
    }
    return out;
  }
  void say_owned(wire::ConsumerGroupHeartbeatRequest& to) const {
    to.topic_partitions.emplace();
    for (const auto& [topic, partitions] : owned) {
      auto& one = to.topic_partitions->emplace_back();
      one.topic_id = topic;
      one.partitions.assign(partitions.begin(), partitions.end());
    }
  }
};

/// A coordinator that answers consumers.
class TestConsumerCoordinator : public TestCoordinator {
 public:
  explicit TestConsumerCoordinator(std::int32_t partitions = 6, GroupSettings s = {})
      : TestCoordinator(s) {
    show(image_of({{"orders", partitions}}));
  }
  void show(image::MetadataImage next) {
    image = std::move(next);
    std::vector<std::string> names;
    for (const auto& [name, id] : image.topic_ids()) names.push_back(name);
    machine.topics_changed(names, image.provenance().offset);
  }

  /// Questions are answered by answer_questions.
  AnswerId take(const GroupEffects& effects) {
    questions.insert(questions.end(), effects.questions.begin(), effects.questions.end());
    return TestCoordinator::take(effects);
  }
  void answer_questions() {
    const auto asked = std::exchange(questions, {});
    for (const RegexQuestion& question : asked) {
      take(machine.regexes_resolved(context(), question.group_id,
                                    resolve_regexes(question, image, wall)));
    }
  }

  ErrorCode send(TestConsumer& consumer, const wire::ConsumerGroupHeartbeatRequest& request) {
    const AnswerId id =
        take(machine.consumer_heartbeat(context(), caller(consumer.version), request));
    consumer.last = get<wire::ConsumerGroupHeartbeatResponse>(id);
    const auto error = static_cast<ErrorCode>(consumer.last.error_code);
    if (error != ErrorCode::kNone) return error;
    consumer.epoch = consumer.last.member_epoch;
    if (!consumer.last.member_id.is_null()) consumer.id = consumer.last.member_id.str();
    if (consumer.last.assignment) {
      consumer.owned.clear();
      for (const auto& topic : consumer.last.assignment->topic_partitions) {
        consumer.owned[topic.topic_id].insert(topic.partitions.begin(), topic.partitions.end());
      }
    }
    return error;
  }
  /// Time passes a little, so that an assignment is never too early.
  ErrorCode beat(TestConsumer& consumer, bool say_owned = true) {
    pass(Millis(1'100));
    auto request = consumer.request();
    if (consumer.epoch > 0 && say_owned) consumer.say_owned(request);
    return send(consumer, request);
  }
  ErrorCode leave_consumer(TestConsumer& consumer, std::int32_t epoch = -1) {
    consumer.epoch = epoch;
    return send(consumer, consumer.request());
  }
  /// Until nothing changes any more.
  void settle(const std::vector<TestConsumer*>& consumers, int rounds = 8) {
    for (int i = 0; i < rounds; ++i) {
      for (TestConsumer* consumer : consumers) {
        EXPECT_EQ(beat(*consumer), ErrorCode::kNone) << consumer->id;
        answer_questions();
      }
    }
  }
  wire::ConsumerGroupDescribeResponse::DescribedGroup described(std::string_view group = "g") {
    return machine.describe_consumer(group, image);
  }
  std::string consumer_state(std::string_view group = "g") {
    return described(group).group_state.str();
  }

  std::vector<RegexQuestion> questions;
};

inline std::size_t owned_count(const TestConsumer& consumer) {
  std::size_t out = 0;
  for (const auto& [topic, partitions] : consumer.owned) out += partitions.size();
  return out;
}

}  // namespace moldau::group
