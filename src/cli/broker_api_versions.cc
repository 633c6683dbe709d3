// SPDX-License-Identifier: Apache-2.0
// kafka-broker-api-versions. Source: BrokerApiVersionsCommand and NodeApiVersions of 4.3.1.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <ostream>

#include "cli/admin_session.h"
#include "cli/command_line.h"
#include "cli/java_text.h"
#include "cli/tools.h"
#include "client/admin/features.h"
#include "wire/api_keys.h"

namespace moldau::cli {
namespace {

namespace admin = client::admin;

OptionTable options_table() {
  OptionTable table;
  table.with_help()
      .argument("bootstrap-server", "server(s) to use for bootstrapping",
                "REQUIRED: brokers to begin with, as host:port, separated by commas.")
      .argument("command-config", "command config property file",
                "A file of properties for the connection.");
  return table;
}

std::string range_text(std::int16_t min, std::int16_t max) {
  return min == max ? fmt::format("{}", min) : fmt::format("{} to {}", min, max);
}

std::string usable_text(const wire::ApiSpec& ours, std::int16_t min, std::int16_t max) {
  if (ours.max_version < min) return " [unusable: node too new]";
  if (max < ours.min_version) return " [unusable: node too old]";
  return fmt::format(" [usable: {}]", std::min(ours.max_version, max));
}

std::string versions_text(const wire::ApiVersionsResponse& told) {
  std::map<std::int16_t, std::string> lines;
  for (const auto& api : told.api_keys) {
    const wire::ApiSpec* ours = wire::find_api(api.api_key);
    std::string line = ours ? fmt::format("{}({}): ", ours->name, api.api_key)
                            : fmt::format("UNKNOWN({}): ", api.api_key);
    line += range_text(api.min_version, api.max_version);
    if (ours) line += usable_text(*ours, api.min_version, api.max_version);
    lines.insert_or_assign(api.api_key, std::move(line));
  }
  for (const wire::ApiSpec& api : wire::all_apis()) {
    const auto key = static_cast<std::int16_t>(api.key);
    if (api.on_broker && !lines.contains(key))
      lines.emplace(key, fmt::format("{}({}): UNSUPPORTED", api.name, key));
  }
  std::string out;
  for (const auto& [key, line] : lines) out.append(out.empty() ? "" : ",\n\t").append(line);
  return "(\n\t" + out + "\n)\n";
}

std::int32_t hash_of(NodeId id, const client::BrokerAddress& node) {
  const auto mix = [](std::uint32_t h, std::int32_t next) {
    return 31 * h + static_cast<std::uint32_t>(next);
  };
  std::uint32_t h = mix(1, java_hash(node.host));
  h = mix(h, id.value());
  h = mix(h, node.port);
  h = mix(h, node.rack.empty() ? 0 : java_hash(node.rack));
  constexpr std::int32_t kHashOfFalse = 1237;
  return static_cast<std::int32_t>(mix(h, kHashOfFalse));
}

env::Task<Result<void>> print_all(ToolContext& context, AdminSession& session) {
  std::optional<std::vector<std::string>> none(std::in_place);
  auto told = co_await session.cluster().refresh(std::move(none), session.deadline());
  if (!told.ok()) co_return std::move(told);
  std::vector<std::pair<NodeId, client::BrokerAddress>> nodes;
  std::vector<std::int32_t> hashes;
  for (const auto& [id, address] : session.cluster().view().brokers()) {
    nodes.emplace_back(id, address);
    hashes.push_back(hash_of(id, address));
  }
  for (const std::size_t i : hash_map_order(hashes)) {
    const auto& [id, address] = nodes[i];
    const std::optional<NodeId> node = id;
    auto versions = co_await admin::describe_versions(session.cluster(), node, session.deadline());
    context.out << fmt::format("{} (id: {} rack: {} isFenced: false) -> ", address.text(),
                               id.value(), address.rack.empty() ? "null" : address.rack);
    if (versions.ok() && versions->body.error_code == 0)
      context.out << versions_text(versions->body);
    else
      context.out << "ERROR: "
                  << java_exception(context,
                                    versions.ok() ? admin::told_error(versions->body.error_code)
                                                  : versions.error(),
                                    "apiVersions");
  }
  co_return Result<void>();
}

}  // namespace

env::Task<int> run_broker_api_versions(ToolContext& context, std::vector<std::string> arguments) {
  CommandLine line(context, options_table());
  const auto ended = line.read(arguments, "Show which versions of each API the brokers speak.");
  if (ended) co_return *ended;
  const auto refused = line.require({"bootstrap-server"});
  if (refused) co_return *refused;
  const auto properties = connection_properties(context, line.options());
  if (!properties.ok()) co_return line.fail(properties.error().detail);
  auto session = AdminSession::open(context, *properties);
  if (!session.ok()) co_return line.fail(session.error().detail);
  const auto done = co_await print_all(context, **session);
  if (!done.ok()) co_return line.fail(done.error().detail);
  co_return 0;
}

}  // namespace moldau::cli
