// SPDX-License-Identifier: Apache-2.0
#include "config/broker_checks.h"

#include <algorithm>

#include "config/field.h"

namespace moldau::config {
namespace {

constexpr std::int64_t kDedupeBytesPerThread = 1 << 20;

/// One pass over the rules; each failure names the line of the key it is about.
class Checker {
 public:
  Checker(const BrokerConfig& config, const PropertySet& properties,
          std::vector<std::string>& errors, std::vector<std::string>& warnings)
      : config_(config),
        v_(config.values),
        properties_(properties),
        errors_(errors),
        warnings_(warnings) {}

  void run() {
    require(v_.node_id == v_.broker_id, "node.id",
            "You must set `node.id` to the same value as `broker.id`.");
    check_log();
    check_quorum();
    check_listeners();
    check_replication();
    check_connections();
    check_groups();
    check_share_groups();
    check_assignment_intervals();
    check_codecs();
    refuse_what_is_not_built();
  }

 private:
  void require(bool good, std::string_view key, std::string message) {
    if (!good) errors_.push_back(origin(key) + std::move(message));
  }

  std::string origin(std::string_view key) const {
    auto it = properties_.find(key);
    return it == properties_.end() ? "" : it->second.origin + ": ";
  }

  void check_log() {
    require(config_.log_roll_ms >= 1, "log.roll.ms",
            "log.roll.ms must be greater than or equal to 1");
    require(config_.log_roll_jitter_ms >= 0, "log.roll.jitter.ms",
            "log.roll.jitter.ms must be greater than or equal to 0");
    require(config_.log_retention_ms >= 1 || config_.log_retention_ms == -1, "log.retention.ms",
            "log.retention.ms must be unlimited (-1) or, greater than or equal to 1");
    std::int32_t threads = std::max(1, v_.log_cleaner_threads);
    require(
        v_.log_cleaner_threads >= 1, "log.cleaner.threads",
        "log.cleaner.threads must be at least 1; log.cleaner.enable=false turns the cleaner off");
    require(v_.log_cleaner_dedupe_buffer_size / threads > kDedupeBytesPerThread,
            "log.cleaner.dedupe.buffer.size",
            "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.");
    for (const std::string& dir : config_.log_dirs) {
      require(!dir.empty(), "log.dirs", "A log directory must not be an empty name");
    }
    check_cordoned();
  }

  void check_cordoned() {
    const auto& listed = v_.cordoned_log_dirs;
    require(listed.size() <= 1 || std::find(listed.begin(), listed.end(), "*") == listed.end(),
            "cordoned.log.dirs",
            "When cordoned.log.dirs is set to *, it must not contain other values");
    for (const std::string& dir : config_.cordoned_log_dirs) {
      require(dir == "*" || std::find(config_.log_dirs.begin(), config_.log_dirs.end(), dir) !=
                                config_.log_dirs.end(),
              "cordoned.log.dirs",
              "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. "
              "Missing entries : " +
                  dir);
    }
  }

  void check_quorum() {
    require(!config_.quorum_voters.empty() || !config_.quorum_bootstrap_servers.empty(),
            "process.roles",
            "If using process.roles, either controller.quorum.bootstrap.servers must contain the "
            "set of bootstrap controllers or controller.quorum.voters must contain a parseable "
            "set of controllers.");
    bool voter = std::any_of(config_.quorum_voters.begin(), config_.quorum_voters.end(),
                             [&](const QuorumVoter& v) { return v.id == config_.node_id; });
    std::string id = std::to_string(config_.node_id.value());
    if (config_.is_controller) {
      require(config_.quorum_voters.empty() || voter, "controller.quorum.voters",
              "If process.roles contains the 'controller' role, the node id " + id +
                  " must be included in the set of voters of controller.quorum.voters");
    } else {
      require(!voter, "controller.quorum.voters",
              "If process.roles contains just the 'broker' role, the node id " + id +
                  " must not be included in the set of voters of controller.quorum.voters");
      require(!v_.controller_quorum_auto_join_enable, "controller.quorum.auto.join.enable",
              "controller.quorum.auto.join.enable is only supported when process.roles contains "
              "the 'controller' role.");
    }
  }

