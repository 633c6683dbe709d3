// SPDX-License-Identifier: Apache-2.0
// kafka-cluster. Source: ClusterTool of 4.3.1.
#include <fmt/core.h>

#include <algorithm>
#include <ostream>

#include "cli/admin_session.h"
#include "cli/argparse.h"
#include "cli/java_text.h"
#include "cli/tools.h"
#include "client/admin/cluster.h"

namespace moldau::cli {
namespace {

namespace admin = client::admin;

Option named(std::vector<std::string> names, std::string description) {
  Option out;
  out.names = std::move(names);
  out.takes = Option::Takes::kArgument;
  out.description = std::move(description);
  return out;
}

Command command(std::string name, std::string description) {
  Command out;
  out.name = std::move(name);
  out.description = std::move(description);
  out.options.add(named({"bootstrap-server", "b"},
                        "Brokers to begin with, as host:port, "
                        "separated by commas."));
  out.options.add(named({"bootstrap-controller", "C"}, "Controllers to begin with instead."));
  out.options.add(named({"config"}, "Old name of --command-config."));
  out.options.add(named({"command-config", "c"}, "A file of properties for the connection."));
  ExclusiveGroup group;
  group.names = {"bootstrap-server", "bootstrap-controller"};
  group.required = true;
  out.groups.push_back(std::move(group));
  return out;
}

CommandTable command_table() {
  CommandTable out;
  out.program = "kafka-cluster";
  out.description = "Look at a cluster as a whole.";
  out.commands.push_back(command("cluster-id", "Print the id of the cluster."));
  Command unregister = command("unregister", "Forget a broker that will not come back.");
  Option id = named({"id", "i"}, "The id of the broker.");
  id.type = ArgumentType::kInteger;
  id.required = true;
  unregister.options.add(std::move(id));
  out.commands.push_back(std::move(unregister));
  Command endpoints = command("list-endpoints", "Print where brokers or controllers listen.");
  endpoints.options.flag("include-fenced-brokers", "Print fenced brokers too.");
  out.commands.push_back(std::move(endpoints));
  return out;
}

void print_endpoints(std::ostream& out, const std::vector<admin::NodeDescription>& nodes,
                     bool of_controllers) {
  std::size_t host = 0;
  std::size_t rack = 0;
  for (const admin::NodeDescription& node : nodes) {
    host = std::max(host, node.host.size());
    if (node.rack) rack = std::max(rack, node.rack->size());
  }
  if (nodes.empty()) host = 100;
  if (rack == 0) rack = 10;
  const auto row = [&](std::string_view id, std::string_view where, std::string_view port,
                       std::string_view place, std::string_view state, std::string_view type) {
    out << fmt::format("{:<10} {:<{}} {:<10} {:<{}} ", id, where, host, port, place, rack);
    if (!of_controllers) out << fmt::format("{:<10} ", state);
    out << fmt::format("{:<15}\n", type);
  };
  row("ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE");
  for (const admin::NodeDescription& node : nodes)
    row(std::to_string(node.id.value()), node.host, std::to_string(node.port),
        node.rack.value_or("null"), node.fenced ? "fenced" : "unfenced",
        of_controllers ? "controller" : "broker");
}

env::Task<Result<void>> list_endpoints(ToolContext& context, AdminSession& session,
                                       const ParsedOptions& options) {
  const bool of_controllers = options.has("bootstrap-controller");
  const bool fenced = options.has("include-fenced-brokers");
  if (fenced && of_controllers)
    co_return wrong(
        "The option --include-fenced-brokers is only supported with --bootstrap-server option");
  auto cluster = co_await admin::describe_cluster(session.cluster(), fenced, session.deadline());
  if (cluster.ok())
    print_endpoints(context.out, cluster->nodes, of_controllers);
  else if (cluster.code() == ErrorCode::kUnsupportedVersion)
    context.out << cluster.error().detail << "\n";
  else
    co_return told(context, cluster.error(), "listNodes");
  co_return Result<void>();
}

env::Task<Result<void>> print_id(ToolContext& context, AdminSession& session,
                                 const ParsedOptions&) {
  auto cluster = co_await admin::describe_cluster(session.cluster(), false, session.deadline());
  if (!cluster.ok()) co_return told(context, cluster.error(), "listNodes");
  context.out << "Cluster ID: " << cluster->cluster_id << "\n";
  co_return Result<void>();
}

env::Task<Result<void>> unregister(ToolContext& context, AdminSession& session,
                                   const ParsedOptions& options) {
  const auto id = options.number("id");
  if (!id.ok()) co_return id.error();
  const auto number = static_cast<std::int32_t>(id->value_or(-1));
  const NodeId node(number);
  auto done = co_await admin::unregister_broker(session.cluster(), node, session.deadline());
  if (done.ok())
    context.out << "Broker " << number << " is no longer registered.\n";
  else if (done.code() == ErrorCode::kUnsupportedVersion)
    context.out << "The target cluster does not support the broker unregistration API.\n";
  else
    co_return told(context, done.error(), "unregisterBroker");
  co_return Result<void>();
}

Result<std::unique_ptr<AdminSession>> connect(ToolContext& context, const ParsedOptions& options) {
  MOLDAU_ASSIGN_OR_RETURN(const auto old, options.value("config"));
  if (old && options.has("command-config"))
    return wrong("--config and --command-config cannot be specified together.");
  MOLDAU_ASSIGN_OR_RETURN(auto properties, connection_properties(context, options));
  if (old) {
    context.out << "Option --config has been deprecated and will be removed in a future version. "
                   "Use --command-config instead.\n";
    MOLDAU_ASSIGN_OR_RETURN(auto file, load_properties(context, *old));
    file.erase("bootstrap.servers");
    file.erase("bootstrap.controllers");
    properties.merge(file);
  }
  return AdminSession::open(context, properties);
}

}  // namespace

env::Task<int> run_cluster(ToolContext& context, std::vector<std::string> arguments) {
  const CommandTable table = command_table();
  const CommandStart start = start_command(context, table, arguments, 1);
  if (start.ended) co_return *start.ended;
  const ParsedOptions& options = start.command.options;
  auto session = connect(context, options);
  if (!session.ok()) {
    context.err << session.error().detail << "\n";
    co_return 1;
  }
  using Action = env::Task<Result<void>> (*)(ToolContext&, AdminSession&, const ParsedOptions&);
  Action action = print_id;
  if (start.command.name == "unregister") action = unregister;
  if (start.command.name == "list-endpoints") action = list_endpoints;
  const auto done = co_await action(context, **session, options);
  if (done.ok()) co_return 0;
  context.err << done.error().detail << "\n";
  co_return 1;
}

}  // namespace moldau::cli
