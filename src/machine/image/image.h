// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/types.h"
#include "machine/image/acl.h"
#include "machine/image/metadata_version.h"
#include "machine/image/partition_state.h"
#include "machine/image/persistent_map.h"
#include "machine/image/registration.h"

namespace moldau::image {

/// What a configuration applies to. The numbers are on the wire and on disk.
enum class ResourceType : std::int8_t {
  kUnknown = 0,
  kTopic = 2,
  kBroker = 4,
  kBrokerLogger = 8,
  kClientMetrics = 16,
  kGroup = 32,
};

/// A topic, a broker ("" is the default of all brokers), a client-metrics subscription, a group.
struct ConfigResource {
  ConfigResource() = default;
  ConfigResource(ResourceType t, std::string n) : type(t), name(std::move(n)) {}
  ResourceType type = ResourceType::kUnknown;
  std::string name;
  auto operator<=>(const ConfigResource&) const = default;
};

using ConfigEntries = std::map<std::string, std::string, std::less<>>;

/// Whom a client quota binds: entity types with names; no name is the default of that type.
struct QuotaEntity {
  QuotaEntity() = default;
  /// "user", "client-id", "ip".
  std::map<std::string, std::optional<std::string>, std::less<>> parts;
  auto operator<=>(const QuotaEntity&) const = default;
};

using QuotaValues = std::map<std::string, double, std::less<>>;

/// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512; then the user.
using ScramKey = std::pair<std::int8_t, std::string>;

struct ScramCredential {
  ScramCredential() = default;
  std::vector<std::byte> salt;
  std::vector<std::byte> stored_key;
  std::vector<std::byte> server_key;
  std::int32_t iterations = 0;
  bool operator==(const ScramCredential&) const = default;
};

struct DelegationToken {
  DelegationToken() = default;
  std::string owner;
  std::string requester;
  std::vector<std::string> renewers;
  Timestamp issued{0};
  Timestamp max{0};
  Timestamp expires{0};
  bool operator==(const DelegationToken&) const = default;
};

using Partitions = PersistentMap<PartitionId, PartitionState>;

struct TopicImage {
  TopicImage() = default;
  std::string name;
  TopicId id;
  Partitions partitions;

  const PartitionState* partition(PartitionId index) const { return partitions.find(index); }
  bool operator==(const TopicImage&) const = default;
};

/// How far into the metadata log an image reaches.
struct Provenance {
  Provenance() = default;
  Provenance(Offset o, LeaderEpoch e, Timestamp t) : offset(o), epoch(e), timestamp(t) {}
  /// The last offset contained; -1 if there is none.
  Offset offset{-1};
  LeaderEpoch epoch{-1};
  Timestamp timestamp{-1};
  bool operator==(const Provenance&) const = default;
};

/// All that the metadata log says up to one offset.
///
/// A copy costs a dozen reference counts; images that follow each other share what did not change.
/// Path     MetadataDelta::apply → this → every shard of the node, by pointer.
/// Thread   immutable once it left its MetadataDelta.
/// Bounds   about 250 bytes for each partition of up to three replicas.
/// Source   MetadataImage; KIP-631.
class MetadataImage {
 public:
  MetadataImage() = default;

  const Provenance& provenance() const { return provenance_; }
  MetadataVersion metadata_version() const { return metadata_version_; }
  /// Levels above 0 of all features but metadata.version.
  const std::map<std::string, std::int16_t, std::less<>>& features() const { return features_; }
  /// 0 if it is not finalized; metadata.version included.
  std::int16_t feature_level(std::string_view name) const;
  bool elr_enabled() const { return feature_level(kElrFeature) > 0; }
  /// True if a record has set the metadata.version.
  bool has_metadata_version() const { return has_metadata_version_; }

  const PersistentMap<NodeId, BrokerRegistration>& brokers() const { return brokers_; }
  const BrokerRegistration* broker(NodeId id) const { return brokers_.find(id); }
  const PersistentMap<NodeId, ControllerRegistration>& controllers() const { return controllers_; }

  /// By name.
  const PersistentMap<std::string, TopicId>& topic_ids() const { return topic_ids_; }
  const PersistentMap<TopicId, TopicImage>& topics() const { return topics_; }
  const TopicImage* topic(const TopicId& id) const { return topics_.find(id); }
  const TopicImage* topic(std::string_view name) const;
  const PartitionState* partition(const TopicId& id, PartitionId index) const;

  const PersistentMap<ConfigResource, std::shared_ptr<const ConfigEntries>>& configs() const {
    return configs_;
  }
  /// Empty if nothing is set.
  const ConfigEntries& config(const ConfigResource& resource) const;
  const ConfigEntries& topic_config(std::string_view name) const {
    return config(ConfigResource(ResourceType::kTopic, std::string(name)));
  }
  const ConfigEntries& broker_config(NodeId id) const {
    return config(ConfigResource(ResourceType::kBroker, std::to_string(id.value())));
  }
  const ConfigEntries& broker_default_config() const {
    return config(ConfigResource(ResourceType::kBroker, ""));
  }

  const PersistentMap<QuotaEntity, std::shared_ptr<const QuotaValues>>& client_quotas() const {
    return client_quotas_;
  }
  /// The first producer id of the next block; -1 if none was ever given out.
  ProducerId next_producer_id() const { return next_producer_id_; }
  const PersistentMap<Uuid, Acl>& acls() const { return acls_; }
  /// The same ACLs for whoever looks for those of a resource.
  const AclIndex& acl_index() const { return acl_index_; }
  const PersistentMap<ScramKey, ScramCredential>& scram() const { return scram_; }
  /// By token id.
  const PersistentMap<std::string, DelegationToken>& delegation_tokens() const { return tokens_; }

  bool is_empty() const;
  /// Compares the content, not the provenance.
  bool same_content(const MetadataImage& other) const;

 private:
  friend class MetadataDelta;

  Provenance provenance_;
  /// No node reachable from here was made under a higher edit.
  Edit edit_ = 0;
  MetadataVersion metadata_version_;
  bool has_metadata_version_ = false;
  std::map<std::string, std::int16_t, std::less<>> features_;
  PersistentMap<NodeId, BrokerRegistration> brokers_;
  PersistentMap<NodeId, ControllerRegistration> controllers_;
  PersistentMap<std::string, TopicId> topic_ids_;
  PersistentMap<TopicId, TopicImage> topics_;
  PersistentMap<ConfigResource, std::shared_ptr<const ConfigEntries>> configs_;
  PersistentMap<QuotaEntity, std::shared_ptr<const QuotaValues>> client_quotas_;
  ProducerId next_producer_id_{-1};
  PersistentMap<Uuid, Acl> acls_;
  AclIndex acl_index_;
  PersistentMap<ScramKey, ScramCredential> scram_;
  PersistentMap<std::string, DelegationToken> tokens_;
};

using ImagePtr = std::shared_ptr<const MetadataImage>;

}  // namespace moldau::image
