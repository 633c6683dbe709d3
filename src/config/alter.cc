// SPDX-License-Identifier: Apache-2.0
#include "config/alter.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "config/broker_alter.h"
#include "config/group_config.h"
#include "config/topic_config.h"

namespace moldau::config {
namespace {

Error invalid_config(std::string detail) {
  return Error(ErrorCode::kInvalidConfig, std::move(detail));
}
Error invalid_request(std::string detail) {
  return Error(ErrorCode::kInvalidRequest, std::move(detail));
}

const ConfigKey* find_key(ConfigResourceType type, std::string_view name) {
  switch (type) {
    case ConfigResourceType::kTopic:
      return topic_schema().find(name);
    case ConfigResourceType::kBroker:
      return broker_schema().find(name);
    case ConfigResourceType::kGroup:
      return group_schema().find(name);
    case ConfigResourceType::kClientMetrics:
      return client_metrics_schema().find(name);
    default:
      return nullptr;
  }
}

/// Java's split(","): empty parts at the end do not count, but a text without a comma is one part.
std::vector<std::string> java_split(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  while (parts.size() > 1 && parts.back().empty()) parts.pop_back();
  return parts;
}

std::string join(const std::vector<std::string>& list) {
  std::string out;
  for (std::size_t i = 0; i < list.size(); ++i) out += (i == 0 ? "" : ",") + list[i];
  return out;
}

/// The list after APPEND or SUBTRACT; without a value of its own it starts from the default.
std::string altered_list(const ConfigKey& key, const std::string* current, std::string_view operand,
                         bool append) {
  std::string start = current != nullptr ? *current : value_text(default_value(key)).value_or("");
  std::vector<std::string> list;
  for (std::string& part : java_split(start)) {
    if (!part.empty()) list.push_back(std::move(part));
  }
  for (std::string& part : java_split(operand)) {
    auto it = std::find(list.begin(), list.end(), part);
    if (append && it == list.end()) list.push_back(std::move(part));
    if (!append && it != list.end()) list.erase(it);
  }
  return join(list);
}

/// The new value of one entry; nullopt deletes.
Result<std::optional<std::string>> apply_entry(const AlterSubject& subject,
                                               const AlterEntry& entry) {
  auto op = static_cast<AlterOp>(entry.op);
  if (op == AlterOp::kDelete) return std::optional<std::string>();
  if (!entry.value) return invalid_request("Null value not supported for : " + entry.name);
  if (op == AlterOp::kSet) return std::optional<std::string>(*entry.value);
  if (op != AlterOp::kAppend && op != AlterOp::kSubtract) {
    return invalid_request("Unknown operations type " + std::to_string(entry.op));
  }
  const ConfigKey* key = find_key(subject.type, entry.name);
  bool append = op == AlterOp::kAppend;
  if (key == nullptr || key->type != ConfigType::kList) {
    return invalid_config(std::string("Can't ") + (append ? "APPEND" : "SUBTRACT") + " to key " +
                          entry.name + " because its type is not LIST.");
  }
  auto current = subject.existing.find(entry.name);
  const std::string* now = current == subject.existing.end() ? nullptr : &current->second;
  return std::optional<std::string>(altered_list(*key, now, *entry.value, append));
}

std::optional<std::int32_t> parse_id(std::string_view text) {
  std::int32_t id = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

/// Kafka keeps these two steady while it tracks eligible leader replicas.
Result<void> check_elr(const AlterSubject& subject, const std::vector<ConfigChange>& changes) {
  if (!subject.elr_enabled || subject.type != ConfigResourceType::kBroker) return {};
  for (const ConfigChange& change : changes) {
    if (change.name != "min.insync.replicas") continue;
    if (!subject.name.empty()) {
      return invalid_config(
          "Broker-level min.insync.replicas cannot be altered while ELR is enabled.");
    }
    if (!change.value) {
      return invalid_config(
          "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.");
    }
  }
  return {};
}

/// The configs of the resource with the changes made.
ConfigMap with_changes(const ConfigMap& existing, const std::vector<ConfigChange>& changes) {
  ConfigMap out = existing;
  for (const ConfigChange& change : changes) {
    if (change.value) {
      out.insert_or_assign(change.name, *change.value);
    } else {
      out.erase(change.name);
    }
  }
  return out;
}

Result<void> check_whole(const AlterSubject& subject, const ConfigMap& configs) {
  switch (subject.type) {
    case ConfigResourceType::kTopic:
      if (subject.name.empty()) return invalid_request("Default topic resources are not allowed.");
      return check_topic_config(subject.broker, configs);
    case ConfigResourceType::kBroker: {
      if (subject.name.empty()) return {};
      std::optional<std::int32_t> id = parse_id(subject.name);
      if (!id) return invalid_request("Unable to parse broker name as a base 10 number.");
      if (*id < 0) return invalid_request("Invalid negative broker ID.");
      return {};
    }
    case ConfigResourceType::kClientMetrics:
      if (subject.name.empty()) return invalid_request("Subscription name can't be empty");
      return check_client_metrics_config(configs);
    case ConfigResourceType::kGroup:
      if (subject.name.empty()) return invalid_request("Default group resources are not allowed.");
      return check_group_config(subject.broker, configs);
    default:
      return invalid_request("Unknown resource type " +
                             std::string(config_resource_type_name(subject.type)));
  }
}

Result<std::vector<ConfigChange>> checked(const AlterSubject& subject,
                                          std::vector<ConfigChange> changes) {
  for (const ConfigChange& change : changes) {
    if (change.name.empty() || change.name.size() > kConfigNameBytesMax) {
      return invalid_request("A config name has 1 to " + std::to_string(kConfigNameBytesMax) +
                             " bytes.");
    }
    if (change.value && change.value->size() > kConfigValueBytesMax) {
      return invalid_config(
          "The configuration value cannot be added because it exceeds the maximum value size of " +
          std::to_string(kConfigValueBytesMax) + " bytes.");
    }
  }
  MOLDAU_TRY(check_elr(subject, changes));
  ConfigMap after = with_changes(subject.existing, changes);
  if (after.size() > kConfigsPerResourceMax && after.size() > subject.existing.size()) {
    return invalid_request("A resource has at most " + std::to_string(kConfigsPerResourceMax) +
                           " configs.");
  }
  MOLDAU_TRY(check_whole(subject, after));
  return changes;
}

/// BROKER records are written even if nothing changes: they make brokers reload files.
bool is_worth_a_record(const AlterSubject& subject, const std::string& name,
                       const std::optional<std::string>& value) {
  if (subject.type == ConfigResourceType::kBroker) return true;
  auto current = subject.existing.find(name);
  if (current == subject.existing.end()) return value.has_value();
  return !value || *value != current->second;
}

/// The configs of a BROKER resource after the entries, by the broker's own rules for lists.
Result<ConfigMap> altered_broker(const AlterSubject& subject,
                                 const std::vector<AlterEntry>& entries, bool incremental) {
  ConfigMap out = incremental ? subject.existing : ConfigMap();
  for (const AlterEntry& entry : entries) {
    auto op = incremental ? static_cast<AlterOp>(entry.op) : AlterOp::kSet;
    if (op == AlterOp::kAppend || op == AlterOp::kSubtract) {
      const ConfigKey* key = broker_schema().find(entry.name);
      if (key == nullptr) return invalid_config("Unknown config name: " + entry.name);
      if (key->type != ConfigType::kList) {
        return invalid_config(std::string("Config value ") +
                              (op == AlterOp::kAppend ? "append" : "subtract") +
                              " is not allowed for config key: " + entry.name);
      }
    }
    AlterEntry step = entry;
    step.op = static_cast<std::int8_t>(op);
    MOLDAU_ASSIGN_OR_RETURN(std::optional<std::string> value, apply_entry(subject, step));
    if (value) {
      out.insert_or_assign(entry.name, *value);
    } else {
      out.erase(entry.name);
    }
  }
  return out;
}

}  // namespace

Result<void> check_alter_shape(const std::vector<AlterEntry>& entries, bool incremental) {
  std::set<std::string_view> names;
  std::string nulls;
  for (const AlterEntry& entry : entries) {
    if (!names.insert(entry.name).second) {
      return invalid_request("Error due to duplicate config keys");
    }
    bool deletes = incremental && entry.op == static_cast<std::int8_t>(AlterOp::kDelete);
    if (!entry.value && !deletes) nulls += (nulls.empty() ? "" : ", ") + entry.name;
  }
  if (!nulls.empty()) return invalid_request("Null value not supported for : " + nulls);
  return {};
}

Result<std::vector<Listener>> check_alter_request(const AlterSubject& subject,
                                                  const std::vector<AlterEntry>& entries,
                                                  bool incremental) {
  MOLDAU_TRY(check_alter_shape(entries, incremental));
  switch (subject.type) {
    case ConfigResourceType::kTopic:
    case ConfigResourceType::kGroup:
    case ConfigResourceType::kClientMetrics:
      return std::vector<Listener>();
    case ConfigResourceType::kBroker:
      break;
    default:
      return invalid_request("Unknown resource type " +
                             std::to_string(static_cast<int>(subject.type)));
  }
  if (!subject.name.empty()) {
    std::optional<std::int32_t> id = parse_id(subject.name);
    if (!id) {
      return invalid_request("Node id must be an integer, but it is: " + std::string(subject.name));
    }
    if (NodeId(*id) != subject.broker.node_id) {
      return invalid_request("Unexpected broker id, expected " +
                             std::to_string(subject.broker.node_id.value()) + ", but received " +
                             std::string(subject.name));
    }
  }
  MOLDAU_ASSIGN_OR_RETURN(ConfigMap altered, altered_broker(subject, entries, incremental));
  return check_dynamic_broker_config(subject.broker, subject.sources, altered,
                                     !subject.name.empty());
}

Result<std::vector<ConfigChange>> decide_incremental_alter(const AlterSubject& subject,
                                                           const std::vector<AlterEntry>& entries) {
  std::vector<ConfigChange> changes;
  for (const AlterEntry& entry : entries) {
    MOLDAU_ASSIGN_OR_RETURN(std::optional<std::string> value, apply_entry(subject, entry));
    if (is_worth_a_record(subject, entry.name, value)) {
      changes.push_back({entry.name, std::move(value)});
    }
  }
  return checked(subject, std::move(changes));
}

Result<std::vector<ConfigChange>> decide_legacy_alter(const AlterSubject& subject,
                                                      const std::vector<AlterEntry>& entries) {
  std::vector<ConfigChange> changes;
  std::set<std::string_view> named;
  for (const AlterEntry& entry : entries) {
    named.insert(entry.name);
    if (!entry.value) return invalid_request("Null value not supported for : " + entry.name);
    if (is_worth_a_record(subject, entry.name, entry.value)) {
      changes.push_back({entry.name, entry.value});
    }
  }
  for (const auto& [name, value] : subject.existing) {
    if (!named.contains(name)) changes.push_back({name, std::nullopt});
  }
  return checked(subject, std::move(changes));
}

Result<void> check_topic_config(const BrokerConfig& broker, const ConfigMap& topic) {
  MOLDAU_ASSIGN_OR_RETURN(TopicConfig config, effective_topic_config(broker, topic));
  if (config.remote_storage_enable) {
    return invalid_config(
        "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with "
        "remote log storage.");
  }
  return {};
}

Result<void> check_client_metrics_config(const ConfigMap& subscription) {
  constexpr std::int32_t kIntervalMsMin = 100;
  constexpr std::int32_t kIntervalMsMax = 3'600'000;
  constexpr std::string_view kSelectors[] = {"client_instance_id",    "client_id",
                                             "client_software_name",  "client_software_version",
                                             "client_source_address", "client_source_port"};
  for (const auto& [name, text] : subscription) {
    const ConfigKey* key = client_metrics_schema().find(name);
    if (key == nullptr) {
      return invalid_request("Unknown client metrics configuration: " + name);
    }
    MOLDAU_ASSIGN_OR_RETURN(ConfigValue value, parse_value(*key, text));
    if (const auto* interval = std::get_if<std::int32_t>(&value)) {
      if (*interval < kIntervalMsMin || *interval > kIntervalMsMax) {
        return invalid_request("Invalid value " + std::to_string(*interval) +
                               " for interval.ms, interval must be between 100 and 3600000 (1 "
                               "hour)");
      }
    }
    if (name != "match") continue;
    for (const std::string& pattern : std::get<std::vector<std::string>>(value)) {
      std::size_t equals = pattern.find('=');
      std::string_view selector = trim(std::string_view(pattern).substr(0, equals));
      bool known =
          std::find(std::begin(kSelectors), std::end(kSelectors), selector) != std::end(kSelectors);
      if (equals == std::string::npos || equals + 1 == pattern.size() || !known ||
          pattern.find('=', equals + 1) != std::string::npos) {
        return invalid_config("Illegal client matching pattern: " + pattern);
      }
    }
  }
  return {};
}

}  // namespace moldau::config
