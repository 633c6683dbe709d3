// SPDX-License-Identifier: Apache-2.0
#include "config/broker_config.h"

#include <algorithm>

#include "config/broker_checks.h"
#include "config/field.h"

namespace moldau::config {
namespace {

constexpr std::string_view kListenerPrefix = "listener.name.";
/// Unknown keys beyond these are not reported one by one.
constexpr std::size_t kUnknownShownMax = 100;
constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kHourMs = 60 * kMinuteMs;

/// Keys that Kafka 4 knows no more: their names are no typing errors.
constexpr std::string_view kRemovedKeys[] = {"broker.id.generation.enable",
                                             "control.plane.listener.name",
                                             "controlled.shutdown.max.retries",
                                             "controlled.shutdown.retry.backoff.ms",
                                             "delegation.token.master.key",
                                             "eligible.leader.replicas.enable",
                                             "group.coordinator.new.enable",
                                             "inter.broker.protocol.version",
                                             "leader.imbalance.per.broker.percentage",
                                             "log.message.downconversion.enable",
                                             "log.message.format.version",
                                             "log.message.timestamp.difference.max.ms",
                                             "offsets.commit.required.acks",
                                             "reserved.broker.max.id"};
constexpr std::string_view kRemovedPrefixes[] = {"zookeeper.", "password.encoder."};
/// Keys of plugins, named by remote.log.*.impl.prefix and config.providers.
constexpr std::string_view kPluginPrefixes[] = {"rsm.config.", "rlmm.config.", "config.providers."};

template <std::size_t N>
bool starts_with_any(std::string_view name, const std::string_view (&prefixes)[N]) {
  return std::any_of(std::begin(prefixes), std::end(prefixes),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

/// Keys that the authorizer reads by itself.
constexpr std::string_view kStandardAuthorizer =
    "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
constexpr std::string_view kSuperUsers = "super.users";
constexpr std::string_view kAllowEveryone = "allow.everyone.if.no.acl.found";

/// Without what Java's String.trim takes away.
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

bool is_true(std::string_view text) {
  constexpr std::string_view kTrue = "true";
  return std::equal(text.begin(), text.end(), kTrue.begin(), kTrue.end(),
                    [](char a, char b) { return (a | 0x20) == b; });
}

/// Works through the properties of one start or update, collecting what is wrong.
class Loader {
 public:
  /// `clamp`: dynamic intervals outside their bounds are held within them, as on replay.
  Loader(const PropertySet& properties, bool clamp) : properties_(properties), clamp_(clamp) {}

  Result<LoadedBrokerConfig> run() {
    join_node_and_broker_id();
    values() = default_values_of<BrokerValues>(broker_schema());
    for (const auto& [name, property] : properties_) take(name, property);
    check_required();
    if (unknown_ > kUnknownShownMax) {
      out_.warnings.push_back(std::to_string(unknown_ - kUnknownShownMax) +
                              " more unknown configurations");
    }
    if (errors_.empty()) derive();
    if (errors_.empty()) check_broker_config(out_.config, properties_, errors_, out_.warnings);
    if (errors_.empty()) return std::move(out_);
    std::string detail;
    for (const std::string& error : errors_) {
      if (!detail.empty()) detail += '\n';
      detail += error;
    }
    return Error(ErrorCode::kInvalidConfig, std::move(detail));
  }

 private:
  BrokerValues& values() { return out_.config.values; }

  /// Each of node.id and broker.id stands for the other if only one is given.
  void join_node_and_broker_id() {
    auto node = properties_.find("node.id");
    auto broker = properties_.find("broker.id");
    if (node == properties_.end() && broker != properties_.end()) {
      properties_.insert_or_assign("node.id", Property(broker->second));
    } else if (node != properties_.end() && broker == properties_.end()) {
      properties_.insert_or_assign("broker.id", Property(node->second));
    }
  }

  void check_required() {
    for (const ConfigKey& key : broker_schema().keys()) {
      if (key.required && !properties_.contains(key.name)) {
        errors_.push_back("Missing required configuration \"" + std::string(key.name) +
                          "\" which has no default value.");
      }
    }
  }

  void take(const std::string& name, const Property& property) {
    out_.config.properties.emplace(name, property.value);
    const ConfigKey* key = find_broker_key(name);
    if (key == nullptr) return take_unknown(name, property);
    Result<ConfigValue> value = parse_value(*key, property.value);
    if (!value.ok()) {
      std::string allowed =
          key->allowed.empty() ? "" : " (allowed: " + std::string(key->allowed) + ")";
      errors_.push_back(property.origin + ": " + value.error().detail + allowed);
      return;
    }
    bool is_default = !key->required && *value == default_value(*key);
    if (!is_default) judge(name, property, *key);
    if (key->name == name) {
      const ConfigSchema& schema = broker_schema();
      auto index = static_cast<std::size_t>(key - schema.keys().data());
      assign_field(values(), fields_of(&values())[index], *value);
    } else {
      take_listener_key(name, *key, *value);
    }
  }

  void judge(const std::string& name, const Property& property, const ConfigKey& key) {
    std::string shown = key.sensitive() ? "[hidden]" : property.value;
    std::string line = property.origin + ": " + name + "=" + shown;
    if (key.status == KeyStatus::kRefused) {
      std::string usual = key.default_value ? std::string(*key.default_value) : "(not set)";
      errors_.push_back(line + " is refused: " + std::string(key.reason) +
                        "; allowed: " + (usual.empty() ? "(empty)" : usual));
    } else if (key.status == KeyStatus::kIgnored) {
      out_.warnings.push_back(line + " has no effect: " + std::string(key.reason));
    } else if (key.dynamic_only && !is_dynamic_origin(property.origin)) {
      out_.warnings.push_back(line + " has no effect in a file: set it dynamically");
    }
  }

  /// Only for people who wrote a file: dynamic entries may be many, and are nobody's typing error.
  void take_unknown(const std::string& name, const Property& property) {
    if (is_dynamic_origin(property.origin)) return;
    if (name == kSuperUsers || name == kAllowEveryone) return;
    if (++unknown_ > kUnknownShownMax) return;
    std::string line = property.origin + ": ";
    bool removed =
        std::find(std::begin(kRemovedKeys), std::end(kRemovedKeys), name) != std::end(kRemovedKeys);
    if (removed || starts_with_any(name, kRemovedPrefixes)) {
      line += name + " has no effect: Kafka 4 has removed it";
    } else if (starts_with_any(name, kPluginPrefixes)) {
      line += name + " has no effect: it configures a plugin of Apache Kafka";
    } else {
      line += "unknown configuration " + name;
      std::string_view nearest = broker_schema().nearest(name);
      if (!nearest.empty()) line += "; did you mean " + std::string(nearest) + "?";
    }
    out_.warnings.push_back(std::move(line));
  }

  /// The keys whose per-listener form has an effect of its own.
  void take_listener_key(std::string_view name, const ConfigKey& key, const ConfigValue& value) {
    std::string_view rest = name.substr(kListenerPrefix.size());
    std::string listener = listener_name_of(rest.substr(0, rest.find('.')));
    if (key.name != "max.connections" && key.name != "max.connection.creation.rate") return;
    listener_values_[listener][std::string(key.name)] = std::get<std::int32_t>(value);
  }

  void fail(std::string_view key, const Error& error) {
    auto it = properties_.find(key);
    std::string origin = it == properties_.end() ? "" : it->second.origin + ": ";
    errors_.push_back(origin + error.detail);
  }

  void derive() {
    BrokerConfig& config = out_.config;
    const BrokerValues& v = config.values;
    config.node_id = NodeId(v.node_id);
    for (const std::string& role : v.process_roles) {
      config.is_broker |= role == "broker";
      config.is_controller |= role == "controller";
    }
    derive_times();
    derive_directories();
    derive_listeners();
    derive_quorum();
    derive_connection_limits();
    derive_authorizer();
    if (clamp_) clamp_dynamic_intervals();
  }

  /// A dynamic interval outside the bounds of this broker is held within them.
  void clamp_dynamic_intervals() {
    BrokerValues& v = values();
    auto clamp = [&](std::string_view key, std::int32_t low, std::int32_t& value,
                     std::int32_t high) {
      auto it = properties_.find(key);
      if (it == properties_.end() || !is_dynamic_origin(it->second.origin)) return;
      std::int32_t held = std::max(low, std::min(value, high));
      if (held != value) {
        out_.warnings.push_back(it->second.origin + ": " + std::string(key) + "=" +
                                std::to_string(value) + " is held at " + std::to_string(held));
      }
      value = held;
    };
    clamp("group.consumer.assignment.interval.ms", v.group_consumer_min_assignment_interval_ms,
          v.group_consumer_assignment_interval_ms, v.group_consumer_max_assignment_interval_ms);
    clamp("group.share.assignment.interval.ms", v.group_share_min_assignment_interval_ms,
          v.group_share_assignment_interval_ms, v.group_share_max_assignment_interval_ms);
    clamp("group.streams.assignment.interval.ms", v.group_streams_min_assignment_interval_ms,
          v.group_streams_assignment_interval_ms, v.group_streams_max_assignment_interval_ms);
  }

  void derive_times() {
    BrokerConfig& config = out_.config;
    const BrokerValues& v = config.values;
    config.log_retention_ms = v.log_retention_ms        ? *v.log_retention_ms
                              : v.log_retention_minutes ? *v.log_retention_minutes * kMinuteMs
                                                        : v.log_retention_hours * kHourMs;
    if (config.log_retention_ms < 0) config.log_retention_ms = -1;
    config.log_roll_ms = v.log_roll_ms.value_or(v.log_roll_hours * kHourMs);
    config.log_roll_jitter_ms = v.log_roll_jitter_ms.value_or(v.log_roll_jitter_hours * kHourMs);
    config.log_flush_interval_ms =
        v.log_flush_interval_ms.value_or(v.log_flush_scheduler_interval_ms);
  }

  void derive_directories() {
    BrokerConfig& config = out_.config;
    const BrokerValues& v = config.values;
    config.log_dirs = v.log_dirs.value_or(v.log_dir);
    config.metadata_log_dir = v.metadata_log_dir.value_or(config.log_dirs.front());
    bool all = v.cordoned_log_dirs == std::vector<std::string>{"*"};
    config.cordoned_log_dirs = all ? config.log_dirs : v.cordoned_log_dirs;
  }

  /// The map as configured; if it is the default one, controllers' listeners are PLAINTEXT in it.
  Result<SecurityProtocolMap> protocols() {
    const BrokerValues& v = values();
    MOLDAU_ASSIGN_OR_RETURN(SecurityProtocolMap map,
                            parse_security_protocol_map(v.listener_security_protocol_map));
    if (properties_.contains("listener.security.protocol.map")) return map;
    auto secured = [](std::string_view name) {
      return name == "SSL" || name == "SASL_SSL" || name == "SASL_PLAINTEXT";
    };
    for (const std::string& name : v.controller_listener_names) {
      if (secured(listener_name_of(name))) return map;
    }
    for (const std::string& text : v.listeners) {
      if (secured(listener_name_of(text.substr(0, text.find(':'))))) return map;
    }
    for (const std::string& name : v.controller_listener_names) {
      map.try_emplace(listener_name_of(name), SecurityProtocol::kPlaintext);
    }
    return map;
  }

  void derive_listeners() {
    BrokerConfig& config = out_.config;
    const BrokerValues& v = config.values;
    for (const std::string& name : v.controller_listener_names) {
      config.controller_listener_names.push_back(listener_name_of(name));
    }
    Result<SecurityProtocolMap> map = protocols();
    if (!map.ok()) return fail("listener.security.protocol.map", map.error());
    Result<std::vector<Listener>> bound = parse_listeners(v.listeners, *map, "listeners", true);
    if (!bound.ok()) return fail("listeners", bound.error());
    config.listeners = std::move(*bound);
    std::vector<Listener> advertised = config.listeners;
    if (v.advertised_listeners) {
      auto parsed = parse_listeners(*v.advertised_listeners, *map, "advertised.listeners", false);
      if (!parsed.ok()) return fail("advertised.listeners", parsed.error());
      advertised = std::move(*parsed);
    }
    for (const Listener& listener : advertised) {
      if (!config.is_controller_listener(listener.name)) {
        config.advertised_listeners.push_back(listener);
      }
    }
    advertise_controllers(advertised);
    derive_inter_broker_listener(*map);
    check_controller_protocols(*map);
  }

  /// An advertised address of a controller listener wins over the bound one.
  void advertise_controllers(const std::vector<Listener>& advertised) {
    BrokerConfig& config = out_.config;
    for (const std::string& name : config.controller_listener_names) {
      auto named = [&](const Listener& l) { return l.name == name; };
      auto it = std::find_if(advertised.begin(), advertised.end(), named);
      if (it != advertised.end()) {
        config.advertised_controller_listeners.push_back(*it);
      } else if (const Listener* own = config.find_listener(name)) {
        config.advertised_controller_listeners.push_back(*own);
      } else {
        continue;
      }
      // Nobody can reach the address that binds all: the machine's own name stands for it.
      bool explicitly = config.values.advertised_listeners && it != advertised.end();
      Listener& last = config.advertised_controller_listeners.back();
      if (!explicitly && last.host == "0.0.0.0") last.host.clear();
    }
  }

  void derive_inter_broker_listener(const SecurityProtocolMap& map) {
    BrokerConfig& config = out_.config;
    const BrokerValues& v = config.values;
    config.inter_broker_security_protocol = *security_protocol_of(v.security_inter_broker_protocol);
    if (!v.inter_broker_listener_name) {
      config.inter_broker_listener_name = v.security_inter_broker_protocol;
      return;
    }
    if (properties_.contains("security.inter.broker.protocol")) {
      return fail("inter.broker.listener.name",
                  Error(ErrorCode::kInvalidConfig,
                        "Only one of inter.broker.listener.name and "
                        "security.inter.broker.protocol should be set."));
    }
    config.inter_broker_listener_name = listener_name_of(*v.inter_broker_listener_name);
    auto it = map.find(config.inter_broker_listener_name);
    if (it == map.end()) {
      return fail("inter.broker.listener.name",
                  Error(ErrorCode::kInvalidConfig,
                        "Listener with name " + config.inter_broker_listener_name +
                            " defined in inter.broker.listener.name not found in "
                            "listener.security.protocol.map."));
    }
    config.inter_broker_security_protocol = it->second;
  }

  void check_controller_protocols(const SecurityProtocolMap& map) {
    for (const std::string& name : out_.config.controller_listener_names) {
      if (!map.contains(name)) {
        fail("controller.listener.names",
             Error(ErrorCode::kInvalidConfig,
                   "Controller listener with name " + name +
                       " defined in controller.listener.names not found in "
                       "listener.security.protocol.map."));
      }
    }
  }

  void derive_authorizer() {
    BrokerConfig& config = out_.config;
    const std::string& name = config.values.authorizer_class_name;
    config.has_authorizer = !name.empty();
    if (config.has_authorizer && name != kStandardAuthorizer) {
      return fail("authorizer.class.name",
                  Error(ErrorCode::kInvalidConfig,
                        "authorizer.class.name=" + name +
                            " cannot be loaded: Java classes do not run here, and nobody else "
                            "would decide who may do what; allowed: " +
                            std::string(kStandardAuthorizer) + ", or nothing"));
    }
    for (const std::string_view key : {kSuperUsers, kAllowEveryone}) {
      const auto it = properties_.find(key);
      if (it == properties_.end()) continue;
      if (!config.has_authorizer && !is_dynamic_origin(it->second.origin)) {
        out_.warnings.push_back(it->second.origin + ": " + std::string(key) +
                                " has no effect: authorizer.class.name is not set");
      } else if (key == kSuperUsers) {
        take_super_users(it->second.value);
      } else {
        config.allow_everyone_if_no_acl_found = is_true(trimmed(it->second.value));
      }
    }
  }

  void take_super_users(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(';'), text.size());
      const std::string_view user = trimmed(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (user.empty()) continue;
      if (user.find(':') == std::string_view::npos) {
        return fail(kSuperUsers,
                    Error(ErrorCode::kInvalidConfig,
                          "super.users: expected principals in format principalType:principalName "
                          "with semicolons between them, but got " +
                              std::string(user)));
      }
      out_.config.super_users.emplace(user);
    }
  }

  void derive_quorum() {
    const BrokerValues& v = values();
    auto voters = parse_voters(v.controller_quorum_voters);
    auto servers =
        parse_servers(v.controller_quorum_bootstrap_servers, "controller.quorum.bootstrap.servers");
    if (!voters.ok()) return fail("controller.quorum.voters", voters.error());
    if (!servers.ok()) return fail("controller.quorum.bootstrap.servers", servers.error());
    out_.config.quorum_voters = std::move(*voters);
    out_.config.quorum_bootstrap_servers = std::move(*servers);
  }

  void derive_connection_limits() {
    BrokerConfig& config = out_.config;
    const BrokerValues& v = config.values;
    for (const Listener& listener : config.listeners) {
      ListenerLimits limits{v.max_connections, v.max_connection_creation_rate};
      auto it = listener_values_.find(listener.name);
      if (it != listener_values_.end()) {
        auto own = it->second.find("max.connections");
        if (own != it->second.end()) limits.max_connections = own->second;
        own = it->second.find("max.connection.creation.rate");
        if (own != it->second.end()) limits.max_connection_creation_rate = own->second;
      }
      config.listener_limits.emplace(listener.name, limits);
    }
    for (const std::string& entry : split_list(v.max_connections_per_ip_overrides)) {
      std::size_t colon = entry.rfind(':');
      std::string host(trim(std::string_view(entry).substr(0, colon)));
      ConfigKey count{.name = "max.connections.per.ip.overrides", .type = ConfigType::kInt};
      Result<ConfigValue> number(ErrorCode::kInvalidConfig, "");
      if (colon != std::string::npos) number = parse_value(count, entry.substr(colon + 1));
      if (host.empty() || !number.ok()) {
        fail("max.connections.per.ip.overrides",
             Error(ErrorCode::kInvalidConfig, "Invalid value " + entry + " for configuration " +
                                                  std::string(count.name) +
                                                  ": an entry is written host:count"));
        continue;
      }
      const std::optional<std::string> address = canonical_address(host);
      if (!address) {
        out_.warnings.push_back(std::string(count.name) + ": " + entry +
                                " has no effect: names are not looked up, write an address");
      }
      config.max_connections_per_ip_overrides[address.value_or(host)] =
          std::get<std::int32_t>(*number);
    }
  }

  PropertySet properties_;
  bool clamp_;
  std::size_t unknown_ = 0;
  LoadedBrokerConfig out_;
  std::vector<std::string> errors_;
  std::map<std::string, std::map<std::string, std::int32_t>> listener_values_;
};

/// Puts stronger properties over weaker ones; a name takes all its synonyms away.
void override_properties(PropertySet& set, const ConfigMap& stronger, std::string_view origin) {
  for (const auto& [name, value] : stronger) {
    for (const std::string& synonym : broker_key_synonyms(name, false)) set.erase(synonym);
    set.insert_or_assign(name, Property{value, std::string(origin)});
  }
}

/// Drops dynamic entries that could not have been accepted, or that are not built yet.
ConfigMap valid_dynamic(const ConfigMap& entries, std::string_view origin,
                        std::vector<std::string>& warnings) {
  ConfigMap out;
  for (const auto& [name, text] : entries) {
    const ConfigKey* key = find_broker_key(name);
    if (key != nullptr) {
      Result<ConfigValue> value = parse_value(*key, text);
      std::string problem;
      if (!value.ok()) {
        problem = value.error().detail;
      } else if (key->name == name && key->update_mode == UpdateMode::kReadOnly) {
        problem = name + " cannot be updated dynamically";
      } else if (key->status == KeyStatus::kRefused && *value != default_value(*key)) {
        problem = name + " has no effect: " + std::string(key->reason);
      }
      if (!problem.empty()) {
        warnings.push_back(std::string(origin) + ": " + problem);
        continue;
      }
    }
    out.emplace(name, text);
  }
  return out;
}

}  // namespace

bool BrokerConfig::is_controller_listener(std::string_view name) const {
  return std::find(controller_listener_names.begin(), controller_listener_names.end(), name) !=
         controller_listener_names.end();
}

const Listener* BrokerConfig::find_listener(std::string_view name) const {
  for (const Listener& listener : listeners) {
    if (listener.name == name) return &listener;
  }
  return nullptr;
}

Result<LoadedBrokerConfig> load_broker_config(const PropertySet& properties) {
  return Loader(properties, false).run();
}

namespace {

PropertySet merged_properties(const BrokerConfigSources& sources) {
  PropertySet out;
  for (const auto& [name, value] : sources.static_broker) {
    out.emplace(name, Property{value, "static broker config"});
  }
  override_properties(out, sources.dynamic_default, kDynamicDefaultOrigin);
  override_properties(out, sources.dynamic_broker, kDynamicBrokerOrigin);
  return out;
}

Result<LoadedBrokerConfig> lenient_broker_config(const BrokerConfigSources& sources) {
  return Loader(merged_properties(sources), true).run();
}

}  // namespace

Result<LoadedBrokerConfig> strict_broker_config(const BrokerConfigSources& sources) {
  return Loader(merged_properties(sources), false).run();
}

namespace {

/// Takes the entries of the schema's keys out of a map. Only they can contradict each other.
ConfigMap take_known(ConfigMap& map) {
  ConfigMap known;
  for (auto it = map.begin(); it != map.end();) {
    auto entry = it++;
    if (broker_schema().find(entry->first) != nullptr) known.insert(map.extract(entry));
  }
  return known;
}

/// Adds the dynamic values one by one, leaving out those that make the whole invalid.
void drop_contradictions(BrokerConfigSources& sources, std::vector<std::string>& warnings) {
  ConfigMap of_all = take_known(sources.dynamic_default);
  ConfigMap of_one = take_known(sources.dynamic_broker);
  auto add = [&](ConfigMap& map, const ConfigMap& entries) {
    for (const auto& [name, text] : entries) {
      map.emplace(name, text);
      Result<LoadedBrokerConfig> loaded = lenient_broker_config(sources);
      if (loaded.ok()) continue;
      warnings.push_back("dynamic " + name + " is left out: " + loaded.error().detail);
      map.erase(name);
    }
  };
  add(sources.dynamic_default, of_all);
  add(sources.dynamic_broker, of_one);
}

}  // namespace

Result<LoadedBrokerConfig> effective_broker_config(const BrokerConfigSources& sources) {
  std::vector<std::string> warnings;
  BrokerConfigSources valid{sources.static_broker, {}, {}};
  valid.dynamic_default = valid_dynamic(sources.dynamic_default, kDynamicDefaultOrigin, warnings);
  valid.dynamic_broker = valid_dynamic(sources.dynamic_broker, kDynamicBrokerOrigin, warnings);
  Result<LoadedBrokerConfig> loaded = lenient_broker_config(valid);
  if (!loaded.ok()) {
    // Each value was fine, but some contradict others: keep those that go together.
    drop_contradictions(valid, warnings);
    loaded = lenient_broker_config(valid);
  }
  MOLDAU_ASSIGN_OR_RETURN(LoadedBrokerConfig out, std::move(loaded));
  out.warnings.insert(out.warnings.begin(), warnings.begin(), warnings.end());
  return out;
}

PropertySet default_single_node_properties() {
  PropertySet set;
  constexpr std::pair<std::string_view, std::string_view> kEntries[] = {
      {"process.roles", "broker,controller"},
      {"node.id", "1"},
      {"listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"},
      {"listener.security.protocol.map", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"},
      {"controller.listener.names", "CONTROLLER"},
      {"controller.quorum.bootstrap.servers", "127.0.0.1:9093"},
      {"log.dirs", "./data"},
      {"offsets.topic.replication.factor", "1"},
      {"transaction.state.log.replication.factor", "1"},
      {"transaction.state.log.min.isr", "1"},
      {"share.coordinator.state.topic.replication.factor", "1"},
      {"share.coordinator.state.topic.min.isr", "1"},
      {"moldau.http.address", "127.0.0.1:9644"},
  };
  for (const auto& [key, value] : kEntries) {
    set.emplace(std::string(key), Property{std::string(value), "default"});
  }
  return set;
}

std::string_view listener_base_key(std::string_view name) {
  if (!name.starts_with(kListenerPrefix)) return {};
  std::string_view rest = name.substr(kListenerPrefix.size());
  std::size_t dot = rest.find('.');
  return dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
}

namespace {

/// Keys that stand behind "listener.name.<name>.<mechanism>.".
constexpr std::string_view kMechanismKeys[] = {
    "connections.max.reauth.ms", "sasl.jaas.config", "sasl.login.callback.handler.class",
    "sasl.login.class", "sasl.server.callback.handler.class"};

std::string_view base_without_mechanism(std::string_view base) {
  for (std::string_view key : kMechanismKeys) {
    if (base.ends_with(key)) return key;
  }
  return base;
}

}  // namespace

std::vector<std::string> broker_key_synonyms(std::string_view name, bool match_listener) {
  std::vector<std::string> out;
  const ConfigKey* key = broker_schema().find(name);
  if (key != nullptr && !key->lookup.empty()) {
    for (const Synonym& synonym : key->lookup) out.emplace_back(synonym.name);
    return out;
  }
  out.emplace_back(name);
  std::string_view base = listener_base_key(name);
  if (match_listener && !base.empty()) out.emplace_back(base_without_mechanism(base));
  return out;
}

const ConfigKey* find_broker_key(std::string_view name) {
  const ConfigKey* key = broker_schema().find(name);
  if (key != nullptr) return key;
  std::string_view base = listener_base_key(name);
  return base.empty() ? nullptr : broker_schema().find(base_without_mechanism(base));
}

}  // namespace moldau::config
