// SPDX-License-Identifier: Apache-2.0
// What GroupMachine does for consumer groups.
#include "machine/group/group_machine_state.h"

namespace moldau::group {

GroupEffects GroupMachine::consumer_heartbeat(const GroupContext& context,
                                              const GroupCaller& caller,
                                              const wire::ConsumerGroupHeartbeatRequest& request) {
  return state_->step(context,
                      [&](Step& step) { state_->consumer.heartbeat(step, caller, request); });
}

GroupEffects GroupMachine::regexes_resolved(const GroupContext& context, std::string_view group_id,
                                            const ResolvedRegexes& resolved) {
  return state_->step(
      context, [&](Step& step) { state_->consumer.regexes_resolved(step, group_id, resolved); });
}

wire::ConsumerGroupDescribeResponse::DescribedGroup GroupMachine::describe_consumer(
    std::string_view group_id, const image::MetadataImage& image) const {
  return state_->consumer.describe(group_id, image);
}

}  // namespace moldau::group
