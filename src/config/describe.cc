// SPDX-License-Identifier: Apache-2.0
#include "config/describe.h"

#include <algorithm>
#include <set>

#include "config/field.h"
#include "config/group_config.h"
#include "config/topic_config.h"

namespace moldau::config {
namespace {

const std::string* find(const ConfigMap& map, std::string_view name) {
  auto it = map.find(name);
  return it == map.end() ? nullptr : &it->second;
}

/// The value as it stands, or hidden.
std::optional<std::string> shown(bool sensitive, const std::string& value) {
  if (sensitive) return std::nullopt;
  return value;
}

/// Static entries with node.id and broker.id standing for each other.
const std::string* find_static(const ConfigMap& map, std::string_view name) {
  const std::string* found = find(map, name);
  if (found == nullptr && name == "node.id") found = find(map, "broker.id");
  if (found == nullptr && name == "broker.id") found = find(map, "node.id");
  return found;
}

/// All settings of the broker keys `names`, strongest source first and within a source in the
/// order of `names`. What stands before the first setting of `name` itself is left out: base keys
/// say nothing about listener keys, nor hours about milliseconds.
std::vector<ConfigSynonym> broker_synonyms(const BrokerConfigSources& sources,
                                           std::string_view name, bool sensitive) {
  std::vector<ConfigSynonym> out;
  std::vector<std::string> names = broker_key_synonyms(name, true);
  auto add = [&](const std::string& synonym, const std::string* value, ConfigSource source) {
    if (value != nullptr) out.push_back({synonym, shown(sensitive, *value), source});
  };
  for (const std::string& n : names) {
    add(n, find(sources.dynamic_broker, n), ConfigSource::kDynamicBrokerConfig);
  }
  for (const std::string& n : names) {
    add(n, find(sources.dynamic_default, n), ConfigSource::kDynamicDefaultBrokerConfig);
  }
  for (const std::string& n : names) {
    add(n, find_static(sources.static_broker, n), ConfigSource::kStaticBrokerConfig);
  }
  for (const std::string& n : names) {
    const ConfigKey* key = broker_schema().find(n);
    if (key == nullptr || !key->default_value || key->dynamic_only) continue;
    std::string text = value_text(default_value(*key)).value_or("");
    add(n, &text, ConfigSource::kDefaultConfig);
  }
  auto own = std::find_if(out.begin(), out.end(),
                          [&](const ConfigSynonym& synonym) { return synonym.name == name; });
  out.erase(out.begin(), own);
  return out;
}

void set_source(ConfigEntry& entry) {
  entry.source =
      entry.synonyms.empty() ? ConfigSource::kDefaultConfig : entry.synonyms.front().source;
}

ConfigEntry entry_of(const ConfigKey& key, const std::optional<std::string>& value) {
  ConfigEntry entry;
  entry.name = key.name;
  entry.type = key.type;
  entry.sensitive = key.sensitive();
  if (value) entry.value = shown(entry.sensitive, *value);
  entry.documentation = key.documentation;
  return entry;
}

/// A set key that the schema does not know: Kafka hides its value, which may be a secret.
ConfigEntry unknown_entry(const std::string& name) {
  ConfigEntry entry;
  entry.name = name;
  entry.sensitive = true;
  return entry;
}

void sort_by_name(std::vector<ConfigEntry>& entries) {
  std::sort(entries.begin(), entries.end(),
            [](const ConfigEntry& a, const ConfigEntry& b) { return a.name < b.name; });
}

/// Keys that are listed: all but internal ones, and internal ones that are set.
bool is_listed(const ConfigKey& key, const ConfigMap& set) {
  return !(key.internal || key.dynamic_only) || set.contains(key.name);
}

void add_unknown(std::vector<ConfigEntry>& out, const ConfigSchema& schema, const ConfigMap& set,
                 ConfigSource source) {
  for (const auto& [name, value] : set) {
    if (schema.find(name) != nullptr) continue;
    ConfigEntry entry = unknown_entry(name);
    entry.synonyms.push_back({name, std::nullopt, source});
    entry.source = source;
    out.push_back(std::move(entry));
  }
}

}  // namespace

std::vector<ConfigEntry> describe_topic(const BrokerConfig& broker,
                                        const BrokerConfigSources& sources,
                                        const ConfigMap& topic) {
  std::vector<ConfigEntry> out;
  TopicValues values = topic_values(broker, topic);
  auto fields = fields_of(&values);
  std::span<const ConfigKey> keys = topic_schema().keys();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const ConfigKey& key = keys[i];
    if (!is_listed(key, topic)) continue;
    ConfigEntry entry = entry_of(key, value_text(read_field(values, fields[i])));
    if (topic.contains(key.name)) {
      entry.synonyms.push_back({entry.name, entry.value, ConfigSource::kDynamicTopicConfig});
    }
    if (!key.lookup.empty()) {
      auto more = broker_synonyms(sources, key.lookup.front().name, entry.sensitive);
      entry.synonyms.insert(entry.synonyms.end(), more.begin(), more.end());
    }
    set_source(entry);
    out.push_back(std::move(entry));
  }
  add_unknown(out, topic_schema(), topic, ConfigSource::kDynamicTopicConfig);
  sort_by_name(out);
  return out;
}

