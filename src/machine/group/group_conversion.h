// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "machine/group/classic_group.h"
#include "machine/group/consumer_group.h"
#include "machine/group/topic_hash.h"
#include "wire/consumer_protocol_subscription.h"

namespace moldau::group {

/// Groups that change from one protocol to the other while members are in them (KIP-848).
/// Source   ConsumerGroup.fromClassicGroup, ClassicGroup.fromConsumerGroup.

/// What a classic consumer sends as metadata; views the bytes.
/// Errors   kUnknownServerError: it cannot be read.
Result<wire::ConsumerProtocolSubscription> parse_subscription(ByteView metadata);
/// The first supported protocol's metadata.
Result<wire::ConsumerProtocolSubscription> parse_subscription(const MemberProtocols& protocols);
/// In the version of the member's subscription.
/// Errors   kUnknownServerError: the subscription cannot be read.
Result<std::vector<std::byte>> serialize_assignment(const assignor::Assignment& assignment,
                                                    ByteView subscription,
                                                    const image::MetadataImage& image);
assignor::Assignment without_epochs(const EpochAssignment& assignment);

/// What the classic group is as a consumer group; it subscribes in `subscribers`.
/// Errors   kGroupIdNotFound with the reason why it cannot be converted.
Result<std::unique_ptr<ConsumerGroup>> as_consumer_group(const ClassicGroup& group,
                                                         TopicSubscribers& subscribers,
                                                         TopicHashes& hashes,
                                                         const image::MetadataImage& image);
/// All records of a consumer group.
void append_group_records(const ConsumerGroup& group, std::vector<record::KeyedRecord>& records);

/// What the consumer group is as a classic group: without those that leave, and with `joining`
/// (if not null) in place of the static member of its instance.
/// Errors   kGroupIdNotFound: a member's metadata cannot be read.
Result<std::unique_ptr<ClassicGroup>> as_classic_group(const ConsumerGroup& group,
                                                       const std::set<std::string>& leaving,
                                                       const ConsumerMember* joining,
                                                       const image::MetadataImage& image,
                                                       Timestamp wall);

}  // namespace moldau::group
