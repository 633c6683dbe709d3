// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "machine/controller/topic_name.h"
#include "node/handler/authorize.h"
#include "node/handler/group_call.h"
#include "node/handler/group_protocols.h"
#include "node/handler/handlers.h"
#include "node/handler/topic_creation.h"
#include "wire/streams_group_heartbeat_request.h"
#include "wire/streams_group_heartbeat_response.h"

namespace moldau::handler {
namespace {

using Message = wire::StreamsGroupHeartbeatRequest;
using Response = wire::StreamsGroupHeartbeatResponse;
using group::StreamsHeartbeat;
using Failures = std::map<std::string, std::string, std::less<>>;

/// All topics that the topology names, once each, in its order.
std::vector<std::string_view> topics_of(const Message::Topology& topology) {
  std::vector<std::string_view> out;
  std::set<std::string_view> seen;
  const auto add = [&](std::string_view name) {
    if (seen.insert(name).second) out.push_back(name);
  };
  for (const auto& part : topology.subtopologies) {
    for (const wire::Text& name : part.source_topics) add(name.view());
    for (const wire::Text& name : part.repartition_sink_topics) add(name.view());
    for (const auto& topic : part.repartition_source_topics) add(topic.name.view());
    for (const auto& topic : part.state_changelog_topics) add(topic.name.view());
  }
  return out;
}

template <class Passes>
std::string joined(const std::vector<std::string_view>& names, Passes passes) {
  std::string out;
  for (const std::string_view name : names) {
    if (!passes(name)) continue;
    if (!out.empty()) out += ",";
    out += name;
  }
  return out;
}

void refuse(ErrorCode code, std::string why, Response& response) {
  response.error_code = to_wire(code);
  if (!why.empty()) response.error_message = why;
}

/// False if the topology names topics that it must not, with the reason in `response`.
bool may_use_topics(const Services& node, const request::Request& request, const Message& message,
                    Response& response) {
  if (!message.topology) return true;
  const std::vector<std::string_view> topics = topics_of(*message.topology);
  const std::string internal = joined(topics, is_internal_topic);
  if (!internal.empty()) {
    refuse(
        ErrorCode::kStreamsInvalidTopology,
        "Use of Kafka internal topics " + internal + " in a Kafka Streams topology is prohibited.",
        response);
    return false;
  }
  const std::string illegal = joined(topics, [](std::string_view name) {
    return controller::reason_topic_name_is_invalid(name).has_value();
  });
  if (!illegal.empty()) {
    refuse(ErrorCode::kStreamsInvalidTopology,
           "Topic names " + illegal + " are not valid topic names.", response);
    return false;
  }
  AuthorizedNames allowed(node, request, AclOperation::kDescribe, AclResourceType::kTopic);
  for (const std::string_view name : topics) allowed.count(name);
  const bool all = std::all_of(topics.begin(), topics.end(),
                               [&](std::string_view name) { return allowed.contains(name); });
  if (!all) refuse(ErrorCode::kTopicAuthorizationFailed, "", response);
  return all;
}

Response::Status* missing_topics_status(Response& response) {
  if (!response.status) response.status.emplace();
  for (Response::Status& status : *response.status) {
    if (status.status_code ==
        static_cast<std::int8_t>(group::StreamsStatus::kMissingInternalTopics)) {
      return &status;
    }
  }
  return nullptr;
}

/// The topics that the caller may not create.
std::string forbidden(const Services& node, const request::Request& request,
                      const group::ConfiguredStreamsTopics& topics) {
  if (cluster_authorized(node, request, AclOperation::kCreate, Audit::kAllowed)) return "";
  AuthorizedNames allowed(node, request, AclOperation::kCreate, AclResourceType::kTopic);
  for (const auto& [name, topic] : topics) allowed.count(name);
  std::vector<std::string_view> names;
  for (const auto& [name, topic] : topics) names.push_back(name);
  return joined(names, [&](std::string_view name) { return !allowed.contains(name); });
}

/// Says in the status of missing topics what became of them.
void tell_failures(const Failures& failures, Response& response) {
  constexpr std::size_t kShown = 3;
  Response::Status* status = missing_topics_status(response);
  if (status == nullptr || failures.empty()) return;
  std::string detail = status->status_detail.str() + "; Creation failed: ";
  std::size_t count = 0;
  for (const auto& [topic, why] : failures) {
    if (count++ >= kShown) break;
    if (count > 1) detail += ", ";
    detail += topic + " (" + why.substr(0, 1'000) + ")";
  }
  if (failures.size() > kShown) {
    detail += " and " + std::to_string(failures.size() - kShown) + " more";
  }
  status->status_detail = detail + ".";
}

void tell_forbidden(const std::string& topics, Response& response) {
  const std::string why = "Unauthorized to CREATE on topics " + topics + ".";
  if (Response::Status* status = missing_topics_status(response)) {
    status->status_detail = status->status_detail.str() + "; " + why;
    return;
  }
  Response::Status& status = response.status->emplace_back();
  status.status_code = static_cast<std::int8_t>(group::StreamsStatus::kMissingInternalTopics);
  status.status_detail = why;
}

/// Makes the internal topics that are missing. The members learn of them in a later heartbeat.
env::Task<void> create_missing(Services& node, const request::Request* request,
                               StreamsHeartbeat* beat) {
  const std::string refused = forbidden(node, *request, beat->missing_topics);
  if (!refused.empty()) {
    tell_forbidden(refused, beat->response);
    co_return;
  }
  std::vector<wire::CreateTopicsRequest::CreatableTopic> topics;
  for (const auto& [name, topic] : beat->missing_topics) {
    topics.push_back(group::creatable_topic(topic));
  }
  const Failures failures = co_await create_streams_topics(node, std::move(topics));
  tell_failures(failures, beat->response);
}

}  // namespace

env::Task<void> handle_streams_group_heartbeat(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  Response response;
  if (!serves_streams_groups(node)) {
    refuse(ErrorCode::kUnsupportedVersion, "", response);
    request->answer(response);
    co_return;
  }
  if (!authorized(node, *request, AclOperation::kRead, AclResourceType::kGroup,
                  message.group_id.view())) {
    refuse(ErrorCode::kGroupAuthorizationFailed, "", response);
    request->answer(response);
    co_return;
  }
  if (!may_use_topics(node, *request, message, response)) {
    request->answer(response);
    co_return;
  }
  Result<StreamsHeartbeat> beat = co_await call_group<StreamsHeartbeat, Message>(
      node, request.get(), &message, &group::GroupMachine::streams_heartbeat);
  if (!beat.ok()) {
    refuse(beat.error().code, "", response);
    request->answer(response);
    co_return;
  }
  StreamsHeartbeat answer = std::move(beat).value();
  if (!answer.missing_topics.empty()) co_await create_missing(node, request.get(), &answer);
  request->answer(answer.response);
}

}  // namespace moldau::handler
