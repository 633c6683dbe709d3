// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "wire/metadata_response.h"

namespace moldau::client {

/// Where a broker listens.
struct BrokerAddress {
  std::string host;
  std::uint16_t port = 0;
  std::string rack;  // empty: none
  bool operator==(const BrokerAddress&) const = default;
  std::string text() const { return host + ":" + std::to_string(port); }
};

struct PartitionView {
  ErrorCode error = ErrorCode::kNone;
  NodeId leader{-1};
  LeaderEpoch leader_epoch{-1};
  std::vector<NodeId> replicas;
  std::vector<NodeId> isr;
  std::vector<NodeId> offline_replicas;
};

struct TopicView {
  ErrorCode error = ErrorCode::kNone;
  TopicId id;
  bool internal = false;
  std::vector<PartitionView> partitions;  // in the order of their numbers, without gaps
};

/// The cluster as metadata answers tell it: brokers, the controller, topics with their leaders.
///
/// Path     Cluster → update(answer) → everyone who asks for a leader or an address.
/// Owner    Cluster.
/// Thread   shard-bound. Pure.
/// Bounds   what one answer may hold (the frame); topics nobody wants any more are dropped by the
///          next full answer.
/// Source   Metadata and MetadataSnapshot of Apache's clients; KIP-320 (epochs never go back),
///          KIP-951 (leaders told by other answers).
class ClusterView {
 public:
  /// Bootstrap brokers have ids from -1 downwards until the first answer names the real ones.
  void bootstrap(const std::vector<BrokerAddress>& addresses);
  bool bootstrapping() const { return bootstrapping_; }

  /// Takes an answer. `whole` says that it covers all topics that are wanted: others are dropped.
  /// Errors   kInvalidRequest: what no broker answers (numbers out of range); nothing is taken.
  Result<void> update(const wire::MetadataResponse& answer, bool whole);
  /// A leader that another answer told (KIP-951); older epochs are passed over.
  /// True if it was news.
  bool leader_told(const std::string& topic, PartitionId partition, NodeId leader,
                   LeaderEpoch epoch);
  void broker_told(NodeId id, BrokerAddress address) { brokers_[id] = std::move(address); }

  const std::map<NodeId, BrokerAddress>& brokers() const { return brokers_; }
  const BrokerAddress* broker(NodeId id) const;
  std::optional<NodeId> controller() const { return controller_; }
  const std::string& cluster_id() const { return cluster_id_; }
  const std::map<std::string, TopicView>& topics() const { return topics_; }
  const TopicView* topic(const std::string& name) const;
  const PartitionView* partition(const std::string& topic, PartitionId partition) const;
  /// "" for ids nobody told.
  std::string name_of(const TopicId& id) const;

 private:
  void take_topic(const wire::MetadataResponse::MetadataResponseTopic& told);

  bool bootstrapping_ = true;
  std::map<NodeId, BrokerAddress> brokers_;
  std::optional<NodeId> controller_;
  std::string cluster_id_;
  std::map<std::string, TopicView> topics_;
  std::map<TopicId, std::string> names_;
};

}  // namespace moldau::client