  void check_listeners() {
    if (config_.is_controller) {
      require(!config_.advertised_controller_listeners.empty(), "controller.listener.names",
              "controller.listener.names must contain at least one value appearing in the "
              "'listeners' configuration when running the KRaft controller role");
      for (const std::string& name : config_.controller_listener_names) {
        require(config_.find_listener(name) != nullptr, "controller.listener.names",
                "controller.listener.names must only contain values appearing in the 'listeners' "
                "configuration when running the KRaft controller role; " +
                    name + " does not");
      }
    } else {
      for (const std::string& name : config_.controller_listener_names) {
        require(config_.find_listener(name) == nullptr, "controller.listener.names",
                "controller.listener.names must not contain a value appearing in the 'listeners' "
                "configuration when running KRaft with just the broker role; " +
                    name + " does");
      }
    }
    if (config_.is_broker) {
      check_broker_listeners();
    } else {
      for (const Listener& listener : config_.listeners) {
        require(config_.is_controller_listener(listener.name), "listeners",
                "The listeners config must only contain KRaft controller listeners from "
                "controller.listener.names when process.roles=controller; " +
                    listener.name + " is none");
      }
    }
    check_routable(config_.advertised_listeners);
    check_routable(config_.advertised_controller_listeners);
    check_early_start();
  }

  void check_broker_listeners() {
    require(!config_.advertised_listeners.empty(), "listeners",
            "There must be at least one broker advertised listener. Perhaps all listeners appear "
            "in controller.listener.names?");
    bool inter_broker = false;
    for (const Listener& listener : config_.advertised_listeners) {
      inter_broker |= listener.name == config_.inter_broker_listener_name;
      require(config_.find_listener(listener.name) != nullptr, "advertised.listeners",
              "advertised.listeners listener names must be equal to or a subset of the ones "
              "defined in listeners. Found " +
                  listener.name + ". The valid options are " + names(config_.listeners));
    }
    require(inter_broker, "inter.broker.listener.name",
            "inter.broker.listener.name must be a listener name defined in advertised.listeners; " +
                config_.inter_broker_listener_name + " is not. The valid options are " +
                names(config_.advertised_listeners));
  }

  static std::string names(const std::vector<Listener>& listeners) {
    std::string out;
    for (const Listener& listener : listeners) out += (out.empty() ? "" : ",") + listener.name;
    return out;
  }

  void check_routable(const std::vector<Listener>& advertised) {
    for (const Listener& listener : advertised) {
      require(listener.host != "0.0.0.0", "advertised.listeners",
              "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a "
              "routable IP address. (" +
                  listener.text() + ")");
    }
  }

  void check_early_start() {
    if (!v_.early_start_listeners) return;
    for (const std::string& text : *v_.early_start_listeners) {
      std::string name = listener_name_of(text);
      require(config_.find_listener(name) != nullptr || config_.is_controller_listener(name),
              "early.start.listeners",
              "early.start.listeners contains listener " + name +
                  ", but this is not contained in listeners or controller.listener.names");
    }
  }

  void check_replication() {
    require(v_.replica_fetch_wait_max_ms <= v_.replica_socket_timeout_ms,
            "replica.socket.timeout.ms",
            "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to "
            "prevent unnecessary socket timeouts");
    require(v_.replica_fetch_wait_max_ms <= v_.replica_lag_time_max_ms, "replica.fetch.wait.max.ms",
            "replica.fetch.wait.max.ms should always be less than or equal to "
            "replica.lag.time.max.ms to prevent frequent changes in ISR");
    if (v_.broker_heartbeat_interval_ms > v_.broker_session_timeout_ms / 2) {
      warnings_.push_back(origin("broker.heartbeat.interval.ms") +
                          "broker.heartbeat.interval.ms should be at most half of "
                          "broker.session.timeout.ms, else a late heartbeat fences the broker");
    }
  }

