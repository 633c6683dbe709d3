// SPDX-License-Identifier: Apache-2.0
#include "node/assembly/quorum_settings.h"

#include <algorithm>

namespace moldau::assembly {
namespace {

controller::ControllerSettings controller_settings_of(
    const std::shared_ptr<const config::BrokerConfig>& config, const std::string& cluster_id) {
  const auto& values = config->values;
  controller::ControllerSettings settings;
  settings.node_id = config->node_id;
  settings.cluster_id = cluster_id;
  settings.broker_session_timeout = Millis(values.broker_session_timeout_ms);
  settings.max_idle_interval = Millis(values.metadata_max_idle_interval_ms);
  settings.leader_imbalance_check_interval = Millis(
      values.auto_leader_rebalance_enable ? 1000 * values.leader_imbalance_check_interval_seconds
                                          : 0);
  settings.unclean_leader_election_interval = Millis(values.unclean_leader_election_interval_ms);
  settings.default_replication_factor =
      static_cast<std::int16_t>(values.default_replication_factor);
  settings.num_partitions = values.num_partitions;
  settings.delete_topic_enable = values.delete_topic_enable;
  settings.broker_config = config;
  settings.static_config = config->properties;
  settings.quorum_nodes.push_back(config->node_id);
  return settings;
}

raft::Endpoint endpoint_of(const config::Listener& listener) {
  raft::Endpoint endpoint;
  endpoint.listener = listener.name;
  endpoint.host = listener.host;
  endpoint.port = static_cast<std::uint16_t>(listener.port);
  return endpoint;
}

}  // namespace

quorum::QuorumConfig quorum_config_of(const std::shared_ptr<const config::BrokerConfig>& config,
                                      const std::string& cluster_id) {
  const auto& values = config->values;
  quorum::QuorumConfig out;
  out.node_id = config->node_id;
  out.cluster_id = cluster_id;
  out.is_controller = config->is_controller;
  for (const config::Listener& listener : config->advertised_controller_listeners)
    out.controller_endpoints.push_back(endpoint_of(listener));
  // Static voters are known by id and address only; their directories are not.
  for (const config::QuorumVoter& voter : config->quorum_voters) {
    raft::Voter known;
    known.key.id = voter.id;
    known.endpoints.emplace_back(config->controller_listener_names.front(), voter.address.host,
                                 static_cast<std::uint16_t>(voter.address.port));
    out.static_voters.put(std::move(known));
  }
  out.election_timeout = Millis(values.controller_quorum_election_timeout_ms);
  out.election_backoff_max = Millis(values.controller_quorum_election_backoff_max_ms);
  out.fetch_timeout = Millis(values.controller_quorum_fetch_timeout_ms);
  out.request_timeout = Millis(values.controller_quorum_request_timeout_ms);
  out.retry_backoff = Millis(values.controller_quorum_retry_backoff_ms);
  out.segment_bytes =
      values.internal_metadata_log_segment_bytes.value_or(values.metadata_log_segment_bytes);
  out.file_delete_delay = Millis(values.internal_metadata_delete_delay_millis);
  out.batch_bytes_max = std::min(
      raft::kMetadataBatchBytesMax,
      static_cast<std::size_t>(std::max(values.internal_metadata_max_batch_size_in_bytes, 1)));
  out.slow_event = Millis(values.controller_performance_always_log_threshold_ms);
  out.event_sample_period = Millis(values.controller_performance_sample_period_ms);
  out.segment_ms = Millis(values.metadata_log_segment_ms);
  out.snapshot_after_bytes = values.metadata_log_max_record_bytes_between_snapshots;
  out.snapshot_after = Millis(values.metadata_log_max_snapshot_interval_ms);
  out.retention_bytes = values.metadata_max_retention_bytes;
  out.retention = Millis(values.metadata_max_retention_ms);
  out.controller = controller_settings_of(config, cluster_id);
  return out;
}

}  // namespace moldau::assembly
