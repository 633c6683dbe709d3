// SPDX-License-Identifier: Apache-2.0
// kafka-delete-records. Source: DeleteRecordsCommand of 4.3.1.
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/admin_session.h"
#include "cli/command_line.h"
#include "cli/java_text.h"
#include "cli/tools.h"
#include "client/admin/offsets.h"
#include "env/disk.h"

namespace moldau::cli {
namespace {

namespace admin = client::admin;
using nlohmann::json;
using Before = std::map<TopicPartition, Offset>;

/// Files above this size are refused.
constexpr std::size_t kJsonBytesMax = 16 << 20;

OptionTable options_table() {
  OptionTable table;
  table.with_help()
      .argument("bootstrap-server", "server(s) to use for bootstrapping",
                "REQUIRED: brokers to begin with, as host:port, separated by commas.")
      .argument("offset-json-file", "Offset json file path",
                "REQUIRED: a JSON file that names for each partition the first offset to keep:\n"
                "{\"partitions\":\n"
                "  [{\"topic\": \"foo\", \"partition\": 1, \"offset\": 1}],\n"
                " \"version\":1\n"
                "}\n"
                "Offset -1 is the high watermark.")
      .argument("command-config", "command config property file path",
                "A file of properties for the connection.");
  return table;
}

Result<const json*> field(const json& object, const char* name) {
  if (!object.is_object()) return wrong("Expected JSON object, received " + object.dump());
  const auto found = object.find(name);
  if (found == object.end()) return wrong("No such field exists: `" + std::string(name) + "`");
  return &*found;
}

Result<std::int64_t> number(const json& object, const char* name, bool wide) {
  MOLDAU_ASSIGN_OR_RETURN(const json* value, field(object, name));
  const bool fits = value->is_number_integer() &&
                    (!value->is_number_unsigned() || value->get<std::uint64_t>() <= INT64_MAX) &&
                    (wide || (value->get<std::int64_t>() >= INT32_MIN &&
                              value->get<std::int64_t>() <= INT32_MAX));
  if (!fits)
    return wrong(std::string("Expected `") + (wide ? "Long" : "Integer") + "` value, received " +
                 value->dump());
  return value->get<std::int64_t>();
}

Result<Before> read_offsets(const json& document) {
  if (!document.is_object()) return wrong("Expected JSON object, received " + document.dump());
  if (document.contains("version")) {
    MOLDAU_ASSIGN_OR_RETURN(const std::int64_t version, number(document, "version", false));
    if (version != 1) return wrong("Not supported version field value " + std::to_string(version));
  }
  const auto list = document.find("partitions");
  if (list == document.end()) return wrong("Missing partitions field");
  if (!list->is_array()) return wrong("Expected JSON array, received " + list->dump());
  Before out;
  for (const json& entry : *list) {
    MOLDAU_ASSIGN_OR_RETURN(const json* topic, field(entry, "topic"));
    if (!topic->is_string()) return wrong("Expected `String` value, received " + topic->dump());
    MOLDAU_ASSIGN_OR_RETURN(const std::int64_t partition, number(entry, "partition", false));
    MOLDAU_ASSIGN_OR_RETURN(const std::int64_t offset, number(entry, "offset", true));
    const TopicPartition key{topic->get<std::string>(),
                             PartitionId(static_cast<std::int32_t>(partition))};
    if (!out.emplace(key, Offset(offset)).second)
      return wrong("Offset json file contains duplicate topic partitions: " + key.text());
  }
  return out;
}

Result<Before> load_offsets(ToolContext& context, const ParsedOptions& options) {
  MOLDAU_ASSIGN_OR_RETURN(const auto path, options.value("offset-json-file"));
  auto bytes = env::read_small_file(context.env.disk(), path.value_or(""), kJsonBytesMax);
  if (!bytes.ok())
    return wrong("Unable to read file " + path.value_or("") + ": " + bytes.error().detail);
  const json document = json::parse(*bytes, nullptr, false);
  if (document.is_discarded()) return wrong("The input string is not a valid JSON");
  return read_offsets(document);
}

env::Task<void> delete_and_print(ToolContext& context, AdminSession& session, Before before) {
  context.out << "Executing records delete operation\n";
  context.out.flush();
  const auto done =
      co_await admin::delete_records(session.cluster(), std::move(before), session.deadline());
  context.out << "Records delete operation completed:\n";
  // By name; the order of Apache's tool is another one in each run.
  for (const auto& [partition, low] : done) {
    context.out << "partition: " << partition.text();
    if (low.ok())
      context.out << "\tlow_watermark: " << low->value() << "\n";
    else
      context.out << "\terror: " << java_exception(context, low.error(), "deleteRecords") << "\n";
  }
}

}  // namespace

env::Task<int> run_delete_records(ToolContext& context, std::vector<std::string> arguments) {
  CommandLine line(context, options_table());
  const auto ended = line.read(arguments, "Delete the oldest records of partitions.");
  if (ended) co_return *ended;
  const auto missing = line.require({"bootstrap-server", "offset-json-file"});
  if (missing) co_return *missing;
  const auto properties = connection_properties(context, line.options());
  if (!properties.ok()) co_return line.fail(properties.error().detail);
  auto session = AdminSession::open(context, *properties);
  if (!session.ok()) co_return line.fail(session.error().detail);
  auto before = load_offsets(context, line.options());
  if (!before.ok()) co_return line.fail(before.error().detail);
  Before wanted = std::move(before).value();
  co_await delete_and_print(context, **session, std::move(wanted));
  co_return 0;
}

}  // namespace moldau::cli
