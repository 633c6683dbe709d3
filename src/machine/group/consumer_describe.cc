// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "machine/group/consumer_protocol.h"

namespace moldau::group {
namespace {

using Described = wire::ConsumerGroupDescribeResponse::DescribedGroup;
using Topics = std::vector<wire::ConsumerGroupDescribeResponse::TopicPartitions>;

wire::Text nullable(const std::optional<std::string>& text) {
  return text ? wire::Text(*text) : wire::Text::null();
}

/// Topics that are gone are left out.
void add_topics(const assignor::Assignment& assignment, const image::MetadataImage& image,
                Topics& to) {
  for (const auto& [id, partitions] : assignment) {
    const image::TopicImage* topic = image.topic(id);
    if (topic == nullptr) continue;
    auto& out = to.emplace_back();
    out.topic_id = id;
    out.topic_name = wire::Text::copy_of(topic->name);
    for (const PartitionId partition : partitions) out.partitions.push_back(partition.value());
  }
}

/// What it has, and what it is giving up.
assignor::Assignment all_of(const ConsumerMember& member) {
  assignor::Assignment out;
  for (const EpochAssignment* part : {&member.assigned, &member.revoking}) {
    for (const auto& [topic, partitions] : *part) {
      for (const auto& [partition, epoch] : partitions) out[topic].push_back(partition);
    }
  }
  return out;
}

}  // namespace

Described ConsumerProtocol::describe(std::string_view group_id,
                                     const image::MetadataImage& image) const {
  Described out;
  out.group_id = wire::Text::copy_of(group_id);
  const Group* found = groups_.find(group_id);
  if (found == nullptr || found->type() != GroupType::kConsumer) {
    out.error_code = static_cast<std::int16_t>(ErrorCode::kGroupIdNotFound);
    out.error_message = "Group " + std::string(group_id) +
                        (found == nullptr ? " not found." : " is not a consumer group.");
    return out;
  }
  const auto& group = static_cast<const ConsumerGroup&>(*found);
  const auto& offered = settings_.broker->values.group_consumer_assignors;
  out.group_state = wire::Text::copy_of(group.state_name());
  out.group_epoch = group.epoch();
  out.assignment_epoch = group.assignment_epoch();
  out.assignor_name = group.preferred_assignor(nullptr, nullptr)
                          .value_or(offered.empty() ? "uniform" : offered.front());
  out.members.reserve(group.members().size());
  for (const auto& [id, member] : group.members()) {
    auto& to = out.members.emplace_back();
    to.member_id = id;
    to.instance_id = nullable(member.instance_id);
    to.rack_id = nullable(member.rack_id);
    to.member_epoch = member.epoch;
    to.client_id = member.client_id;
    to.client_host = member.client_host;
    for (const std::string& topic : member.topics) to.subscribed_topic_names.emplace_back(topic);
    to.subscribed_topic_regex = nullable(member.regex);
    to.member_type = member.uses_classic_protocol() ? 0 : 1;
    add_topics(all_of(member), image, to.assignment.topic_partitions);
    add_topics(group.target(id), image, to.target_assignment.topic_partitions);
  }
  return out;
}

}  // namespace moldau::group
