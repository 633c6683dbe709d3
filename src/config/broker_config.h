// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "config/config_value.h"
#include "config/config_values.h"
#include "config/endpoint.h"
#include "config/properties.h"

namespace moldau::config {

/// The texts a broker's configuration is made of, weakest first.
struct BrokerConfigSources {
  /// server.properties and --override.
  ConfigMap static_broker;
  /// The BROKER resource "".
  ConfigMap dynamic_default;
  /// The BROKER resource of this node.
  ConfigMap dynamic_broker;
};

/// Limits that `listener.name.<name>.` keys may set for one listener.
struct ListenerLimits {
  std::int32_t max_connections = 0;
  std::int32_t max_connection_creation_rate = 0;
};

/// What the node is configured to be: every key typed in `values`, and what follows from them.
///
/// Path     main: parse_properties, apply_override, load_broker_config → BrokerConfig;
///          broker: an image with new configs → effective_broker_config.
/// Thread   immutable; shared by pointer between shards.
/// Source   KafkaConfig, SocketServerConfigs, QuorumConfig of 4.3.
struct BrokerConfig {
  /// All keys, `log.segment.bytes` as `values.log_segment_bytes`; the raw, possibly null, values.
  BrokerValues values;
  /// All texts after merging, with synonyms of stronger sources removed.
  ConfigMap properties;

  NodeId node_id{0};
  bool is_broker = false;
  bool is_controller = false;

  /// What to bind: brokers' and controllers' listeners in the order of `listeners`.
  std::vector<Listener> listeners;
  /// What clients are told; without controller listeners.
  std::vector<Listener> advertised_listeners;
  /// What voters and observers are told, in the order of controller.listener.names.
  std::vector<Listener> advertised_controller_listeners;
  /// In upper case.
  std::vector<std::string> controller_listener_names;
  std::string inter_broker_listener_name;
  SecurityProtocol inter_broker_security_protocol = SecurityProtocol::kPlaintext;
  std::map<std::string, ListenerLimits, std::less<>> listener_limits;
  /// By numeric address, as canonical_address writes it; names are not looked up.
  std::map<std::string, std::int32_t, std::less<>> max_connections_per_ip_overrides;

  /// From log.dirs, else log.dir; never empty.
  std::vector<std::string> log_dirs;
  /// metadata.log.dir, else the first of log_dirs.
  std::string metadata_log_dir;
  /// Of log_dirs; cordoned.log.dirs with "*" resolved.
  std::vector<std::string> cordoned_log_dirs;

  /// authorizer.class.name names StandardAuthorizer: requests are judged by ACLs.
  bool has_authorizer = false;
  /// super.users, as "User:name"; like the next one no key of the schema, but of the authorizer.
  std::set<std::string, std::less<>> super_users;
  /// allow.everyone.if.no.acl.found
  bool allow_everyone_if_no_acl_found = false;

  std::vector<QuorumVoter> quorum_voters;
  std::vector<HostPort> quorum_bootstrap_servers;

  /// Values that several keys decide together.
  std::int64_t log_retention_ms = 0;
  std::int64_t log_roll_ms = 0;
  std::int64_t log_roll_jitter_ms = 0;
  std::int64_t log_flush_interval_ms = 0;

  bool is_controller_listener(std::string_view name) const;
  /// nullptr if there is no such listener.
  const Listener* find_listener(std::string_view name) const;
};

/// A configuration and what its author should know.
struct LoadedBrokerConfig {
  BrokerConfig config;
  /// One line each: unknown keys with the nearest known name, ignored keys with the reason,
  /// dynamic values that could not be applied.
  std::vector<std::string> warnings;
};

/// Parses and checks the configuration of a start.
/// Errors   kInvalidConfig; the detail has one line per problem: origin, key, value, what is
///          allowed; keys that ask for what is not built yet are refused here.
Result<LoadedBrokerConfig> load_broker_config(const PropertySet& properties);

/// The configuration in force with dynamic configs over the static one. Dynamic values that are
/// not valid are left out with a warning, as Kafka does when it reads its metadata.
/// Errors   kInvalidConfig only if the static part alone is wrong.
/// Source   DynamicBrokerConfig.
Result<LoadedBrokerConfig> effective_broker_config(const BrokerConfigSources& sources);

/// The same without leaving anything out: what a change would lead to.
/// Errors   kInvalidConfig, as load_broker_config.
Result<LoadedBrokerConfig> strict_broker_config(const BrokerConfigSources& sources);

/// What a node without a file runs with: broker and controller in one process, loopback,
/// ./data, internal topics with one replica, HTTP on 127.0.0.1:9644.
PropertySet default_single_node_properties();

/// All names of the value of a broker key, strongest first; a `listener.name.x.` key is followed
/// by its base key if `match_listener`.
/// Source   DynamicBrokerConfig.brokerConfigSynonyms.
std::vector<std::string> broker_key_synonyms(std::string_view name, bool match_listener);

/// The key of the schema that types `name`: itself, or the base of a `listener.name.x.` key.
/// nullptr if Kafka would not know it either.
const ConfigKey* find_broker_key(std::string_view name);

/// The part behind "listener.name.<name>.", or "" if it is no such key.
std::string_view listener_base_key(std::string_view name);

}  // namespace moldau::config
