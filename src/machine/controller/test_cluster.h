// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error_code.h"
#include "config/broker_config.h"
#include "machine/controller/controller_machine.h"

namespace moldau::controller {

/// For tests: a controller, the log it writes, and a follower that reads it.
///
/// Every decision goes through its bytes into the log; check() compares the controller's mirror
/// with what a stranger makes of the log.
/// Thread   one test.
class TestCluster {
 public:
  explicit TestCluster(std::int16_t metadata_version = 30, bool elr = true) {
    static const auto config = std::make_shared<const config::BrokerConfig>(
        config::load_broker_config(config::default_single_node_properties()).value().config);
    settings.node_id = NodeId(100);
    settings.cluster_id = "cluster";
    settings.broker_config = config;
    settings.num_partitions = 1;
    image::RecordList bootstrap;
    const image::MetadataVersion version(metadata_version);
    for (const image::FeatureSupport& feature : image::supported_features()) {
      const std::int16_t level = image::default_feature_level(feature, version);
      const bool skip = feature.name == image::kKraftVersionFeature || level == 0 ||
                        (feature.name == image::kElrFeature && !elr);
      if (!skip) bootstrap.feature_level(feature.name, level);
    }
    image::ImageLoader loader;
    EXPECT_TRUE(loader.load_snapshot(bootstrap.records(), image::Provenance()).ok());
    bootstrap_ = loader.latest();
    start();
    write(machine->decide_activation(bootstrap_));
  }

  /// A new controller on the log as it is.
  void start() { machine = std::make_unique<ControllerMachine>(settings, log.fork(), now); }

  RequestContext context(std::int16_t version = 0) {
    RequestContext c;
    c.version = version;
    c.now = now;
    c.next_offset = next_offset;
    c.seed = ++seed_;
    return c;
  }

  template <class Response>
  Response write(const Decision<Response>& decision) {
    last = decision.records.records();
    EXPECT_TRUE(!decision.atomic || last.size() <= kRecordsPerOperationMax + 100);
    std::vector<std::vector<std::byte>> bytes;
    std::vector<image::MetadataRecord> parsed;
    for (const image::MetadataRecord& record : last) {
      bytes.push_back(image::serialize_record(record));
      auto back = image::parse_record(bytes.back());
      EXPECT_TRUE(back.ok());
      parsed.push_back(std::move(*back));
    }
    const auto mirrored = machine->replay(last, next_offset, now);
    EXPECT_TRUE(mirrored.ok()) << mirrored.error().text();
    const auto followed = log.replay(parsed, next_offset, LeaderEpoch(1), Timestamp(0));
    EXPECT_TRUE(followed.ok()) << followed.error().text();
    next_offset += static_cast<std::int64_t>(last.size());
    return decision.response;
  }

  void check() {
    EXPECT_TRUE(machine->image().same_content(log.latest()));
    image::MetadataDelta copy{image::MetadataImage()};
    for (const auto& record : image::write_records(log.latest()).records()) {
      ASSERT_TRUE(copy.replay(record).ok());
    }
    EXPECT_TRUE(copy.image().same_content(log.latest()));
  }

  wire::BrokerRegistrationRequest registration(std::int32_t id, std::int64_t incarnation = 1) {
    wire::BrokerRegistrationRequest request;
    request.broker_id = id;
    request.cluster_id = "cluster";
    request.incarnation_id = Uuid(id, incarnation);
    request.rack = wire::Text::null();
    for (const image::FeatureSupport& support : image::supported_features()) {
      auto& feature = request.features.emplace_back();
      feature.name = support.name;
      feature.min_supported_version = support.min_level;
      feature.max_supported_version = support.max_level;
    }
    auto& listener = request.listeners.emplace_back();
    listener.name = "PLAINTEXT";
    listener.host = "localhost";
    listener.port = 9092;
    request.log_dirs = {dir(id)};
    return request;
  }
  static DirectoryId dir(std::int32_t id) { return Uuid(5000 + id, 1); }

  wire::BrokerHeartbeatRequest heartbeat_of(std::int32_t id) {
    wire::BrokerHeartbeatRequest request;
    request.broker_id = id;
    request.broker_epoch = machine->image().broker(NodeId(id))->epoch.value();
    request.current_metadata_offset = next_offset.value() - 1;
    return request;
  }
  wire::BrokerHeartbeatResponse heartbeat(const wire::BrokerHeartbeatRequest& request) {
    return write(machine->broker_heartbeat(request, context(2)));
  }
  wire::BrokerHeartbeatResponse heartbeat(std::int32_t id) { return heartbeat(heartbeat_of(id)); }

