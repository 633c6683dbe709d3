// SPDX-License-Identifier: Apache-2.0
#include "machine/group/modern_group.h"

#include <utility>

namespace moldau::group {

void TopicSubscribers::add(std::string_view topic, std::string_view group) {
  auto at = groups_.find(topic);
  if (at == groups_.end()) {
    at = groups_.emplace(std::string(topic), std::set<std::string, std::less<>>()).first;
  }
  at->second.emplace(group);
}

void TopicSubscribers::remove(std::string_view topic, std::string_view group) {
  const auto at = groups_.find(topic);
  if (at == groups_.end()) return;
  const auto one = at->second.find(group);
  if (one != at->second.end()) at->second.erase(one);
  if (at->second.empty()) groups_.erase(at);
}

const std::set<std::string, std::less<>>& TopicSubscribers::of(std::string_view topic) const {
  static const std::set<std::string, std::less<>> kNone;
  const auto at = groups_.find(topic);
  return at == groups_.end() ? kNone : at->second;
}

ModernGroup::ModernGroup(std::string id, TopicSubscribers& subscribers)
    : Group(std::move(id)), subscribers_(subscribers) {}

ModernGroup::~ModernGroup() {
  for (const auto& [topic, count] : subscribed_topics_) subscribers_.remove(topic, id());
}

const assignor::Assignment& ModernGroup::target(std::string_view member_id) const {
  static const assignor::Assignment kNothing;
  const auto at = targets_.find(member_id);
  return at == targets_.end() ? kNothing : at->second;
}

void ModernGroup::describe_topics(const std::set<TopicId>& topics,
                                  const image::MetadataImage& image,
                                  assignor::GroupSpec& spec) const {
  for (const TopicId& id : topics) {
    const image::TopicImage* topic = image.topic(id);
    if (topic == nullptr) continue;
    const std::size_t count = topic->partitions.size();
    spec.partition_counts[id] = static_cast<std::int32_t>(count);
    spec.assigned[id].assign(count, false);
  }
  for (const auto& [member, target] : targets_) {
    for (const auto& [id, partitions] : target) {
      const auto at = spec.assigned.find(id);
      if (at == spec.assigned.end()) continue;
      for (const PartitionId partition : partitions) {
        const auto index = static_cast<std::size_t>(partition.value());
        if (index < at->second.size()) at->second[index] = true;
      }
    }
  }
}

void ModernGroup::replay_epoch(std::int32_t epoch, std::int64_t metadata_hash) {
  epoch_ = epoch;
  metadata_hash_ = metadata_hash;
}

void ModernGroup::replay_target_metadata(std::int32_t epoch, Timestamp timestamp) {
  assignment_epoch_ = epoch;
  assignment_timestamp_ = timestamp;
}

void ModernGroup::replay_target(std::string_view member_id, assignor::Assignment target) {
  const auto at = targets_.find(member_id);
  if (at != targets_.end()) {
    at->second = std::move(target);
  } else {
    targets_.emplace(std::string(member_id), std::move(target));
  }
}

void ModernGroup::remove_target(std::string_view member_id) {
  const auto at = targets_.find(member_id);
  if (at != targets_.end()) targets_.erase(at);
}

SubscriptionCount& ModernGroup::count_of(std::string_view topic) {
  const auto at = subscribed_topics_.find(topic);
  if (at != subscribed_topics_.end()) return at->second;
  subscribers_.add(topic, id());
  return subscribed_topics_.emplace(std::string(topic), SubscriptionCount()).first->second;
}

void ModernGroup::drop_if_unused(std::string_view topic) {
  const auto at = subscribed_topics_.find(topic);
  if (at == subscribed_topics_.end() || at->second.by_name > 0 || at->second.by_regex > 0) return;
  subscribers_.remove(topic, id());
  subscribed_topics_.erase(at);
}

void ModernGroup::subscribe_by_name(std::string_view topic) {
  ++count_of(topic).by_name;
}

void ModernGroup::unsubscribe_by_name(std::string_view topic) {
  const auto at = subscribed_topics_.find(topic);
  if (at == subscribed_topics_.end() || at->second.by_name == 0) return;
  --at->second.by_name;
  drop_if_unused(topic);
}

void ModernGroup::subscribe_by_regex(std::string_view topic) {
  ++count_of(topic).by_regex;
}

void ModernGroup::unsubscribe_by_regex(std::string_view topic) {
  const auto at = subscribed_topics_.find(topic);
  if (at == subscribed_topics_.end() || at->second.by_regex == 0) return;
  --at->second.by_regex;
  drop_if_unused(topic);
}

}  // namespace moldau::group
