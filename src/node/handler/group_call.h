// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "node/coordinator/group_coordinators.h"
#include "node/handler/authorize.h"
#include "node/handler/services.h"

namespace moldau::handler {

/// Feature group.version is finalized, and group.coordinator.rebalance.protocols has it.
bool is_consumer_protocol_on(const Services& node);

/// As Java prints an address that was never looked up.
inline std::string client_host(const request::Request& request) {
  return "/" + request.caller().host;
}

/// A step of the machine that takes (context, caller, message).
template <class Message>
using GroupStep = group::GroupEffects (group::GroupMachine::*)(const group::GroupContext&,
                                                               const group::GroupCaller&,
                                                               const Message&);

/// Has the coordinator of `message.group_id` do a step, and waits for the answer. `request` and
/// `message` must live until then.
template <class Response, class Message>
env::Task<Result<Response>> call_group(Services& node, const request::Request* request,
                                       const Message* message, GroupStep<Message> method) {
  auto step = [request, message, method, host = client_host(*request)](
                  group::GroupMachine& machine, const group::GroupContext& context,
                  group::AnswerId id) {
    const group::GroupCaller caller(id, request->version(), request->header().client_id, host,
                                    request->caller().principal);
    return (machine.*method)(context, caller, *message);
  };
  image::ImagePtr image = node.image;
  std::string group_id = message->group_id.str();
  Result<Response> answer = co_await node.groups->call<Response>(
      node.shard, std::move(image), std::move(group_id), std::move(step));
  co_return answer;
}

/// A whole handler for APIs of one group: decode, check the id, call, answer. `fill` makes the
/// answer of a request that the coordinator did not take.
template <class Message, class Response>
env::Task<void> serve_group_member(Services& node, request::RequestPtr request,
                                   GroupStep<Message> method,
                                   void (*fill)(const Message&, ErrorCode, Response&)) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  Response refused;
  if (!authorized(node, *request, AclOperation::kRead, AclResourceType::kGroup,
                  message.group_id.view())) {
    fill(message, ErrorCode::kGroupAuthorizationFailed, refused);
    request->answer(refused);
    co_return;
  }
  if (message.group_id.is_empty()) {
    fill(message, ErrorCode::kInvalidGroupId, refused);
    request->answer(refused);
    co_return;
  }
  Result<Response> answer =
      co_await call_group<Response, Message>(node, request.get(), &message, method);
  if (answer.ok()) {
    request->answer(*answer);
    co_return;
  }
  fill(message, answer.error().code, refused);
  request->answer(refused);
}

}  // namespace moldau::handler
