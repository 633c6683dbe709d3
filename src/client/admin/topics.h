// SPDX-License-Identifier: Apache-2.0
// Operations of Admin on topics.
//
// Owner    `cluster` outlives each task.
// Thread   shard-bound.
// Errors   of the whole call: kRequestTimedOut at the deadline, kUnsupportedVersion, and what the
//          broker says of all of it. Errors of items stand in their outcomes.
// Source   KafkaAdminClient of Apache's clients.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/admin/outcome.h"
#include "client/cluster.h"

namespace moldau::client::admin {

struct TopicListing {
  std::string name;
  TopicId id;
  bool internal = false;
};

/// All topics that may be seen, by name.
env::Task<Result<std::vector<TopicListing>>> list_topics(Cluster& cluster, bool with_internal,
                                                         MonoTime deadline);

struct PartitionDescription {
  PartitionId id;
  std::optional<NodeId> leader;
  std::vector<NodeId> replicas;
  std::vector<NodeId> isr;
  /// nullopt: the broker does not tell them.
  std::optional<std::vector<NodeId>> eligible_leader_replicas;
  std::optional<std::vector<NodeId>> last_known_elr;
};

struct TopicDescription {
  std::string name;
  TopicId id;
  bool internal = false;
  std::vector<PartitionDescription> partitions;  // by number
};

using TopicsByName = Outcomes<std::string, TopicDescription>;
using TopicsById = Outcomes<TopicId, TopicDescription>;

/// In the order of names. `partitions_max` limits an answer of DescribeTopicPartitions; brokers
/// that do not know it are asked for metadata.
env::Task<Result<TopicsByName>> describe_topics(Cluster& cluster, std::vector<std::string> names,
                                                std::int32_t partitions_max, MonoTime deadline);
env::Task<Result<TopicsById>> describe_topics_by_id(Cluster& cluster, std::vector<TopicId> ids,
                                                    MonoTime deadline);

/// A topic to create. Without numbers the broker's defaults count.
/// Thread   a value.
struct NewTopic {
  std::string name;
  std::optional<std::int32_t> partitions;
  std::optional<std::int16_t> replication_factor;
  /// Replicas by partition, instead of the numbers.
  std::map<PartitionId, std::vector<NodeId>> assignments;
  std::vector<std::pair<std::string, std::string>> configs;
};

struct CreatedTopic {
  TopicId id;
  std::int32_t partitions = -1;
  std::int16_t replication_factor = -1;
};

struct ChangeOptions {
  ChangeOptions() = default;
  bool validate_only = false;
  /// Tries again what a quota refused (KIP-599).
  bool retry_on_quota_violation = true;
};

env::Task<Result<Outcomes<std::string, CreatedTopic>>> create_topics(Cluster& cluster,
                                                                     std::vector<NewTopic> topics,
                                                                     ChangeOptions options,
                                                                     MonoTime deadline);
env::Task<Result<Outcomes<std::string, void>>> delete_topics(Cluster& cluster,
                                                             std::vector<std::string> names,
                                                             ChangeOptions options,
                                                             MonoTime deadline);

struct NewPartitions {
  std::string topic;
  std::int32_t total = 0;
  /// Replicas of each new partition; nullopt: the controller places them.
  std::optional<std::vector<std::vector<NodeId>>> assignments;
};
env::Task<Result<Outcomes<std::string, void>>> create_partitions(Cluster& cluster,
                                                                 std::vector<NewPartitions> topics,
                                                                 ChangeOptions options,
                                                                 MonoTime deadline);

struct Reassignment {
  std::vector<NodeId> replicas;
  std::vector<NodeId> adding;
  std::vector<NodeId> removing;
};
/// What moves of these partitions; nullopt: of all.
env::Task<Result<std::map<TopicPartition, Reassignment>>> list_partition_reassignments(
    Cluster& cluster, std::optional<std::vector<TopicPartition>> partitions, MonoTime deadline);

}  // namespace moldau::client::admin
