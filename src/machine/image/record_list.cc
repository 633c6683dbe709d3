// SPDX-License-Identifier: Apache-2.0
#include "machine/image/record_list.h"

#include <utility>

namespace moldau::image {
namespace {

using wire::Text;

template <class Ids>
std::vector<std::int32_t> to_wire(const Ids& ids) {
  std::vector<std::int32_t> out;
  out.reserve(ids.size());
  for (NodeId id : ids) out.push_back(id.value());
  return out;
}

std::optional<std::vector<std::int32_t>> to_wire(const std::optional<std::vector<NodeId>>& ids) {
  if (!ids) return std::nullopt;
  return to_wire(*ids);
}

}  // namespace

void RecordList::append(RecordList other) {
  records_.insert(records_.end(), std::make_move_iterator(other.records_.begin()),
                  std::make_move_iterator(other.records_.end()));
}

void RecordList::begin_transaction(std::string_view name) {
  wire::BeginTransactionRecord record;
  record.name = Text::copy_of(name);
  add(std::move(record), 0);
}

void RecordList::end_transaction() {
  add(wire::EndTransactionRecord(), 0);
}

void RecordList::abort_transaction(std::string_view reason) {
  wire::AbortTransactionRecord record;
  record.reason = Text::copy_of(reason);
  add(std::move(record), 0);
}

void RecordList::no_op() {
  add(wire::NoOpRecord(), 0);
}

void RecordList::feature_level(std::string_view name, std::int16_t level) {
  wire::FeatureLevelRecord record;
  record.name = Text::copy_of(name);
  record.feature_level = level;
  add(std::move(record), 0);
}

void RecordList::topic(std::string_view name, const TopicId& id) {
  wire::TopicRecord record;
  record.name = Text::copy_of(name);
  record.topic_id = id;
  add(std::move(record), 0);
}

void RecordList::remove_topic(const TopicId& id) {
  wire::RemoveTopicRecord record;
  record.topic_id = id;
  add(std::move(record), 0);
}

void RecordList::partition(const TopicId& id, PartitionId index, const PartitionState& state) {
  wire::PartitionRecord record;
  record.partition_id = index.value();
  record.topic_id = id;
  record.replicas = to_wire(state.replicas);
  record.isr = to_wire(state.isr);
  record.removing_replicas = to_wire(state.removing_replicas);
  record.adding_replicas = to_wire(state.adding_replicas);
  record.leader = state.leader.value();
  record.leader_recovery_state = static_cast<std::int8_t>(state.recovery_state);
  record.leader_epoch = state.leader_epoch.value();
  record.partition_epoch = state.partition_epoch.value();
  if (metadata_version_.has_directory_assignment()) record.directories = state.directories;
  if (metadata_version_.has_elr()) {
    if (!state.elr.empty()) record.eligible_leader_replicas = to_wire(state.elr);
    if (!state.last_known_elr.empty()) record.last_known_elr = to_wire(state.last_known_elr);
  }
  add(std::move(record), metadata_version_.partition_version());
}

void RecordList::partition_change(const TopicId& id, PartitionId index,
                                  const PartitionChange& change) {
  wire::PartitionChangeRecord record;
  record.partition_id = index.value();
  record.topic_id = id;
  record.isr = to_wire(change.isr);
  if (change.leader) record.leader = change.leader->value();
  record.replicas = to_wire(change.replicas);
  record.removing_replicas = to_wire(change.removing_replicas);
  record.adding_replicas = to_wire(change.adding_replicas);
  if (change.recovery_state) {
    record.leader_recovery_state = static_cast<std::int8_t>(*change.recovery_state);
  }
  record.directories = change.directories;
  record.eligible_leader_replicas = to_wire(change.elr);
  record.last_known_elr = to_wire(change.last_known_elr);
  add(std::move(record), metadata_version_.partition_change_version());
}

void RecordList::clear_elr(std::string_view topic) {
  wire::ClearElrRecord record;
  record.topic_name = Text::copy_of(topic);
  add(std::move(record), 0);
}

void RecordList::config(const ConfigResource& resource, std::string_view key,
                        std::optional<std::string_view> value) {
  wire::ConfigRecord record;
  record.resource_type = static_cast<std::int8_t>(resource.type);
  record.resource_name = Text::copy_of(resource.name);
  record.name = Text::copy_of(key);
  record.value = value ? Text::copy_of(*value) : Text::null();
  add(std::move(record), 0);
}

void RecordList::register_broker(const BrokerRegistration& broker) {
  const std::int16_t version = metadata_version_.register_broker_version();
  wire::RegisterBrokerRecord record;
  record.broker_id = broker.id.value();
  record.is_migrating_zk_broker = broker.is_migrating_zk_broker && version >= 2;
  record.incarnation_id = broker.incarnation_id;
  record.broker_epoch = broker.epoch.value();
  for (const Endpoint& endpoint : broker.listeners) {
    auto& out = record.end_points.emplace_back();
    out.name = Text::copy_of(endpoint.listener);
    out.host = Text::copy_of(endpoint.host);
    out.port = endpoint.port;
    out.security_protocol = endpoint.security_protocol;
  }
  for (const FeatureRange& feature : broker.features) {
    auto& out = record.features.emplace_back();
    out.name = Text::copy_of(feature.name);
    out.min_supported_version = feature.min_level;
    out.max_supported_version = feature.max_level;
  }
  record.rack = broker.rack ? Text::copy_of(*broker.rack) : Text::null();
  record.fenced = broker.fenced;
  record.in_controlled_shutdown = broker.in_controlled_shutdown;
  if (version >= 3) record.log_dirs = broker.log_dirs;
  if (version >= 4) record.cordoned_log_dirs = broker.cordoned_log_dirs;
  add(std::move(record), version);
}

void RecordList::unregister_broker(NodeId id, BrokerEpoch epoch) {
  wire::UnregisterBrokerRecord record;
  record.broker_id = id.value();
  record.broker_epoch = epoch.value();
  add(std::move(record), 0);
}

void RecordList::fence_broker(NodeId id, BrokerEpoch epoch, bool fenced) {
  wire::BrokerRegistrationChangeRecord record;
  record.broker_id = id.value();
  record.broker_epoch = epoch.value();
  record.fenced = fenced ? 1 : -1;
  add(std::move(record), 0);
}

void RecordList::broker_in_controlled_shutdown(NodeId id, BrokerEpoch epoch) {
  wire::BrokerRegistrationChangeRecord record;
  record.broker_id = id.value();
  record.broker_epoch = epoch.value();
  record.in_controlled_shutdown = 1;
  add(std::move(record), 1);
}

void RecordList::broker_log_dirs(NodeId id, BrokerEpoch epoch,
                                 std::span<const DirectoryId> online) {
  wire::BrokerRegistrationChangeRecord record;
  record.broker_id = id.value();
  record.broker_epoch = epoch.value();
  record.log_dirs.assign(online.begin(), online.end());
  add(std::move(record), 2);
}

void RecordList::broker_cordoned_log_dirs(NodeId id, BrokerEpoch epoch,
                                          std::span<const DirectoryId> cordoned) {
  wire::BrokerRegistrationChangeRecord record;
  record.broker_id = id.value();
  record.broker_epoch = epoch.value();
  record.cordoned_log_dirs.emplace(cordoned.begin(), cordoned.end());
  add(std::move(record), 3);
}

void RecordList::register_controller(const ControllerRegistration& controller) {
  wire::RegisterControllerRecord record;
  record.controller_id = controller.id.value();
  record.incarnation_id = controller.incarnation_id;
  record.zk_migration_ready = controller.zk_migration_ready;
  for (const Endpoint& endpoint : controller.listeners) {
    auto& out = record.end_points.emplace_back();
    out.name = Text::copy_of(endpoint.listener);
    out.host = Text::copy_of(endpoint.host);
    out.port = endpoint.port;
    out.security_protocol = endpoint.security_protocol;
  }
  for (const FeatureRange& feature : controller.features) {
    auto& out = record.features.emplace_back();
    out.name = Text::copy_of(feature.name);
    out.min_supported_version = feature.min_level;
    out.max_supported_version = feature.max_level;
  }
  add(std::move(record), 0);
}

void RecordList::client_quota(const QuotaEntity& entity, std::string_view key,
                              std::optional<double> value) {
  wire::ClientQuotaRecord record;
  for (const auto& [type, name] : entity.parts) {
    auto& out = record.entity.emplace_back();
    out.entity_type = Text::copy_of(type);
    out.entity_name = name ? Text::copy_of(*name) : Text::null();
  }
  record.key = Text::copy_of(key);
  record.value = value.value_or(0);
  record.remove = !value;
  add(std::move(record), 0);
}

void RecordList::producer_ids(NodeId broker, BrokerEpoch epoch, ProducerId next) {
  wire::ProducerIdsRecord record;
  record.broker_id = broker.value();
  record.broker_epoch = epoch.value();
  record.next_producer_id = next.value();
  add(std::move(record), 0);
}

void RecordList::acl(const Uuid& id, const Acl& acl) {
  wire::AccessControlEntryRecord record;
  record.id = id;
  record.resource_type = acl.resource_type;
  record.resource_name = Text::copy_of(acl.resource_name);
  record.pattern_type = acl.pattern_type;
  record.principal = Text::copy_of(acl.principal);
  record.host = Text::copy_of(acl.host);
  record.operation = acl.operation;
  record.permission_type = acl.permission_type;
  add(std::move(record), 0);
}

void RecordList::remove_acl(const Uuid& id) {
  wire::RemoveAccessControlEntryRecord record;
  record.id = id;
  add(std::move(record), 0);
}

void RecordList::scram(const ScramKey& key, const ScramCredential& credential) {
  wire::UserScramCredentialRecord record;
  record.name = Text::copy_of(key.second);
  record.mechanism = key.first;
  record.salt = wire::Bytes::copy_of(credential.salt);
  record.stored_key = wire::Bytes::copy_of(credential.stored_key);
  record.server_key = wire::Bytes::copy_of(credential.server_key);
  record.iterations = credential.iterations;
  add(std::move(record), 0);
}

void RecordList::remove_scram(const ScramKey& key) {
  wire::RemoveUserScramCredentialRecord record;
  record.name = Text::copy_of(key.second);
  record.mechanism = key.first;
  add(std::move(record), 0);
}

void RecordList::delegation_token(std::string_view id, const DelegationToken& token) {
  wire::DelegationTokenRecord record;
  record.owner = Text::copy_of(token.owner);
  record.requester = Text::copy_of(token.requester);
  for (const std::string& renewer : token.renewers) {
    record.renewers.push_back(Text::copy_of(renewer));
  }
  record.issue_timestamp = token.issued.value();
  record.max_timestamp = token.max.value();
  record.expiration_timestamp = token.expires.value();
  record.token_id = Text::copy_of(id);
  add(std::move(record), 0);
}

void RecordList::remove_delegation_token(std::string_view id) {
  wire::RemoveDelegationTokenRecord record;
  record.token_id = Text::copy_of(id);
  add(std::move(record), 0);
}

RecordList write_records(const MetadataImage& image) {
  RecordList out(image.metadata_version());
  out.feature_level(kMetadataVersionFeature, image.metadata_version().level());
  for (const auto& [name, level] : image.features()) out.feature_level(name, level);
  for (const auto& [id, broker] : image.brokers()) out.register_broker(broker);
  for (const auto& [id, controller] : image.controllers()) out.register_controller(controller);
  for (const auto& [id, topic] : image.topics()) {
    out.topic(topic.name, id);
    for (const auto& [index, state] : topic.partitions) out.partition(id, index, state);
  }
  for (const auto& [resource, entries] : image.configs()) {
    for (const auto& [key, value] : *entries) out.config(resource, key, value);
  }
  for (const auto& [entity, values] : image.client_quotas()) {
    for (const auto& [key, value] : *values) out.client_quota(entity, key, value);
  }
  if (image.next_producer_id().value() >= 0) {
    out.producer_ids(NodeId(-1), BrokerEpoch(-1), image.next_producer_id());
  }
  for (const auto& [id, acl] : image.acls()) out.acl(id, acl);
  for (const auto& [key, credential] : image.scram()) out.scram(key, credential);
  for (const auto& [id, token] : image.delegation_tokens()) out.delegation_token(id, token);
  return out;
}

}  // namespace moldau::image