  void check_connections() {
    require(v_.queued_max_request_bytes <= 0 ||
                v_.queued_max_request_bytes >= v_.socket_request_max_bytes,
            "queued.max.request.bytes",
            "queued.max.request.bytes must be larger or equal to socket.request.max.bytes");
    require(v_.max_connections_per_ip != 0 || !config_.max_connections_per_ip_overrides.empty(),
            "max.connections.per.ip",
            "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides "
            "property is set.");
    require(v_.connections_max_idle_ms < 0 ||
                v_.connection_failed_authentication_delay_ms < v_.connections_max_idle_ms,
            "connections.max.idle.ms",
            "connection.failed.authentication.delay.ms should always be less than "
            "connections.max.idle.ms to prevent failed authentication responses from timing out");
  }

  /// `low` must not be above `high`.
  void ordered(std::int64_t low, std::string_view low_key, std::int64_t high,
               std::string_view high_key) {
    require(low <= high, properties_.contains(low_key) ? low_key : high_key,
            std::string(high_key) + " must be greater than or equal to " + std::string(low_key));
  }

  /// min <= the value used by default <= max, for one of the group types' settings.
  void bounded(std::string_view prefix, std::string_view name, std::int64_t low, std::int64_t value,
               std::int64_t high) {
    std::string base(prefix);
    std::string tail(name);
    ordered(low, base + "min." + tail, high, base + "max." + tail);
    ordered(low, base + "min." + tail, value, base + tail);
    ordered(value, base + tail, high, base + "max." + tail);
  }

  void check_groups() {
    bounded("group.consumer.", "heartbeat.interval.ms", v_.group_consumer_min_heartbeat_interval_ms,
            v_.group_consumer_heartbeat_interval_ms, v_.group_consumer_max_heartbeat_interval_ms);
    bounded("group.consumer.", "session.timeout.ms", v_.group_consumer_min_session_timeout_ms,
            v_.group_consumer_session_timeout_ms, v_.group_consumer_max_session_timeout_ms);
    bounded("group.streams.", "heartbeat.interval.ms", v_.group_streams_min_heartbeat_interval_ms,
            v_.group_streams_heartbeat_interval_ms, v_.group_streams_max_heartbeat_interval_ms);
    bounded("group.streams.", "session.timeout.ms", v_.group_streams_min_session_timeout_ms,
            v_.group_streams_session_timeout_ms, v_.group_streams_max_session_timeout_ms);
    ordered(v_.group_streams_num_standby_replicas, "group.streams.num.standby.replicas",
            v_.group_streams_max_standby_replicas, "group.streams.max.standby.replicas");
    below(v_.group_consumer_heartbeat_interval_ms, "group.consumer.heartbeat.interval.ms",
          v_.group_consumer_session_timeout_ms, "group.consumer.session.timeout.ms");
    below(v_.group_streams_heartbeat_interval_ms, "group.streams.heartbeat.interval.ms",
          v_.group_streams_session_timeout_ms, "group.streams.session.timeout.ms");
    const auto& protocols = v_.group_coordinator_rebalance_protocols;
    require(std::find(protocols.begin(), protocols.end(), "classic") != protocols.end(),
            "group.coordinator.rebalance.protocols",
            "Disabling the 'classic' protocol is not supported.");
  }

  void below(std::int64_t low, std::string_view low_key, std::int64_t high,
             std::string_view high_key) {
    require(low < high, properties_.contains(low_key) ? low_key : high_key,
            std::string(low_key) + " must be less than " + std::string(high_key));
  }

