// SPDX-License-Identifier: Apache-2.0
#include "node/handler/share_call.h"

#include "config/group_config.h"
#include "node/park/parallel.h"

namespace moldau::handler {
namespace {

constexpr std::size_t kMemberIdMax = 36;
constexpr std::size_t kAtOnce = 64;

env::Task<void> acknowledge_one(Services* node, const share::ShareMember* member,
                                AcknowledgeWork* work) {
  if (work->error != ErrorCode::kNone) co_return;
  share::SharePartitionKey key(member->group_id, work->id.topic_id, work->id.partition);
  std::string member_id = member->member_id;
  std::vector<share::Acknowledgement> batches = std::move(work->batches);
  const share::StateOutcome outcome = co_await node->share->acknowledge(
      &node->shard, std::move(key), std::move(member_id), std::move(batches));
  work->error = outcome.error;
  work->message = outcome.message;
}

}  // namespace

ErrorCode refusal_of_partition(const Services& node, const request::Request& request,
                               const TopicIdPartition& id) {
  const image::TopicImage* topic = node.image->topic(id.topic_id);
  if (!topic) return ErrorCode::kUnknownTopicId;
  if (!authorized(node, request, AclOperation::kRead, AclResourceType::kTopic, topic->name))
    return ErrorCode::kTopicAuthorizationFailed;
  if (!topic->partition(id.partition)) return ErrorCode::kUnknownTopicOrPartition;
  return ErrorCode::kNone;
}

bool may_share(const Services& node, const request::Request& request, const wire::Text& group_id,
               const wire::Text& member_id, std::pair<ErrorCode, std::string>& why) {
  if (node.image->feature_level("share.version") < 1) {
    why = {ErrorCode::kUnsupportedVersion, "The version of API is not supported."};
  } else if (group_id.is_null()) {
    why = {ErrorCode::kInvalidRequest, "Invalid group id in the request."};
  } else if (!authorized(node, request, AclOperation::kRead, AclResourceType::kGroup,
                         group_id.view())) {
    why = {ErrorCode::kGroupAuthorizationFailed, "Group authorization failed."};
  } else if (member_id.is_null() || member_id.is_empty() ||
             member_id.view().size() > kMemberIdMax) {
    why = {ErrorCode::kInvalidRequest, "Invalid member id in the request."};
  } else {
    return true;
  }
  return false;
}

env::Task<void> acknowledge_all(Services& node, const request::Request* request,
                                const share::ShareMember* member,
                                std::vector<AcknowledgeWork>* work) {
  for (AcknowledgeWork& one : *work)
    if (one.error == ErrorCode::kNone) one.error = refusal_of_partition(node, *request, one.id);
  env::TaskScope tasks;
  Services* services = &node;
  park::WorkAt each = [services, member, work](std::size_t index) {
    return acknowledge_one(services, member, &(*work)[index]);
  };
  co_await park::run_parallel(node.shard, tasks, work->size(), kAtOnce, std::move(each));
}

Millis record_lock_of(const Services& node, std::string_view group_id) {
  const image::ConfigEntries& set =
      node.image->config(image::ConfigResource(image::ResourceType::kGroup, std::string(group_id)));
  if (set.empty()) return Millis(node.config->values.group_share_record_lock_duration_ms);
  const config::GroupValues values =
      config::effective_group_config(*node.config, config::ConfigMap(set.begin(), set.end()));
  return Millis(values.share_record_lock_duration_ms);
}

}  // namespace moldau::handler
