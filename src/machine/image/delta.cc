// SPDX-License-Identifier: Apache-2.0
#include "machine/image/delta.h"

#include <algorithm>
#include <utility>

namespace moldau::image {
namespace {

std::vector<NodeId> to_ids(const std::vector<std::int32_t>& ids) {
  std::vector<NodeId> out;
  out.reserve(ids.size());
  for (std::int32_t id : ids) out.emplace_back(id);
  return out;
}

std::optional<std::vector<NodeId>> to_ids(const std::optional<std::vector<std::int32_t>>& ids) {
  if (!ids) return std::nullopt;
  return to_ids(*ids);
}

Error contradiction(std::string detail) {
  return Error(ErrorCode::kInvalidRecordState, std::move(detail));
}

std::string partition_name(const TopicId& id, PartitionId index) {
  return id.text() + ":" + std::to_string(index.value());
}

Result<void> check_partition(const TopicId& id, PartitionId index, const PartitionState& state) {
  const std::string name = partition_name(id, index);
  if (index.value() < 0) return contradiction("partition " + name + " has a negative number");
  if (state.has_leader() && !state.replicas.contains(state.leader)) {
    return contradiction("leader " + std::to_string(state.leader.value()) + " of partition " +
                         name + " is none of its replicas");
  }
  if (state.directories.size() != state.replicas.size()) {
    return contradiction("partition " + name + " has " + std::to_string(state.replicas.size()) +
                         " replicas but " + std::to_string(state.directories.size()) +
                         " directories");
  }
  return {};
}

std::optional<LeaderRecoveryState> recovery_state_of(std::int8_t value) {
  if (value == 0) return LeaderRecoveryState::kRecovered;
  if (value == 1) return LeaderRecoveryState::kRecovering;
  return std::nullopt;
}

template <class Record>
std::vector<Endpoint> endpoints_of(const Record& record) {
  std::vector<Endpoint> out;
  for (const auto& in : record.end_points) {
    Endpoint& endpoint = out.emplace_back();
    endpoint.listener = in.name.str();
    endpoint.host = in.host.str();
    endpoint.port = in.port;
    endpoint.security_protocol = in.security_protocol;
  }
  return out;
}

template <class Record>
std::vector<FeatureRange> features_of(const Record& record) {
  std::vector<FeatureRange> out;
  for (const auto& in : record.features) {
    FeatureRange& feature = out.emplace_back();
    feature.name = in.name.str();
    feature.min_level = in.min_supported_version;
    feature.max_level = in.max_supported_version;
  }
  return out;
}

/// The keys of two maps whose values differ, in one walk over both.
template <class Map, class Same, class Keys>
void find_differences(const Map& before, const Map& after, Same same, Keys& keys) {
  auto a = before.begin();
  auto b = after.begin();
  while (a != before.end() || b != after.end()) {
    if (b == after.end() || (a != before.end() && a->first < b->first)) {
      keys.insert((a++)->first);
    } else if (a == before.end() || b->first < a->first) {
      keys.insert((b++)->first);
    } else {
      if (!same(a->second, b->second)) keys.insert(a->first);
      ++a;
      ++b;
    }
  }
}

std::vector<std::byte> bytes_of(const wire::Bytes& bytes) {
  return {bytes.view().begin(), bytes.view().end()};
}

constexpr auto kSameValue = [](const auto& a, const auto& b) { return a == b; };
constexpr auto kSamePointee = [](const auto& a, const auto& b) { return *a == *b; };

}  // namespace

bool MetadataChanges::empty() const {
  return !metadata_version && features.empty() && brokers.empty() && controllers.empty() &&
         topics.empty() && deleted_topics.empty() && configs.empty() && client_quotas.empty() &&
         !producer_ids && acls.empty() && scram.empty() && delegation_tokens.empty();
}

/// Applies one record; one overload per type.
struct MetadataDelta::Replay {
  MetadataDelta& delta;
  MetadataImage& image = delta.image_;
  MetadataChanges& changes = delta.changes_;
  Edit edit = delta.image_.edit_;