  void check_share_groups() {
    bounded("group.share.", "heartbeat.interval.ms", v_.group_share_min_heartbeat_interval_ms,
            v_.group_share_heartbeat_interval_ms, v_.group_share_max_heartbeat_interval_ms);
    bounded("group.share.", "session.timeout.ms", v_.group_share_min_session_timeout_ms,
            v_.group_share_session_timeout_ms, v_.group_share_max_session_timeout_ms);
    bounded("group.share.", "record.lock.duration.ms", v_.group_share_min_record_lock_duration_ms,
            v_.group_share_record_lock_duration_ms, v_.group_share_max_record_lock_duration_ms);
    bounded("group.share.", "delivery.count.limit", v_.group_share_min_delivery_count_limit,
            v_.group_share_delivery_count_limit, v_.group_share_max_delivery_count_limit);
    bounded(
        "group.share.", "partition.max.record.locks", v_.group_share_min_partition_max_record_locks,
        v_.group_share_partition_max_record_locks, v_.group_share_max_partition_max_record_locks);
    below(v_.group_share_heartbeat_interval_ms, "group.share.heartbeat.interval.ms",
          v_.group_share_session_timeout_ms, "group.share.session.timeout.ms");
    require(v_.group_share_assignors.size() == 1, "group.share.assignors",
            "group.share.assignors must contain exactly one assignor, but found " +
                std::to_string(v_.group_share_assignors.size()));
    require(v_.group_share_max_share_sessions >= v_.group_share_max_size,
            "group.share.max.share.sessions",
            "group.share.max.share.sessions must be greater than or equal to "
            "group.share.max.size");
  }

  void check_assignment_intervals() {
    bounded("group.consumer.", "assignment.interval.ms",
            v_.group_consumer_min_assignment_interval_ms, v_.group_consumer_assignment_interval_ms,
            v_.group_consumer_max_assignment_interval_ms);
    bounded("group.share.", "assignment.interval.ms", v_.group_share_min_assignment_interval_ms,
            v_.group_share_assignment_interval_ms, v_.group_share_max_assignment_interval_ms);
    bounded("group.streams.", "assignment.interval.ms", v_.group_streams_min_assignment_interval_ms,
            v_.group_streams_assignment_interval_ms, v_.group_streams_max_assignment_interval_ms);
  }

  void check_codecs() {
    auto check = [&](std::string_view key, std::int32_t codec) {
      require(codec >= 0 && codec <= 4, key,
              std::string(key) + " names an unknown codec " + std::to_string(codec) +
                  "; allowed: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd");
    };
    check("offsets.topic.compression.codec", v_.offsets_topic_compression_codec);
    check("share.coordinator.state.topic.compression.codec",
          v_.share_coordinator_state_topic_compression_codec);
  }

  /// What no single key tells: it would protect or replicate data, and is not there yet.
  void refuse_what_is_not_built() {
    require(config_.is_broker && config_.is_controller, "process.roles",
            "process.roles must be broker,controller: a node that is only one of them needs a "
            "cluster of several nodes, which is not built yet");
    for (const Listener& listener : config_.listeners) {
      require(listener.protocol == SecurityProtocol::kPlaintext, "listeners",
              "Listener " + listener.name + " is refused: its security protocol " +
                  std::string(security_protocol_name(listener.protocol)) +
                  " is not built yet; allowed: PLAINTEXT");
    }
    require(config_.quorum_voters.size() <= 1, "controller.quorum.voters",
            "controller.quorum.voters names " + std::to_string(config_.quorum_voters.size()) +
                " voters: a quorum of more than one is not built yet");
    require(config_.quorum_bootstrap_servers.size() <= 1, "controller.quorum.bootstrap.servers",
            "controller.quorum.bootstrap.servers names " +
                std::to_string(config_.quorum_bootstrap_servers.size()) +
                " controllers: a quorum of more than one is not built yet");
  }

  const BrokerConfig& config_;
  const BrokerValues& v_;
  const PropertySet& properties_;
  std::vector<std::string>& errors_;
  std::vector<std::string>& warnings_;
};

}  // namespace

void check_broker_config(const BrokerConfig& config, const PropertySet& properties,
                         std::vector<std::string>& errors, std::vector<std::string>& warnings) {
  Checker(config, properties, errors, warnings).run();
}

}  // namespace moldau::config
