// SPDX-License-Identifier: Apache-2.0
#include "machine/group/group_conversion.h"

#include <algorithm>
#include <utility>

#include "machine/group/consumer_decision.h"
#include "machine/group/consumer_records.h"
#include "wire/consumer_protocol_assignment.h"
#include "wire/encode.h"
#include "wire/reader.h"

namespace moldau::group {
namespace {

Error unreadable(const char* what) {
  return Error(ErrorCode::kUnknownServerError,
               std::string("Malformed embedded consumer protocol in ") + what + ".");
}

/// A later version begins as the last one that is known.
template <class M>
Result<M> parse_versioned(ByteView bytes, const char* what) {
  wire::Reader reader(bytes);
  const std::int16_t version = reader.int16("version");
  if (!reader.ok() || version < M::kMinVersion) return unreadable(what);
  M message;
  if (!message.decode(reader, std::min(version, M::kMaxVersion)).ok() || !reader.ok()) {
    return unreadable(what);
  }
  return message;
}

std::vector<std::string> sorted_names(const std::vector<wire::Text>& names) {
  std::vector<std::string> out;
  for (const wire::Text& name : names) out.push_back(name.str());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<assignor::Assignment> parse_assignment(ByteView bytes, const image::MetadataImage& image) {
  assignor::Assignment out;
  if (bytes.empty()) return out;
  MOLDAU_ASSIGN_OR_RETURN(const auto message,
                          parse_versioned<wire::ConsumerProtocolAssignment>(bytes, "assignment"));
  if (message.user_data.view().size() > 0) {
    return Error(ErrorCode::kUnsupportedVersion, "userData from a custom assignor would be lost");
  }
  for (const auto& topic : message.assigned_partitions) {
    const TopicId* id = image.topic_ids().find(topic.topic.view());
    if (id == nullptr) continue;
    assignor::PartitionIds& to = out[*id];
    for (const std::int32_t partition : topic.partitions) {
      if (partition >= 0) to.emplace_back(partition);
    }
    std::sort(to.begin(), to.end());
    to.erase(std::unique(to.begin(), to.end()), to.end());
    if (to.empty()) out.erase(*id);
  }
  return out;
}

}  // namespace

Result<wire::ConsumerProtocolSubscription> parse_subscription(ByteView metadata) {
  return parse_versioned<wire::ConsumerProtocolSubscription>(metadata,
                                                             "subscription deserialization");
}

Result<wire::ConsumerProtocolSubscription> parse_subscription(const MemberProtocols& protocols) {
  if (protocols.empty()) return unreadable("subscription deserialization");
  return parse_subscription(ByteView(protocols.front().metadata));
}

Result<std::vector<std::byte>> serialize_assignment(const assignor::Assignment& assignment,
                                                    ByteView subscription,
                                                    const image::MetadataImage& image) {
  using Message = wire::ConsumerProtocolAssignment;
  wire::Reader reader(subscription);
  const std::int16_t asked = reader.int16("version");
  if (!reader.ok() || asked < Message::kMinVersion) return unreadable("version deserialization");
  Message message;
  message.user_data = wire::Bytes::null();
  for (const auto& [id, partitions] : assignment) {
    const image::TopicImage* topic = image.topic(id);
    if (topic == nullptr) continue;
    auto& to = message.assigned_partitions.emplace_back();
    to.topic = std::string_view(topic->name);
    for (const PartitionId partition : partitions) to.partitions.push_back(partition.value());
  }
  const Slice bytes = wire::encode_with_version(message, std::min(asked, Message::kMaxVersion));
  const ByteView view = bytes.view();
  return std::vector<std::byte>(view.begin(), view.end());
}

assignor::Assignment without_epochs(const EpochAssignment& assignment) {
  assignor::Assignment out;
  for (const auto& [topic, partitions] : assignment) {
    assignor::PartitionIds& to = out[topic];
    for (const auto& [partition, epoch] : partitions) to.push_back(partition);
  }
  return out;
}

// ---- classic to consumer ----

namespace {

Result<ConsumerMember> as_consumer_member(const ClassicMember& from, const ClassicGroup& group,
                                          const assignor::Assignment& assigned) {
  const auto metadata = from.metadata(group.protocol().value_or(""));
  if (!metadata) return unreadable("subscription deserialization");
  MOLDAU_ASSIGN_OR_RETURN(const auto subscription, parse_subscription(*metadata));
  ConsumerMember out;
  out.id = from.id;
  out.epoch = group.generation();
  out.previous_epoch = group.generation();
  out.instance_id = from.group_instance_id;
  if (subscription.rack_id.size() > 0) out.rack_id = subscription.rack_id.str();
  out.rebalance_timeout_ms = static_cast<std::int32_t>(from.rebalance_timeout.value());
  out.client_id = from.client_id;
  out.client_host = from.client_host;
  out.topics = sorted_names(subscription.topics);
  for (const auto& [topic, partitions] : assigned) {
    for (const PartitionId partition : partitions) {
      out.assigned[topic].emplace(partition, group.generation());
    }
  }
  ClassicMemberMetadata& classic = out.classic.emplace();
  classic.session_timeout = from.session_timeout;
  classic.protocols = from.protocols;
  return out;
}

}  // namespace

Result<std::unique_ptr<ConsumerGroup>> as_consumer_group(const ClassicGroup& group,
                                                         TopicSubscribers& subscribers,
                                                         TopicHashes& hashes,
                                                         const image::MetadataImage& image) {
  auto out = std::make_unique<ConsumerGroup>(group.id(), subscribers);
  const std::string why = "Cannot upgrade classic group " + group.id() + " to consumer group ";
  for (const auto& [id, member] : group.members()) {
    auto assigned = parse_assignment(ByteView(member.assignment), image);
    if (!assigned.ok() && assigned.error().code == ErrorCode::kUnsupportedVersion) {
      return Error(ErrorCode::kGroupIdNotFound,
                   why +
                       "because an unsupported custom assignor is in use. Please refer to the "
                       "documentation or switch to a default assignor before re-attempting the "
                       "upgrade.");
    }
    Result<ConsumerMember> made = assigned.ok() ? as_consumer_member(member, group, *assigned)
                                                : Result<ConsumerMember>(assigned.error());
    if (!made.ok()) {
      return Error(ErrorCode::kGroupIdNotFound,
                   why + "because the embedded consumer protocol is malformed.");
    }
    out->replay_target(id, std::move(*assigned));
    out->replay_member(std::move(*made));
  }
  out->replay_target_metadata(group.generation(), Timestamp(0));
  out->replay_epoch(group.generation(), metadata_hash_of(out->subscribed_topics(), hashes, image));
  return out;
}

void append_group_records(const ConsumerGroup& group, std::vector<record::KeyedRecord>& records) {
  const std::string& id = group.id();
  for (const auto& [member_id, member] : group.members()) {
    records.push_back(consumer_member_record(id, member));
  }
  records.push_back(consumer_epoch_record(id, group.epoch(), group.metadata_hash()));
  for (const auto& [member_id, member] : group.members()) {
    records.push_back(consumer_target_record(id, member_id, group.target(member_id)));
  }
  records.push_back(
      consumer_target_metadata_record(id, group.assignment_epoch(), group.assignment_timestamp()));
  for (const auto& [member_id, member] : group.members()) {
    records.push_back(consumer_current_record(id, member));
  }
}

// ---- consumer to classic ----

namespace {

ClassicMember as_classic_member(const ConsumerMember& from) {
  ClassicMember out;
  out.id = from.id;
  out.group_instance_id = from.instance_id;
  out.client_id = from.client_id;
  out.client_host = from.client_host;
  out.rebalance_timeout = Millis(from.rebalance_timeout_ms);
  if (from.classic) {
    out.session_timeout = from.classic->session_timeout;
    out.protocols = from.classic->protocols;
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<ClassicGroup>> as_classic_group(const ConsumerGroup& group,
                                                       const std::set<std::string>& leaving,
                                                       const ConsumerMember* joining,
                                                       const image::MetadataImage& image,
                                                       Timestamp wall) {
  auto out = std::make_unique<ClassicGroup>(group.id());
  const ConsumerMember* replaced = nullptr;
  if (joining != nullptr && joining->instance_id) {
    replaced = group.static_member(*joining->instance_id);
  }
  for (const auto& [id, member] : group.members()) {
    if (leaving.contains(id) || &member == replaced) continue;
    out->add(as_classic_member(member), "consumer");
  }
  if (joining != nullptr) out->add(as_classic_member(*joining), "consumer");
  const auto refuse = [&] {
    return Error(ErrorCode::kGroupIdNotFound, "Cannot downgrade the classic group " + group.id() +
                                                  ": the embedded consumer protocol is malformed.");
  };
  if (!out->have_common_protocol()) return refuse();
  out->become_stable(group.epoch(), wall);
  for (auto& [id, member] : out->members()) {
    const bool is_joining = joining != nullptr && id == joining->id;
    const std::string& target_of = is_joining && replaced != nullptr ? replaced->id : id;
    const auto metadata = member.metadata(*out->protocol());
    auto assignment = serialize_assignment(group.target(target_of), *metadata, image);
    if (!assignment.ok()) return refuse();
    member.assignment = std::move(*assignment);
  }
  return out;
}

}  // namespace moldau::group
