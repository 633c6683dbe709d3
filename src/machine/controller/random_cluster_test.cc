// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "machine/controller/test_cluster.h"

// KIP-631: what the log says is all there is.

namespace moldau::controller {
namespace {

/// What must hold of every partition, whatever happened before.
void check_partitions(const TestCluster& cluster, std::uint64_t seed) {
  const image::MetadataImage& image = cluster.machine->image();
  for (const auto& [id, topic] : image.topics()) {
    for (const auto& [index, state] : topic.partitions) {
      ASSERT_EQ(state.directories.size(), state.replicas.size()) << "seed " << seed;
      for (NodeId member : state.isr) {
        ASSERT_TRUE(state.replicas.contains(member)) << "seed " << seed;
        ASSERT_FALSE(state.elr.contains(member)) << "seed " << seed;
        // Only the last of an ISR may stay in it while it is away.
        const image::BrokerRegistration* broker = image.broker(member);
        const bool active = broker != nullptr && broker->active();
        ASSERT_TRUE(active || (state.isr.size() == 1 && !state.has_leader()))
            << "seed " << seed << ": broker " << member.value() << " in the ISR of " << topic.name
            << "-" << index.value() << ", leader " << state.leader.value();
      }
      if (!state.has_leader()) continue;
      ASSERT_TRUE(state.isr.contains(state.leader)) << "seed " << seed;
      const image::BrokerRegistration* leader = image.broker(state.leader);
      ASSERT_NE(leader, nullptr) << "seed " << seed;
      ASSERT_FALSE(leader->fenced) << "seed " << seed;
    }
  }
}

class RandomCluster {
 public:
  explicit RandomCluster(std::uint64_t seed)
      : seed_(seed),
        dice_(seed),
        cluster_(dice_.below(4) == 0 ? std::int16_t{20} : std::int16_t{30}, dice_.below(2) == 0) {}

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      step();
      check_partitions(cluster_, seed_);
      if (i % 20 == 0) cluster_.check();
      if (dice_.below(40) == 0) cluster_.start();
    }
    cluster_.check();
  }

 private:
  std::int32_t broker() { return static_cast<std::int32_t>(1 + dice_.below(5)); }
  std::string topic() { return "t" + std::to_string(dice_.below(4)); }

  void step() {
    switch (dice_.below(12)) {
      case 0:
        return register_broker();
      case 1:
      case 2:
        return heartbeat();
      case 3:
        return create();
      case 4:
        return alter_isr();
      case 5:
        return reassign();
      case 6:
        return elect();
      case 7:
        return pass_time();
      case 8:
        return configure();
      case 9:
        return grow();
      case 10:
        return dice_.below(4) == 0 ? remove() : heartbeat();
      default:
        return alter_isr();
    }
  }

  void register_broker() {
    auto request = cluster_.registration(broker(), static_cast<std::int64_t>(dice_.below(3)));
    const auto* existing = cluster_.machine->image().broker(NodeId(request.broker_id));
    if (existing != nullptr && dice_.below(2) == 0) {
      request.previous_broker_epoch = existing->epoch.value();
    }
    cluster_.write(cluster_.machine->decide_broker_registration(request, cluster_.context(4)));
  }
  void heartbeat() {
    const std::int32_t id = broker();
    if (cluster_.machine->image().broker(NodeId(id)) == nullptr) return;
    // Whoever was told to stop comes back as a new incarnation only.
    const auto& registration = *cluster_.machine->image().broker(NodeId(id));
    if (registration.fenced && registration.in_controlled_shutdown) return;
    auto request = cluster_.heartbeat_of(id);
    request.want_fence = dice_.below(10) == 0;
    request.want_shut_down = dice_.below(10) == 0;
    if (dice_.below(15) == 0) request.offline_log_dirs = {TestCluster::dir(id)};
    cluster_.heartbeat(request);
  }
  void create() {
    auto request = TestCluster::creation(topic(), static_cast<std::int32_t>(1 + dice_.below(3)),
                                         static_cast<std::int16_t>(1 + dice_.below(3)));
    if (dice_.below(2) == 0) {
      auto& entry = request.topics[0].configs.emplace_back();
      entry.name = "min.insync.replicas";
      entry.value = wire::Text(std::to_string(1 + dice_.below(3)));
    }
    if (dice_.below(3) == 0) {
      auto& entry = request.topics[0].configs.emplace_back();
      entry.name = "unclean.leader.election.enable";
      entry.value = "true";
    }
    cluster_.create(request);
  }
  const image::TopicImage* any_topic() { return cluster_.machine->image().topic(topic()); }

