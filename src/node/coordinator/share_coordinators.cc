// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/share_coordinators.h"

#include <algorithm>
#include <utility>

namespace moldau::coordinator {
namespace {

constexpr std::int32_t kPieceBytesMax = 256 << 10;
constexpr std::string_view kSensors = "kafka_server_share_coordinator_metrics_";

share::ShareStateSettings settings_of(const config::BrokerValues& values) {
  share::ShareStateSettings settings;
  settings.updates_per_snapshot = values.share_coordinator_snapshot_update_records_per_snapshot;
  settings.cold_snapshot_interval =
      Millis(values.share_coordinator_cold_partition_snapshot_interval_ms);
  settings.prune_interval = Millis(values.share_coordinator_state_topic_prune_interval_ms);
  settings.batch_bytes_max = static_cast<std::size_t>(std::max(values.message_max_bytes, 0));
  return settings;
}

record::CompressionType compression_of(std::int32_t codec) {
  const bool known = codec >= 0 && codec <= static_cast<int>(record::CompressionType::kZstd);
  return known ? static_cast<record::CompressionType>(codec) : record::CompressionType::kNone;
}

}  // namespace

ShareKind::ShareKind(replica::ReplicaHost& host, std::shared_ptr<RecentValues> recent_loads,
                     const config::BrokerConfig& config)
    : host_(host),
      settings_(settings_of(config.values)),
      compression_(compression_of(config.values.share_coordinator_state_topic_compression_codec)),
      commit_timeout_(config.values.share_coordinator_write_timeout_ms),
      piece_bytes_(static_cast<std::uint32_t>(
          std::clamp(config.values.share_coordinator_load_buffer_size, 1, kPieceBytesMax))),
      metrics_(host.env().metrics()),
      runtime_metrics_(host.env().metrics(), std::string(kSensors), std::move(recent_loads),
                       host.shard().id()) {}

Millis ShareKind::count(PartitionId partition, const Machine& machine,
                        const image::MetadataImage&) {
  metrics_.count(partition, machine.writes());
  return Millis(1'000);
}

share::ShareContext ShareKind::context(const image::MetadataImage& image) const {
  return {host_.shard().now(), host_.shard().wall_now(), image};
}

void ShareKind::replay(Machine& machine, const LoggedBatch& batch) const {
  if (batch.is_marker) return;
  Offset at = batch.base_offset;
  for (const record::KeyedRecord& record : batch.content.records) {
    machine.replay(record.key, record.value ? std::optional<ByteView>(*record.value) : std::nullopt,
                   at);
    ++at;
  }
}

void ShareKind::when_committed(PartitionId partition, const image::ImagePtr& image,
                               const Effects& effects) {
  const image::TopicImage* topic = image->topic(kShareTopic);
  if (!topic) return;
  TopicIdPartition id;
  id.topic_id = topic->id;
  id.partition = partition;
  replica::HostedPartition* hosted = host_.find(id);
  if (!hosted) return;
  const Result<Offset> start = hosted->delete_records(*effects.prune_before);
  // What cannot be taken away now is taken with the next.
  if (!start.ok())
    host_.env().logger().warn("coordinator", "cannot prune {}-{} up to {}: {}", kShareTopic,
                              partition.value(), effects.prune_before->value(),
                              start.error().text());
  else
    metrics_.pruned(partition, *start);
}

ShareCoordinators::ShareCoordinators(env::Env& env, replica::ReplicaSet& replicas,
                                     const config::BrokerConfig& config)
    : Coordinators(replicas),
      images_(replicas.size()),
      write_times_(RecentValues::shown_as(env, std::string(kSensors) + "write_latency")) {
  const auto recent_loads = LoadTimes::recent_of(env, std::string(kSensors));
  make(env, [&](env::Shard& shard) {
    return ShareKind(replicas.host(shard.id().value()), recent_loads, config);
  });
}

void ShareCoordinators::show(std::uint32_t shard, const image::ImagePtr& image,
                             const image::MetadataChanges& changes) {
  images_[shard] = image;
  at(shard).show(image);
  if (!changes.deleted_topics.empty()) {
    const std::vector<TopicId> deleted(changes.deleted_topics.begin(),
                                       changes.deleted_topics.end());
    at(shard).tell_all([&](share::ShareMachine& machine, const share::ShareContext& context) {
      return machine.topics_deleted(context, deleted);
    });
  }
}

}  // namespace moldau::coordinator
