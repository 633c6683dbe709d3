// SPDX-License-Identifier: Apache-2.0
// GroupMachine: what concerns share groups.
#include "machine/group/group_machine_state.h"

namespace moldau::group {

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

GroupEffects GroupMachine::begin_share_delete(const GroupContext& context,
                                              const GroupCaller& caller,
                                              std::string_view group_id) {
  return state_->step(context,
                      [&](Step& step) { state_->share.begin_delete(step, caller, group_id); });
}

GroupEffects GroupMachine::settle_share(const GroupContext& context, AnswerId answer,
                                        const ShareSettlement& what) {
  return state_->step(context, [&](Step& step) { state_->share.settle(step, answer, what); });
}

wire::ShareGroupDescribeResponse::DescribedGroup GroupMachine::describe_share(
    std::string_view group_id, const image::MetadataImage& image) const {
  return describe_share_group(state_->groups, group_id, image);
}

std::vector<ShareStart> GroupMachine::share_initialized(std::string_view group_id) const {
  std::vector<ShareStart> out;
  const Group* group = state_->groups.find(group_id);
  if (group == nullptr || group->type() != GroupType::kShare) return out;
  for (const auto& [id, topic] : static_cast<const ShareGroup*>(group)->topics().initialized) {
    for (const PartitionId partition : topic.partitions) {
      ShareStart& one = out.emplace_back();
      one.topic_id = id;
      one.partition = partition;
    }
  }
  return out;
}

}  // namespace moldau::group
