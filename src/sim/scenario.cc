// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace moldau::sim {
namespace {

std::string_view trim(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

Error wrong(std::size_t line, const std::string& what) {
  return Error(ErrorCode::kInvalidConfig, "line " + std::to_string(line) + ": " + what);
}

std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    return std::string(text.substr(1, text.size() - 2));
  return std::string(text);
}

Result<TomlSection::Value> parse_value(std::string_view text, std::size_t line) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    return TomlSection::Value(unquoted(text));
  if (text == "true") return TomlSection::Value(true);
  if (text == "false") return TomlSection::Value(false);
  std::int64_t number = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end)
    return wrong(line, "no value: " + std::string(text));
  return TomlSection::Value(number);
}

/// Cuts a comment off, unless the # stands within quotes.
std::string_view without_comment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (line[i] == '#' && !quoted) return line.substr(0, i);
  }
  return line;
}

Result<void> known_keys(const TomlSection& section, const std::set<std::string>& known) {
  for (const auto& [key, value] : section.values)
    if (!known.contains(key))
      return Error(ErrorCode::kInvalidConfig, "[" + section.name + "] has no key " + key);
  return {};
}

Result<Scenario::Topic> topic_of(const TomlSection& section) {
  Scenario::Topic topic;
  topic.name = section.text("name");
  topic.partitions = static_cast<std::int32_t>(section.number("partitions", 1));
  topic.durable = section.flag("durable", false);
  topic.churns = section.flag("churns", false);
  topic.expires = section.flag("expires", false);
  topic.compacted = section.flag("compacted", false);
  topic.transactional = section.flag("transactional", false);
  if (topic.compacted) topic.configs.emplace_back("cleanup.policy", "compact");
  if (topic.durable) topic.configs.emplace_back("flush.messages", "1");
  for (const auto& [key, value] : section.values)
    if (key.find('.') != std::string::npos) topic.configs.emplace_back(key, section.text(key));
  if (topic.name.empty()) return Error(ErrorCode::kInvalidConfig, "a topic without a name");
  return topic;
}

Result<Scenario::Workload> workload_of(const TomlSection& section) {
  MOLDAU_TRY(known_keys(
      section,
      {"kind",     "topic",       "count",           "idempotent",    "acks",   "records_max",
       "pause_ms", "keys",        "deletes_records", "moves_between", "from",   "also",
       "group",    "static",      "shares_id",       "timeout_ms",    "silent", "restarts",
       "deletes",  "lets_expire", "whole_groups",    "steady"}));
  Scenario::Workload load;
  load.kind = section.text("kind");
  load.topic = section.text("topic");
  load.count = section.number("count", 1);
  load.idempotent = section.flag("idempotent", true);
  load.acks = section.number("acks", -1);
  load.records_max = section.number("records_max", 2'000);
  load.pause_ms = section.number("pause_ms", 40);
  load.keys = section.number("keys", 0);
  load.deletes_records = section.flag("deletes_records", false);
  load.moves_between = section.text("moves_between");
  load.from = section.text("from");
  load.also = section.text("also");
  load.group = section.text("group");
  load.is_static = section.flag("static", false);
  load.shares_id = section.flag("shares_id", false);
  load.timeout_ms = section.number("timeout_ms", 4'000);
  load.silent = section.flag("silent", true);
  load.restarts = section.number("restarts", 2);
  load.is_steady = section.flag("steady", false);
  load.deletes = section.flag("deletes", false);
  load.lets_expire = section.flag("lets_expire", false);
  load.whole_groups = section.flag("whole_groups", false);
  static const std::set<std::string> kKinds = {
      "producer",     "consumer",       "committed_consumer", "transactional_producer",
      "transformer",  "group_member",   "consumer_member",    "offset_committer",
      "share_member", "streams_member", "group_deleter",      "admin"};
  if (!kKinds.contains(load.kind))
    return Error(ErrorCode::kInvalidConfig, "unknown workload " + load.kind);
  if (load.pause_ms < 1) return Error(ErrorCode::kInvalidConfig, "pause_ms is at least 1");
  return load;
}

Result<Scenario::Fault> fault_of(const TomlSection& section) {
  static const std::set<std::string> kKinds = {
      "kill",       "kill_in_step", "kill_in_call", "power_cut", "power_cut_in_call",
      "stop",       "reset",        "pause",        "disk_full", "io_error",
      "sync_error", "clock_jump",   "rot_index"};
  MOLDAU_TRY(known_keys(section, {"kind", "every_ms", "calls_max", "at_start"}));
  Scenario::Fault fault;
  fault.kind = section.text("kind");
  fault.every_ms = section.number("every_ms", 5'000);
  fault.calls_max = section.number("calls_max", 300);
  fault.at_start = section.flag("at_start", false);
  if (!kKinds.contains(fault.kind) || fault.every_ms < 2 || fault.calls_max < 1)
    return Error(ErrorCode::kInvalidConfig, "unknown fault " + fault.kind);
  return fault;
}

}  // namespace

std::string TomlSection::text(const std::string& key, std::string otherwise) const {
  const auto found = values.find(key);
  if (found == values.end()) return otherwise;
  if (const auto* text = std::get_if<std::string>(&found->second)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&found->second))
    return std::to_string(*number);
  return std::get<bool>(found->second) ? "true" : "false";
}

std::int64_t TomlSection::number(const std::string& key, std::int64_t otherwise) const {
  const auto found = values.find(key);
  const auto* number = found == values.end() ? nullptr : std::get_if<std::int64_t>(&found->second);
  return number ? *number : otherwise;
}

bool TomlSection::flag(const std::string& key, bool otherwise) const {
  const auto found = values.find(key);
  const auto* flag = found == values.end() ? nullptr : std::get_if<bool>(&found->second);
  return flag ? *flag : otherwise;
}

Result<std::vector<TomlSection>> parse_toml(std::string_view text) {
  std::vector<TomlSection> sections(1);
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    const std::string_view line = trim(without_comment(text.substr(0, end)));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.empty()) continue;
    if (line.front() == '[') {
      const bool element = line.starts_with("[[");
      const std::size_t marks = element ? 2 : 1;
      if (line.size() < 2 * marks + 1 || !line.ends_with(element ? "]]" : "]"))
        return wrong(number, "a header without an end");
      TomlSection& section = sections.emplace_back();
      section.name = trim(line.substr(marks, line.size() - 2 * marks));
      section.is_element = element;
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return wrong(number, "no key = value");
    const std::string key = unquoted(trim(line.substr(0, equals)));
    MOLDAU_ASSIGN_OR_RETURN(auto value, parse_value(trim(line.substr(equals + 1)), number));
    if (key.empty() || !sections.back().values.emplace(key, std::move(value)).second)
      return wrong(number, "no key, or one twice: " + key);
  }
  return sections;
}