  Result<void> operator()(const wire::TopicRecord& record) {
    const std::string name = record.name.str();
    if (image.topic_ids_.contains(name)) {
      return contradiction("there is a topic '" + name + "' already");
    }
    if (record.topic_id.is_zero() || image.topics_.contains(record.topic_id)) {
      return contradiction("topic id " + record.topic_id.text() + " is not free");
    }
    TopicImage topic;
    topic.name = name;
    topic.id = record.topic_id;
    image.topics_.set(edit, topic.id, topic);
    image.topic_ids_.set(edit, name, topic.id);
    changes.topics[topic.id].created = true;
    return {};
  }

  Result<void> operator()(const wire::RemoveTopicRecord& record) {
    const TopicImage* topic = image.topics_.find(record.topic_id);
    if (topic == nullptr) {
      return contradiction("cannot remove unknown topic id " + record.topic_id.text());
    }
    const std::string name = topic->name;
    const ConfigResource resource(ResourceType::kTopic, name);
    image.topics_.erase(edit, record.topic_id);
    image.topic_ids_.erase(edit, name);
    if (image.configs_.contains(resource)) {
      image.configs_.erase(edit, resource);
      changes.configs.insert(resource);
    }
    changes.topics.erase(record.topic_id);
    if (delta.base_.topics_.contains(record.topic_id)) {
      changes.deleted_topics.insert(record.topic_id);
    }
    return {};
  }

  Result<void> set_partition(const TopicId& id, PartitionId index, PartitionState state) {
    const TopicImage* found = image.topics_.find(id);
    if (found == nullptr) return contradiction("partition of unknown topic id " + id.text());
    MOLDAU_TRY(check_partition(id, index, state));
    TopicImage topic = *found;
    topic.partitions.set(edit, index, std::move(state));
    image.topics_.set(edit, id, std::move(topic));
    changes.topics[id].partitions.insert(index);
    return {};
  }

  Result<void> operator()(const wire::PartitionRecord& record) {
    const auto recovery = recovery_state_of(record.leader_recovery_state);
    if (!recovery) return contradiction("unknown leader recovery state");
    PartitionState state;
    state.replicas = ReplicaList(to_ids(record.replicas));
    state.isr = ReplicaList(to_ids(record.isr));
    state.removing_replicas = ReplicaList(to_ids(record.removing_replicas));
    state.adding_replicas = ReplicaList(to_ids(record.adding_replicas));
    if (record.eligible_leader_replicas) {
      state.elr = ReplicaList(to_ids(*record.eligible_leader_replicas));
    }
    if (record.last_known_elr) state.last_known_elr = ReplicaList(to_ids(*record.last_known_elr));
    state.directories = record.directories;
    // Written before directories existed.
    if (state.directories.empty()) {
      state.directories.assign(state.replicas.size(), kDirectoryMigrating);
    }
    state.leader = NodeId(record.leader);
    state.leader_epoch = LeaderEpoch(record.leader_epoch);
    state.partition_epoch = PartitionEpoch(record.partition_epoch);
    state.recovery_state = *recovery;
    return set_partition(record.topic_id, PartitionId(record.partition_id), std::move(state));
  }

  Result<void> operator()(const wire::PartitionChangeRecord& record) {
    const PartitionId index(record.partition_id);
    const PartitionState* state = image.partition(record.topic_id, index);
    if (state == nullptr) {
      return contradiction("change of unknown partition " + partition_name(record.topic_id, index));
    }
    PartitionChange change;
    change.isr = to_ids(record.isr);
    if (record.leader != -2) change.leader = NodeId(record.leader);
    change.replicas = to_ids(record.replicas);
    change.removing_replicas = to_ids(record.removing_replicas);
    change.adding_replicas = to_ids(record.adding_replicas);
    if (record.leader_recovery_state != -1) {
      change.recovery_state = recovery_state_of(record.leader_recovery_state);
      if (!change.recovery_state) return contradiction("unknown leader recovery state");
    }
    change.directories = record.directories;
    change.elr = to_ids(record.eligible_leader_replicas);
    change.last_known_elr = to_ids(record.last_known_elr);
    PartitionState next = merge(*state, change);
    // A change of replicas by a version that knew no directories leaves the old number of them.
    if (change.replicas && !change.directories) {
      next.directories.resize(next.replicas.size(), kDirectoryMigrating);
    }
    return set_partition(record.topic_id, index, std::move(next));
  }