std::vector<ConfigEntry> describe_broker(const BrokerConfig& broker,
                                         const BrokerConfigSources& sources) {
  std::vector<ConfigEntry> out;
  auto fields = fields_of(&broker.values);
  std::span<const ConfigKey> keys = broker_schema().keys();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const ConfigKey& key = keys[i];
    if (!is_listed(key, broker.properties)) continue;
    ConfigEntry entry = entry_of(key, value_text(read_field(broker.values, fields[i])));
    entry.read_only = key.update_mode == UpdateMode::kReadOnly;
    entry.synonyms = broker_synonyms(sources, key.name, entry.sensitive);
    set_source(entry);
    out.push_back(std::move(entry));
  }
  for (const auto& [name, value] : broker.properties) {
    if (broker_schema().find(name) != nullptr) continue;
    ConfigEntry entry = unknown_entry(name);
    if (const ConfigKey* base = find_broker_key(name)) {
      entry.type = base->type;
      entry.sensitive = base->sensitive();
      entry.value = shown(entry.sensitive, value);
    }
    entry.read_only = true;
    entry.synonyms = broker_synonyms(sources, name, entry.sensitive);
    set_source(entry);
    out.push_back(std::move(entry));
  }
  sort_by_name(out);
  return out;
}

std::vector<ConfigEntry> describe_broker_defaults(const BrokerConfigSources& sources) {
  std::vector<ConfigEntry> out;
  for (const auto& [name, value] : sources.dynamic_default) {
    ConfigEntry entry = unknown_entry(name);
    entry.read_only = true;
    if (const ConfigKey* key = find_broker_key(name)) {
      bool own = key->name == name;
      entry = entry_of(*key, value);
      entry.name = name;
      entry.read_only = !own || key->update_mode == UpdateMode::kReadOnly;
      if (!own) entry.documentation = {};
    }
    for (ConfigSynonym& synonym : broker_synonyms(sources, name, entry.sensitive)) {
      if (synonym.source == ConfigSource::kDynamicDefaultBrokerConfig) {
        entry.synonyms.push_back(std::move(synonym));
      }
    }
    set_source(entry);
    out.push_back(std::move(entry));
  }
  return out;
}

std::vector<ConfigEntry> describe_group(const BrokerConfig& broker,
                                        const BrokerConfigSources& sources,
                                        const ConfigMap& group) {
  std::vector<ConfigEntry> out;
  GroupValues values = group_values(broker, group);
  auto fields = fields_of(&values);
  std::span<const ConfigKey> keys = group_schema().keys();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const ConfigKey& key = keys[i];
    if (!is_listed(key, group)) continue;
    ConfigEntry entry = entry_of(key, value_text(read_field(values, fields[i])));
    if (group.contains(key.name)) {
      entry.synonyms.push_back({entry.name, entry.value, ConfigSource::kDynamicGroupConfig});
    }
    if (!key.lookup.empty()) {
      auto more = broker_synonyms(sources, key.lookup.front().name, entry.sensitive);
      entry.synonyms.insert(entry.synonyms.end(), more.begin(), more.end());
    } else if (key.default_value) {
      entry.synonyms.push_back(
          {entry.name, value_text(default_value(key)), ConfigSource::kDefaultConfig});
    }
    set_source(entry);
    out.push_back(std::move(entry));
  }
  add_unknown(out, group_schema(), group, ConfigSource::kDynamicGroupConfig);
  sort_by_name(out);
  return out;
}

