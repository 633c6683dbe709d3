// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/group_coordinators.h"

#include <algorithm>
#include <utility>

#include "node/coordinator/regex_topics.h"

namespace moldau::coordinator {
namespace {

constexpr std::string_view kSensors = "kafka_server_group_coordinator_metrics_";
/// More at a time would hold up the shard that replays it.
constexpr std::int32_t kPieceBytesMax = 256 << 10;

record::CompressionType compression_of(std::int32_t codec) {
  const bool known = codec >= 0 && codec <= static_cast<int>(record::CompressionType::kZstd);
  return known ? static_cast<record::CompressionType>(codec) : record::CompressionType::kNone;
}

group::GroupSettings settings_of(const config::BrokerConfig& config) {
  group::GroupSettings settings = group::GroupSettings::from(config);
  settings.batch_bytes_max = static_cast<std::size_t>(std::max(config.values.message_max_bytes, 0));
  return settings;
}

}  // namespace

GroupKind::GroupKind(GroupCoordinators& owner, env::Shard& shard, env::Metrics& metrics,
                     std::shared_ptr<RecentValues> recent_loads, const config::BrokerConfig& config)
    : owner_(owner),
      shard_(shard),
      settings_(settings_of(config)),
      compression_(compression_of(config.values.offsets_topic_compression_codec)),
      commit_timeout_(config.values.offsets_commit_timeout_ms),
      piece_bytes_(static_cast<std::uint32_t>(
          std::clamp(config.values.offsets_load_buffer_size, 1, kPieceBytesMax))),
      metrics_(metrics),
      runtime_metrics_(metrics, std::string(kSensors), std::move(recent_loads), shard.id()) {}

Millis GroupKind::count(PartitionId partition, const Machine& machine,
                        const image::MetadataImage&) {
  constexpr Millis kLeast(1'000);
  const group::GroupCounts counts = machine.counts();
  metrics_.count(partition, counts);
  return std::max(kLeast, Millis(counts.groups / 10));
}

void GroupKind::at_once(PartitionId partition, const Effects& effects) {
  for (const group::RegexQuestion& question : effects.questions)
    owner_.resolve(shard_, partition, question);
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
                                     const config::BrokerConfig& config,
                                     std::shared_ptr<const security::AuthorizerSettings> authorizer)
    : Coordinators(replicas),
      logger_(env.logger()),
      authorizer_(std::move(authorizer)),
      images_(replicas.size()),
      configs_(replicas.size()) {
  const auto recent_loads = LoadTimes::recent_of(env, std::string(kSensors));
  make(env, [&](env::Shard& shard) {
    return GroupKind(*this, shard, env.metrics(), recent_loads, config);
  });
}

void GroupCoordinators::show(std::uint32_t shard, const image::ImagePtr& image,
                             const image::MetadataChanges& changes,
                             const std::shared_ptr<const config::BrokerConfig>& config) {
  const image::ImagePtr before = std::exchange(images_[shard], image);
  follow_config(shard, config);
  at(shard).show(image);
  std::vector<std::string> changed;
  bool any_new = false;
  for (const auto& [id, change] : changes.topics) {
    const image::TopicImage* topic = image->topic(id);
    if (topic) changed.push_back(topic->name);
    any_new = any_new || change.created;
  }
  std::vector<group::DeletedTopic> deleted;
  for (const TopicId& id : changes.deleted_topics)
    if (const image::TopicImage* topic = before ? before->topic(id) : nullptr)
      deleted.emplace_back(topic->name, id);
  if (changed.empty() && deleted.empty()) return;
  std::optional<Offset> new_in;
  if (any_new) new_in = image->provenance().offset;
  at(shard).tell_all([&](group::GroupMachine& machine, const group::GroupContext& context) {
    machine.topics_changed(changed, new_in);
    if (deleted.empty()) return group::GroupEffects();
    return machine.topics_deleted(context, deleted);
  });
}

void GroupCoordinators::follow_config(std::uint32_t shard,
                                      const std::shared_ptr<const config::BrokerConfig>& config) {
  if (!config || configs_[shard] == config) return;
  const bool is_first = configs_[shard] == nullptr;
  configs_[shard] = config;
  if (is_first) return;
  const group::GroupSettings settings = settings_of(*config);
  at(shard).kind().set_settings(settings);
  at(shard).tell_all([&](group::GroupMachine& machine, const group::GroupContext&) {
    machine.reconfigure(settings);
    return group::GroupEffects();
  });
}

void GroupCoordinators::resolve(env::Shard& shard, PartitionId partition,
                                group::RegexQuestion question) {
  struct Work {
    group::RegexQuestion question;
    group::ResolvedRegexes resolved;
  };
  auto work = std::make_shared<Work>();
  work->question = std::move(question);
  const image::ImagePtr image = images_[shard.id().value()];
  const Timestamp now = shard.wall_now();
  shard.run_blocking(
      env::kGeneralPool,
      [work, image, now, authorizer = authorizer_, &logger = logger_] {
        work->resolved = visible_regexes(work->question, *image, now, authorizer.get(), logger);
      },
      [this, alive = alive_, work, partition, index = shard.id().value()] {
        if (!*alive) return;
        at(index).tell(
            partition, [&](group::GroupMachine& machine, const group::GroupContext& context) {
              return machine.regexes_resolved(context, work->question.group_id, work->resolved);
            });
      });
}

}  // namespace moldau::coordinator
