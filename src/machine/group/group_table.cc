// SPDX-License-Identifier: Apache-2.0
#include "machine/group/group_table.h"

namespace moldau::group {

std::string_view group_type_name(GroupType type) {
  switch (type) {
    case GroupType::kClassic:
      return "classic";
    case GroupType::kConsumer:
      return "consumer";
    case GroupType::kShare:
      return "share";
    case GroupType::kStreams:
      return "streams";
  }
  return "unknown";
}

Group* GroupTable::find(std::string_view id) {
  const auto at = groups_.find(id);
  return at == groups_.end() ? nullptr : at->second.get();
}

const Group* GroupTable::find(std::string_view id) const {
  const auto at = groups_.find(id);
  return at == groups_.end() ? nullptr : at->second.get();
}

Group& GroupTable::add(std::unique_ptr<Group> group) {
  remove(group->id());
  const std::string_view id = group->id();
  return *groups_.emplace(id, std::move(group)).first->second;
}

void GroupTable::remove(std::string_view id) {
  const auto at = groups_.find(id);
  if (at == groups_.end()) return;
  forget_wake(*at->second);
  groups_.erase(at);
}

void GroupTable::forget_wake(Group& group) {
  if (group.wake_at_) wakes_.erase({*group.wake_at_, group.id()});
  group.wake_at_.reset();
}

void GroupTable::wake_by(Group& group, MonoTime deadline) {
  if (group.wake_at_ && *group.wake_at_ <= deadline) return;
  forget_wake(group);
  group.wake_at_ = deadline;
  wakes_.emplace(deadline, group.id());
}

Group* GroupTable::take_due(MonoTime now) {
  if (wakes_.empty() || wakes_.begin()->first > now) return nullptr;
  Group* group = find(wakes_.begin()->second);
  forget_wake(*group);
  return group;
}

void GroupTable::schedule(Group& group) {
  if (const auto deadline = group.next_deadline()) wake_by(group, *deadline);
}

std::optional<MonoTime> GroupTable::next_wake() const {
  if (wakes_.empty()) return std::nullopt;
  return wakes_.begin()->first;
}

}  // namespace moldau::group
