// SPDX-License-Identifier: Apache-2.0
#include "cli/admin_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <utility>

#include "cli/java_text.h"
#include "config/properties.h"
#include "env/disk.h"

namespace moldau::cli {
namespace {

struct JavaError {
  ErrorCode code;
  std::string_view exception;  // without org.apache.kafka.common.errors. and Exception
  std::string_view message;
};

/// What Java's exceptions say when the broker gives a code alone: part of the tools' output.
/// Source   org.apache.kafka.common.protocol.Errors 4.3.1, the codes that these tools can meet.
constexpr std::array kMessages = std::to_array<JavaError>({
    {ErrorCode::kUnknownServerError, "UnknownServer",
     "The server experienced an unexpected error when processing the request."},
    {ErrorCode::kOffsetOutOfRange, "OffsetOutOfRange",
     "The requested offset is not within the range of offsets maintained by the server."},
    {ErrorCode::kUnknownTopicOrPartition, "UnknownTopicOrPartition",
     "This server does not host this topic-partition."},
    {ErrorCode::kLeaderNotAvailable, "LeaderNotAvailable",
     "There is no leader for this topic-partition as we are in the middle of a "
     "leadership election."},
    {ErrorCode::kNotLeaderOrFollower, "NotLeaderOrFollower",
     "For requests intended only for the leader, this error indicates that the broker "
     "is not the current leader. For requests intended for any replica, this error "
     "indicates that the broker is not a replica of the topic partition."},
    {ErrorCode::kRequestTimedOut, "Timeout", "The request timed out."},
    {ErrorCode::kBrokerNotAvailable, "BrokerNotAvailable", "The broker is not available."},
    {ErrorCode::kNetworkException, "Network",
     "The server disconnected before a response was received."},
    {ErrorCode::kInvalidTopicException, "InvalidTopic",
     "The request attempted to perform an operation on an invalid topic."},
    {ErrorCode::kTopicAuthorizationFailed, "TopicAuthorization", "Topic authorization failed."},
    {ErrorCode::kGroupAuthorizationFailed, "GroupAuthorization", "Group authorization failed."},
    {ErrorCode::kClusterAuthorizationFailed, "ClusterAuthorization",
     "Cluster authorization failed."},
    {ErrorCode::kUnsupportedVersion, "UnsupportedVersion", "The version of API is not supported."},
    {ErrorCode::kTopicAlreadyExists, "TopicExists", "Topic with this name already exists."},
    {ErrorCode::kInvalidPartitions, "InvalidPartitions", "Number of partitions is below 1."},
    {ErrorCode::kInvalidReplicationFactor, "InvalidReplicationFactor",
     "Replication factor is below 1 or larger than the number of available brokers."},
    {ErrorCode::kInvalidReplicaAssignment, "InvalidReplicaAssignment",
     "Replica assignment is invalid."},
    {ErrorCode::kInvalidConfig, "InvalidConfiguration", "Configuration is invalid."},
    {ErrorCode::kNotController, "NotController",
     "This is not the correct controller for this cluster."},
    {ErrorCode::kInvalidRequest, "InvalidRequest",
     "This most likely occurs because of a request being malformed by the client "
     "library or the message was sent to an incompatible broker. See the broker logs "
     "for more details."},
    {ErrorCode::kPolicyViolation, "PolicyViolation",
     "Request parameters do not satisfy the configured policy."},
    {ErrorCode::kSecurityDisabled, "SecurityDisabled", "Security features are disabled."},
    {ErrorCode::kOperationNotAttempted, "OperationNotAttempted",
     "The broker did not attempt to execute this operation. This may happen for "
     "batched RPCs where some operations in the batch failed, causing the broker to "
     "respond without trying the rest."},
    {ErrorCode::kKafkaStorageError, "KafkaStorage",
     "Disk error when trying to access log file on the disk."},
    {ErrorCode::kReassignmentInProgress, "ReassignmentInProgress",
     "A partition reassignment is in progress."},
    {ErrorCode::kTopicDeletionDisabled, "TopicDeletionDisabled", "Topic deletion is disabled."},
    {ErrorCode::kNoReassignmentInProgress, "NoReassignmentInProgress",
     "No partition reassignment is in progress."},
    {ErrorCode::kInvalidRecord, "InvalidRecord",
     "This record has failed the validation on broker and hence will be rejected."},
    {ErrorCode::kThrottlingQuotaExceeded, "ThrottlingQuotaExceeded",
     "The throttling quota has been exceeded."},
    {ErrorCode::kResourceNotFound, "ResourceNotFound",
     "A request illegally referred to a resource that does not exist."},
    {ErrorCode::kDuplicateResource, "DuplicateResource",
     "A request illegally referred to the same resource twice."},
    {ErrorCode::kInvalidUpdateVersion, "InvalidUpdateVersion",
     "The given update version was invalid."},
    {ErrorCode::kFeatureUpdateFailed, "FeatureUpdateFailed",
     "Unable to update finalized features due to an unexpected server error."},
    {ErrorCode::kUnknownTopicId, "UnknownTopicId", "This server does not host this topic ID."},
    {ErrorCode::kBrokerIdNotRegistered, "BrokerIdNotRegistered",
     "The given broker ID was not registered."},
    {ErrorCode::kOffsetMovedToTieredStorage, "OffsetMovedToTieredStorage",
     "The requested offset is moved to tiered storage."},
    {ErrorCode::kMismatchedEndpointType, "MismatchedEndpointType",
     "The request was sent to an endpoint of the wrong type."},
    {ErrorCode::kUnsupportedEndpointType, "UnsupportedEndpointType",
     "This endpoint type is not supported yet."},
    {ErrorCode::kUnknownControllerId, "UnknownControllerId", "This controller ID is not known."},
    {ErrorCode::kRebootstrapRequired, "RebootstrapRequired",
     "Client metadata is stale. The client should rebootstrap to obtain new metadata."},
});

const JavaError* find(ErrorCode code) {
  const auto* found = std::find_if(kMessages.begin(), kMessages.end(),
                                   [&](const JavaError& e) { return e.code == code; });
  return found == kMessages.end() ? nullptr : found;
}

/// A pipe looks like an empty file until it is read.
Result<void> check_regular(env::Disk& disk, const std::string& path) {
  MOLDAU_ASSIGN_OR_RETURN(const auto file, disk.open(path, env::OpenMode::kRead));
  std::byte first{};
  if (!file->read(MutableBytes(&first, 1), 0).ok())
    return wrong(path + " is no regular file: write the properties into one");
  return {};
}

}  // namespace

Result<client::admin::Properties> load_properties(ToolContext& context, const std::string& path) {
  auto bytes = env::read_small_file(context.env.disk(), path, config::kPropertiesBytesMax);
  // The path alone is what Java's NoSuchFileException says.
  if (!bytes.ok())
    return Error(bytes.code(), bytes.error().os_error == 2 ? path : bytes.error().detail);
  if (bytes->empty()) MOLDAU_TRY(check_regular(context.env.disk(), path));
  MOLDAU_ASSIGN_OR_RETURN(const auto set, config::parse_properties(*bytes, path));
  client::admin::Properties out;
  for (const auto& [key, property] : set) out.emplace(key, property.value);
  return out;
}

Result<client::admin::Properties> connection_properties(ToolContext& context,
                                                        const ParsedOptions& options) {
  client::admin::Properties out;
  MOLDAU_ASSIGN_OR_RETURN(const auto file, options.value("command-config"));
  if (file) {
    MOLDAU_ASSIGN_OR_RETURN(out, load_properties(context, *file));
  }
  const bool of_controllers = options.has("bootstrap-controller");
  const char* name = of_controllers ? "bootstrap-controller" : "bootstrap-server";
  MOLDAU_ASSIGN_OR_RETURN(const auto addresses, options.value(name));
  out.erase(of_controllers ? "bootstrap.servers" : "bootstrap.controllers");
  out[of_controllers ? "bootstrap.controllers" : "bootstrap.servers"] = addresses.value_or("");
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
  const JavaError* found = find(error.code);
  return std::string(found ? found->message : error_name(error.code));
}

std::string java_exception(ToolContext& context, const Error& error, std::string_view call) {
  const JavaError* found = find(error.code);
  return fmt::format("org.apache.kafka.common.errors.{}Exception: {}",
                     found ? found->exception : "UnknownServer",
                     java_message(context, error, call));
}

Error told(ToolContext& context, const Error& error, std::string_view call) {
  return {error.code, java_message(context, error, call)};
}

}  // namespace moldau::cli
