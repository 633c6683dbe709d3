// SPDX-License-Identifier: Apache-2.0
#include "cli/topics_options.h"

#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <set>

#include "cli/java_text.h"
#include "config/topic_config.h"

namespace moldau::cli {
namespace {

using Names = std::vector<std::string_view>;

/// The actions besides those that are fine.
Names actions_but(const Names& fine, const Names& more = {}) {
  Names out;
  for (const std::string_view action : {"alter", "create", "describe", "list", "delete"})
    if (std::find(fine.begin(), fine.end(), action) == fine.end()) out.push_back(action);
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

std::optional<int> check_required(const CommandLine& line) {
  if (!line.has("bootstrap-server")) return line.fail("--bootstrap-server must be specified");
  if (line.has("describe") && line.has("if-exists")) {
    if (!line.has("topic") && !line.has("topic-id"))
      return line.usage("--topic or --topic-id is required to describe a topic");
    if (line.has("topic") && line.has("topic-id"))
      line.context().out << "Only topic id will be used when both --topic and --topic-id are "
                            "specified and topicId is not Uuid.ZERO_UUID\n";
  }
  if (!line.has("list") && !line.has("describe"))
    if (const auto code = line.require({"topic"})) return code;
  if (!line.has("alter")) return std::nullopt;
  if (line.has("config"))
    return line.usage(
        "Option combination \"[bootstrap-server],[config]\" can't be used with "
        "option \"[alter]\" (the kafka-configs tool changes configs)");
  return line.require({"partitions"});
}

std::optional<int> check_invalid(const CommandLine& line) {
  const Names reports = {"under-replicated-partitions", "under-min-isr-partitions",
                         "at-min-isr-partitions", "unavailable-partitions"};
  struct Rule {
    std::string_view used;
    Names others;
  };
  std::vector<Rule> rules = {{"config", actions_but({"alter", "create"})},
                             {"partitions", actions_but({"alter", "create"})},
                             {"replication-factor", actions_but({"create"})},
                             {"replica-assignment", actions_but({"alter", "create"})}};
  if (line.has("create"))
    rules.push_back({"replica-assignment", {"partitions", "replication-factor"}});
  for (const std::string_view report : reports)
    rules.push_back({report, actions_but({"describe"}, {"topics-with-overrides"})});
  rules.push_back({"topics-with-overrides", actions_but({"describe"}, reports)});
  rules.push_back({"if-exists", actions_but({"alter", "delete", "describe"})});
  rules.push_back({"if-not-exists", actions_but({"create"})});
  rules.push_back({"exclude-internal", actions_but({"list", "describe"})});
  for (const Rule& rule : rules)
    if (const auto code = line.refuse(rule.used, rule.others)) return code;
  return std::nullopt;
}

/// "name = value" with spaces around the sign allowed, exactly one sign.
Result<std::pair<std::string, std::string>> parse_config(const std::string& text) {
  const std::vector<std::string> halves = split(text, '=');
  if (halves.size() != 2)
    return wrong(
        "requirement failed: Invalid topic config: all configs to be added must be in the format "
        "\"key=val\".");
  return std::pair(std::string(trim(halves[0])), std::string(trim(halves[1])));
}

/// What Apache's tool finds without asking a broker.
Result<void> check_configs(const std::map<std::string, std::string>& configs) {
  if (configs.empty()) return {};
  config::BrokerConfigSources sources;
  sources.static_broker = config::values_of(config::default_single_node_properties());
  MOLDAU_ASSIGN_OR_RETURN(const auto broker, config::effective_broker_config(sources));
  config::ConfigMap topic;
  for (const auto& [name, value] : configs) topic[name] = value;
  MOLDAU_TRY(config::effective_topic_config(broker.config, topic));
  return {};
}

std::string list_text(const std::vector<NodeId>& nodes) {
  std::vector<std::string> parts;
  for (const NodeId node : nodes) parts.push_back(std::to_string(node.value()));
  return "[" + join(parts, ", ") + "]";
}

}  // namespace

OptionTable topics_options() {
  OptionTable table;
  table.with_help()
      .argument("bootstrap-server", "server to connect to",
                "REQUIRED: brokers to begin with, as host:port, separated by commas.")
      .argument("command-config", "command config property file",
                "A file of properties for the connection.")
      .flag("list", "Print the names of the topics.")
      .flag("create", "Make a topic.")
      .flag("delete", "Remove topics.")
      .flag("alter", "Give topics more partitions. (Their configs are changed by kafka-configs.)")
      .flag("describe", "Print partitions, replicas and configs of topics.")
      .argument("topic", "topic",
                "Which topic. Except with --create it may be a regular expression, or several "
                "separated by commas.")
      .argument("topic-id", "topic-id", "The id of the topic to describe.")
      .argument("config", "name=value",
                "A config of the topic to create; may be given several times. The names are "
                "those of the topic configs.")
      .argument("delete-config", "name", "Without effect since 4.0.")
      .argument("partitions", "# of partitions",
                "How many partitions a topic is to have; the broker's default if a new topic does "
                "not say. More partitions than before send keys to other partitions than before.",
                ArgumentType::kInteger)
      .argument("replication-factor", "replication factor",
                "How many replicas each partition of a new topic has; the broker's default if not "
                "given.",
                ArgumentType::kInteger)
      .argument("replica-assignment",
                "broker_id_for_part1_replica1 : broker_id_for_part1_replica2 , "
                "broker_id_for_part2_replica1 : broker_id_for_part2_replica2 , ...",
                "Which brokers hold the replicas of each partition.")
      .flag("under-replicated-partitions",
            "Of what is described, only partitions with fewer replicas in sync than they have.")
      .flag("unavailable-partitions",
            "Of what is described, only partitions whose leader is not there.")
      .flag("under-min-isr-partitions",
            "Of what is described, only partitions with fewer replicas in sync than "
            "min.insync.replicas.")
      .flag("at-min-isr-partitions",
            "Of what is described, only partitions with just min.insync.replicas in sync.")
      .flag("topics-with-overrides",
            "Of what is described, only topics that have configs of their own.")
      .flag("if-exists", "Do nothing, and fail not, if there is no such topic.")
      .flag("if-not-exists", "Fail not if the topic to create is there already.")
      .flag("exclude-internal", "Leave internal topics out when listing or describing.")
      .argument("partition-size-limit-per-response", "maximum number of partitions per response",
                "How many partitions one answer of the broker may describe.",
                ArgumentType::kInteger);
  return table;
}

std::optional<int> check_topics_options(const CommandLine& line) {
  int actions = 0;
  for (const std::string_view action : actions_but({})) actions += line.has(action) ? 1 : 0;
  if (actions != 1)
    return line.usage(
        "Command must include exactly one action: --list, --describe, --create, --alter or "
        "--delete");
  if (line.has("delete-config")) line.context().err << "--delete-config has no effect since 4.0\n";
  if (const auto code = check_required(line)) return code;
  return check_invalid(line);
}

Result<std::vector<std::vector<NodeId>>> parse_replica_assignment(const std::string& text) {
  std::vector<std::vector<NodeId>> out;
  for (const std::string& part : split(text, ',')) {
    std::vector<NodeId> replicas;
    std::set<std::int32_t> seen;
    std::set<std::int32_t> twice;
    for (const std::string& id : split(part, ':')) {
      MOLDAU_ASSIGN_OR_RETURN(const std::int32_t broker, parse_int(trim(id)));
      if (!seen.insert(broker).second) twice.insert(broker);
      replicas.emplace_back(broker);
    }
    if (!twice.empty()) {
      std::vector<std::string> names;
      for (const std::int32_t id : twice) names.push_back(std::to_string(id));
      return wrong("Partition replica lists may not contain duplicate entries: " +
                   join(names, ","));
    }
    out.push_back(std::move(replicas));
    if (out.back().size() != out.front().size())
      return wrong("Partition " + std::to_string(out.size() - 1) +
                   " has different replication factor: " + list_text(out.back()));
  }
  return out;
}

Result<TopicChange> read_topic_change(const ParsedOptions& options) {
  TopicChange out;
  MOLDAU_ASSIGN_OR_RETURN(const auto topic, options.value("topic"));
  out.topic = topic.value_or("");
  MOLDAU_ASSIGN_OR_RETURN(const auto partitions, options.number("partitions"));
  MOLDAU_ASSIGN_OR_RETURN(const auto factor, options.number("replication-factor"));
  if (partitions) out.partitions = static_cast<std::int32_t>(*partitions);
  if (factor) out.replication_factor = static_cast<std::int32_t>(*factor);
  MOLDAU_ASSIGN_OR_RETURN(const auto assignment, options.value("replica-assignment"));
  if (assignment && !assignment->empty()) {
    MOLDAU_ASSIGN_OR_RETURN(out.assignment, parse_replica_assignment(*assignment));
  }
  std::map<std::string, std::string> configs;
  for (const std::string& text : options.values("config")) {
    MOLDAU_ASSIGN_OR_RETURN(auto config, parse_config(text));
    configs.insert_or_assign(std::move(config.first), std::move(config.second));
  }
  MOLDAU_TRY(check_configs(configs));
  out.configs.assign(configs.begin(), configs.end());
  return out;
}

Result<TopicFilter> TopicFilter::parse(const std::string& text) {
  std::string pattern;
  for (const char c : trim(text))
    if (c != ' ') pattern += c == ',' ? '|' : c;
  const auto quote = [](char c) { return c == '"' || c == '\''; };
  while (!pattern.empty() && quote(pattern.front())) pattern.erase(0, 1);
  while (!pattern.empty() && quote(pattern.back())) pattern.pop_back();
  RE2::Options quiet;
  quiet.set_log_errors(false);
  auto compiled = std::make_shared<const RE2>(pattern, quiet);
  if (!compiled->ok()) return wrong(pattern + " is an invalid regex.");
  return TopicFilter(std::move(compiled));
}

bool TopicFilter::admits(const std::string& topic) const {
  return RE2::FullMatch(topic, *pattern_);
}

bool is_internal_topic(const std::string& name) {
  return name == "__consumer_offsets" || name == "__transaction_state" ||
         name == "__share_group_state";
}

}  // namespace moldau::cli
