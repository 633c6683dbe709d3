// SPDX-License-Identifier: Apache-2.0
// kafka-get-offsets. Source: GetOffsetShell of 4.3.1.
#include <algorithm>
#include <limits>
#include <map>
#include <ostream>
#include <set>

#include "cli/admin_session.h"
#include "cli/command_line.h"
#include "cli/java_text.h"
#include "cli/tools.h"
#include "cli/topics_options.h"
#include "client/admin/offsets.h"
#include "client/admin/topics.h"
#include "client/bootstrap.h"

namespace moldau::cli {
namespace {

namespace admin = client::admin;

OptionTable options_table() {
  OptionTable table;
  Option time;
  time.names = {"time"};
  time.takes = Option::Takes::kArgument;
  time.argument =
      "<timestamp> / -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or earliest-local / "
      "-5 or latest-tiered / -6 or earliest-pending-upload";
  time.description =
      "Which offset: the first at or after a time in milliseconds, or a name. A partition without "
      "such a record has no line.";
  time.defaults = {"latest"};
  table.with_help()
      .argument("bootstrap-server", "HOST1:PORT1,...,HOST3:PORT3",
                "REQUIRED: brokers to begin with, as host:port, separated by commas.")
      .argument("command-config", "config file", "A file of properties for the connection.")
      .argument("topic-partitions", "topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3",
                "Which partitions: regular expressions of topics, separated by commas, each with a "
                "partition, or a range of them without its upper end, behind a colon.")
      .argument("topic", "topic", "Which topics: a regular expression; all if not given.")
      .argument("partitions", "partition ids",
                "Which partitions of them, separated by commas; all if not given.")
      .add(std::move(time))
      .flag("exclude-internal-topics", "Leave internal topics out.");
  return table;
}

Result<Timestamp> parse_time(const std::string& text) {
  static constexpr std::pair<std::string_view, admin::OffsetSpec> kNames[] = {
      {"latest", admin::OffsetSpec::kLatest},
      {"earliest", admin::OffsetSpec::kEarliest},
      {"max-timestamp", admin::OffsetSpec::kMaxTimestamp},
      {"earliest-local", admin::OffsetSpec::kEarliestLocal},
      {"latest-tiered", admin::OffsetSpec::kLatestTiered},
      {"earliest-pending-upload", admin::OffsetSpec::kEarliestPendingUpload}};
  for (const auto& [name, spec] : kNames)
    if (name == text) return Timestamp(static_cast<std::int64_t>(spec));
  const auto number = parse_long(text);
  if (number.ok()) return Timestamp(*number);
  return wrong("Malformed time argument " + text +
               ". Please use -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or "
               "earliest-local / -5 or latest-tiered / -6 or earliest-pending-upload, or a "
               "specified long format timestamp");
}

/// Topics by expression, and partitions of them: [from, to), and of `only` if that is not empty.
/// Thread   a value.
struct Rule {
  explicit Rule(TopicFilter t) : topics(std::move(t)) {}
  TopicFilter topics;
  std::int64_t from = 0;
  std::int64_t to = std::numeric_limits<std::int64_t>::max();
  std::set<std::int32_t> only;