  /// Registers and unfences.
  void add_broker(std::int32_t id, const char* rack = nullptr) {
    auto request = registration(id);
    if (rack != nullptr) request.rack = rack;
    const auto response = write(machine->decide_broker_registration(request, context(4)));
    ASSERT_EQ(response.error_code, 0);
    ASSERT_FALSE(heartbeat(id).is_fenced);
  }
  void add_brokers(std::int32_t count) {
    for (std::int32_t id = 1; id <= count; ++id) add_broker(id);
  }

  static wire::CreateTopicsRequest creation(std::string_view name, std::int32_t partitions = -1,
                                            std::int16_t replication_factor = -1) {
    wire::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = wire::Text::copy_of(name);
    topic.num_partitions = partitions;
    topic.replication_factor = replication_factor;
    return request;
  }
  wire::CreateTopicsResponse create(const wire::CreateTopicsRequest& request) {
    return write(machine->decide_create_topics(request, context(7)));
  }
  /// A topic with this assignment, and optionally one config.
  TopicId create_assigned(std::string_view name, std::vector<std::vector<std::int32_t>> replicas,
                          std::string_view key = {}, std::string_view value = {}) {
    auto request = creation(name);
    auto& topic = request.topics.front();
    for (auto& ids : replicas) {
      auto& assignment = topic.assignments.emplace_back();
      assignment.partition_index = static_cast<std::int32_t>(topic.assignments.size()) - 1;
      assignment.broker_ids = std::move(ids);
    }
    if (!key.empty()) {
      auto& entry = topic.configs.emplace_back();
      entry.name = wire::Text::copy_of(key);
      entry.value = wire::Text::copy_of(value);
    }
    const auto response = create(request);
    EXPECT_EQ(response.topics.front().error_code, 0)
        << response.topics.front().error_message.view();
    return response.topics.front().topic_id;
  }
  const image::PartitionState& partition(const TopicId& id, std::int32_t index = 0) const {
    return *machine->image().partition(id, PartitionId(index));
  }
  wire::AlterPartitionRequest isr_change(const TopicId& id, std::vector<std::int32_t> isr,
                                         std::int32_t index = 0) {
    const image::PartitionState& state = partition(id, index);
    wire::AlterPartitionRequest request;
    request.broker_id = state.leader.value();
    request.broker_epoch = machine->image().broker(state.leader)->epoch.value();
    auto& topic = request.topics.emplace_back();
    topic.topic_id = id;
    auto& data = topic.partitions.emplace_back();
    data.partition_index = index;
    data.leader_epoch = state.leader_epoch.value();
    data.partition_epoch = state.partition_epoch.value();
    for (std::int32_t member : isr) {
      auto& out = data.new_isr_with_epochs.emplace_back();
      out.broker_id = member;
      const auto* broker = machine->image().broker(NodeId(member));
      out.broker_epoch = broker == nullptr ? 0 : broker->epoch.value();
    }
    return request;
  }
  wire::AlterPartitionResponse::PartitionData alter_isr(
      const wire::AlterPartitionRequest& request) {
    const auto response = write(machine->decide_alter_partition(request, context(3)));
    EXPECT_EQ(response.error_code, 0);
    return response.topics.front().partitions.front();
  }
  /// Time goes by until the session of `id` alone is over.
  void expire(std::int32_t id, const std::set<std::int32_t>& alive) {
    for (int i = 0; i < 10; ++i) {
      now = now + Millis(1000);
      for (std::int32_t other : alive) heartbeat(other);
      tick();
    }
    ASSERT_TRUE(machine->image().broker(NodeId(id))->fenced);
  }
  void tick() {
    for (int i = 0; i < 100; ++i) {
      const auto decision = machine->tick(context());
      if (!decision) return;
      write(*decision);
    }
    FAIL() << "tick never ends";
  }
  std::vector<std::string> names_of_last() const {
    std::vector<std::string> names;
    for (const auto& record : last) names.emplace_back(image::record_name(record));
    return names;
  }

  ControllerSettings settings;
  image::ImageLoader log;
  std::unique_ptr<ControllerMachine> machine;
  MonoTime now{1'000'000'000};
  Offset next_offset{0};
  std::vector<image::MetadataRecord> last;

 private:
  image::MetadataImage bootstrap_;
  std::uint64_t seed_ = 0;
};

inline std::vector<NodeId> nodes(std::initializer_list<std::int32_t> ids) {
  return to_node_ids(std::vector<std::int32_t>(ids));
}
inline ErrorCode code_of(std::int16_t code) {
  return error_from_wire(code);
}

}  // namespace moldau::controller
