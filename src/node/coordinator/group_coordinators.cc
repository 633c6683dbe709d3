// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/group_coordinators.h"

#include <algorithm>
#include <utility>

namespace moldau::coordinator {
namespace {

/// More at a time would hold up the shard that replays it.
constexpr std::int32_t kPieceBytesMax = 256 << 10;

record::CompressionType compression_of(std::int32_t codec) {
  const bool known = codec >= 0 && codec <= static_cast<int>(record::CompressionType::kZstd);
  return known ? static_cast<record::CompressionType>(codec) : record::CompressionType::kNone;
}

}  // namespace

GroupKind::GroupKind(env::Shard& shard, const config::BrokerConfig& config)
    : shard_(shard),
      settings_(group::GroupSettings::from(config)),
      compression_(compression_of(config.values.offsets_topic_compression_codec)),
      commit_timeout_(config.values.offsets_commit_timeout_ms),
      piece_bytes_(static_cast<std::uint32_t>(
          std::clamp(config.values.offsets_load_buffer_size, 1, kPieceBytesMax))) {
  settings_.batch_bytes_max =
      static_cast<std::size_t>(std::max(config.values.message_max_bytes, 0));
}

group::GroupContext GroupKind::context(const image::MetadataImage& image) {
  return {shard_.now(), shard_.wall_now(), Uuid::random([this] { return shard_.random().next(); }),
          image};
}

void GroupKind::replay(Machine& machine, const LoggedBatch& batch) const {
  if (batch.is_marker) {
    if (batch.content.producer_id)
      machine.end_transaction(*batch.content.producer_id, batch.is_commit);
    return;
  }
  for (const record::KeyedRecord& record : batch.content.records) {
    const std::optional<ByteView> value =
        record.value ? std::optional<ByteView>(*record.value) : std::nullopt;
    if (batch.content.producer_id) {
      machine.replay_transactional(*batch.content.producer_id, batch.content.producer_epoch,
                                   record.key, value);
    } else {
      machine.replay(record.key, value);
    }
  }
}

GroupCoordinators::GroupCoordinators(env::Env& env, replica::ReplicaSet& replicas,
                                     const config::BrokerConfig& config)
    : Coordinators(replicas), images_(replicas.size()) {
  make(env, [&](env::Shard& shard) { return GroupKind(shard, config); });
}

void GroupCoordinators::show(std::uint32_t shard, const image::ImagePtr& image,
                             const image::MetadataChanges& changes) {
  const image::ImagePtr before = std::exchange(images_[shard], image);
  at(shard).show(image);
  if (!before || changes.deleted_topics.empty()) return;
  std::vector<group::DeletedTopic> deleted;
  for (const TopicId& id : changes.deleted_topics)
    if (const image::TopicImage* topic = before->topic(id)) deleted.emplace_back(topic->name, id);
  at(shard).tell_all(
      [&](group::GroupMachine& machine, const group::GroupContext& context) {
        return machine.topics_deleted(context, deleted);
      });
}

}  // namespace moldau::coordinator