  bool admits(std::int32_t partition) const {
    return partition >= from && partition < to && (only.empty() || only.contains(partition));
  }
};
using Rules = std::vector<Rule>;

/// "topic", "topic:3", "topic:1-3", "topic:1-", "topic:-3".
Result<Rule> parse_rule(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string topic = text.substr(0, colon);
  MOLDAU_ASSIGN_OR_RETURN(TopicFilter filter, TopicFilter::parse(topic.empty() ? ".*" : topic));
  Rule out(std::move(filter));
  if (colon == std::string::npos) return out;
  const std::string range = text.substr(colon + 1);
  const std::size_t dash = range.find('-');
  if (range.find_first_not_of("0123456789-") != std::string::npos ||
      (dash != std::string::npos && range.find('-', dash + 1) != std::string::npos))
    return wrong("Invalid rule specification: " + text);
  const std::string low = range.substr(0, dash);
  if (!low.empty()) {
    MOLDAU_ASSIGN_OR_RETURN(const std::int32_t first, parse_int(low));
    out.from = first;
    if (dash == std::string::npos) out.to = std::int64_t{first} + 1;
  }
  if (dash == std::string::npos || dash + 1 == range.size()) return out;
  MOLDAU_ASSIGN_OR_RETURN(out.to, parse_int(range.substr(dash + 1)));
  return out;
}

Result<Rules> read_rules(const ParsedOptions& options) {
  Rules out;
  if (options.has("topic-partitions") && (options.has("topic") || options.has("partitions")))
    return wrong("--topic-partitions cannot be used with --topic or --partitions");
  MOLDAU_ASSIGN_OR_RETURN(const auto list, options.value("topic-partitions"));
  if (list) {
    for (const std::string& text : split(*list, ',')) {
      MOLDAU_ASSIGN_OR_RETURN(Rule rule, parse_rule(text));
      out.push_back(std::move(rule));
    }
    return out;
  }
  MOLDAU_ASSIGN_OR_RETURN(const auto topic, options.value("topic"));
  MOLDAU_ASSIGN_OR_RETURN(const auto partitions, options.value("partitions"));
  MOLDAU_ASSIGN_OR_RETURN(TopicFilter filter, TopicFilter::parse(topic.value_or(".*")));
  Rule rule(std::move(filter));
  if (partitions && !partitions->empty()) {
    for (const std::string& text : split(*partitions, ',')) {
      const auto id = parse_int(text);
      if (!id.ok())
        return wrong(
            "--partitions expects a comma separated list of numeric partition ids, but received: " +
            *partitions);
      rule.only.insert(*id);
    }
  }
  out.push_back(std::move(rule));
  return out;
}

/// Addresses must have ports.
std::optional<int> check_servers(const CommandLine& line) {
  const auto servers = line.options().value("bootstrap-server");
  if (!servers.ok()) return line.fail("Error occurred: " + servers.error().detail);
  const std::string list = servers->value_or("");
  if (trim(list).empty()) return line.usage("Error while validating the bootstrap address\n");
  const std::vector<std::string> parts = split(list, ',');
  const auto valid = [](const std::string& part) {
    return client::parse_bootstrap_address(part, "bootstrap.servers").ok();
  };
  if (parts.empty() || !std::all_of(parts.begin(), parts.end(), valid))
    return line.usage("Please provide valid host:port like host1:9091,host2:9092\n");
  return std::nullopt;
}

env::Task<Result<std::vector<TopicPartition>>> find_partitions(ToolContext& context,
                                                               AdminSession& session,
                                                               const Rules& rules,
                                                               bool with_internal) {
  auto all = co_await admin::list_topics(session.cluster(), with_internal, session.deadline());
  if (!all.ok()) co_return told(context, all.error(), "listTopics");
  std::vector<std::string> names;
  for (const admin::TopicListing& topic : *all)
    if (std::any_of(rules.begin(), rules.end(),
                    [&](const Rule& rule) { return rule.topics.admits(topic.name); }))
      names.push_back(topic.name);
  auto topics = co_await admin::describe_topics(session.cluster(), std::move(names), 2000,
                                                session.deadline());
  if (!topics.ok()) co_return told(context, topics.error(), "describeTopicPartitions");
  std::vector<TopicPartition> out;
  for (const auto& outcome : *topics) {
    if (!outcome.result.ok())
      co_return told(context, outcome.result.error(), "describeTopicPartitions");
    for (const admin::PartitionDescription& partition : outcome.result->partitions)
      if (std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) {
            return rule.topics.admits(outcome.key) && rule.admits(partition.id.value());
          }))
        out.push_back(TopicPartition{outcome.key, partition.id});
  }
  co_return std::move(out);
}

env::Task<Result<void>> print_offsets(ToolContext& context, AdminSession& session,
                                      const Rules& rules, Timestamp time, bool with_internal) {
  auto partitions = co_await find_partitions(context, session, rules, with_internal);
  if (!partitions.ok()) co_return std::move(partitions).error();
  if (partitions->empty())
    co_return wrong("Could not match any topic-partitions with the specified filters");
  std::map<TopicPartition, Timestamp> wanted;
  for (const TopicPartition& partition : *partitions) wanted.emplace(partition, time);
  const auto got =
      co_await admin::list_offsets(session.cluster(), std::move(wanted), false, session.deadline());
  std::map<std::string, std::string> lines;
  for (const auto& [partition, listed] : got) {
    if (!listed.ok()) {
      context.err << "Skip getting offsets for topic-partition " << partition.text()
                  << " due to error: " << java_exception(context, listed.error(), "listOffsets")
                  << "\n";
      continue;
    }
    if (listed->offset.value() == -1) continue;
    lines.emplace(partition.text(), partition.topic + ":" +
                                        std::to_string(partition.partition.value()) + ":" +
                                        std::to_string(listed->offset.value()));
  }
  for (const auto& [key, text] : lines) context.out << text << "\n";
  co_return Result<void>();
}

Result<client::admin::Properties> properties_of(const CommandLine& line) {
  MOLDAU_ASSIGN_OR_RETURN(auto out, connection_properties(line.context(), line.options()));
  out["client.id"] = "GetOffsetShell";
  return out;
}

}  // namespace

env::Task<int> run_get_offsets(ToolContext& context, std::vector<std::string> arguments) {
  CommandLine line(context, options_table());
  const auto ended = line.read(arguments, "Print offsets of partitions.");
  if (ended) co_return *ended;
  const auto missing = line.require({"bootstrap-server"});
  if (missing) co_return *missing;
  const auto refused = check_servers(line);
  if (refused) co_return *refused;
  const ParsedOptions& options = line.options();
  const auto rules = read_rules(options);
  if (!rules.ok()) co_return line.fail("Error occurred: " + rules.error().detail);
  const auto text = options.value("time");
  if (!text.ok()) co_return line.fail("Error occurred: " + text.error().detail);
  const auto time = parse_time(text->value_or(""));
  if (!time.ok()) co_return line.fail("Error occurred: " + time.error().detail);
  const auto properties = properties_of(line);
  if (!properties.ok()) co_return line.fail("Error occurred: " + properties.error().detail);
  auto session = AdminSession::open(context, *properties);
  if (!session.ok()) co_return line.fail("Error occurred: " + session.error().detail);
  const bool with_internal = !line.has("exclude-internal-topics");
  const Timestamp when = *time;
  const auto done = co_await print_offsets(context, **session, *rules, when, with_internal);
  if (!done.ok()) co_return line.fail("Error occurred: " + done.error().detail);
  co_return 0;
}

}  // namespace moldau::cli
