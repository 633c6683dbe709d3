// SPDX-License-Identifier: Apache-2.0
#include "config/broker_alter.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace moldau::config {
namespace {

Error invalid_request(std::string detail) {
  return Error(ErrorCode::kInvalidRequest, std::move(detail));
}

/// These go only behind a listener's name, being secrets and files of one listener.
constexpr std::array<std::string_view, 10> kPerListenerOnly = {"ssl.key.password",
                                                               "ssl.keystore.certificate.chain",
                                                               "ssl.keystore.key",
                                                               "ssl.keystore.location",
                                                               "ssl.keystore.password",
                                                               "ssl.keystore.type",
                                                               "ssl.truststore.certificates",
                                                               "ssl.truststore.location",
                                                               "ssl.truststore.password",
                                                               "ssl.truststore.type"};

constexpr std::string_view kListenerPrefix = "listener.name.";

/// A listener may have these although they are set for all brokers.
constexpr std::array<std::string_view, 3> kClusterWideOfListeners = {
    "max.connection.creation.rate", "max.connections", "num.network.threads"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view name) {
  for (std::string_view entry : list) {
    if (entry == name) return true;
  }
  return false;
}

Result<void> refuse_any(const std::vector<std::string>& names, std::string_view why) {
  if (names.empty()) return {};
  std::string out(why);
  out += ": [";
  for (const std::string& name : names) {
    if (&name != &names.front()) out += ", ";
    out += name;
  }
  return invalid_request(out + "]");
}

Result<void> check_names(const ConfigMap& altered, bool per_broker) {
  std::vector<std::string> fixed;
  std::vector<std::string> unprefixed;
  std::vector<std::string> not_for_all;
  for (const auto& [name, text] : altered) {
    const ConfigKey* key = broker_schema().find(name);
    std::string_view base = listener_base_key(name);
    if (key != nullptr && key->update_mode == UpdateMode::kReadOnly) fixed.push_back(name);
    if (contains(kPerListenerOnly, name)) unprefixed.push_back(name);
    bool of_one = key != nullptr ? key->update_mode == UpdateMode::kPerBroker
                                 : !base.empty() && !contains(kClusterWideOfListeners, base);
    if (of_one && !per_broker) not_for_all.push_back(name);
  }
  MOLDAU_TRY(refuse_any(fixed, "Cannot update these configs dynamically"));
  MOLDAU_TRY(refuse_any(unprefixed,
                        "These security configs can be dynamically updated only per-listener "
                        "using the listener prefix"));
  for (const auto& [name, text] : altered) {
    const ConfigKey* key = find_broker_key(name);
    if (key == nullptr) continue;
    Result<ConfigValue> value = parse_value(*key, text);
    if (!value.ok()) return invalid_request(value.error().detail);
  }
  return refuse_any(not_for_all,
                    "Cannot update these configs at default cluster level, broker id must be "
                    "specified");
}

struct ThreadCount {
  std::string_view name;
  std::int32_t BrokerValues::* count;
};

constexpr std::array kThreadCounts = {
    ThreadCount{"background.threads", &BrokerValues::background_threads},
    ThreadCount{"log.cleaner.threads", &BrokerValues::log_cleaner_threads},
    ThreadCount{"num.io.threads", &BrokerValues::num_io_threads},
    ThreadCount{"num.network.threads", &BrokerValues::num_network_threads},
    ThreadCount{"num.recovery.threads.per.data.dir",
                &BrokerValues::num_recovery_threads_per_data_dir},
    ThreadCount{"num.replica.fetchers", &BrokerValues::num_replica_fetchers},
};

Result<void> check_thread_steps(const BrokerConfig& now, const BrokerConfig& then) {
  for (const ThreadCount& threads : kThreadCounts) {
    std::int32_t before = now.values.*threads.count;
    std::int32_t after = then.values.*threads.count;
    if (after == before) continue;
    std::string start = "Dynamic thread count update validation failed for " +
                        std::string(threads.name) + "=" + std::to_string(after);
    if (after <= 0) return invalid_request(start + ", value should be at least 1");
    if (after < before / 2) {
      return invalid_request(start + ", value should be at least half the current value " +
                             std::to_string(before));
    }
    if (after > static_cast<std::int64_t>(before) * 2) {
      return invalid_request(start +
                             ", value should not be greater than double the current value " +
                             std::to_string(before));
    }
  }
  return {};
}

/// A limit that was taken from a file may be 0; one that is changed may not.
Result<void> check_connection_limits(const BrokerConfig& now, const BrokerConfig& then) {
  for (const auto& [host, limit] : then.max_connections_per_ip_overrides) {
    if (!canonical_address(host) && !now.max_connections_per_ip_overrides.contains(host)) {
      return invalid_request("Invalid max.connections.per.ip.overrides " + host +
                             ": names are not looked up, write an address");
    }
  }
  for (const auto& [name, limits] : then.listener_limits) {
    const auto before = now.listener_limits.find(name);
    const ListenerLimits old =
        before == now.listener_limits.end() ? ListenerLimits() : before->second;
    if (limits.max_connections <= 0 && limits.max_connections != old.max_connections) {
      return invalid_request("Invalid max.connections " + std::to_string(limits.max_connections));
    }
    if (limits.max_connection_creation_rate <= 0 &&
        limits.max_connection_creation_rate != old.max_connection_creation_rate) {
      return invalid_request("Invalid max.connection.creation.rate " +
                             std::to_string(limits.max_connection_creation_rate));
    }
  }
  return {};
}

/// A change of any of them makes a broker look at its listeners.
constexpr std::array<std::string_view, 5> kListenerKeys = {
    "listener.security.protocol.map", "listeners", "max.connection.creation.rate",
    "max.connections", "num.network.threads"};

bool alters_listeners(const ConfigMap& now, const ConfigMap& then) {
  return std::any_of(kListenerKeys.begin(), kListenerKeys.end(), [&](std::string_view key) {
    const auto before = now.find(key);
    const auto after = then.find(key);
    if (before == now.end() || after == then.end())
      return (before == now.end()) != (after == then.end());
    return before->second != after->second;
  });
}

/// The configs behind a listener's name that cannot change while it stands.
ConfigMap fixed_configs_of(std::string_view listener, const ConfigMap& properties) {
  ConfigMap out;
  for (const auto& [name, text] : properties) {
    const std::string_view base = listener_base_key(name);
    if (base.empty() || contains(kClusterWideOfListeners, base)) continue;
    if (base.starts_with("ssl.") && contains(kPerListenerOnly, base)) continue;
    const std::string_view whose(name.data(), name.size() - base.size() - 1);
    if (listener_name_of(whose.substr(kListenerPrefix.size())) != listener) continue;
    out.emplace(base, text);
  }
  return out;
}

Result<std::vector<Listener>> check_listeners(const BrokerConfig& now, const BrokerConfig& then) {
  std::vector<Listener> added;
  if (!alters_listeners(now.properties, then.properties)) return added;
  for (const Listener& listener : then.listeners) {
    const Listener* stays = now.find_listener(listener.name);
    if (stays == nullptr) {
      added.push_back(listener);
      continue;
    }
    if (fixed_configs_of(listener.name, now.properties) !=
        fixed_configs_of(listener.name, then.properties)) {
      return invalid_request("Configs cannot be updated dynamically for existing listener " +
                             listener.name +
                             ", restart broker or create a new listener for update");
    }
    if (stays->protocol != listener.protocol) {
      return invalid_request("Security protocol cannot be updated for existing listener " +
                             listener.name);
    }
  }
  return added;
}

}  // namespace

Result<std::vector<Listener>> check_dynamic_broker_config(const BrokerConfig& broker,
                                                          const BrokerConfigSources& sources,
                                                          const ConfigMap& altered,
                                                          bool per_broker) {
  MOLDAU_TRY(check_names(altered, per_broker));
  Result<LoadedBrokerConfig> loaded =
      strict_broker_config({sources.static_broker, per_broker ? sources.dynamic_default : altered,
                            per_broker ? altered : sources.dynamic_broker});
  if (!loaded.ok()) return invalid_request(loaded.error().detail);
  const BrokerConfig& then = loaded->config;
  MOLDAU_TRY(check_connection_limits(broker, then));
  MOLDAU_TRY(check_thread_steps(broker, then));
  return check_listeners(broker, then);
}

}  // namespace moldau::config
