// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>
#include <vector>

#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "node/handler/share_group_call.h"
#include "wire/delete_groups_request.h"
#include "wire/delete_groups_response.h"

namespace moldau::handler {
namespace {

using Deleted = wire::DeleteGroupsResponse::DeletableGroupResult;

env::Task<Deleted> delete_group(Services& node, const request::Request* request,
                                std::string group_id) {
  auto step = [request, group_id, host = client_host(*request)](group::GroupMachine& machine,
                                                                const group::GroupContext& context,
                                                                group::AnswerId id) {
    const group::GroupCaller caller(id, request->version(), request->header().client_id, host,
                                    request->caller().principal);
    return machine.delete_group(context, caller, group_id);
  };
  image::ImagePtr image = node.image;
  std::string key = group_id;
  Result<Deleted> answer = co_await node.groups->call<Deleted>(node.shard, std::move(image),
                                                               std::move(key), std::move(step));
  if (answer.ok()) co_return std::move(answer).value();
  Deleted refused;
  refused.group_id = group_id;
  refused.error_code = to_wire(answer.error().code);
  co_return refused;
}

void drop_repeated(std::vector<wire::Text>& names) {
  std::set<std::string, std::less<>> seen;
  std::erase_if(names, [&seen](const wire::Text& name) { return !seen.insert(name.str()).second; });
}

/// What the share coordinator keeps of the group goes first, so that a new group of that name
/// begins anew. Gives why it could not.
env::Task<ErrorCode> forget_share_state(Services& node, std::string group_id) {
  auto step = [&group_id](group::GroupMachine& machine, const group::GroupContext& context,
                          group::AnswerId id) {
    const group::GroupCaller caller(id, 0, std::string_view(), std::string_view());
    return machine.begin_share_delete(context, caller, group_id);
  };
  image::ImagePtr image = node.image;
  std::string key = group_id;
  Result<group::ShareOffsetsDeleted> begun = co_await node.groups->call<group::ShareOffsetsDeleted>(
      node.shard, std::move(image), std::move(key), std::move(step));
  if (!begun.ok() || begun->remove.empty()) co_return ErrorCode::kNone;
  StateWork work;
  work.group_id = std::move(group_id);
  work.partitions = std::move(begun->remove);
  co_await remove_states(node, &work);
  for (const share::StateOutcome& outcome : work.outcomes)
    if (outcome.error != ErrorCode::kNone) co_return outcome.error;
  co_return ErrorCode::kNone;
}

}  // namespace

env::Task<void> handle_delete_groups(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::DeleteGroupsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  wire::DeleteGroupsRequest message = std::move(decoded).value();
  drop_repeated(message.groups_names);
  wire::DeleteGroupsResponse response;
  AuthorizedNames deletable(node, *request, AclOperation::kDelete, AclResourceType::kGroup);
  for (const auto& name : message.groups_names) deletable.count(name.view());
  for (std::size_t n = 0; n < message.groups_names.size(); ++n) {
    if (!deletable.contains(message.groups_names[n].view())) {
      Deleted& refused = response.results.emplace_back();
      refused.group_id = message.groups_names[n];
      refused.error_code = to_wire(ErrorCode::kGroupAuthorizationFailed);
      continue;
    }
    std::string group_id = message.groups_names[n].str();
    const ErrorCode kept = co_await forget_share_state(node, group_id);
    if (kept != ErrorCode::kNone) {
      Deleted& refused = response.results.emplace_back();
      refused.group_id = message.groups_names[n];
      refused.error_code = to_wire(kept);
      continue;
    }
    Deleted deleted = co_await delete_group(node, request.get(), std::move(group_id));
    response.results.push_back(std::move(deleted));
  }
  request->answer(response);
}

}  // namespace moldau::handler
