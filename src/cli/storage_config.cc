// SPDX-License-Identifier: Apache-2.0
#include "cli/storage_config.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "config/endpoint.h"
#include "config/properties.h"

namespace moldau::cli {
namespace {

constexpr const char* kDefaultLogDir = "/tmp/kafka-logs";

Error invalid(std::string detail) {
  return {ErrorCode::kInvalidConfig, std::move(detail)};
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

// The first of `keys` that the file sets.
std::string value_of(const config::PropertySet& properties,
                     std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys)
    if (const auto it = properties.find(key); it != properties.end() && !it->second.value.empty())
      return it->second.value;
  return {};
}

// Names of listeners matter here, their protocols do not.
config::SecurityProtocolMap any_protocol(const config::PropertySet& properties) {
  config::SecurityProtocolMap map;
  for (const char* name : {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"})
    map[name] = config::SecurityProtocol::kPlaintext;
  for (const std::string& entry : split(value_of(properties, {"listener.security.protocol.map"})))
    map[config::listener_name_of(entry.substr(0, entry.find(':')))] =
        config::SecurityProtocol::kPlaintext;
  return map;
}

Result<void> take_endpoint(const config::PropertySet& properties, offline::FormatOptions& out) {
  for (const char* key : {"advertised.listeners", "listeners"}) {
    MOLDAU_ASSIGN_OR_RETURN(const std::vector<config::Listener> listeners,
                            config::parse_listeners(split(value_of(properties, {key})),
                                                    any_protocol(properties), key, false));
    for (const config::Listener& listener : listeners) {
      if (listener.name != out.controller_listener || out.controller_endpoint) continue;
      out.controller_endpoint.emplace(listener.name, listener.host,
                                      static_cast<std::uint16_t>(listener.port));
    }
  }
  return {};
}

}  // namespace

offline::FormatOptions format_options_of(const config::BrokerConfig& config) {
  offline::FormatOptions out;
  out.node_id = config.node_id;
  out.is_controller = config.is_controller;
  out.log_dirs = config.log_dirs;
  out.metadata_log_dir = config.metadata_log_dir;
  out.has_static_voters = !config.quorum_voters.empty();
  if (!config.controller_listener_names.empty())
    out.controller_listener = config.controller_listener_names.front();
  if (!config.advertised_controller_listeners.empty()) {
    const config::Listener& listener = config.advertised_controller_listeners.front();
    out.controller_endpoint.emplace(listener.name, listener.host,
                                    static_cast<std::uint16_t>(listener.port));
  }
  return out;
}

Result<offline::FormatOptions> load_format_options(env::Disk& disk, const std::string& path) {
  MOLDAU_ASSIGN_OR_RETURN(const std::string text,
                          env::read_small_file(disk, path, config::kPropertiesBytesMax));
  MOLDAU_ASSIGN_OR_RETURN(const config::PropertySet properties,
                          config::parse_properties(text, path));
  offline::FormatOptions out;
  const std::string node = value_of(properties, {"node.id", "broker.id"});
  std::int32_t id = -1;
  const auto [end, error] = std::from_chars(node.data(), node.data() + node.size(), id);
  if (error != std::errc() || end != node.data() + node.size() || id < 0)
    return invalid(path + ": node.id must be a number of at least 0");
  out.node_id = NodeId(id);

  const auto roles = split(value_of(properties, {"process.roles"}));
  for (const std::string& role : roles) {
    if (role != "broker" && role != "controller")
      return invalid(path + ": unknown process role '" + role +
                     "'; allowed are broker and controller");
    out.is_controller = out.is_controller || role == "controller";
  }
  if (roles.empty()) return invalid(path + ": process.roles must name broker, controller or both");

  out.log_dirs = split(value_of(properties, {"log.dirs", "log.dir"}));
  if (out.log_dirs.empty()) out.log_dirs.emplace_back(kDefaultLogDir);
  out.metadata_log_dir = value_of(properties, {"metadata.log.dir"});
  if (out.metadata_log_dir.empty()) out.metadata_log_dir = out.log_dirs.front();
  // Apache counts a metadata directory of its own among those to be formatted.
  if (std::find(out.log_dirs.begin(), out.log_dirs.end(), out.metadata_log_dir) ==
      out.log_dirs.end())
    out.log_dirs.push_back(out.metadata_log_dir);

  const auto names = split(value_of(properties, {"controller.listener.names"}));
  if (names.empty()) return invalid(path + ": controller.listener.names must not be empty");
  out.controller_listener = config::listener_name_of(names.front());
  out.has_static_voters = !split(value_of(properties, {"controller.quorum.voters"})).empty();
  if (!out.has_static_voters &&
      split(value_of(properties, {"controller.quorum.bootstrap.servers"})).empty())
    return invalid(path +
                   ": either controller.quorum.bootstrap.servers or controller.quorum.voters must "
                   "be set");
  if (out.is_controller) MOLDAU_TRY(take_endpoint(properties, out));
  return out;
}

}  // namespace moldau::cli
