// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "machine/assignor/consumer_assignors.h"

namespace moldau::assignor {
namespace {

/// How a topic is being cut into ranges.
struct Topic {
  std::int32_t partitions = 0;
  std::int32_t members = 0;
  /// Set with the first range.
  std::int32_t quota = -1;
  std::int32_t extra = -1;
  std::int32_t next = 0;
};

using Member = std::pair<const std::string_view, MemberSpec>;

/// Static members first, by their instance ids.
bool comes_before(const Member* a, const Member* b) {
  const auto& left = a->second.instance_id;
  const auto& right = b->second.instance_id;
  if (left && right) return *left < *right;
  if (left || right) return left.has_value();
  return a->first < b->first;
}

PartitionIds next_range(Topic& topic) {
  if (topic.quota < 0) {
    topic.quota = topic.partitions / topic.members;
    topic.extra = topic.partitions % topic.members;
  }
  std::int32_t quota = topic.quota;
  if (topic.extra > 0) {
    ++quota;
    --topic.extra;
  }
  PartitionIds out;
  const std::int32_t end = std::min(topic.next + quota, topic.partitions);
  for (; topic.next < end; ++topic.next) out.emplace_back(topic.next);
  return out;
}

}  // namespace

Result<GroupAssignment> assign_range(const GroupSpec& group) {
  std::vector<const Member*> members;
  members.reserve(group.members.size());
  std::map<TopicId, Topic> topics;
  for (const Member& member : group.members) {
    members.push_back(&member);
    for (const TopicId& id : member.second.topics) {
      const auto count = group.partition_count(id);
      if (!count) {
        return Error(ErrorCode::kUnknownServerError, "no such topic to assign: " + id.text());
      }
      Topic& topic = topics[id];
      topic.partitions = *count;
      ++topic.members;
    }
  }
  std::stable_sort(members.begin(), members.end(), comes_before);
  GroupAssignment out;
  for (const Member* member : members) {
    Assignment& assignment = out[std::string(member->first)];
    for (const TopicId& id : member->second.topics) {
      PartitionIds range = next_range(topics.find(id)->second);
      if (!range.empty()) assignment.emplace(id, std::move(range));
    }
  }
  return out;
}

}  // namespace moldau::assignor
