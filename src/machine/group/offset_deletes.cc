// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "machine/group/offset_protocol.h"

namespace moldau::group {

void OffsetProtocol::delete_offsets(Step& step, const GroupCaller& caller,
                                    const wire::OffsetDeleteRequest& request) {
  const auto refuse = [&](ErrorCode error) {
    wire::OffsetDeleteResponse response;
    response.error_code = static_cast<std::int16_t>(error);
    step.answer(caller.answer, std::move(response));
  };
  const std::string_view group_id = request.group_id.view();
  if (group_id.empty()) return refuse(ErrorCode::kInvalidGroupId);
  const Group* group = groups_.find(group_id);
  if (group == nullptr) return refuse(ErrorCode::kGroupIdNotFound);
  const ErrorCode error = group->check_offset_delete();
  if (error != ErrorCode::kNone) return refuse(error);

  std::vector<record::KeyedRecord> records;
  wire::OffsetDeleteResponse response;
  for (const auto& topic : request.topics) {
    const std::string_view name = topic.name.view();
    const bool is_subscribed = group->is_subscribed_to(name);
    auto& out = response.topics.emplace_back();
    out.name = topic.name.own();
    for (const auto& partition : topic.partitions) {
      auto& to = out.partitions.emplace_back();
      to.partition_index = partition.partition_index;
      if (is_subscribed) {
        to.error_code = static_cast<std::int16_t>(ErrorCode::kGroupSubscribedToTopic);
        continue;
      }
      const PartitionId id(partition.partition_index);
      if (offsets_.find(group_id, name, id) != nullptr || offsets_.is_pending(group_id, name, id)) {
        records.push_back(offset_commit_tombstone(group_id, name, id));
      }
    }
  }
  if (!step.has_room(records)) return refuse(ErrorCode::kUnknownServerError);
  counts_.offset_deletions += static_cast<std::int64_t>(records.size());
  step.write(std::move(records));
  step.answer(caller.answer, std::move(response));
}

void OffsetProtocol::delete_group(Step& step, const GroupCaller& caller,
                                  std::string_view group_id) {
  const auto respond = [&](ErrorCode error) {
    wire::DeleteGroupsResponse::DeletableGroupResult response;
    response.group_id = wire::Text::copy_of(group_id);
    response.error_code = static_cast<std::int16_t>(error);
    step.answer(caller.answer, std::move(response));
  };
  const Group* group = groups_.find(group_id);
  if (group == nullptr) return respond(ErrorCode::kGroupIdNotFound);
  const ErrorCode error = group->check_delete();
  if (error != ErrorCode::kNone) return respond(error);

  std::vector<record::KeyedRecord> records;
  for (const auto& [topic, partitions] : offsets_.partitions(group_id)) {
    for (const PartitionId partition : partitions) {
      records.push_back(offset_commit_tombstone(group_id, topic, partition));
    }
  }
  const auto offsets = static_cast<std::int64_t>(records.size());
  group->append_tombstones(records);
  if (!step.has_room(records)) return respond(ErrorCode::kUnknownServerError);
  counts_.offset_deletions += offsets;
  step.write(std::move(records));
  respond(ErrorCode::kNone);
}

}  // namespace moldau::group
