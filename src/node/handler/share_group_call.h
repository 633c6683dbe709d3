// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "node/coordinator/share_hosts.h"
#include "node/handler/authorize.h"
#include "node/handler/group_call.h"

namespace moldau::handler {

/// False while share.version is 0.
inline bool shares_groups(const Services& node) {
  return node.image->feature_level("share.version") >= 1;
}

/// What the share coordinator said of each of these, in their order.
struct StateWork {
  StateWork() = default;
  std::string group_id;
  std::int32_t state_epoch = 0;
  std::vector<group::ShareStart> partitions;
  std::vector<share::StateOutcome> outcomes;
};

/// Begins the state of these partitions, or removes it, many at a time.
env::Task<void> initialize_states(Services& node, StateWork* work);
env::Task<void> remove_states(Services& node, StateWork* work);

/// Tells the group's coordinator which of them succeeded (`good`) and which did not (`bad`, if
/// that is to be told).
env::Task<void> settle_states(Services& node, const StateWork* work,
                              group::ShareSettlement::What good,
                              std::optional<group::ShareSettlement::What> bad);

/// Answers with nothing but the error of a whole request.
template <class Response>
void refuse_offsets(request::Request& request, ErrorCode code, std::string_view why = {}) {
  Response response;
  response.error_code = to_wire(code);
  if (!why.empty()) response.error_message = why;
  request.answer(response);
}

/// Whether offsets of a share group may be changed at all; answers if not.
template <class Response, class Message>
bool refuses_offsets(const Services& node, request::Request& request, const Message& message,
                     AclOperation operation) {
  ErrorCode refusal = ErrorCode::kNone;
  if (!shares_groups(node)) {
    refusal = ErrorCode::kUnsupportedVersion;
  } else if (!authorized(node, request, operation, AclResourceType::kGroup,
                         message.group_id.view())) {
    refusal = ErrorCode::kGroupAuthorizationFailed;
  } else if (message.group_id.is_empty()) {
    refusal = ErrorCode::kInvalidGroupId;
  }
  if (refusal == ErrorCode::kNone) return false;
  refuse_offsets<Response>(request, refusal);
  return true;
}

/// Topics that the caller may read; `refuse(topic)` hears of the others.
template <class Message, class Refuse>
Message readable_part(const Services& node, const request::Request& request, const Message& message,
                      Refuse refuse) {
  Message allowed;
  allowed.group_id = message.group_id;
  for (const auto& topic : message.topics) {
    if (authorized(node, request, AclOperation::kRead, AclResourceType::kTopic,
                   topic.topic_name.view()))
      allowed.topics.push_back(topic);
    else
      refuse(topic);
  }
  return allowed;
}

}  // namespace moldau::handler
