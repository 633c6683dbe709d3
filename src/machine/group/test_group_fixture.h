// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "machine/group/group_machine.h"
#include "machine/image/delta.h"
#include "machine/image/record_list.h"
#include "wire/consumer_protocol_subscription.h"
#include "wire/encode.h"

namespace moldau::group {

inline const TopicId kOrders(7, 1);

/// An image with the topic "orders".
inline image::MetadataImage test_image() {
  image::RecordList list;
  list.topic("orders", kOrders);
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) EXPECT_TRUE(delta.replay(record).ok());
  return delta.publish(image::Provenance(Offset(1), LeaderEpoch(1), Timestamp(1)));
}

/// What a consumer sends as metadata of its protocols.
inline std::string subscription(const std::vector<std::string>& topics) {
  wire::ConsumerProtocolSubscription message;
  for (const std::string& topic : topics) message.topics.emplace_back(topic);
  const Slice bytes = wire::encode_with_version(message, 1);
  return std::string(as_text(bytes.view()));
}

/// A JoinGroup request to be.
struct Joiner {
  std::string group = "g";
  std::string member;
  std::optional<std::string> instance;
  std::string type = "consumer";
  std::vector<std::pair<std::string, std::string>> protocols = {
      {"range", subscription({"orders"})}};
  std::int32_t session_ms = 10'000;
  std::int32_t rebalance_ms = 60'000;
  std::int16_t version = 9;

  wire::JoinGroupRequest request() const {
    wire::JoinGroupRequest out;
    out.group_id = group;
    out.session_timeout_ms = session_ms;
    out.rebalance_timeout_ms = rebalance_ms;
    out.member_id = member;
    if (instance) out.group_instance_id = *instance;
    out.protocol_type = type;
    for (const auto& [name, metadata] : protocols) {
      auto& to = out.protocols.emplace_back();
      to.name = name;
      to.metadata = wire::Bytes::copy_of(as_view(metadata));
    }
    return out;
  }
};

/// A machine with its clock, its log and the answers that it has given.
class TestCoordinator {
 public:
  explicit TestCoordinator(GroupSettings s = {}) : settings(s), machine(s) {
    take(machine.loaded(context()));
  }

