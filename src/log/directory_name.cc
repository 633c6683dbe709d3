// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "log/log_directory.h"
#include "log/text_lines.h"

namespace moldau::log {
namespace {

constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kTopicBytesMax = 249;
constexpr std::size_t kUuidDigits = 32;

std::string_view suffix_of(ReplicaKind kind) {
  switch (kind) {
    case ReplicaKind::kCurrent:
      return {};
    case ReplicaKind::kFuture:
      return "-future";
    case ReplicaKind::kDeleted:
      return "-delete";
    case ReplicaKind::kStray:
      return "-stray";
  }
  return {};
}

bool is_topic_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/// Takes ".<32 hex>-delete" and the like off the end of `name`.
ReplicaKind take_kind(std::string_view& name) {
  for (ReplicaKind kind : {ReplicaKind::kFuture, ReplicaKind::kDeleted, ReplicaKind::kStray}) {
    const std::string_view suffix = suffix_of(kind);
    if (!name.ends_with(suffix)) continue;
    std::string_view rest = name.substr(0, name.size() - suffix.size());
    if (rest.size() < kUuidDigits + 1 || rest[rest.size() - kUuidDigits - 1] != '.') continue;
    const std::string_view digits = rest.substr(rest.size() - kUuidDigits);
    if (!std::all_of(digits.begin(), digits.end(), is_hex)) continue;
    name = rest.substr(0, rest.size() - kUuidDigits - 1);
    return kind;
  }
  return ReplicaKind::kCurrent;
}

}  // namespace

std::string directory_name(const TopicPartition& topic_partition) {
  return topic_partition.text();
}

std::string directory_name(const TopicPartition& topic_partition, ReplicaKind kind, Uuid unique) {
  if (kind == ReplicaKind::kCurrent) return topic_partition.text();
  std::string tail = "-" + std::to_string(topic_partition.partition.value()) + "." + unique.hex();
  tail += suffix_of(kind);
  std::string topic = topic_partition.topic;
  // A future replica keeps its whole name: the topic's length is bounded, so it fits in what a
  // file system takes or the move fails.
  if (kind != ReplicaKind::kFuture && topic.size() + tail.size() > kNameBytesMax)
    topic.resize(kNameBytesMax - tail.size());
  return topic + tail;
}

std::optional<FoundReplica> parse_directory_name(std::string_view name) {
  FoundReplica out;
  out.name = name;
  out.kind = take_kind(name);
  const auto dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0 || dash > kTopicBytesMax) return std::nullopt;
  std::int32_t partition = -1;
  if (!read_number(name.substr(dash + 1), partition) || partition < 0) return std::nullopt;
  const std::string_view topic = name.substr(0, dash);
  if (!std::all_of(topic.begin(), topic.end(), is_topic_character) || topic == "." || topic == "..")
    return std::nullopt;
  out.topic_partition = {std::string(topic), PartitionId(partition)};
  return out;
}

std::string serialize_partition_metadata(TopicId topic_id) {
  return "version: 0\ntopic_id: " + topic_id.text();
}

Result<TopicId> parse_partition_metadata(std::string_view text) {
  const auto bad = [] {
    return Error(ErrorCode::kCorruptMessage, "not a partition.metadata file");
  };
  if (take_line(text) != "version: 0") return bad();
  constexpr std::string_view kKey = "topic_id: ";
  const std::string_view line = take_line(text);
  if (!line.starts_with(kKey)) return bad();
  const auto id = Uuid::parse(line.substr(kKey.size()));
  if (!id || id->is_zero()) return bad();
  return *id;
}

}  // namespace moldau::log
