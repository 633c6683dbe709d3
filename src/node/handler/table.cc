// SPDX-License-Identifier: Apache-2.0
#include "node/handler/table.h"

namespace moldau::handler {
namespace {

using wire::ApiKey;

constexpr HandlerRow kRows[] = {
    {ApiKey::kApiVersions, handle_api_versions, true, true},
    {ApiKey::kProduce, handle_produce, true, false},
    {ApiKey::kFetch, handle_fetch, true, false},
    {ApiKey::kListOffsets, handle_list_offsets, true, false},
    {ApiKey::kMetadata, handle_metadata, true, false},
    {ApiKey::kCreateTopics, handle_create_topics, true, true},
    {ApiKey::kDeleteTopics, handle_delete_topics, true, true},
    {ApiKey::kCreatePartitions, handle_create_partitions, true, true},
    {ApiKey::kCreateAcls, handle_create_acls, true, true},
    {ApiKey::kDeleteAcls, handle_delete_acls, true, true},
    {ApiKey::kDescribeAcls, handle_describe_acls, true, true},
    {ApiKey::kElectLeaders, handle_elect_leaders, true, true},
    {ApiKey::kAlterPartitionReassignments, handle_alter_partition_reassignments, true, true},
    {ApiKey::kListPartitionReassignments, handle_list_partition_reassignments, true, true},
    {ApiKey::kUpdateFeatures, handle_update_features, true, true},
    {ApiKey::kUnregisterBroker, handle_unregister_broker, true, true},
    {ApiKey::kAlterClientQuotas, handle_alter_client_quotas, true, true},
    {ApiKey::kDescribeClientQuotas, handle_describe_client_quotas, true, false},
    {ApiKey::kIncrementalAlterConfigs, handle_incremental_alter_configs, true, true},
    {ApiKey::kAlterConfigs, handle_alter_configs, true, true},
    {ApiKey::kDescribeCluster, handle_describe_cluster, true, true},
    {ApiKey::kDescribeTopicPartitions, handle_describe_topic_partitions, true, false},
    {ApiKey::kDescribeConfigs, handle_describe_configs, true, true},
    {ApiKey::kDeleteRecords, handle_delete_records, true, false},
    {ApiKey::kOffsetForLeaderEpoch, handle_offset_for_leader_epoch, true, false},
    {ApiKey::kDescribeProducers, handle_describe_producers, true, false},
    {ApiKey::kFindCoordinator, handle_find_coordinator, true, false},
    {ApiKey::kJoinGroup, handle_join_group, true, false},
    {ApiKey::kSyncGroup, handle_sync_group, true, false},
    {ApiKey::kHeartbeat, handle_heartbeat, true, false},
    {ApiKey::kLeaveGroup, handle_leave_group, true, false},
    {ApiKey::kConsumerGroupHeartbeat, handle_consumer_group_heartbeat, true, false},
    {ApiKey::kConsumerGroupDescribe, handle_consumer_group_describe, true, false},
    {ApiKey::kOffsetCommit, handle_offset_commit, true, false},
    {ApiKey::kOffsetFetch, handle_offset_fetch, true, false},
    {ApiKey::kOffsetDelete, handle_offset_delete, true, false},
    {ApiKey::kDescribeGroups, handle_describe_groups, true, false},
    {ApiKey::kListGroups, handle_list_groups, true, false},
    {ApiKey::kDeleteGroups, handle_delete_groups, true, false},
    {ApiKey::kInitProducerId, handle_init_producer_id, true, false},
    {ApiKey::kAddPartitionsToTxn, handle_add_partitions_to_txn, true, false},
    {ApiKey::kAddOffsetsToTxn, handle_add_offsets_to_txn, true, false},
    {ApiKey::kEndTxn, handle_end_txn, true, false},
    {ApiKey::kTxnOffsetCommit, handle_txn_offset_commit, true, false},
    {ApiKey::kWriteTxnMarkers, handle_write_txn_markers, true, false},
    {ApiKey::kDescribeTransactions, handle_describe_transactions, true, false},
    {ApiKey::kListTransactions, handle_list_transactions, true, false},
    {ApiKey::kStreamsGroupHeartbeat, handle_streams_group_heartbeat, true, false},
    {ApiKey::kStreamsGroupDescribe, handle_streams_group_describe, true, false},
    {ApiKey::kDescribeQuorum, handle_describe_quorum, true, true},
    {ApiKey::kAlterReplicaLogDirs, handle_alter_replica_log_dirs, true, false},
    {ApiKey::kDescribeLogDirs, handle_describe_log_dirs, true, false},
    {ApiKey::kDeleteShareGroupState, handle_delete_share_group_state, true, false},
    {ApiKey::kInitializeShareGroupState, handle_initialize_share_group_state, true, false},
    {ApiKey::kReadShareGroupState, handle_read_share_group_state, true, false},
    {ApiKey::kReadShareGroupStateSummary, handle_read_share_group_state_summary, true, false},
    {ApiKey::kShareAcknowledge, handle_share_acknowledge, true, false},
    {ApiKey::kShareFetch, handle_share_fetch, true, false},
    {ApiKey::kWriteShareGroupState, handle_write_share_group_state, true, false},
    {ApiKey::kAlterShareGroupOffsets, handle_alter_share_group_offsets, true, false},
    {ApiKey::kDeleteShareGroupOffsets, handle_delete_share_group_offsets, true, false},
    {ApiKey::kDescribeShareGroupOffsets, handle_describe_share_group_offsets, true, false},
    {ApiKey::kShareGroupDescribe, handle_share_group_describe, true, false},
    {ApiKey::kShareGroupHeartbeat, handle_share_group_heartbeat, true, false},
    {ApiKey::kListConfigResources, handle_list_config_resources, true, false},
    {ApiKey::kGetTelemetrySubscriptions, handle_get_telemetry_subscriptions, true, false},
    {ApiKey::kPushTelemetry, handle_push_telemetry, true, false},
    {ApiKey::kDescribeUserScramCredentials, handle_describe_user_scram_credentials, true, true},
    {ApiKey::kAlterUserScramCredentials, handle_alter_user_scram_credentials, true, true},
    {ApiKey::kSaslHandshake, handle_sasl_handshake, true, true},
    {ApiKey::kSaslAuthenticate, handle_sasl_authenticate, true, true},
    {ApiKey::kCreateDelegationToken, handle_create_delegation_token, true, true},
    {ApiKey::kRenewDelegationToken, handle_renew_delegation_token, true, true},
    {ApiKey::kExpireDelegationToken, handle_expire_delegation_token, true, true},
    {ApiKey::kDescribeDelegationToken, handle_describe_delegation_token, true, true},
};

}  // namespace

std::span<const HandlerRow> all_handlers() {
  return kRows;
}

std::vector<request::Route> routes_of(Services& node, bool controller_listener) {
  std::vector<request::Route> routes;
  for (const HandlerRow& row : kRows) {
    if (!(controller_listener ? row.on_controller : row.on_broker)) continue;
    const wire::ApiSpec& spec = wire::api_spec(row.key);
    request::Handler handler = [&node, function = row.function](request::RequestPtr request) {
      return function(node, std::move(request));
    };
    routes.emplace_back(row.key, spec.min_version, spec.max_version, std::move(handler));
  }
  return routes;
}

}  // namespace moldau::handler
