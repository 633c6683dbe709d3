// SPDX-License-Identifier: Apache-2.0
// SCRAM credentials of users.
#include <map>

#include "machine/controller/controller_machine.h"

namespace moldau::controller {
namespace {

using Request = wire::AlterUserScramCredentialsRequest;

constexpr std::int8_t kSha256 = 1;
constexpr std::int8_t kSha512 = 2;
constexpr std::int32_t kIterationsMin = 4096;
constexpr std::int32_t kIterationsMax = 16384;

ApiError check_name(const wire::Text& name, std::int8_t mechanism) {
  if (name.size() == 0) return {ErrorCode::kUnacceptableCredential, "Username must not be empty"};
  if (mechanism != kSha256 && mechanism != kSha512) {
    return {ErrorCode::kUnsupportedSaslMechanism, "Unknown SCRAM mechanism"};
  }
  return {};
}

ApiError check_deletion(const image::MetadataImage& image,
                        const Request::ScramCredentialDeletion& deletion) {
  if (ApiError error = check_name(deletion.name, deletion.mechanism); !error.ok()) return error;
  if (!image.scram().contains(image::ScramKey(deletion.mechanism, deletion.name.str()))) {
    return {ErrorCode::kResourceNotFound,
            "Attempt to delete a user credential that does not exist"};
  }
  return {};
}

ApiError check_upsertion(const Request::ScramCredentialUpsertion& upsertion) {
  if (ApiError error = check_name(upsertion.name, upsertion.mechanism); !error.ok()) return error;
  if (upsertion.iterations < kIterationsMin) {
    return {ErrorCode::kUnacceptableCredential, "Too few iterations"};
  }
  if (upsertion.iterations > kIterationsMax) {
    return {ErrorCode::kUnacceptableCredential, "Too many iterations"};
  }
  return {};
}

/// One request as it is sorted out: each user is altered once at most.
struct Sorted {
  std::map<std::string, const Request::ScramCredentialDeletion*> deletions;
  std::map<std::string, const Request::ScramCredentialUpsertion*> upsertions;
  std::map<std::string, ApiError> errors;

  /// True if `user` is to be judged; false if it has an error now.
  bool begin(const std::string& user, bool supported) {
    if (errors.count(user) > 0) return false;
    if (deletions.erase(user) + upsertions.erase(user) > 0) {
      errors[user] = ApiError(ErrorCode::kDuplicateResource,
                              "A user credential cannot be altered twice in the same request");
      return false;
    }
    if (!supported) {
      errors[user] = ApiError(ErrorCode::kUnsupportedVersion,
                              "The current metadata.version does not support SCRAM");
      return false;
    }
    return true;
  }
};

Sorted sorted_out(const Request& request, const image::MetadataImage& image) {
  const bool supported = image.metadata_version().has_scram();
  Sorted sorted;
  for (const auto& deletion : request.deletions) {
    const std::string user = deletion.name.str();
    if (!sorted.begin(user, supported)) continue;
    const ApiError error = check_deletion(image, deletion);
    if (error.ok()) {
      sorted.deletions[user] = &deletion;
    } else {
      sorted.errors[user] = error;
    }
  }
  for (const auto& upsertion : request.upsertions) {
    const std::string user = upsertion.name.str();
    if (!sorted.begin(user, supported)) continue;
    const ApiError error = check_upsertion(upsertion);
    if (error.ok()) {
      sorted.upsertions[user] = &upsertion;
    } else {
      sorted.errors[user] = error;
    }
  }
  return sorted;
}

}  // namespace

Decision<wire::AlterUserScramCredentialsResponse>
ControllerMachine::decide_alter_user_scram_credentials(
    const wire::AlterUserScramCredentialsRequest& request, ScramKeysOf keys_of) const {
  auto decision = new_decision<wire::AlterUserScramCredentialsResponse>();
  const auto add_result = [&](const std::string& user, const ApiError& error) {
    auto& result = decision.response.results.emplace_back();
    result.user = user;
    set_error(result, error);
  };
  const Sorted sorted = sorted_out(request, image());
  const std::size_t changes = sorted.deletions.size() + sorted.upsertions.size();
  const ApiError verdict = changes > kRecordsPerOperationMax ? too_many_records() : ApiError();
  for (const auto& [user, deletion] : sorted.deletions) {
    if (verdict.ok()) decision.records.remove_scram(image::ScramKey(deletion->mechanism, user));
    add_result(user, verdict);
  }
  for (const auto& [user, upsertion] : sorted.upsertions) {
    add_result(user, verdict);
    if (!verdict.ok()) continue;
    ScramKeyPair keys = keys_of(upsertion->mechanism, upsertion->salted_password.view());
    image::ScramCredential credential;
    const ByteView salt = upsertion->salt.view();
    credential.salt.assign(salt.begin(), salt.end());
    credential.stored_key = std::move(keys.stored_key);
    credential.server_key = std::move(keys.server_key);
    credential.iterations = upsertion->iterations;
    decision.records.scram(image::ScramKey(upsertion->mechanism, user), credential);
  }
  for (const auto& [user, error] : sorted.errors) add_result(user, error);
  return decision;
}

}  // namespace moldau::controller