std::vector<ConfigEntry> describe_client_metrics(const ConfigMap& subscription) {
  std::vector<ConfigEntry> out;
  for (const ConfigKey& key : client_metrics_schema().keys()) {
    const std::string* set = find(subscription, key.name);
    ConfigValue value = default_value(key);
    if (set != nullptr) {
      Result<ConfigValue> parsed = parse_value(key, *set);
      if (parsed.ok()) value = std::move(*parsed);
    }
    ConfigEntry entry = entry_of(key, value_text(value));
    if (set != nullptr) {
      entry.synonyms.push_back(
          {entry.name, entry.value, ConfigSource::kDynamicClientMetricsConfig});
    }
    set_source(entry);
    out.push_back(std::move(entry));
  }
  add_unknown(out, client_metrics_schema(), subscription,
              ConfigSource::kDynamicClientMetricsConfig);
  sort_by_name(out);
  return out;
}

namespace {

struct Resolved {
  std::optional<std::string> value;
  ConfigSource source = ConfigSource::kDefaultConfig;
};

/// The text of a synonym in the unit of the topic key.
std::string scaled(const std::string& text, std::int64_t factor) {
  if (factor == 1) return text;
  ConfigKey number{.name = "", .type = ConfigType::kLong};
  Result<ConfigValue> value = parse_value(number, text);
  return value.ok() ? std::to_string(std::get<std::int64_t>(*value) * factor) : text;
}

Resolved resolve_topic_key(const ConfigKey& key, const BrokerConfigSources& sources,
                           const ConfigMap& topic) {
  if (const std::string* own = find(topic, key.name)) {
    return {*own, ConfigSource::kDynamicTopicConfig};
  }
  const std::pair<const ConfigMap*, ConfigSource> kSources[] = {
      {&sources.dynamic_broker, ConfigSource::kDynamicBrokerConfig},
      {&sources.dynamic_default, ConfigSource::kDynamicDefaultBrokerConfig},
      {&sources.static_broker, ConfigSource::kStaticBrokerConfig}};
  for (const auto& [map, source] : kSources) {
    for (const Synonym& synonym : key.lookup) {
      if (const std::string* set = find(*map, synonym.name)) {
        return {scaled(*set, synonym.factor), source};
      }
    }
  }
  return {value_text(default_value(key)), ConfigSource::kDefaultConfig};
}

}  // namespace

std::vector<ConfigEntry> describe_created_topic(const BrokerConfigSources& sources,
                                                const ConfigMap& topic) {
  std::vector<ConfigEntry> out;
  for (const ConfigKey& key : topic_schema().keys()) {
    Resolved resolved = resolve_topic_key(key, sources, topic);
    ConfigEntry entry = entry_of(key, resolved.value);
    entry.source = resolved.source;
    out.push_back(std::move(entry));
  }
  return out;
}

bool is_sensitive(ConfigResourceType type, std::string_view name) {
  const ConfigKey* key = nullptr;
  switch (type) {
    case ConfigResourceType::kTopic:
      key = topic_schema().find(name);
      break;
    case ConfigResourceType::kBroker:
      key = find_broker_key(name);
      break;
    case ConfigResourceType::kGroup:
      key = group_schema().find(name);
      break;
    case ConfigResourceType::kClientMetrics:
    case ConfigResourceType::kBrokerLogger:
      return false;
    case ConfigResourceType::kUnknown:
      return true;
  }
  return key == nullptr || key->sensitive();
}

}  // namespace moldau::config