  Result<void> operator()(const wire::ClearElrRecord& record) {
    if (record.topic_name.view().empty()) {
      std::vector<TopicId> ids;
      for (const auto& [id, topic] : image.topics_) ids.push_back(id);
      for (const TopicId& id : ids) MOLDAU_TRY(clear_elr(*image.topics_.find(id)));
      return {};
    }
    const TopicImage* topic = image.topic(record.topic_name.view());
    if (topic == nullptr) {
      return contradiction("cannot clear the ELR of unknown topic '" + record.topic_name.str() +
                           "'");
    }
    return clear_elr(*topic);
  }
  Result<void> clear_elr(const TopicImage& topic) {
    const TopicId id = topic.id;
    std::vector<PartitionId> with_elr;
    for (const auto& [index, state] : topic.partitions) {
      if (!state.elr.empty() || !state.last_known_elr.empty()) with_elr.push_back(index);
    }
    PartitionChange change;
    change.elr.emplace();
    change.last_known_elr.emplace();
    for (PartitionId index : with_elr) {
      MOLDAU_TRY(set_partition(id, index, merge(*image.partition(id, index), change)));
    }
    return {};
  }

  Result<void> operator()(const wire::ConfigRecord& record) {
    const ConfigResource resource(static_cast<ResourceType>(record.resource_type),
                                  record.resource_name.str());
    const std::string key = record.name.str();
    const auto* found = image.configs_.find(resource);
    auto entries = found == nullptr ? std::make_shared<ConfigEntries>()
                                    : std::make_shared<ConfigEntries>(**found);
    if (record.value.is_null()) {
      entries->erase(key);
    } else {
      (*entries)[key] = record.value.str();
    }
    if (!entries->empty()) {
      image.configs_.set(edit, resource, std::move(entries));
    } else {
      image.configs_.erase(edit, resource);
    }
    changes.configs.insert(resource);
    return {};
  }

  Result<void> operator()(const wire::RegisterBrokerRecord& record) {
    BrokerRegistration broker;
    broker.id = NodeId(record.broker_id);
    broker.epoch = BrokerEpoch(record.broker_epoch);
    broker.incarnation_id = record.incarnation_id;
    broker.listeners = endpoints_of(record);
    broker.features = features_of(record);
    if (!record.rack.is_null()) broker.rack = record.rack.str();
    broker.fenced = record.fenced;
    broker.in_controlled_shutdown = record.in_controlled_shutdown;
    broker.is_migrating_zk_broker = record.is_migrating_zk_broker;
    broker.log_dirs = record.log_dirs;
    broker.cordoned_log_dirs = record.cordoned_log_dirs;
    changes.brokers.insert(broker.id);
    image.brokers_.set(edit, broker.id, broker);
    return {};
  }

  Result<BrokerRegistration> find_broker(std::int32_t id, std::int64_t epoch) {
    const BrokerRegistration* broker = image.brokers_.find(NodeId(id));
    if (broker == nullptr) {
      return contradiction("broker " + std::to_string(id) + " is not registered");
    }
    if (broker->epoch != BrokerEpoch(epoch)) {
      return contradiction("broker " + std::to_string(id) + " has epoch " +
                           std::to_string(broker->epoch.value()) + ", not " +
                           std::to_string(epoch));
    }
    return *broker;
  }

  Result<void> operator()(const wire::UnregisterBrokerRecord& record) {
    MOLDAU_TRY(find_broker(record.broker_id, record.broker_epoch));
    image.brokers_.erase(edit, NodeId(record.broker_id));
    changes.brokers.insert(NodeId(record.broker_id));
    return {};
  }

  Result<void> set_fenced(std::int32_t id, std::int64_t epoch, bool fenced) {
    MOLDAU_ASSIGN_OR_RETURN(BrokerRegistration broker, find_broker(id, epoch));
    broker.fenced = fenced;
    changes.brokers.insert(broker.id);
    image.brokers_.set(edit, broker.id, broker);
    return {};
  }
  Result<void> operator()(const wire::FenceBrokerRecord& record) {
    return set_fenced(record.id, record.epoch, true);
  }
  Result<void> operator()(const wire::UnfenceBrokerRecord& record) {
    return set_fenced(record.id, record.epoch, false);
  }

