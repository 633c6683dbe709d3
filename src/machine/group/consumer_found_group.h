// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "machine/group/consumer_protocol.h"

namespace moldau::group {

/// The consumer group that a member wants to be in.
struct ConsumerProtocol::FoundGroup {
  FoundGroup() = default;
  /// In the table, or made for this step.
  ConsumerGroup* group = nullptr;
  /// Where `made` subscribes, as it is in no table.
  std::unique_ptr<TopicSubscribers> subscribers;
  std::unique_ptr<ConsumerGroup> made;
  /// The classic group that it takes the place of.
  ClassicGroup* replaced = nullptr;
  /// What makes the group.
  std::vector<record::KeyedRecord> records;
};

}  // namespace moldau::group
