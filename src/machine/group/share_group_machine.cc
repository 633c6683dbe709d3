// SPDX-License-Identifier: Apache-2.0
// GroupMachine: what concerns share groups.
#include "machine/group/group_machine_state.h"

namespace moldau::group {
namespace {

const ShareGroup* share_group(const GroupTable& groups, std::string_view group_id) {
  const Group* group = groups.find(group_id);
  if (group == nullptr || group->type() != GroupType::kShare) return nullptr;
  return static_cast<const ShareGroup*>(group);
}

void add_partitions(const ShareTopics& topics, std::vector<ShareStart>& out) {
  for (const auto& [id, topic] : topics) {
    for (const PartitionId partition : topic.partitions) {
      ShareStart& one = out.emplace_back();
      one.topic_id = id;
      one.partition = partition;
    }
  }
}

}  // namespace

GroupEffects GroupMachine::share_heartbeat(const GroupContext& context, const GroupCaller& caller,
                                           const wire::ShareGroupHeartbeatRequest& request) {
  return state_->step(context, [&](Step& step) { state_->share.heartbeat(step, caller, request); });
}

GroupEffects GroupMachine::alter_share_offsets(const GroupContext& context,
                                               const GroupCaller& caller,
                                               const wire::AlterShareGroupOffsetsRequest& request) {
  return state_->step(context,
                      [&](Step& step) { state_->share.alter_offsets(step, caller, request); });
}

GroupEffects GroupMachine::delete_share_offsets(
    const GroupContext& context, const GroupCaller& caller,
    const wire::DeleteShareGroupOffsetsRequest& request) {
  return state_->step(context,
                      [&](Step& step) { state_->share.delete_offsets(step, caller, request); });
}

GroupEffects GroupMachine::settle_share(const GroupContext& context, AnswerId answer,
                                        const ShareSettlement& what) {
  return state_->step(context, [&](Step& step) { state_->share.settle(step, answer, what); });
}

wire::ShareGroupDescribeResponse::DescribedGroup GroupMachine::describe_share(
    std::string_view group_id, const image::MetadataImage& image) const {
  return describe_share_group(state_->groups, group_id, image);
}

std::optional<std::vector<ShareStart>> GroupMachine::share_partitions(
    std::string_view group_id) const {
  const ShareGroup* group = share_group(state_->groups, group_id);
  if (group == nullptr) return std::nullopt;
  std::vector<ShareStart> out;
  add_partitions(group->topics().initialized, out);
  add_partitions(group->topics().initializing, out);
  return out;
}

std::vector<ShareStart> GroupMachine::share_initialized(std::string_view group_id) const {
  std::vector<ShareStart> out;
  if (const ShareGroup* group = share_group(state_->groups, group_id))
    add_partitions(group->topics().initialized, out);
  return out;
}

}  // namespace moldau::group
