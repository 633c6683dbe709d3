// SPDX-License-Identifier: Apache-2.0
#include "log/meta_properties.h"

#include <map>

#include "log/text_lines.h"

namespace moldau::log {
namespace {

std::string_view trim_front(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\f");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

/// Java's properties without line continuation and unicode escapes, which no tool puts there.
std::map<std::string, std::string> read_properties(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    const std::string_view line = trim_front(take_line(text));
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    std::string key;
    std::size_t at = 0;
    for (; at < line.size() && line[at] != '=' && line[at] != ':' && line[at] != ' '; ++at) {
      if (line[at] == '\\' && at + 1 < line.size()) ++at;
      key.push_back(line[at]);
    }
    std::string_view rest = trim_front(line.substr(at));
    if (!rest.empty() && (rest.front() == '=' || rest.front() == ':'))
      rest = trim_front(rest.substr(1));
    std::string value;
    for (std::size_t n = 0; n < rest.size(); ++n) {
      if (rest[n] == '\\' && n + 1 < rest.size()) ++n;
      value.push_back(rest[n]);
    }
    out[key] = value;
  }
  return out;
}

Error bad(std::string_view key, std::string why) {
  return Error(ErrorCode::kInvalidConfig,
               std::string(kMetaPropertiesName) + ": " + std::string(key) + " " + std::move(why));
}

}  // namespace

std::string MetaProperties::serialize(std::string_view date_line) const {
  std::string text = "#\n#" + std::string(date_line) + "\n";
  if (!cluster_id.empty()) text += "cluster.id=" + cluster_id + "\n";
  if (!directory_id.is_zero()) text += "directory.id=" + directory_id.text() + "\n";
  if (node_id.value() >= 0)
    text += (version == 0 ? "broker.id=" : "node.id=") + std::to_string(node_id.value()) + "\n";
  return text + "version=" + std::to_string(version) + "\n";
}

Result<MetaProperties> MetaProperties::parse(std::string_view text) {
  const std::map<std::string, std::string> found = read_properties(text);
  const auto value_of = [&](const char* key) {
    const auto it = found.find(key);
    return it == found.end() ? std::string_view() : std::string_view(it->second);
  };
  MetaProperties out;
  out.version = 0;
  if (const std::string_view version = value_of("version"); !version.empty())
    if (!read_number(version, out.version)) return bad("version", "is no number");
  if (out.version != 0 && out.version != 1)
    return bad("version", std::to_string(out.version) + " is unknown");
  out.cluster_id = value_of("cluster.id");
  if (out.version == 1 && out.cluster_id.empty()) return bad("cluster.id", "is missing");
  const char* node_key = out.version == 0 ? "broker.id" : "node.id";
  std::int32_t node = -1;
  if (const std::string_view id = value_of(node_key); !id.empty()) {
    if (!read_number(id, node) || node < 0) return bad(node_key, "is no node id");
    out.node_id = NodeId(node);
  } else if (out.version == 1) {
    return bad(node_key, "is missing");
  }
  if (const std::string_view id = value_of("directory.id"); !id.empty()) {
    const auto parsed = Uuid::parse(id);
    if (!parsed || parsed->is_reserved()) return bad("directory.id", "is no directory id");
    out.directory_id = *parsed;
  }
  return out;
}

}  // namespace moldau::log
