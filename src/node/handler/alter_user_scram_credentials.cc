// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "machine/security/scram_credential.h"
#include "node/handler/authorize.h"
#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/alter_user_scram_credentials_request.h"
#include "wire/alter_user_scram_credentials_response.h"

namespace moldau::handler {
namespace {

using Message = wire::AlterUserScramCredentialsRequest;
using Response = wire::AlterUserScramCredentialsResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  std::set<std::string> users;
  for (const auto& deletion : message.deletions) users.insert(deletion.name.str());
  for (const auto& upsertion : message.upsertions) users.insert(upsertion.name.str());
  for (const std::string& user : users) {
    auto& one = response.results.emplace_back();
    one.user = user;
    one.error_code = to_wire(error.code);
    one.error_message = error.detail;
  }
}

controller::ScramKeyPair keys_of(std::int8_t mechanism, ByteView salted_password) {
  security::ScramKeys keys =
      security::scram_keys(static_cast<security::ScramMechanism>(mechanism), salted_password);
  controller::ScramKeyPair pair;
  pair.stored_key = std::move(keys.stored_key);
  pair.server_key = std::move(keys.server_key);
  return pair;
}

}  // namespace

env::Task<void> handle_alter_user_scram_credentials(Services& node, request::RequestPtr request) {
  const auto held = decode_held<Message>(*request);
  if (!held) co_return;
  Response refused;
  if (!cluster_authorized(node, *request, AclOperation::kAlter)) {
    const Error error(ErrorCode::kClusterAuthorizationFailed, "Cluster authorization failed.");
    fill_errors(held->message, error, refused);
    request->answer(refused);
    co_return;
  }
  quorum::DecideFn<Response> decide = [held](controller::ControllerMachine& machine,
                                             const controller::RequestContext&) {
    return machine.decide_alter_user_scram_credentials(held->message, keys_of);
  };
  const MonoTime deadline = controller_deadline(*request, 60'000);
  Result<Response> decided =
      co_await node.quorum.submit<Response>(node.shard, std::move(decide), deadline);
  if (decided.ok()) {
    co_await until_shown(node);
    request->answer(*decided);
    co_return;
  }
  fill_errors(held->message, decided.error(), refused);
  request->answer(refused);
}

}  // namespace moldau::handler
