// SPDX-License-Identifier: Apache-2.0
#include "cli/admin_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <utility>

#include "config/properties.h"
#include "env/disk.h"

namespace moldau::cli {
namespace {

/// What Java's exceptions say when the broker gives a code alone: part of the tools' output.
/// Source   org.apache.kafka.common.protocol.Errors 4.3.1, the codes that these tools can meet.
constexpr std::array kMessages = std::to_array<std::pair<ErrorCode, std::string_view>>({
    {ErrorCode::kUnknownServerError,
     "The server experienced an unexpected error when processing the request."},
    {ErrorCode::kUnknownTopicOrPartition, "This server does not host this topic-partition."},
    {ErrorCode::kLeaderNotAvailable,
     "There is no leader for this topic-partition as we are in the middle of a "
     "leadership election."},
    {ErrorCode::kNotLeaderOrFollower,
     "For requests intended only for the leader, this error indicates that the broker "
     "is not the current leader. For requests intended for any replica, this error "
     "indicates that the broker is not a replica of the topic partition."},
    {ErrorCode::kRequestTimedOut, "The request timed out."},
    {ErrorCode::kBrokerNotAvailable, "The broker is not available."},
    {ErrorCode::kNetworkException, "The server disconnected before a response was received."},
    {ErrorCode::kInvalidTopicException,
     "The request attempted to perform an operation on an invalid topic."},
    {ErrorCode::kTopicAuthorizationFailed, "Topic authorization failed."},
    {ErrorCode::kGroupAuthorizationFailed, "Group authorization failed."},
    {ErrorCode::kClusterAuthorizationFailed, "Cluster authorization failed."},
    {ErrorCode::kUnsupportedVersion, "The version of API is not supported."},
    {ErrorCode::kTopicAlreadyExists, "Topic with this name already exists."},
    {ErrorCode::kInvalidPartitions, "Number of partitions is below 1."},
    {ErrorCode::kInvalidReplicationFactor,
     "Replication factor is below 1 or larger than the number of available brokers."},
    {ErrorCode::kInvalidReplicaAssignment, "Replica assignment is invalid."},
    {ErrorCode::kInvalidConfig, "Configuration is invalid."},
    {ErrorCode::kNotController, "This is not the correct controller for this cluster."},
    {ErrorCode::kInvalidRequest,
     "This most likely occurs because of a request being malformed by the client "
     "library or the message was sent to an incompatible broker. See the broker logs "
     "for more details."},
    {ErrorCode::kPolicyViolation, "Request parameters do not satisfy the configured policy."},
    {ErrorCode::kSecurityDisabled, "Security features are disabled."},
    {ErrorCode::kOperationNotAttempted,
     "The broker did not attempt to execute this operation. This may happen for "
     "batched RPCs where some operations in the batch failed, causing the broker to "
     "respond without trying the rest."},
    {ErrorCode::kKafkaStorageError, "Disk error when trying to access log file on the disk."},
    {ErrorCode::kReassignmentInProgress, "A partition reassignment is in progress."},
    {ErrorCode::kTopicDeletionDisabled, "Topic deletion is disabled."},
    {ErrorCode::kNoReassignmentInProgress, "No partition reassignment is in progress."},
    {ErrorCode::kInvalidRecord,
     "This record has failed the validation on broker and hence will be rejected."},
    {ErrorCode::kThrottlingQuotaExceeded, "The throttling quota has been exceeded."},
    {ErrorCode::kResourceNotFound,
     "A request illegally referred to a resource that does not exist."},
    {ErrorCode::kDuplicateResource, "A request illegally referred to the same resource twice."},
    {ErrorCode::kInvalidUpdateVersion, "The given update version was invalid."},
    {ErrorCode::kFeatureUpdateFailed,
     "Unable to update finalized features due to an unexpected server error."},
    {ErrorCode::kUnknownTopicId, "This server does not host this topic ID."},
    {ErrorCode::kBrokerIdNotRegistered, "The given broker ID was not registered."},
    {ErrorCode::kOffsetMovedToTieredStorage, "The requested offset is moved to tiered storage."},
    {ErrorCode::kMismatchedEndpointType, "The request was sent to an endpoint of the wrong type."},
    {ErrorCode::kUnsupportedEndpointType, "This endpoint type is not supported yet."},
    {ErrorCode::kUnknownControllerId, "This controller ID is not known."},
    {ErrorCode::kRebootstrapRequired,
     "Client metadata is stale. The client should rebootstrap to obtain new metadata."},
});

}  // namespace

Result<client::admin::Properties> load_properties(ToolContext& context, const std::string& path) {
  auto bytes = env::read_small_file(context.env.disk(), path, config::kPropertiesBytesMax);
  // The path alone is what Java's NoSuchFileException says.
  if (!bytes.ok())
    return Error(bytes.code(), bytes.error().os_error == 2 ? path : bytes.error().detail);
  MOLDAU_ASSIGN_OR_RETURN(const auto set, config::parse_properties(*bytes, path));
  client::admin::Properties out;
  for (const auto& [key, property] : set) out.emplace(key, property.value);
  return out;
}

Result<std::unique_ptr<AdminSession>> AdminSession::open(
    ToolContext& context, const client::admin::Properties& properties) {
  std::vector<std::string> unknown;
  MOLDAU_ASSIGN_OR_RETURN(auto options, client::admin::parse_admin_options(properties, unknown));
  if (!unknown.empty()) {
    std::string keys;
    for (const std::string& key : unknown) keys.append(keys.empty() ? "" : ", ").append(key);
    context.err << "These configurations '[" << keys << "]' were supplied but are not used yet.\n";
  }
  return std::make_unique<AdminSession>(context, std::move(options));
}

std::string java_message(ToolContext& context, const Error& error, std::string_view call) {
  if (error.code == ErrorCode::kRequestTimedOut && !error.detail.empty()) {
    context.err << error.detail << "\n";
    return fmt::format("Timed out waiting for a node assignment. Call: {}", call);
  }
  if (!error.detail.empty()) return error.detail;
  const auto* found = std::find_if(kMessages.begin(), kMessages.end(),
                                   [&](const auto& m) { return m.first == error.code; });
  return std::string(found == kMessages.end() ? error_name(error.code) : found->second);
}

Error told(ToolContext& context, const Error& error, std::string_view call) {
  return {error.code, java_message(context, error, call)};
}

}  // namespace moldau::cli
