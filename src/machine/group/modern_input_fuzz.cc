// SPDX-License-Identifier: Apache-2.0
// Any sequence of heartbeats of streams and share groups, of requests for their offsets and of
// ticks: each is answered once, no task is active twice, and a machine that reads the log knows the
// same groups.
#include <cstdint>
#include <set>

#include "base/check.h"
#include "machine/group/fuzz_choices.h"
#include "machine/group/group_machine.h"

namespace {

using namespace moldau;
using group::Choices;

wire::StreamsGroupHeartbeatRequest::Topology topology_of(Choices& choices) {
  wire::StreamsGroupHeartbeatRequest::Topology out;
  out.epoch = choices.byte() % 3;
  const std::uint8_t flags = choices.byte();
  for (int s = 0; s < 1 + flags % 2; ++s) {
    auto& one = out.subtopologies.emplace_back();
    one.subtopology_id = s == 0 ? "s0" : "s1";
    one.source_topics.emplace_back((flags & 2) != 0 ? "a" : "b");
    if ((flags & 4) != 0) {
      auto& changelog = one.state_changelog_topics.emplace_back();
      changelog.name = "changelog";
    }
    if ((flags & 8) != 0) one.copartition_groups.emplace_back().source_topics.push_back(flags % 3);
    if ((flags & 16) != 0) {
      auto& repartition = one.repartition_source_topics.emplace_back();
      repartition.name = "a";
      repartition.partitions = flags % 5;
      one.repartition_sink_topics.emplace_back("b");
    }
    if ((flags & 32) != 0) one.source_topic_regex.emplace_back("a*");
  }
  return out;
}

wire::StreamsGroupHeartbeatRequest streams_heartbeat(Choices& choices) {
  wire::StreamsGroupHeartbeatRequest out;
  out.group_id = "s";
  out.member_id = choices.name("m");
  out.member_epoch = static_cast<std::int8_t>(choices.byte()) % 8;
  const std::uint8_t flags = choices.byte();
  if ((flags & 1) != 0) out.instance_id = choices.name("i");
  if ((flags & 2) != 0) out.rebalance_timeout_ms = choices.byte() * 100;
  if ((flags & 4) != 0) out.topology = topology_of(choices);
  if ((flags & 8) != 0) out.process_id = choices.name("p");
  if ((flags & 16) != 0) {
    out.active_tasks.emplace();
    out.standby_tasks.emplace();
    out.warmup_tasks.emplace();
  }
  if ((flags & 48) == 48) {
    auto& task = out.active_tasks->emplace_back();
    task.subtopology_id = choices.name("s");
    task.partitions.push_back(static_cast<std::int8_t>(choices.byte()) % 4);
  }
  if ((flags & 64) != 0) out.endpoint_information_epoch = choices.byte();
  out.shutdown_application = (flags & 128) != 0;
  return out;
}

wire::ShareGroupHeartbeatRequest share_heartbeat(Choices& choices) {
  wire::ShareGroupHeartbeatRequest out;
  out.group_id = "g";
  out.member_id = choices.name("m");
  out.member_epoch = static_cast<std::int8_t>(choices.byte()) % 8;
  const std::uint8_t flags = choices.byte();
  if ((flags & 1) == 0) return out;
  out.subscribed_topic_names.emplace();
  if ((flags & 2) != 0) out.subscribed_topic_names->emplace_back("a");
  if ((flags & 4) != 0) out.subscribed_topic_names->emplace_back("b");
  return out;
}

void check_owners(const wire::StreamsGroupDescribeResponse::DescribedGroup& group) {
  std::set<std::pair<std::string, std::int32_t>> owned;
  for (const auto& member : group.members) {
    for (const auto& task : member.assignment.active_tasks) {
      for (const std::int32_t partition : task.partitions) {
        MOLDAU_CHECK(owned.emplace(task.subtopology_id.str(), partition).second,
                     "a task is active once");
      }
    }
  }
}

class Run : private group::FuzzedGroups {
 public:
  explicit Run(const image::MetadataImage& image) : FuzzedGroups(image) {}

  void step(Choices& choices) {
    const std::uint8_t what = choices.byte();
    const group::GroupCaller caller(group::AnswerId(++ids_), 1, "c", "/h");
    take(act(what % 8, caller, choices));
    const auto streams = machine_.describe_streams("s");
    check_owners(streams);
    MOLDAU_CHECK(streams == follower_.describe_streams("s"), "replay gives the same streams group");
    MOLDAU_CHECK(machine_.describe_share("g", image_) == follower_.describe_share("g", image_),
                 "replay gives the same share group");
    MOLDAU_CHECK(machine_.counts().damaged_records == 0, "its own records can be read");
  }

 private:
  group::GroupEffects act(int what, const group::GroupCaller& caller, Choices& choices) {
    switch (what) {
      case 0:
      case 1:
      case 2:
        return machine_.streams_heartbeat(context(), caller, streams_heartbeat(choices));
      case 3:
      case 4:
        return machine_.share_heartbeat(context(), caller, share_heartbeat(choices));
      case 5: {
        wire::DeleteShareGroupOffsetsRequest request;
        request.group_id = "g";
        request.topics.emplace_back().topic_name = choices.byte() % 2 == 0 ? "a" : "b";
        return machine_.delete_share_offsets(context(), caller, request);
      }
      case 6:
        return machine_.delete_group(context(), caller, choices.byte() % 2 == 0 ? "s" : "g");
      default:
        return pass_time(choices);
    }
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
