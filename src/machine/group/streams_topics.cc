// SPDX-License-Identifier: Apache-2.0
#include "machine/group/streams_topics.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "machine/assignor/hash_order.h"

namespace moldau::group {
namespace {

using Problem = ConfiguredStreamsTopology::Problem;
using Counts = std::map<std::string, std::int32_t, std::less<>>;
/// Nothing, or what keeps the topology from being ready.
using Verdict = Result<std::optional<Problem>>;

Verdict fine() {
  return std::optional<Problem>();
}
Verdict wrong(StreamsStatus status, std::string detail) {
  return std::optional<Problem>(Problem(status, std::move(detail)));
}
Error invalid(std::string why) {
  return {ErrorCode::kStreamsInvalidTopology, std::move(why)};
}
Error broken(std::string why) {
  return {ErrorCode::kUnknownServerError, std::move(why)};
}

/// The first three of `names`, which are many.
template <class Names>
std::string summary(const Names& names) {
  constexpr std::size_t kShown = 3;
  std::string out;
  std::size_t count = 0;
  for (const std::string_view name : names) {
    if (count++ >= kShown) continue;
    if (count > 1) out += ", ";
    out += name;
  }
  if (count > kShown) out += " and " + std::to_string(count - kShown) + " additional topics";
  return out;
}

std::string joined(const std::vector<std::string_view>& names) {
  std::string out;
  for (const std::string_view name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

/// As Java prints a TreeMap.
std::string shown(const Counts& counts) {
  std::string out = "{";
  for (const auto& [topic, count] : counts) {
    if (out.size() > 1) out += ", ";
    out += topic + "=" + std::to_string(count);
  }
  return out + "}";
}

template <class Map>
std::vector<std::string_view> keys_in_java_order(const Map& map) {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  std::vector<std::string_view> out;
  for (const std::size_t i : assignor::java_hash_order(keys)) out.push_back(keys[i]);
  return out;
}

bool is_legal_topic(std::string_view name) {
  const auto is_legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name != "." && name != ".." && name.size() <= 249 &&
         std::all_of(name.begin(), name.end(), is_legal);
}

/// One topology on its way to be configured.
class Configurator {
 public:
  Configurator(const StreamsTopology& topology, const image::MetadataImage& image,
               std::int64_t tasks_max)
      : topology_(topology),
        image_(image),
        tasks_max_(tasks_max),
        parts_(topology.in_java_order()) {}

  Result<ConfiguredStreamsTopology> run();

 private:
  std::optional<std::int32_t> count_of(std::string_view topic) const;
  std::optional<std::string> missing_source_topics() const;
  Verdict decide_counts();
  Result<Counts> repartition_counts() const;
  /// Whether all of the part's sinks have their counts now.
  bool decide_sinks(const StreamsSubtopology& part, Counts& counts) const;
  std::optional<std::int32_t> count_for_sinks(const Counts& counts,
                                              const StreamsSubtopology& part) const;
  Verdict enforce_copartitioning();
  Verdict enforce(const std::set<std::string>& group, const std::set<std::string>& fixed,
                  const std::set<std::string>& flexible);
  Result<Counts> counts_of(const std::set<std::string>& topics) const;
  Result<void> decide_changelogs();
  Result<std::int32_t> input_partitions(const StreamsSubtopology& part) const;
  Result<ConfiguredStreamsTopic> configured(const StreamsTopicSpec& spec) const;
  Result<ConfiguredStreamsTopics> configured(const std::vector<StreamsTopicSpec>& specs) const;
  Result<ConfiguredStreamsSubtopologies> subtopologies() const;
  Verdict find_missing(const ConfiguredStreamsSubtopologies& parts,
                       ConfiguredStreamsTopics& missing) const;

  const StreamsTopology& topology_;
  const image::MetadataImage& image_;
  const std::int64_t tasks_max_;
  const std::vector<const StreamsSubtopology*> parts_;
  Counts decided_;
};

/// That of the topic if there is one, else what was decided.
std::optional<std::int32_t> Configurator::count_of(std::string_view topic) const {
  if (const image::TopicImage* there = image_.topic(topic)) {
    return static_cast<std::int32_t>(there->partitions.size());
  }
  const auto at = decided_.find(topic);
  if (at == decided_.end()) return std::nullopt;
  return at->second;
}

std::optional<std::string> Configurator::missing_source_topics() const {
  std::set<std::string_view> missing;
  for (const StreamsSubtopology* part : parts_) {
    for (const std::string& topic : part->source_topics) {
      if (image_.topic(topic) == nullptr) missing.insert(topic);
    }
  }
  if (missing.empty()) return std::nullopt;
  return "Source topics " + summary(missing) + " are missing.";
}

std::optional<std::int32_t> Configurator::count_for_sinks(const Counts& counts,
                                                          const StreamsSubtopology& part) const {
  std::optional<std::int32_t> most;
  for (const StreamsTopicSpec& topic : part.repartition_source_topics) {
    const auto at = counts.find(topic.name);
    if (at != counts.end()) most = std::max(most.value_or(at->second), at->second);
  }
  for (const std::string& topic : part.source_topics) {
    if (const auto count = count_of(topic)) most = std::max(most.value_or(*count), *count);
  }
  return most;
}

bool Configurator::decide_sinks(const StreamsSubtopology& part, Counts& counts) const {
  std::optional<std::int32_t> count;
  for (const std::string& topic : part.repartition_sink_topics) {
    if (counts.contains(topic)) continue;
    if (!count) count = count_for_sinks(counts, part);
    if (!count) return false;
    counts[topic] = *count;
    const auto& own = part.repartition_source_topics;
    // It reads what it writes: its next sink may come out differently.
    if (std::any_of(own.begin(), own.end(),
                    [&](const StreamsTopicSpec& spec) { return spec.name == topic; })) {
      count.reset();
    }
  }
  return true;
}

Result<Counts> Configurator::repartition_counts() const {
  Counts counts;
  std::vector<const StreamsSubtopology*> open;
  for (const StreamsSubtopology* part : parts_) {
    if (!part->repartition_sink_topics.empty()) open.push_back(part);
    for (const StreamsTopicSpec& topic : part->repartition_source_topics) {
      if (topic.partitions != 0) counts[topic.name] = topic.partitions;
    }
  }
  while (!open.empty()) {
    const auto decided = [&](const auto* part) { return decide_sinks(*part, counts); };
    if (std::erase_if(open, decided) == 0) {
      return invalid(
          "Failed to compute number of partitions for all repartition topics. There may be loops "
          "in the topology that cannot be resolved.");
    }
  }
  for (const StreamsSubtopology* part : parts_) {
    for (const StreamsTopicSpec& topic : part->repartition_source_topics) {
      if (counts.contains(topic.name)) continue;
      return invalid(
          "Failed to compute number of partitions for all repartition topics, because a "
          "repartition source topic is never used as a sink topic.");
    }
  }
  return counts;
}

Result<Counts> Configurator::counts_of(const std::set<std::string>& topics) const {
  Counts out;
  for (const std::string& topic : topics) {
    const auto count = count_of(topic);
    if (!count) return broken("Number of partitions is not set for topic: " + topic);
    out.emplace(topic, *count);
  }
  return out;
}

Verdict Configurator::enforce(const std::set<std::string>& group,
                              const std::set<std::string>& fixed,
                              const std::set<std::string>& flexible) {
  if (group.empty()) return fine();
  std::set<std::string> repartition_names;
  std::set<std::string> other_names;
  for (const std::string& topic : group) {
    const bool is_repartition = fixed.contains(topic) || flexible.contains(topic);
    (is_repartition ? repartition_names : other_names).insert(topic);
  }
  MOLDAU_ASSIGN_OR_RETURN(const Counts repartition, counts_of(repartition_names));
  MOLDAU_ASSIGN_OR_RETURN(const Counts others, counts_of(other_names));
  // All topics that say their own count are compared, also those outside of this group.
  MOLDAU_ASSIGN_OR_RETURN(const Counts fixed_counts, counts_of(fixed));
  const Counts& judges = !others.empty() ? others : fixed_counts;
  std::int32_t count = 0;
  if (!judges.empty()) {
    count = judges.begin()->second;
    for (const auto& [topic, own] : judges) {
      if (own == count) continue;
      return wrong(StreamsStatus::kIncorrectlyPartitionedTopics,
                   "Following topics do not have the same number of partitions: [" +
                       shown(others.empty() ? repartition : others) + "]");
    }
  } else {
    for (const auto& [topic, own] : repartition) count = std::max(count, own);
    if (count == 0) {
      return invalid("All topics in the copartition group had undefined partition number: [" +
                     joined(keys_in_java_order(repartition)) + "]");
    }
  }
  for (const std::string_view topic : keys_in_java_order(repartition)) {
    const std::int32_t own = repartition.find(topic)->second;
    if (fixed.contains(std::string(topic)) && own != count) {
      return wrong(StreamsStatus::kIncorrectlyPartitionedTopics,
                   "Number of partitions [" + std::to_string(own) + "] of repartition topic [" +
                       std::string(topic) + "] doesn't match number of partitions [" +
                       std::to_string(count) + "] of the source topic.");
    }
  }
  for (const auto& [topic, own] : repartition) decided_[topic] = count;
  return fine();
}

Verdict Configurator::enforce_copartitioning() {
  std::set<std::string> fixed;
  std::set<std::string> flexible;
  for (const StreamsSubtopology* part : parts_) {
    for (const StreamsTopicSpec& topic : part->repartition_source_topics) {
      (topic.partitions != 0 ? fixed : flexible).insert(topic.name);
    }
  }
  for (const StreamsSubtopology* part : parts_) {
    for (const StreamsCopartitionGroup& places : part->copartition_groups) {
      std::set<std::string> group;
      for (const std::int16_t place : places.source_topics) {
        group.insert(part->source_topics[static_cast<std::size_t>(place)]);
      }
      for (const std::int16_t place : places.repartition_source_topics) {
        group.insert(part->repartition_source_topics[static_cast<std::size_t>(place)].name);
      }
      Verdict verdict = enforce(group, fixed, flexible);
      if (!verdict.ok() || *verdict) return verdict;
    }
  }
  return fine();
}

Result<std::int32_t> Configurator::input_partitions(const StreamsSubtopology& part) const {
  std::optional<std::int32_t> most;
  const auto look = [&](const std::string& topic) {
    const auto count = count_of(topic);
    if (count) most = std::max(most.value_or(*count), *count);
    return count.has_value();
  };
  for (const std::string& topic : part.source_topics) {
    if (!look(topic)) return broken("No partition count for source topic " + topic);
  }
  for (const StreamsTopicSpec& topic : part.repartition_source_topics) {
    if (!look(topic.name)) return broken("No partition count for source topic " + topic.name);
  }
  if (!most) return invalid("No source topics found for subtopology " + part.id);
  return *most;
}

Result<void> Configurator::decide_changelogs() {
  Counts counts;
  for (const StreamsSubtopology* part : parts_) {
    MOLDAU_ASSIGN_OR_RETURN(const std::int32_t partitions, input_partitions(*part));
    for (const StreamsTopicSpec& topic : part->state_changelog_topics) {
      counts[topic.name] = partitions;
    }
  }
  for (const auto& [topic, count] : counts) decided_[topic] = count;
  return {};
}

Verdict Configurator::decide_counts() {
  MOLDAU_ASSIGN_OR_RETURN(decided_, repartition_counts());
  Verdict verdict = enforce_copartitioning();
  if (!verdict.ok() || *verdict) return verdict;
  MOLDAU_TRY(decide_changelogs());
  return fine();
}

Result<ConfiguredStreamsTopic> Configurator::configured(const StreamsTopicSpec& spec) const {
  ConfiguredStreamsTopic out;
  out.name = spec.name;
  out.partitions = spec.partitions;
  if (spec.partitions == 0) {
    const auto at = decided_.find(spec.name);
    if (at == decided_.end()) return broken("No number of partitions for topic " + spec.name);
    out.partitions = at->second;
  }
  out.replication_factor = spec.replication_factor;
  for (const auto& [key, value] : spec.configs) {
    if (!out.configs.emplace(key, value).second) return broken("Config " + key + " comes twice");
  }
  if (!is_legal_topic(spec.name)) {
    return Error(ErrorCode::kInvalidTopicException, "Topic name is invalid: " + spec.name);
  }
  if (out.partitions < 1) return broken("Number of partitions must be at least 1.");
  return out;
}

Result<ConfiguredStreamsTopics> Configurator::configured(
    const std::vector<StreamsTopicSpec>& specs) const {
  ConfiguredStreamsTopics out;
  for (const StreamsTopicSpec& spec : specs) {
    MOLDAU_ASSIGN_OR_RETURN(ConfiguredStreamsTopic topic, configured(spec));
    if (!out.emplace(spec.name, std::move(topic)).second) {
      return broken("Topic " + spec.name + " comes twice");
    }
  }
  return out;
}

Result<ConfiguredStreamsSubtopologies> Configurator::subtopologies() const {
  ConfiguredStreamsSubtopologies out;
  std::int64_t tasks = 0;
  for (const StreamsSubtopology* part : parts_) {
    ConfiguredStreamsSubtopology& to = out[part->id];
    MOLDAU_ASSIGN_OR_RETURN(to.tasks, input_partitions(*part));
    if (to.tasks <= 0) return broken("Number of tasks must be positive");
    tasks += to.tasks;
    if (tasks > tasks_max_) return broken("More tasks than a group can have");
    to.source_topics.insert(part->source_topics.begin(), part->source_topics.end());
    to.repartition_sink_topics.insert(part->repartition_sink_topics.begin(),
                                      part->repartition_sink_topics.end());
    MOLDAU_ASSIGN_OR_RETURN(to.repartition_source_topics,
                            configured(part->repartition_source_topics));
    MOLDAU_ASSIGN_OR_RETURN(to.state_changelog_topics, configured(part->state_changelog_topics));
  }
  return out;
}

Verdict Configurator::find_missing(const ConfiguredStreamsSubtopologies& parts,
                                   ConfiguredStreamsTopics& missing) const {
  for (const auto& [id, part] : parts) {
    for (const auto& [name, topic] : part.repartition_source_topics) {
      missing.insert_or_assign(name, topic);
    }
    for (const auto& [name, topic] : part.state_changelog_topics) {
      missing.insert_or_assign(name, topic);
    }
  }
  std::map<std::string, bool, std::less<>> required;
  for (const std::string& topic : topology_.required_topics()) required[topic] = true;
  for (const std::string_view topic : keys_in_java_order(required)) {
    const image::TopicImage* there = image_.topic(topic);
    const auto at = missing.find(topic);
    if (there == nullptr || at == missing.end()) continue;
    const auto count = static_cast<std::int32_t>(there->partitions.size());
    if (count != at->second.partitions) {
      return wrong(StreamsStatus::kIncorrectlyPartitionedTopics,
                   "Existing topic " + std::string(topic) +
                       " has different number of partitions: expected " +
                       std::to_string(at->second.partitions) + ", found " + std::to_string(count));
    }
    missing.erase(at);
  }
  return fine();
}

/// In the order of Apache's HashMap, into which all internal topics came before those that exist
/// went.
std::vector<std::string_view> in_java_order(const ConfiguredStreamsTopics& missing,
                                            const ConfiguredStreamsSubtopologies& parts) {
  std::vector<std::string_view> all;
  std::set<std::string_view> seen;
  for (const auto& [id, part] : parts) {
    for (const auto* topics : {&part.repartition_source_topics, &part.state_changelog_topics}) {
      for (const std::string_view name : keys_in_java_order(*topics)) {
        if (seen.insert(name).second) all.push_back(name);
      }
    }
  }
  std::vector<std::string_view> out;
  for (const std::size_t i : assignor::java_hash_order(all)) {
    if (missing.contains(all[i])) out.push_back(all[i]);
  }
  return out;
}

Result<ConfiguredStreamsTopology> Configurator::run() {
  ConfiguredStreamsTopology out;
  out.epoch = topology_.epoch;
  if (auto why = missing_source_topics()) {
    out.problem.emplace(StreamsStatus::kMissingSourceTopics, std::move(*why));
    return out;
  }
  MOLDAU_ASSIGN_OR_RETURN(out.problem, decide_counts());
  if (out.problem) return out;
  MOLDAU_ASSIGN_OR_RETURN(ConfiguredStreamsSubtopologies parts, subtopologies());
  ConfiguredStreamsTopics missing;
  MOLDAU_ASSIGN_OR_RETURN(out.problem, find_missing(parts, missing));
  if (out.problem) return out;
  out.subtopologies = std::move(parts);
  if (!missing.empty()) {
    out.problem.emplace(
        StreamsStatus::kMissingInternalTopics,
        "Internal topics are missing: " + summary(in_java_order(missing, *out.subtopologies)));
  }
  out.missing_topics = std::move(missing);
  return out;
}

std::vector<wire::StreamsGroupDescribeResponse::TopicInfo> described(
    const ConfiguredStreamsTopics& topics) {
  std::vector<wire::StreamsGroupDescribeResponse::TopicInfo> out;
  for (const auto& [name, topic] : topics) {
    auto& to = out.emplace_back();
    to.name = name;
    to.partitions = topic.partitions;
    to.replication_factor = topic.replication_factor;
    for (const std::string_view key : keys_in_java_order(topic.configs)) {
      auto& config = to.topic_configs.emplace_back();
      config.key = wire::Text::copy_of(key);
      config.value = topic.configs.find(key)->second;
    }
  }
  return out;
}

}  // namespace

wire::StreamsGroupDescribeResponse::Topology ConfiguredStreamsTopology::describe() const {
  wire::StreamsGroupDescribeResponse::Topology out;
  out.epoch = epoch;
  auto& parts = out.subtopologies.emplace();
  if (!subtopologies) return out;
  for (const auto& [id, part] : *subtopologies) {
    auto& to = parts.emplace_back();
    to.subtopology_id = id;
    for (const std::string& topic : part.source_topics) to.source_topics.emplace_back(topic);
    for (const std::string& topic : part.repartition_sink_topics) {
      to.repartition_sink_topics.emplace_back(topic);
    }
    to.repartition_source_topics = described(part.repartition_source_topics);
    to.state_changelog_topics = described(part.state_changelog_topics);
  }
  return out;
}

Result<ConfiguredStreamsTopology> configure_streams_topology(const StreamsTopology& topology,
                                                             const image::MetadataImage& image,
                                                             std::int64_t tasks_max) {
  return Configurator(topology, image, tasks_max).run();
}

wire::CreateTopicsRequest::CreatableTopic creatable_topic(const ConfiguredStreamsTopic& topic) {
  wire::CreateTopicsRequest::CreatableTopic out;
  out.name = topic.name;
  out.num_partitions = topic.partitions;
  out.replication_factor =
      topic.replication_factor == 0 ? std::int16_t{-1} : topic.replication_factor;
  for (const std::string_view key : keys_in_java_order(topic.configs)) {
    auto& config = out.configs.emplace_back();
    config.name = wire::Text::copy_of(key);
    config.value = topic.configs.find(key)->second;
  }
  return out;
}

}  // namespace moldau::group