  void alter_isr() {
    const image::TopicImage* found = any_topic();
    if (found == nullptr) return;
    const auto index = static_cast<std::int32_t>(dice_.below(found->partitions.size()));
    const image::PartitionState& state = *found->partition(PartitionId(index));
    if (!state.has_leader()) return;
    std::vector<std::int32_t> isr;
    for (NodeId id : state.replicas) {
      if (id == state.leader || dice_.below(3) != 0) isr.push_back(id.value());
    }
    auto request = cluster_.isr_change(found->id, isr, index);
    if (dice_.below(20) == 0) --request.topics[0].partitions[0].partition_epoch;
    cluster_.alter_isr(request);
  }
  void reassign() {
    wire::AlterPartitionReassignmentsRequest request;
    auto& out = request.topics.emplace_back();
    out.name = wire::Text(topic());
    auto& partition = out.partitions.emplace_back();
    if (dice_.below(4) != 0) {
      partition.replicas.emplace();
      for (std::size_t i = 0; i <= dice_.below(3); ++i) partition.replicas->push_back(broker());
    }
    cluster_.write(cluster_.machine->decide_alter_partition_reassignments(request));
  }
  void elect() {
    wire::ElectLeadersRequest request;
    request.election_type = static_cast<std::int8_t>(dice_.below(2));
    request.topic_partitions = std::nullopt;
    cluster_.write(cluster_.machine->decide_elect_leaders(request, cluster_.context(2)));
  }
  void pass_time() {
    cluster_.now = cluster_.now + Millis(static_cast<std::int64_t>(dice_.below(4000)));
    cluster_.tick();
  }
  void configure() {
    wire::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = dice_.below(3) == 0 ? 4 : 2;
    resource.resource_name = resource.resource_type == 4 ? wire::Text("") : wire::Text(topic());
    auto& entry = resource.configs.emplace_back();
    entry.name = "min.insync.replicas";
    entry.value = wire::Text(std::to_string(1 + dice_.below(3)));
    cluster_.write(cluster_.machine->decide_incremental_alter_configs(request));
  }
  void grow() {
    const image::TopicImage* found = any_topic();
    if (found == nullptr) return;
    wire::CreatePartitionsRequest request;
    auto& out = request.topics.emplace_back();
    out.name = wire::Text(found->name);
    out.count = static_cast<std::int32_t>(found->partitions.size()) + 1;
    out.assignments = std::nullopt;
    if (out.count > 6) return;
    cluster_.write(cluster_.machine->decide_create_partitions(request, cluster_.context(3)));
  }
  void remove() {
    if (dice_.below(2) == 0) {
      wire::DeleteTopicsRequest request;
      request.topics.emplace_back().name = wire::Text(topic());
      cluster_.write(cluster_.machine->decide_delete_topics(request, cluster_.context(6)));
    } else {
      wire::UnregisterBrokerRequest request;
      request.broker_id = broker();
      cluster_.write(cluster_.machine->decide_unregister_broker(request));
    }
  }

  std::uint64_t seed_;
  Dice dice_;
  TestCluster cluster_;
};

TEST(RandomClusterTest, TheLogAloneMakesTheControllersImage) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomCluster(seed).run(300);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace moldau::controller
