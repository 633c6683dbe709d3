// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "machine/group/group.h"

namespace moldau::group {

/// All groups of the partition by id, and when each wants to be looked at.
/// Owner    the groups; pointers to them hold until remove().
/// Thread   a value of the partition's shard.
class GroupTable {
 public:
  /// The keys are views of the groups' own ids.
  using Groups = std::map<std::string_view, std::unique_ptr<Group>>;

  Group* find(std::string_view id);
  const Group* find(std::string_view id) const;
  /// Replaces a group of that id.
  Group& add(std::unique_ptr<Group> group);
  void remove(std::string_view id);
  const Groups& groups() const { return groups_; }

  /// The group has a deadline then. Later ones cost nothing: they are found when it is woken.
  void wake_by(Group& group, MonoTime deadline);
  /// Takes the group that is first due, if it is; schedule it again afterwards.
  Group* take_due(MonoTime now);
  /// By the group's own next deadline.
  void schedule(Group& group);
  std::optional<MonoTime> next_wake() const;

 private:
  void forget_wake(Group& group);

  Groups groups_;
  // Views of the groups' own ids, so that order does not depend on addresses.
  std::set<std::pair<MonoTime, std::string_view>> wakes_;
};

}  // namespace moldau::group
