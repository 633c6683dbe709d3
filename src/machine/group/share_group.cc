// SPDX-License-Identifier: Apache-2.0
#include "machine/group/share_group.h"

#include <utility>

namespace moldau::group {

const ShareGroupMember* ShareGroup::member(std::string_view id) const {
  const auto at = members_.find(id);
  return at == members_.end() ? nullptr : &at->second;
}

void ShareGroup::replay_member(ShareGroupMember member) {
  for (const std::string& topic : member.topics) subscribe_by_name(topic);
  const auto at = members_.find(member.id);
  if (at != members_.end()) {
    for (const std::string& topic : at->second.topics) unsubscribe_by_name(topic);
    at->second = std::move(member);
    return;
  }
  std::string id = member.id;
  members_.emplace(std::move(id), std::move(member));
}

void ShareGroup::remove_member(std::string_view id) {
  const auto at = members_.find(id);
  if (at == members_.end()) return;
  for (const std::string& topic : at->second.topics) unsubscribe_by_name(topic);
  members_.erase(at);
  if (const auto session = sessions.find(id); session != sessions.end()) sessions.erase(session);
}

void ShareGroup::replay_topics(ShareTopicStates topics) {
  topics_ = std::move(topics);
  has_topics_ = true;
  has_topic_states_ = true;
}

void ShareGroup::remove_topics() {
  topics_ = {};
  has_topics_ = false;
  has_topic_states_ = false;
}

std::optional<MonoTime> ShareGroup::next_deadline() const {
  std::optional<MonoTime> least;
  for (const auto& [id, at] : sessions)
    if (!least || at < *least) least = at;
  return least;
}

void ShareGroup::append_tombstones(std::vector<record::KeyedRecord>& records) const {
  for (const auto& [id, member] : members_) {
    records.push_back(share_current_tombstone(this->id(), id));
  }
  for (const auto& [id, target] : targets())
    records.push_back(share_target_tombstone(this->id(), id));
  records.push_back(share_target_epoch_tombstone(id()));
  for (const auto& [id, member] : members_)
    records.push_back(share_member_tombstone(this->id(), id));
  if (has_topic_states_) records.push_back(share_topics_tombstone(id()));
  records.push_back(share_epoch_tombstone(id()));
}

}  // namespace moldau::group
