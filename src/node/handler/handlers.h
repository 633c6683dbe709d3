// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node/handler/services.h"
#include "node/request/router.h"

namespace moldau::handler {

/// One function per API, in the file of its name. Each answers or closes its request.
/// Thread   the shard of the connection.
using HandlerFunction = env::Task<void> (*)(Services& node, request::RequestPtr request);

env::Task<void> handle_add_offsets_to_txn(Services& node, request::RequestPtr request);
env::Task<void> handle_add_partitions_to_txn(Services& node, request::RequestPtr request);
env::Task<void> handle_alter_client_quotas(Services& node, request::RequestPtr request);
env::Task<void> handle_alter_configs(Services& node, request::RequestPtr request);
env::Task<void> handle_alter_partition_reassignments(Services& node, request::RequestPtr request);
env::Task<void> handle_alter_replica_log_dirs(Services& node, request::RequestPtr request);
env::Task<void> handle_alter_share_group_offsets(Services& node, request::RequestPtr request);
env::Task<void> handle_alter_user_scram_credentials(Services& node, request::RequestPtr request);
env::Task<void> handle_api_versions(Services& node, request::RequestPtr request);
env::Task<void> handle_consumer_group_describe(Services& node, request::RequestPtr request);
env::Task<void> handle_consumer_group_heartbeat(Services& node, request::RequestPtr request);
env::Task<void> handle_create_acls(Services& node, request::RequestPtr request);
env::Task<void> handle_create_delegation_token(Services& node, request::RequestPtr request);
env::Task<void> handle_create_partitions(Services& node, request::RequestPtr request);
env::Task<void> handle_create_topics(Services& node, request::RequestPtr request);
env::Task<void> handle_delete_acls(Services& node, request::RequestPtr request);
env::Task<void> handle_delete_groups(Services& node, request::RequestPtr request);
env::Task<void> handle_delete_records(Services& node, request::RequestPtr request);
env::Task<void> handle_delete_share_group_offsets(Services& node, request::RequestPtr request);
env::Task<void> handle_delete_share_group_state(Services& node, request::RequestPtr request);
env::Task<void> handle_delete_topics(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_acls(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_client_quotas(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_cluster(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_configs(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_delegation_token(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_groups(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_log_dirs(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_producers(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_quorum(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_share_group_offsets(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_topic_partitions(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_transactions(Services& node, request::RequestPtr request);
env::Task<void> handle_describe_user_scram_credentials(Services& node, request::RequestPtr request);
env::Task<void> handle_elect_leaders(Services& node, request::RequestPtr request);
env::Task<void> handle_end_txn(Services& node, request::RequestPtr request);
env::Task<void> handle_expire_delegation_token(Services& node, request::RequestPtr request);
env::Task<void> handle_fetch(Services& node, request::RequestPtr request);
env::Task<void> handle_find_coordinator(Services& node, request::RequestPtr request);
env::Task<void> handle_get_telemetry_subscriptions(Services& node, request::RequestPtr request);
env::Task<void> handle_heartbeat(Services& node, request::RequestPtr request);
env::Task<void> handle_incremental_alter_configs(Services& node, request::RequestPtr request);
env::Task<void> handle_init_producer_id(Services& node, request::RequestPtr request);
env::Task<void> handle_initialize_share_group_state(Services& node, request::RequestPtr request);
env::Task<void> handle_join_group(Services& node, request::RequestPtr request);
env::Task<void> handle_leave_group(Services& node, request::RequestPtr request);
env::Task<void> handle_list_config_resources(Services& node, request::RequestPtr request);
env::Task<void> handle_list_groups(Services& node, request::RequestPtr request);
env::Task<void> handle_list_offsets(Services& node, request::RequestPtr request);
env::Task<void> handle_list_partition_reassignments(Services& node, request::RequestPtr request);
env::Task<void> handle_list_transactions(Services& node, request::RequestPtr request);
env::Task<void> handle_metadata(Services& node, request::RequestPtr request);
env::Task<void> handle_offset_commit(Services& node, request::RequestPtr request);
env::Task<void> handle_offset_delete(Services& node, request::RequestPtr request);
env::Task<void> handle_offset_fetch(Services& node, request::RequestPtr request);
env::Task<void> handle_offset_for_leader_epoch(Services& node, request::RequestPtr request);
env::Task<void> handle_produce(Services& node, request::RequestPtr request);
env::Task<void> handle_push_telemetry(Services& node, request::RequestPtr request);
env::Task<void> handle_read_share_group_state(Services& node, request::RequestPtr request);
env::Task<void> handle_read_share_group_state_summary(Services& node, request::RequestPtr request);
env::Task<void> handle_renew_delegation_token(Services& node, request::RequestPtr request);
env::Task<void> handle_sasl_authenticate(Services& node, request::RequestPtr request);
env::Task<void> handle_sasl_handshake(Services& node, request::RequestPtr request);
env::Task<void> handle_share_acknowledge(Services& node, request::RequestPtr request);
env::Task<void> handle_share_fetch(Services& node, request::RequestPtr request);
env::Task<void> handle_share_group_describe(Services& node, request::RequestPtr request);
env::Task<void> handle_share_group_heartbeat(Services& node, request::RequestPtr request);
env::Task<void> handle_streams_group_describe(Services& node, request::RequestPtr request);
env::Task<void> handle_streams_group_heartbeat(Services& node, request::RequestPtr request);
env::Task<void> handle_sync_group(Services& node, request::RequestPtr request);
env::Task<void> handle_txn_offset_commit(Services& node, request::RequestPtr request);
env::Task<void> handle_unregister_broker(Services& node, request::RequestPtr request);
env::Task<void> handle_update_features(Services& node, request::RequestPtr request);
env::Task<void> handle_write_share_group_state(Services& node, request::RequestPtr request);
env::Task<void> handle_write_txn_markers(Services& node, request::RequestPtr request);

}  // namespace moldau::handler
