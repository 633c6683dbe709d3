// SPDX-License-Identifier: Apache-2.0
#include "node/handler/alter_loggers.h"

#include <cctype>
#include <charconv>

#include "node/handler/authorize.h"

namespace moldau::handler {
namespace {

enum class Operation : std::int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

Error invalid(std::string detail) {
  return {ErrorCode::kInvalidRequest, std::move(detail)};
}

Result<void> check_node_id(const Services& node, std::string_view name) {
  std::int32_t asked = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), asked);
  if (error != std::errc() || end != name.data() + name.size())
    return invalid("Node id must be an integer, but it is: " + std::string(name));
  const std::int32_t own = node.identity->id.value();
  if (asked != own)
    return invalid("Unexpected node id. Expected " + std::to_string(own) + ", but received " +
                   std::to_string(asked));
  return {};
}

/// Levels are written as log4j does, in capitals.
std::optional<env::LogLevel> level_of(const std::string& text) {
  const std::optional<env::LogLevel> level = env::parse_log_level(text);
  return level && env::log_level_name(*level) == text ? level : std::nullopt;
}

Result<void> check_entry(const config::AlterEntry& entry) {
  const auto missing = [&]() -> Result<void> {
    if (env::LogLevels::knows(entry.name)) return {};
    return Error(ErrorCode::kInvalidConfig, "Logger " + entry.name + " does not exist!");
  };
  switch (static_cast<Operation>(entry.op)) {
    case Operation::kSet:
      MOLDAU_TRY(missing());
      if (level_of(entry.value.value_or(""))) return {};
      return Error(ErrorCode::kInvalidConfig,
                   "Cannot set the log level of " + entry.name + " to " +
                       entry.value.value_or("null") +
                       " as it is not a supported log level. Valid log levels are DEBUG, ERROR, "
                       "FATAL, INFO, TRACE, WARN");
    case Operation::kDelete:
      MOLDAU_TRY(missing());
      if (entry.name != env::LogLevels::kRoot) return {};
      return invalid("Removing the log level of the root logger is not allowed");
    case Operation::kAppend:
      return invalid("APPEND operation is not allowed for the BROKER_LOGGER resource");
    case Operation::kSubtract:
      return invalid("SUBTRACT operation is not allowed for the BROKER_LOGGER resource");
  }
  return invalid("Unknown operation type " + std::to_string(entry.op) +
                 " is not allowed for the BROKER_LOGGER resource");
}

}  // namespace

Result<void> alter_loggers(const Services& node, const request::Request& request,
                           std::string_view node_id, const std::vector<config::AlterEntry>& entries,
                           bool validate_only) {
  if (!cluster_authorized(node, request, AclOperation::kAlterConfigs))
    return Error(ErrorCode::kClusterAuthorizationFailed,
                 std::string(authorization_message(ErrorCode::kClusterAuthorizationFailed)));
  MOLDAU_TRY(check_node_id(node, node_id));
  for (const config::AlterEntry& entry : entries) MOLDAU_TRY(check_entry(entry));
  if (validate_only) return {};
  env::Logger& logger = node.env.logger();
  for (const config::AlterEntry& entry : entries) {
    if (static_cast<Operation>(entry.op) == Operation::kSet) {
      logger.levels().set(entry.name, *level_of(*entry.value));
      logger.warn("node", "log level of {} is {} now", entry.name, *entry.value);
    } else {
      logger.levels().unset(entry.name);
      logger.warn("node", "log level of {} is that of its parent now", entry.name);
    }
  }
  return {};
}

Result<std::vector<config::ConfigEntry>> describe_loggers(const Services& node,
                                                          std::string_view node_id) {
  if (node_id.empty()) return invalid("Broker id must not be empty");
  MOLDAU_TRY(check_node_id(node, node_id));
  std::vector<config::ConfigEntry> entries;
  for (const auto& [name, level] : node.env.logger().levels().list()) {
    config::ConfigEntry& entry = entries.emplace_back();
    entry.name = name;
    entry.value = std::string(env::log_level_name(level));
    entry.source = config::ConfigSource::kDynamicBrokerLoggerConfig;
  }
  return entries;
}

}  // namespace moldau::handler
