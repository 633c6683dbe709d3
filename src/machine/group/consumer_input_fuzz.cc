// SPDX-License-Identifier: Apache-2.0
// Any sequence of requests of both protocols and of ticks to one group: nobody waits for ever for
// an answer twice, no partition has two owners, and a machine that reads the log knows the same.
#include <cstdint>
#include <set>

#include "base/check.h"
#include "machine/group/fuzz_choices.h"
#include "machine/group/group_conversion.h"
#include "machine/group/group_machine.h"

namespace {

using namespace moldau;
using group::Choices;

wire::ConsumerGroupHeartbeatRequest heartbeat(Choices& choices) {
  wire::ConsumerGroupHeartbeatRequest out;
  out.group_id = "g";
  out.member_id = choices.name("m");
  out.member_epoch = static_cast<std::int8_t>(choices.byte()) % 8;
  const std::uint8_t flags = choices.byte();
  if ((flags & 1) != 0) out.instance_id = choices.name("i");
  if ((flags & 2) != 0) out.rebalance_timeout_ms = choices.byte() * 100;
  if ((flags & 4) != 0) {
    out.subscribed_topic_names.emplace();
    if ((flags & 8) != 0) out.subscribed_topic_names->emplace_back("a");
    if ((flags & 16) != 0) out.subscribed_topic_names->emplace_back("b");
  }
  if ((flags & 32) != 0) out.subscribed_topic_regex = (flags & 8) != 0 ? "[ab]" : "a*";
  if ((flags & 64) != 0) out.server_assignor = "range";
  if ((flags & 128) != 0) {
    out.topic_partitions.emplace();
    if (out.member_epoch > 0) {
      auto& topic = out.topic_partitions->emplace_back();
      topic.topic_id = TopicId(7, 1 + choices.byte() % 3);
      topic.partitions.push_back(choices.byte() % 4);
    }
  }
  return out;
}

wire::JoinGroupRequest join(Choices& choices) {
  wire::JoinGroupRequest out;
  out.group_id = "g";
  out.session_timeout_ms = 10'000;
  out.rebalance_timeout_ms = 1'000;
  const std::uint8_t flags = choices.byte();
  if ((flags & 1) != 0) out.member_id = choices.name("m");
  if ((flags & 2) != 0) out.group_instance_id = choices.name("i");
  out.protocol_type = "consumer";
  auto& protocol = out.protocols.emplace_back();
  protocol.name = (flags & 4) != 0 ? "range" : "sticky";
  std::vector<std::byte> metadata = {std::byte{0}, std::byte{1}};
  const ByteView rest = choices.some();
  metadata.insert(metadata.end(), rest.begin(), rest.end());
  if ((flags & 8) != 0) {
    // Version 0 of a subscription to "a".
    constexpr unsigned char kPlain[] = {0, 0, 0, 0, 0, 1, 0, 1, 'a', 0xFF, 0xFF, 0xFF, 0xFF};
    metadata.clear();
    for (const unsigned char byte : kPlain) metadata.push_back(static_cast<std::byte>(byte));
  }
  protocol.metadata = wire::Bytes::copy_of(ByteView(metadata));
  (void)group::parse_subscription(ByteView(metadata));
  return out;
}

void check_owners(const wire::ConsumerGroupDescribeResponse::DescribedGroup& group) {
  std::set<std::pair<TopicId, std::int32_t>> owned;
  for (const auto& member : group.members) {
    for (const auto& topic : member.assignment.topic_partitions) {
      for (const std::int32_t partition : topic.partitions) {
        MOLDAU_CHECK(owned.emplace(topic.topic_id, partition).second, "a partition has one owner");
      }
    }
  }
}

class Run : private group::FuzzedGroups {
 public:
  explicit Run(const image::MetadataImage& image) : FuzzedGroups(image) {}

  void step(Choices& choices) {
    const std::uint8_t what = choices.byte();
    const group::GroupCaller caller(group::AnswerId(++ids_), static_cast<std::int16_t>(what / 64),
                                    "c", "/h");
    const group::GroupEffects effects = act(what % 8, caller, choices);
    take(effects);
    for (const auto& question : effects.questions) {
      take(machine_.regexes_resolved(context(), question.group_id,
                                     group::resolve_regexes(question, image_, wall_)));
    }
    const auto described = machine_.describe_consumer("g", image_);
    check_owners(described);
    MOLDAU_CHECK(described == follower_.describe_consumer("g", image_),
                 "replaying the log gives the same group");
    MOLDAU_CHECK(machine_.counts().damaged_records == 0, "its own records can be read");
  }

 private:
  group::GroupEffects act(int what, const group::GroupCaller& caller, Choices& choices) {
    switch (what) {
      case 0:
      case 1:
      case 2:
        return machine_.consumer_heartbeat(context(), caller, heartbeat(choices));
      case 3:
        return machine_.join(context(), caller, join(choices));
      case 4:
        return machine_.sync(context(), caller, of_generation<wire::SyncGroupRequest>(choices));
      case 5:
        return machine_.heartbeat(context(), caller,
                                  of_generation<wire::HeartbeatRequest>(choices));
      case 6: {
        wire::LeaveGroupRequest request;
        request.group_id = "g";
        request.member_id = choices.name("m");
        return machine_.leave(context(), caller, request);
      }
      default:
        return pass_time(choices);
    }
  }

  template <class Request>
  static Request of_generation(Choices& choices) {
    Request request;
    request.group_id = "g";
    request.member_id = choices.name("m");
    request.generation_id = choices.byte() % 8;
    return request;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const image::MetadataImage image = group::two_topics();
  Choices choices(ByteView(reinterpret_cast<const std::byte*>(data), size));
  Run run(image);
  while (choices.any()) run.step(choices);
  return 0;
}