  GroupContext context() { return GroupContext(now, wall, Uuid(0x4000, ++ids_), image); }
  GroupCaller caller(std::int16_t version) {
    return GroupCaller(AnswerId(++answer_), version, "client", "/127.0.0.1");
  }
  AnswerId take(const GroupEffects& effects) {
    if (!effects.batch.records.empty()) log.push_back(effects.batch);
    for (const GroupAnswer& answer : effects.answers) {
      const bool fresh = answers.emplace(answer.id, answer.response).second;
      EXPECT_TRUE(fresh) << "a request is answered twice";
    }
    return AnswerId(answer_);
  }
  void advance(Millis span) {
    now = now + span;
    wall += span.value();
  }
  /// Time passes, and every deadline in it is kept.
  void pass(Millis span) {
    const MonoTime end = now + span;
    for (int i = 0; i < 100'000; ++i) {
      const auto next = machine.next_deadline();
      if (!next || *next > end) break;
      if (*next > now) advance(Millis((*next - now + 999'999) / 1'000'000));
      take(machine.tick(context()));
    }
    if (now < end) advance(Millis((end - now) / 1'000'000));
  }

  AnswerId join(const Joiner& joiner) {
    return take(machine.join(context(), caller(joiner.version), joiner.request()));
  }
  AnswerId sync(std::string_view member, std::int32_t generation,
                const std::map<std::string, std::string>& assignments = {},
                std::optional<std::string> instance = std::nullopt) {
    wire::SyncGroupRequest request;
    request.group_id = "g";
    request.member_id = member;
    request.generation_id = generation;
    request.protocol_type = "consumer";
    request.protocol_name = "range";
    if (instance) request.group_instance_id = *instance;
    for (const auto& [id, bytes] : assignments) {
      auto& to = request.assignments.emplace_back();
      to.member_id = id;
      to.assignment = wire::Bytes::copy_of(as_view(bytes));
    }
    return take(machine.sync(context(), caller(5), request));
  }
  ErrorCode heartbeat(std::string_view member, std::int32_t generation,
                      std::optional<std::string> instance = std::nullopt) {
    wire::HeartbeatRequest request;
    request.group_id = "g";
    request.member_id = member;
    request.generation_id = generation;
    if (instance) request.group_instance_id = *instance;
    const AnswerId id = take(machine.heartbeat(context(), caller(4), request));
    return static_cast<ErrorCode>(get<wire::HeartbeatResponse>(id).error_code);
  }
  /// Pairs of member id and group instance id.
  AnswerId leave(const std::vector<std::pair<std::string, std::optional<std::string>>>& members) {
    wire::LeaveGroupRequest request;
    request.group_id = "g";
    for (const auto& [id, instance] : members) {
      auto& to = request.members.emplace_back();
      to.member_id = id;
      if (instance) to.group_instance_id = *instance;
    }
    return take(machine.leave(context(), caller(5), request));
  }

  bool has(AnswerId id) const { return answers.contains(id); }
  template <class R>
  const R& get(AnswerId id) const {
    static const R none{};
    const auto at = answers.find(id);
    EXPECT_TRUE(at != answers.end()) << "not answered: " << id.value();
    if (at == answers.end()) return none;
    const R* out = std::get_if<R>(&at->second);
    EXPECT_TRUE(out != nullptr) << "answered with another response";
    return out == nullptr ? none : *out;
  }
  const wire::JoinGroupResponse& joined(AnswerId id) const {
    return get<wire::JoinGroupResponse>(id);
  }
  const wire::SyncGroupResponse& synced(AnswerId id) const {
    return get<wire::SyncGroupResponse>(id);
  }
  ErrorCode error_of_join(AnswerId id) const {
    return static_cast<ErrorCode>(joined(id).error_code);
  }
  ErrorCode error_of_sync(AnswerId id) const {
    return static_cast<ErrorCode>(synced(id).error_code);
  }
  wire::DescribeGroupsResponse::DescribedGroup describe(std::string_view group = "g") const {
    return machine.describe(group, 6);
  }
  std::string state(std::string_view group = "g") const {
    return describe(group).group_state.str();
  }

  /// Joins as a new member that gets its id first; the second join's answer.
  AnswerId join_twice(Joiner joiner) {
    const AnswerId first = join(joiner);
    EXPECT_EQ(error_of_join(first), ErrorCode::kMemberIdRequired);
    joiner.member = joined(first).member_id.str();
    last_member = joiner.member;
    return join(joiner);
  }
  /// A stable group of so many dynamic members; the first is its leader. Their ids, sorted.
  std::vector<std::string> stable_group(std::size_t count) {
    std::vector<AnswerId> joins;
    for (std::size_t i = 0; i < count; ++i) joins.push_back(join_twice(Joiner{}));
    pass(Millis(6'500));
    std::vector<std::string> members;
    std::map<std::string, std::string> assignments;
    for (const AnswerId id : joins) {
      EXPECT_EQ(error_of_join(id), ErrorCode::kNone);
      members.push_back(joined(id).member_id.str());
      assignments[members.back()] = "a-" + members.back();
    }
    const std::int32_t generation = joined(joins.front()).generation_id;
    for (const std::string& member : members) {
      const bool leads = joined(joins.front()).leader == member;
      sync(member, generation, leads ? assignments : std::map<std::string, std::string>{});
    }
    EXPECT_EQ(state(), "Stable");
    return members;
  }

  /// A machine that has read the log.
  GroupMachine successor() const {
    GroupMachine out(settings);
    for (const auto& batch : log) {
      for (const auto& record : batch.records) {
        std::optional<ByteView> value;
        if (record.value) value = ByteView(*record.value);
        if (batch.producer_id) {
          out.replay_transactional(*batch.producer_id, batch.producer_epoch, record.key, value);
        } else {
          out.replay(record.key, value);
        }
      }
    }
    return out;
  }

  GroupSettings settings;
  GroupMachine machine;
  image::MetadataImage image = test_image();
  MonoTime now{1'000'000'000};
  Timestamp wall{1'700'000'000'000};
  std::vector<record::KeyedBatch> log;
  std::map<AnswerId, GroupResponse> answers;
  std::string last_member;

 private:
  std::uint64_t answer_ = 0;
  std::int64_t ids_ = 0;
};

}  // namespace moldau::group
