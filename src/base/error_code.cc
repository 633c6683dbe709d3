// SPDX-License-Identifier: Apache-2.0
#include "base/error_code.h"

#include <array>

namespace moldau {
namespace {

struct Row {
  std::string_view name;
  bool retriable;
  bool refreshes;
};

constexpr std::int16_t kFirst = -1;

constexpr std::array kRows = {
    Row{"UNKNOWN_SERVER_ERROR", false, false},
    Row{"NONE", false, false},
    Row{"OFFSET_OUT_OF_RANGE", false, false},
    Row{"CORRUPT_MESSAGE", true, false},
    Row{"UNKNOWN_TOPIC_OR_PARTITION", true, true},
    Row{"INVALID_FETCH_SIZE", false, false},
    Row{"LEADER_NOT_AVAILABLE", true, true},
    Row{"NOT_LEADER_OR_FOLLOWER", true, true},
    Row{"REQUEST_TIMED_OUT", true, false},
    Row{"BROKER_NOT_AVAILABLE", false, false},
    Row{"REPLICA_NOT_AVAILABLE", true, true},
    Row{"MESSAGE_TOO_LARGE", false, false},
    Row{"STALE_CONTROLLER_EPOCH", false, false},
    Row{"OFFSET_METADATA_TOO_LARGE", false, false},
    Row{"NETWORK_EXCEPTION", true, true},
    Row{"COORDINATOR_LOAD_IN_PROGRESS", true, false},
    Row{"COORDINATOR_NOT_AVAILABLE", true, false},
    Row{"NOT_COORDINATOR", true, false},
    Row{"INVALID_TOPIC_EXCEPTION", false, false},
    Row{"RECORD_LIST_TOO_LARGE", false, false},
    Row{"NOT_ENOUGH_REPLICAS", true, false},
    Row{"NOT_ENOUGH_REPLICAS_AFTER_APPEND", true, false},
    Row{"INVALID_REQUIRED_ACKS", false, false},
    Row{"ILLEGAL_GENERATION", false, false},
    Row{"INCONSISTENT_GROUP_PROTOCOL", false, false},
    Row{"INVALID_GROUP_ID", false, false},
    Row{"UNKNOWN_MEMBER_ID", false, false},
    Row{"INVALID_SESSION_TIMEOUT", false, false},
    Row{"REBALANCE_IN_PROGRESS", false, false},
    Row{"INVALID_COMMIT_OFFSET_SIZE", false, false},
    Row{"TOPIC_AUTHORIZATION_FAILED", false, false},
    Row{"GROUP_AUTHORIZATION_FAILED", false, false},
    Row{"CLUSTER_AUTHORIZATION_FAILED", false, false},
    Row{"INVALID_TIMESTAMP", false, false},
    Row{"UNSUPPORTED_SASL_MECHANISM", false, false},
    Row{"ILLEGAL_SASL_STATE", false, false},
    Row{"UNSUPPORTED_VERSION", false, false},
    Row{"TOPIC_ALREADY_EXISTS", false, false},
    Row{"INVALID_PARTITIONS", false, false},
    Row{"INVALID_REPLICATION_FACTOR", false, false},
    Row{"INVALID_REPLICA_ASSIGNMENT", false, false},
    Row{"INVALID_CONFIG", false, false},
    Row{"NOT_CONTROLLER", true, false},
    Row{"INVALID_REQUEST", false, false},
    Row{"UNSUPPORTED_FOR_MESSAGE_FORMAT", false, false},
    Row{"POLICY_VIOLATION", false, false},
    Row{"OUT_OF_ORDER_SEQUENCE_NUMBER", false, false},
    Row{"DUPLICATE_SEQUENCE_NUMBER", false, false},
    Row{"INVALID_PRODUCER_EPOCH", false, false},
    Row{"INVALID_TXN_STATE", false, false},
    Row{"INVALID_PRODUCER_ID_MAPPING", false, false},
    Row{"INVALID_TRANSACTION_TIMEOUT", false, false},
    Row{"CONCURRENT_TRANSACTIONS", true, false},
    Row{"TRANSACTION_COORDINATOR_FENCED", false, false},
    Row{"TRANSACTIONAL_ID_AUTHORIZATION_FAILED", false, false},
    Row{"SECURITY_DISABLED", false, false},
    Row{"OPERATION_NOT_ATTEMPTED", false, false},
    Row{"KAFKA_STORAGE_ERROR", true, true},
    Row{"LOG_DIR_NOT_FOUND", false, false},
    Row{"SASL_AUTHENTICATION_FAILED", false, false},
    Row{"UNKNOWN_PRODUCER_ID", false, false},
    Row{"REASSIGNMENT_IN_PROGRESS", false, false},
    Row{"DELEGATION_TOKEN_AUTH_DISABLED", false, false},
    Row{"DELEGATION_TOKEN_NOT_FOUND", false, false},
    Row{"DELEGATION_TOKEN_OWNER_MISMATCH", false, false},
    Row{"DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", false, false},
    Row{"DELEGATION_TOKEN_AUTHORIZATION_FAILED", false, false},
    Row{"DELEGATION_TOKEN_EXPIRED", false, false},
    Row{"INVALID_PRINCIPAL_TYPE", false, false},
    Row{"NON_EMPTY_GROUP", false, false},
    Row{"GROUP_ID_NOT_FOUND", false, false},
    Row{"FETCH_SESSION_ID_NOT_FOUND", true, false},
    Row{"INVALID_FETCH_SESSION_EPOCH", true, false},
    Row{"LISTENER_NOT_FOUND", true, true},
    Row{"TOPIC_DELETION_DISABLED", false, false},
    Row{"FENCED_LEADER_EPOCH", true, true},
    Row{"UNKNOWN_LEADER_EPOCH", true, false},
    Row{"UNSUPPORTED_COMPRESSION_TYPE", false, false},
    Row{"STALE_BROKER_EPOCH", false, false},
    Row{"OFFSET_NOT_AVAILABLE", true, false},
    Row{"MEMBER_ID_REQUIRED", false, false},
    Row{"PREFERRED_LEADER_NOT_AVAILABLE", true, true},
    Row{"GROUP_MAX_SIZE_REACHED", false, false},
    Row{"FENCED_INSTANCE_ID", false, false},
    Row{"ELIGIBLE_LEADERS_NOT_AVAILABLE", true, true},
    Row{"ELECTION_NOT_NEEDED", true, true},
    Row{"NO_REASSIGNMENT_IN_PROGRESS", false, false},
    Row{"GROUP_SUBSCRIBED_TO_TOPIC", false, false},
    Row{"INVALID_RECORD", false, false},
    Row{"UNSTABLE_OFFSET_COMMIT", true, false},
    Row{"THROTTLING_QUOTA_EXCEEDED", true, false},
    Row{"PRODUCER_FENCED", false, false},
    Row{"RESOURCE_NOT_FOUND", false, false},
    Row{"DUPLICATE_RESOURCE", false, false},
    Row{"UNACCEPTABLE_CREDENTIAL", false, false},
    Row{"INCONSISTENT_VOTER_SET", false, false},
    Row{"INVALID_UPDATE_VERSION", false, false},
    Row{"FEATURE_UPDATE_FAILED", false, false},
    Row{"PRINCIPAL_DESERIALIZATION_FAILURE", false, false},
    Row{"SNAPSHOT_NOT_FOUND", false, false},
    Row{"POSITION_OUT_OF_RANGE", false, false},
    Row{"UNKNOWN_TOPIC_ID", true, true},
    Row{"DUPLICATE_BROKER_REGISTRATION", false, false},
    Row{"BROKER_ID_NOT_REGISTERED", false, false},
    Row{"INCONSISTENT_TOPIC_ID", true, true},
    Row{"INCONSISTENT_CLUSTER_ID", false, false},
    Row{"TRANSACTIONAL_ID_NOT_FOUND", false, false},
    Row{"FETCH_SESSION_TOPIC_ID_ERROR", true, false},
    Row{"INELIGIBLE_REPLICA", false, false},
    Row{"NEW_LEADER_ELECTED", false, false},
    Row{"OFFSET_MOVED_TO_TIERED_STORAGE", false, false},
    Row{"FENCED_MEMBER_EPOCH", false, false},
    Row{"UNRELEASED_INSTANCE_ID", false, false},
    Row{"UNSUPPORTED_ASSIGNOR", false, false},
    Row{"STALE_MEMBER_EPOCH", false, false},
    Row{"MISMATCHED_ENDPOINT_TYPE", false, false},
    Row{"UNSUPPORTED_ENDPOINT_TYPE", false, false},
    Row{"UNKNOWN_CONTROLLER_ID", false, false},
    Row{"UNKNOWN_SUBSCRIPTION_ID", false, false},
    Row{"TELEMETRY_TOO_LARGE", false, false},
    Row{"INVALID_REGISTRATION", false, false},
    Row{"TRANSACTION_ABORTABLE", false, false},
    Row{"INVALID_RECORD_STATE", false, false},
    Row{"SHARE_SESSION_NOT_FOUND", true, false},
    Row{"INVALID_SHARE_SESSION_EPOCH", true, false},
    Row{"FENCED_STATE_EPOCH", false, false},
    Row{"INVALID_VOTER_KEY", false, false},
    Row{"DUPLICATE_VOTER", false, false},
    Row{"VOTER_NOT_FOUND", false, false},
    Row{"INVALID_REGULAR_EXPRESSION", false, false},
    Row{"REBOOTSTRAP_REQUIRED", false, false},
    Row{"STREAMS_INVALID_TOPOLOGY", false, false},
    Row{"STREAMS_INVALID_TOPOLOGY_EPOCH", false, false},
    Row{"STREAMS_TOPOLOGY_FENCED", false, false},
    Row{"SHARE_SESSION_LIMIT_REACHED", true, false},
};

const Row* row_of(ErrorCode code) {
  const int index = static_cast<int>(code) - kFirst;
  if (index < 0 || index >= static_cast<int>(kRows.size())) return nullptr;
  return &kRows[static_cast<std::size_t>(index)];
}

}  // namespace

std::string_view error_name(ErrorCode code) {
  const Row* row = row_of(code);
  return row ? row->name : std::string_view("UNKNOWN");
}

bool error_is_retriable(ErrorCode code) {
  const Row* row = row_of(code);
  return row != nullptr && row->retriable;
}

bool error_refreshes_metadata(ErrorCode code) {
  const Row* row = row_of(code);
  return row != nullptr && row->refreshes;
}

ErrorCode error_from_wire(std::int16_t code) {
  const auto known = static_cast<ErrorCode>(code);
  return row_of(known) ? known : ErrorCode::kUnknownServerError;
}

}  // namespace moldau
