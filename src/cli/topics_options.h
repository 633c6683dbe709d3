// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "cli/command_line.h"

namespace re2 {
class RE2;
}

namespace moldau::cli {

OptionTable topics_options();
/// What the options may not be together; the exit code if they are.
std::optional<int> check_topics_options(const CommandLine& line);

/// What --create and --alter say of a topic.
/// Thread   a value.
struct TopicChange {
  TopicChange() = default;
  std::string topic;
  std::optional<std::int32_t> partitions;
  std::optional<std::int32_t> replication_factor;
  /// Replicas by partition.
  std::vector<std::vector<NodeId>> assignment;
  std::vector<std::pair<std::string, std::string>> configs;
};

/// Errors   kInvalidRequest with the sentence of Apache's tool.
Result<TopicChange> read_topic_change(const ParsedOptions& options);
/// "0:1,1:2": replicas between colons, partitions between commas.
Result<std::vector<std::vector<NodeId>>> parse_replica_assignment(const std::string& text);

/// The filter of topics by a list of names and regular expressions.
/// Thread   a value.
/// Errors   kInvalidRequest: no regular expression.
/// Source   TopicFilter.IncludeList. RE2 instead of Java's engine: no lookaround, no back
///          references.
class TopicFilter {
 public:
  static Result<TopicFilter> parse(const std::string& text);
  bool admits(const std::string& topic) const;

 private:
  explicit TopicFilter(std::shared_ptr<const re2::RE2> pattern) : pattern_(std::move(pattern)) {}
  std::shared_ptr<const re2::RE2> pattern_;
};

/// __consumer_offsets, __transaction_state, __share_group_state.
bool is_internal_topic(const std::string& name);

}  // namespace moldau::cli
