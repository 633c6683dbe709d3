// SPDX-License-Identifier: Apache-2.0
#include "cli/topics_describe.h"

#include <algorithm>
#include <map>
#include <ostream>
#include <set>

#include "cli/java_text.h"
#include "cli/topics_options.h"
#include "client/admin/cluster.h"
#include "client/admin/configs.h"
#include "client/admin/topics.h"

namespace moldau::cli {
namespace {

namespace admin = client::admin;

constexpr std::int32_t kPartitionsPerAnswer = 2000;

using Reassignments = std::map<TopicPartition, admin::Reassignment>;
using Configs = std::vector<admin::ConfigEntry>;

/// All that is printed, and what of it.
/// Thread   the tool's.
struct Describing {
  Describing(std::ostream& o, const ParsedOptions& p) : out(o), options(p) {}
  std::ostream& out;
  const ParsedOptions& options;
  std::set<NodeId> live;
  Reassignments moving;

  const admin::Reassignment* reassignment(const std::string& topic, PartitionId id) const {
    const auto found = moving.find(TopicPartition{topic, id});
    return found == moving.end() ? nullptr : &found->second;
  }
  bool some_partitions_only() const {
    return options.has("unavailable-partitions") || options.has("under-replicated-partitions") ||
           options.has("under-min-isr-partitions") || options.has("at-min-isr-partitions");
  }
};

std::string ids(const std::vector<NodeId>& nodes) {
  std::vector<std::string> parts;
  for (const NodeId node : nodes) parts.push_back(std::to_string(node.value()));
  return join(parts, ",");
}

/// Replicas that a move adds do not count until it is done.
std::size_t replication_factor(const admin::PartitionDescription& partition,
                               const admin::Reassignment* moving) {
  const auto changing = [&](NodeId replica) {
    const auto in = [&](const std::vector<NodeId>& some) {
      return std::find(some.begin(), some.end(), replica) != some.end();
    };
    return moving && (in(moving->adding) || in(moving->removing));
  };
  if (!std::any_of(partition.replicas.begin(), partition.replicas.end(), changing))
    return partition.replicas.size();
  return moving->replicas.size() - std::min(moving->replicas.size(), moving->adding.size());
}

Result<std::size_t> min_isr(const Configs& configs) {
  for (const admin::ConfigEntry& entry : configs) {
    if (entry.name != "min.insync.replicas") continue;
    MOLDAU_ASSIGN_OR_RETURN(const std::int32_t value, parse_int(entry.value.value_or("")));
    return static_cast<std::size_t>(std::max(value, 0));
  }
  return wrong("the broker does not tell min.insync.replicas");
}

Result<bool> is_wanted(const Describing& describing, const std::string& topic,
                       const admin::PartitionDescription& partition, const Configs& configs) {
  if (!describing.some_partitions_only()) return true;
  const ParsedOptions& options = describing.options;
  const admin::Reassignment* moving = describing.reassignment(topic, partition.id);
  if (options.has("under-replicated-partitions") &&
      replication_factor(partition, moving) > partition.isr.size())
    return true;
  if (options.has("unavailable-partitions") &&
      (!partition.leader || !describing.live.contains(*partition.leader)))
    return true;
  if (options.has("under-min-isr-partitions")) {
    if (!partition.leader) return true;
    MOLDAU_ASSIGN_OR_RETURN(const std::size_t least, min_isr(configs));
    if (partition.isr.size() < least) return true;
  }
  if (options.has("at-min-isr-partitions")) {
    MOLDAU_ASSIGN_OR_RETURN(const std::size_t least, min_isr(configs));
    if (partition.isr.size() == least) return true;
  }
  return false;
}

void print_topic(const Describing& describing, const admin::TopicDescription& topic,
                 const Configs& configs) {
  std::vector<std::int32_t> hashes;
  for (const admin::ConfigEntry& entry : configs) hashes.push_back(java_hash(entry.name));
  std::vector<std::string> own;
  for (const std::size_t i : hash_map_order(hashes)) {
    const admin::ConfigEntry& entry = configs[i];
    if (!entry.is_default()) own.push_back(entry.name + "=" + entry.value.value_or("null"));
  }
  if (describing.options.has("topics-with-overrides") && own.empty()) return;
  const admin::PartitionDescription& first = topic.partitions.front();
  std::ostream& out = describing.out;
  out << "Topic: " << topic.name;
  if (!topic.id.is_zero()) out << "\tTopicId: " << topic.id.text();
  out << "\tPartitionCount: " << topic.partitions.size() << "\tReplicationFactor: "
      << replication_factor(first, describing.reassignment(topic.name, first.id))
      << "\tConfigs: " << join(own, ",") << "\n";
}

void print_partition(const Describing& describing, const std::string& topic,
                     const admin::PartitionDescription& partition) {
  std::ostream& out = describing.out;
  out << "\tTopic: " << topic << "\tPartition: " << partition.id.value()
      << "\tLeader: " << (partition.leader ? std::to_string(partition.leader->value()) : "none")
      << "\tReplicas: " << ids(partition.replicas) << "\tIsr: " << ids(partition.isr);
  if (const auto* moving = describing.reassignment(topic, partition.id))
    out << "\tAdding Replicas: " << ids(moving->adding)
        << "\tRemoving Replicas: " << ids(moving->removing);
  const auto& elr = partition.eligible_leader_replicas;
  const auto& last = partition.last_known_elr;
  out << "\tElr: " << (elr ? ids(*elr) : "N/A") << "\tLastKnownElr: " << (last ? ids(*last) : "N/A")
      << "\n";
}

Result<void> print(const Describing& describing, const admin::TopicDescription& topic,
                   const Configs& configs) {
  if (!describing.some_partitions_only()) {
    if (topic.partitions.empty()) return wrong("Index 0 out of bounds for length 0");
    print_topic(describing, topic, configs);
  }
  if (describing.options.has("topics-with-overrides")) return {};
  for (const admin::PartitionDescription& partition : topic.partitions) {
    MOLDAU_ASSIGN_OR_RETURN(const bool wanted,
                            is_wanted(describing, topic.name, partition, configs));
    if (wanted) print_partition(describing, topic.name, partition);
  }
  return {};
}

Result<std::optional<TopicId>> wanted_id(const ParsedOptions& options) {
  MOLDAU_ASSIGN_OR_RETURN(const auto text, options.value("topic-id"));
  if (!text) return std::optional<TopicId>();
  const auto id = parse_uuid(*text);
  if (!id.ok()) return id.error();
  if (id->is_zero()) return std::optional<TopicId>();
  return std::optional<TopicId>(*id);
}

using Topics = std::vector<admin::TopicDescription>;

env::Task<Result<Topics>> topic_by_id(ToolContext& context, AdminSession& session, TopicId id,
                                      const ParsedOptions& options) {
  const bool with_internal = !options.has("exclude-internal");
  auto all = co_await admin::list_topics(session.cluster(), with_internal, session.deadline());
  if (!all.ok()) co_return told(context, all.error(), "listTopics");
  Topics out;
  const bool there =
      std::any_of(all->begin(), all->end(), [&](const auto& topic) { return topic.id == id; });
  if (!there && !options.has("if-exists"))
    co_return wrong("TopicId '" + id.text() + "' does not exist as expected");
  if (!there) co_return std::move(out);
  std::vector<TopicId> wanted(1, id);
  auto got = co_await admin::describe_topics_by_id(session.cluster(), std::move(wanted),
                                                   session.deadline());
  if (!got.ok()) co_return told(context, got.error(), "describeTopicsWithIds");
  for (auto& outcome : *got) {
    if (!outcome.result.ok())
      co_return told(context, outcome.result.error(), "describeTopicsWithIds");
    out.push_back(std::move(*outcome.result));
  }
  co_return std::move(out);
}

/// In the order of the map that Apache's tool collects them in.
env::Task<Result<Topics>> topics_by_name(ToolContext& context, AdminSession& session,
                                         const ParsedOptions& options) {
  auto names = co_await find_topics(context, session, options);
  if (!names.ok()) co_return std::move(names).error();
  auto there = check_found(options, names->empty());
  if (!there.ok()) co_return std::move(there).error();
  Topics out;
  const auto limit = options.number("partition-size-limit-per-response");
  if (!limit.ok() && !names->empty()) co_return limit.error();
  const auto most = static_cast<std::int32_t>(
      limit.ok() && *limit ? **limit : std::int64_t{kPartitionsPerAnswer});
  std::vector<std::string> wanted = std::move(names).value();
  auto got = co_await admin::describe_topics(session.cluster(), std::move(wanted), most,
                                             session.deadline());
  if (!got.ok()) co_return told(context, got.error(), "describeTopicPartitions");
  std::vector<std::int32_t> hashes;
  for (const auto& outcome : *got) hashes.push_back(java_hash(outcome.key));
  for (const std::size_t i : hash_map_order(hashes, hashes.size())) {
    auto& outcome = (*got)[i].result;
    if (!outcome.ok()) co_return told(context, outcome.error(), "describeTopicPartitions");
    out.push_back(std::move(*outcome));
  }
  co_return std::move(out);
}

env::Task<Result<admin::DescribedConfigs>> configs_of(AdminSession& session, const Topics& topics) {
  std::vector<admin::ConfigResource> resources(topics.size());
  for (std::size_t i = 0; i < topics.size(); ++i) resources[i].name = topics[i].name;
  const admin::DescribeConfigsOptions plain;
  co_return co_await admin::describe_configs(session.cluster(), std::move(resources), plain,
                                             session.deadline());
}

/// What moves. Brokers that do not tell, or not to us, are taken to move nothing.
env::Task<Result<Reassignments>> reassignments_of(AdminSession& session, const Topics& topics) {
  std::optional<std::vector<TopicPartition>> partitions(std::in_place);
  for (const admin::TopicDescription& topic : topics)
    for (const admin::PartitionDescription& partition : topic.partitions)
      partitions->push_back(TopicPartition{topic.name, partition.id});
  auto got = co_await admin::list_partition_reassignments(session.cluster(), std::move(partitions),
                                                          session.deadline());
  if (got.code() == ErrorCode::kUnsupportedVersion ||
      got.code() == ErrorCode::kClusterAuthorizationFailed)
    co_return Reassignments();
  co_return std::move(got);
}

}  // namespace

env::Task<Result<std::vector<std::string>>> find_topics(ToolContext& context, AdminSession& session,
                                                        const ParsedOptions& options) {
  const auto wanted = options.value("topic");
  if (!wanted.ok()) co_return wanted.error();
  const bool with_internal = !options.has("exclude-internal");
  auto all = co_await admin::list_topics(session.cluster(), with_internal, session.deadline());
  if (!all.ok()) co_return told(context, all.error(), "listTopics");
  std::optional<TopicFilter> filter;
  if (*wanted) {
    auto parsed = TopicFilter::parse(**wanted);
    if (!parsed.ok()) co_return parsed.error();
    filter = *parsed;
  }
  std::vector<std::string> out;
  for (const admin::TopicListing& topic : *all) {
    if (!with_internal && is_internal_topic(topic.name)) continue;
    if (!filter || filter->admits(topic.name)) out.push_back(topic.name);
  }
  co_return std::move(out);
}

Result<void> check_found(const ParsedOptions& options, bool none) {
  MOLDAU_ASSIGN_OR_RETURN(const auto wanted, options.value("topic"));
  if (!none || !wanted || wanted->empty() || options.has("if-exists")) return {};
  return Error(ErrorCode::kUnknownTopicOrPartition,
               "Topic '" + *wanted + "' does not exist as expected");
}

env::Task<Result<void>> describe_found_topics(ToolContext& context, AdminSession& session,
                                              const ParsedOptions& options) {
  const auto id = wanted_id(options);
  if (!id.ok()) co_return id.error();
  Result<Topics> topics{Topics()};
  if (*id) {
    const TopicId by = **id;
    auto got = co_await topic_by_id(context, session, by, options);
    topics = std::move(got);
  } else {
    auto got = co_await topics_by_name(context, session, options);
    topics = std::move(got);
  }
  if (!topics.ok()) co_return std::move(topics).error();
  auto configs = co_await configs_of(session, *topics);
  if (!configs.ok()) co_return told(context, configs.error(), "describeConfigs");
  Describing describing(context.out, options);
  auto cluster = co_await admin::describe_cluster(session.cluster(), false, session.deadline());
  if (!cluster.ok()) co_return told(context, cluster.error(), "listNodes");
  for (const admin::NodeDescription& node : cluster->nodes) describing.live.insert(node.id);
  auto moving = co_await reassignments_of(session, *topics);
  if (!moving.ok()) {
    const Error error = told(context, moving.error(), "listPartitionReassignments");
    co_return error;
  }
  describing.moving = std::move(moving).value();
  for (std::size_t i = 0; i < topics->size(); ++i) {
    const auto& own = (*configs)[i].result;
    if (!own.ok()) co_return told(context, own.error(), "describeConfigs");
    auto printed = print(describing, (*topics)[i], *own);
    if (!printed.ok()) co_return std::move(printed);
  }
  co_return Result<void>();
}

}  // namespace moldau::cli