  Result<void> operator()(const wire::BrokerRegistrationChangeRecord& record) {
    MOLDAU_ASSIGN_OR_RETURN(BrokerRegistration broker,
                            find_broker(record.broker_id, record.broker_epoch));
    if (record.fenced < -1 || record.fenced > 1 || record.in_controlled_shutdown < 0 ||
        record.in_controlled_shutdown > 1) {
      return contradiction("unknown change of broker " + std::to_string(record.broker_id));
    }
    if (record.fenced != 0) broker.fenced = record.fenced == 1;
    if (record.in_controlled_shutdown == 1) broker.in_controlled_shutdown = true;
    if (!record.log_dirs.empty()) broker.log_dirs = record.log_dirs;
    if (record.cordoned_log_dirs) broker.cordoned_log_dirs = record.cordoned_log_dirs;
    changes.brokers.insert(broker.id);
    image.brokers_.set(edit, broker.id, broker);
    return {};
  }

  Result<void> operator()(const wire::RegisterControllerRecord& record) {
    ControllerRegistration controller;
    controller.id = NodeId(record.controller_id);
    controller.incarnation_id = record.incarnation_id;
    controller.zk_migration_ready = record.zk_migration_ready;
    controller.listeners = endpoints_of(record);
    controller.features = features_of(record);
    changes.controllers.insert(controller.id);
    image.controllers_.set(edit, controller.id, controller);
    return {};
  }

  Result<void> operator()(const wire::FeatureLevelRecord& record) {
    const std::string name = record.name.str();
    if (name == kMetadataVersionFeature) {
      if (!MetadataVersion::known(record.feature_level)) {
        return contradiction("unknown metadata.version " + std::to_string(record.feature_level));
      }
      image.metadata_version_ = MetadataVersion(record.feature_level);
      image.has_metadata_version_ = true;
      changes.metadata_version = true;
    } else if (record.feature_level == 0) {
      image.features_.erase(name);
    } else {
      image.features_[name] = record.feature_level;
    }
    changes.features.insert(name);
    return {};
  }

  Result<void> operator()(const wire::ClientQuotaRecord& record) {
    QuotaEntity entity;
    for (const auto& part : record.entity) {
      auto& name = entity.parts[part.entity_type.str()];
      if (!part.entity_name.is_null()) name = part.entity_name.str();
    }
    const std::string key = record.key.str();
    const auto* found = image.client_quotas_.find(entity);
    auto values =
        found == nullptr ? std::make_shared<QuotaValues>() : std::make_shared<QuotaValues>(**found);
    if (record.remove) {
      values->erase(key);
    } else {
      (*values)[key] = record.value;
    }
    if (!values->empty()) {
      image.client_quotas_.set(edit, entity, std::move(values));
    } else {
      image.client_quotas_.erase(edit, entity);
    }
    changes.client_quotas.insert(std::move(entity));
    return {};
  }

  Result<void> operator()(const wire::ProducerIdsRecord& record) {
    image.next_producer_id_ = ProducerId(record.next_producer_id);
    changes.producer_ids = true;
    return {};
  }

  Result<void> operator()(const wire::AccessControlEntryRecord& record) {
    Acl acl;
    acl.resource_type = record.resource_type;
    acl.resource_name = record.resource_name.str();
    acl.pattern_type = record.pattern_type;
    acl.principal = record.principal.str();
    acl.host = record.host.str();
    acl.operation = record.operation;
    acl.permission_type = record.permission_type;
    if (const Acl* before = image.acls_.find(record.id)) image.acl_index_.remove(edit, *before);
    changes.acls.insert(record.id);
    image.acl_index_.add(edit, acl);
    image.acls_.set(edit, record.id, std::move(acl));
    return {};
  }
  Result<void> operator()(const wire::RemoveAccessControlEntryRecord& record) {
    const Acl* known = image.acls_.find(record.id);
    if (known == nullptr) {
      return contradiction("there is no ACL with id " + record.id.text());
    }
    image.acl_index_.remove(edit, *known);
    image.acls_.erase(edit, record.id);
    changes.acls.insert(record.id);
    return {};
  }

