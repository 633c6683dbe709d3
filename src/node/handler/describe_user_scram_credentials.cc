// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "wire/describe_user_scram_credentials_request.h"
#include "wire/describe_user_scram_credentials_response.h"

namespace moldau::handler {
namespace {

using Message = wire::DescribeUserScramCredentialsRequest;
using Response = wire::DescribeUserScramCredentialsResponse;

constexpr std::int8_t kMechanisms[] = {1, 2};

/// How often each user is asked for; without a list all of them.
std::map<std::string, int> users_of(const Message& message, const image::MetadataImage& image) {
  std::map<std::string, int> users;
  if (message.users && !message.users->empty()) {
    for (const auto& user : *message.users) ++users[user.name.str()];
  } else {
    for (const auto& [key, credential] : image.scram()) users.emplace(key.second, 1);
  }
  return users;
}

void describe(const image::MetadataImage& image, const std::string& user, int times,
              Response& response) {
  auto& result = response.results.emplace_back();
  result.user = user;
  result.error_message = wire::Text::null();
  const auto refuse = [&](ErrorCode code, const std::string& why) {
    result.error_code = to_wire(code);
    result.error_message = why + user;
  };
  if (times > 1)
    return refuse(
        ErrorCode::kDuplicateResource,
        "Cannot describe SCRAM credentials for the same user twice in a single request: ");
  for (const std::int8_t mechanism : kMechanisms) {
    const auto* credential = image.scram().find(image::ScramKey(mechanism, user));
    if (!credential) continue;
    auto& one = result.credential_infos.emplace_back();
    one.mechanism = mechanism;
    one.iterations = credential->iterations;
  }
  if (result.credential_infos.empty())
    refuse(ErrorCode::kResourceNotFound,
           "Attempt to describe a user credential that does not exist: ");
}

}  // namespace

env::Task<void> handle_describe_user_scram_credentials(Services& node,
                                                       request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  Response response;
  response.error_message = wire::Text::null();
  if (!cluster_authorized(node, *request, AclOperation::kDescribe)) {
    response.error_code = to_wire(ErrorCode::kClusterAuthorizationFailed);
    response.error_message = "Cluster authorization failed.";
    request->answer(response);
    co_return;
  }
  for (const auto& [user, times] : users_of(*decoded, *node.image))
    describe(*node.image, user, times, response);
  request->answer(response);
}

}  // namespace moldau::handler
