// SPDX-License-Identifier: Apache-2.0
#include "machine/client/cluster_view.h"

#include <fmt/core.h>

#include <set>

namespace moldau::client {
namespace {

constexpr std::int32_t kPortMax = 65'535;

std::vector<NodeId> ids_of(const std::vector<std::int32_t>& numbers) {
  std::vector<NodeId> ids;
  ids.reserve(numbers.size());
  for (const std::int32_t number : numbers) ids.emplace_back(number);
  return ids;
}

Error senseless(const std::string& what) {
  return {ErrorCode::kInvalidRequest, "the broker's metadata are not sound: " + what};
}

Result<void> check(const wire::MetadataResponse& answer) {
  for (const auto& broker : answer.brokers) {
    if (broker.node_id < 0 || broker.port < 0 || broker.port > kPortMax)
      return senseless(fmt::format("broker {} at port {}", broker.node_id, broker.port));
  }
  for (const auto& topic : answer.topics) {
    std::set<std::int32_t> seen;
    const auto count = static_cast<std::int32_t>(topic.partitions.size());
    for (const auto& partition : topic.partitions) {
      const std::int32_t index = partition.partition_index;
      if (index < 0 || index >= count || !seen.insert(index).second)
        return senseless(fmt::format("topic {} has {} partitions and among them {}",
                                     topic.name.view(), count, index));
    }
  }
  return {};
}

}  // namespace

void ClusterView::bootstrap(const std::vector<BrokerAddress>& addresses) {
  bootstrapping_ = true;
  brokers_.clear();
  controller_.reset();
  std::int32_t id = -1;
  for (const BrokerAddress& address : addresses) brokers_[NodeId(id--)] = address;
}

Result<void> ClusterView::update(const wire::MetadataResponse& answer, bool whole) {
  MOLDAU_TRY(check(answer));
  if (!answer.brokers.empty()) {
    bootstrapping_ = false;
    brokers_.clear();
    for (const auto& broker : answer.brokers)
      brokers_[NodeId(broker.node_id)] = {std::string(broker.host.view()),
                                          static_cast<std::uint16_t>(broker.port),
                                          std::string(broker.rack.view())};
  }
  controller_.reset();
  if (answer.controller_id >= 0) controller_ = NodeId(answer.controller_id);
  if (!answer.cluster_id.is_null()) cluster_id_ = answer.cluster_id.view();
  std::set<std::string, std::less<>> told;
  for (const auto& topic : answer.topics) {
    if (topic.name.is_null()) continue;
    take_topic(topic);
    told.emplace(topic.name.view());
  }
  if (whole) {
    std::erase_if(topics_, [&](const auto& topic) { return !told.contains(topic.first); });
    std::erase_if(names_, [&](const auto& name) { return !told.contains(name.second); });
  }
  return {};
}

void ClusterView::take_topic(const wire::MetadataResponse::MetadataResponseTopic& told) {
  const std::string name(told.name.view());
  TopicView topic;
  topic.error = error_from_wire(told.error_code);
  topic.id = told.topic_id;
  topic.internal = told.is_internal;
  const auto before = topics_.find(name);
  const bool same =
      before != topics_.end() && (before->second.id == topic.id || topic.id == TopicId());
  topic.partitions.resize(told.partitions.size());
  for (const auto& part : told.partitions) {
    const auto index = static_cast<std::size_t>(part.partition_index);
    PartitionView& partition = topic.partitions[index];
    partition.error = error_from_wire(part.error_code);
    partition.leader = NodeId(part.leader_id);
    partition.leader_epoch = LeaderEpoch(part.leader_epoch);
    partition.replicas = ids_of(part.replica_nodes);
    partition.isr = ids_of(part.isr_nodes);
    partition.offline_replicas = ids_of(part.offline_replicas);
    // A broker that lags tells an older leader; of a topic made again epochs begin anew.
    if (!same || part.leader_epoch < 0 || index >= before->second.partitions.size()) continue;
    const PartitionView& known = before->second.partitions[index];
    if (known.leader_epoch > partition.leader_epoch) partition = known;
  }
  if (before != topics_.end() && !same) names_.erase(before->second.id);
  if (topic.id != TopicId()) names_[topic.id] = name;
  topics_[name] = std::move(topic);
}

bool ClusterView::leader_told(const std::string& topic, PartitionId partition, NodeId leader,
                              LeaderEpoch epoch) {
  const auto found = topics_.find(topic);
  const auto index = static_cast<std::size_t>(partition.value());
  if (found == topics_.end() || partition.value() < 0 || index >= found->second.partitions.size() ||
      leader.value() < 0)
    return false;
  PartitionView& known = found->second.partitions[index];
  if (known.leader_epoch >= epoch) return false;
  known.leader = leader;
  known.leader_epoch = epoch;
  known.error = ErrorCode::kNone;
  return true;
}

const BrokerAddress* ClusterView::broker(NodeId id) const {
  const auto found = brokers_.find(id);
  return found == brokers_.end() ? nullptr : &found->second;
}

const TopicView* ClusterView::topic(const std::string& name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}

const PartitionView* ClusterView::partition(const std::string& topic, PartitionId partition) const {
  const TopicView* found = this->topic(topic);
  const auto index = static_cast<std::size_t>(partition.value());
  if (!found || partition.value() < 0 || index >= found->partitions.size()) return nullptr;
  return &found->partitions[index];
}

std::string ClusterView::name_of(const TopicId& id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? std::string() : found->second;
}

}  // namespace moldau::client