  Result<void> operator()(const wire::UserScramCredentialRecord& record) {
    const ScramKey key(record.mechanism, record.name.str());
    ScramCredential credential;
    credential.salt = bytes_of(record.salt);
    credential.stored_key = bytes_of(record.stored_key);
    credential.server_key = bytes_of(record.server_key);
    credential.iterations = record.iterations;
    changes.scram.insert(key);
    image.scram_.set(edit, key, std::move(credential));
    return {};
  }
  Result<void> operator()(const wire::RemoveUserScramCredentialRecord& record) {
    const ScramKey key(record.mechanism, record.name.str());
    if (!image.scram_.contains(key)) {
      return contradiction("there is no SCRAM credential of user '" + key.second + "'");
    }
    image.scram_.erase(edit, key);
    changes.scram.insert(key);
    return {};
  }

  Result<void> operator()(const wire::DelegationTokenRecord& record) {
    DelegationToken token;
    token.owner = record.owner.str();
    token.requester = record.requester.str();
    for (const auto& renewer : record.renewers) token.renewers.push_back(renewer.str());
    token.issued = Timestamp(record.issue_timestamp);
    token.max = Timestamp(record.max_timestamp);
    token.expires = Timestamp(record.expiration_timestamp);
    const std::string id = record.token_id.str();
    changes.delegation_tokens.insert(id);
    image.tokens_.set(edit, id, std::move(token));
    return {};
  }
  Result<void> operator()(const wire::RemoveDelegationTokenRecord& record) {
    const std::string id = record.token_id.str();
    image.tokens_.erase(edit, id);
    changes.delegation_tokens.insert(id);
    return {};
  }

  // Nothing of these stays: transactions are the loader's, ZooKeeper is history.
  Result<void> operator()(const wire::BeginTransactionRecord&) { return {}; }
  Result<void> operator()(const wire::EndTransactionRecord&) { return {}; }
  Result<void> operator()(const wire::AbortTransactionRecord&) { return {}; }
  Result<void> operator()(const wire::NoOpRecord&) { return {}; }
  Result<void> operator()(const wire::ZkMigrationStateRecord&) { return {}; }
};

MetadataDelta::MetadataDelta(const MetadataImage& base) : base_(base), image_(base) {
  ++image_.edit_;
}

MetadataDelta MetadataDelta::of_snapshot(const MetadataImage& base) {
  MetadataDelta delta(base);
  delta.image_ = MetadataImage();
  delta.image_.edit_ = base.edit_ + 1;
  return delta;
}

MetadataDelta MetadataDelta::fork() {
  ++image_.edit_;
  return MetadataDelta(*this);
}

Result<void> MetadataDelta::replay(const MetadataRecord& record) {
  return std::visit(Replay{*this}, record.body);
}

void MetadataDelta::finish_snapshot() {
  changes_ = MetadataChanges();
  changes_.metadata_version = base_.metadata_version_ != image_.metadata_version_;
  if (changes_.metadata_version) changes_.features.insert(std::string(kMetadataVersionFeature));
  find_differences(base_.features_, image_.features_, kSameValue, changes_.features);
  find_differences(base_.brokers_, image_.brokers_, kSameValue, changes_.brokers);
  find_differences(base_.controllers_, image_.controllers_, kSameValue, changes_.controllers);
  find_differences(base_.configs_, image_.configs_, kSamePointee, changes_.configs);
  find_differences(base_.client_quotas_, image_.client_quotas_, kSamePointee,
                   changes_.client_quotas);
  changes_.producer_ids = base_.next_producer_id_ != image_.next_producer_id_;
  find_differences(base_.acls_, image_.acls_, kSameValue, changes_.acls);
  find_differences(base_.scram_, image_.scram_, kSameValue, changes_.scram);
  find_differences(base_.tokens_, image_.tokens_, kSameValue, changes_.delegation_tokens);
  for (const auto& [id, topic] : base_.topics_) {
    if (!image_.topics_.contains(id)) changes_.deleted_topics.insert(id);
  }
  static const Partitions kNone;
  for (const auto& [id, topic] : image_.topics_) {
    const TopicImage* before = base_.topics_.find(id);
    TopicChange change;
    change.created = before == nullptr;
    find_differences(before == nullptr ? kNone : before->partitions, topic.partitions, kSameValue,
                     change.partitions);
    if (change.created || !change.partitions.empty()) changes_.topics.emplace(id, change);
  }
}

MetadataImage MetadataDelta::publish(Provenance provenance) {
  image_.provenance_ = provenance;
  base_ = image_;
  changes_ = MetadataChanges();
  ++image_.edit_;
  return base_;
}

}  // namespace moldau::image