Result<Scenario> parse_scenario(std::string_view name, std::string_view text) {
  MOLDAU_ASSIGN_OR_RETURN(const std::vector<TomlSection> sections, parse_toml(text));
  Scenario scenario;
  scenario.name = name;
  for (const TomlSection& section : sections) {
    if (section.name.empty()) {
      MOLDAU_TRY(known_keys(section, {"seconds", "shards_max", "resets_per_million",
                                      "slow_per_mille", "cold_per_mille"}));
      scenario.seconds = section.number("seconds", 20);
      scenario.shards_max = section.number("shards_max", 3);
      scenario.resets_per_million = section.number("resets_per_million", 0);
      scenario.slow_per_mille = section.number("slow_per_mille", 0);
      scenario.cold_per_mille = section.number("cold_per_mille", 50);
    } else if (section.name == "properties") {
      for (const auto& [key, value] : section.values) scenario.properties[key] = section.text(key);
    } else if (section.name == "topic") {
      MOLDAU_ASSIGN_OR_RETURN(scenario.topics.emplace_back(), topic_of(section));
    } else if (section.name == "workload") {
      MOLDAU_ASSIGN_OR_RETURN(scenario.workloads.emplace_back(), workload_of(section));
    } else if (section.name == "fault") {
      MOLDAU_ASSIGN_OR_RETURN(scenario.faults.emplace_back(), fault_of(section));
    } else {
      return Error(ErrorCode::kInvalidConfig, "unknown section " + section.name);
    }
  }
  const auto known = [&](const std::string& wanted) {
    return std::any_of(scenario.topics.begin(), scenario.topics.end(),
                       [&](const auto& topic) { return topic.name == wanted; });
  };
  for (const Scenario::Workload& load : scenario.workloads) {
    if (load.kind != "admin" && !known(load.topic))
      return Error(ErrorCode::kInvalidConfig, "no topic " + load.topic);
    if (load.kind == "transformer" && !known(load.from))
      return Error(ErrorCode::kInvalidConfig, "no topic " + load.from);
    if (!load.also.empty() && !known(load.also))
      return Error(ErrorCode::kInvalidConfig, "no topic " + load.also);
    const bool needs_group = load.kind.ends_with("_member") || load.kind == "group_deleter";
    if (needs_group && load.group.empty())
      return Error(ErrorCode::kInvalidConfig, "a " + load.kind + " without a group");
  }
  return scenario;
}

}  // namespace moldau::sim
