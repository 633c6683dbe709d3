// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/types.h"
#include "machine/image/image.h"
#include "machine/image/record.h"

namespace moldau::image {

/// Records being put together; they own their texts.
///
/// Every record is made here, in the version its content and the metadata.version ask for: the
/// lowest that can carry it, so that older nodes of a cluster can read it.
/// Thread   a value.
class RecordList {
 public:
  RecordList() = default;
  explicit RecordList(MetadataVersion version) : metadata_version_(version) {}

  const std::vector<MetadataRecord>& records() const& { return records_; }
  /// By value, so that a loop over the records of a temporary list keeps them.
  std::vector<MetadataRecord> records() && { return std::move(records_); }
  std::size_t size() const { return records_.size(); }
  bool empty() const { return records_.empty(); }
  void append(RecordList other);
  void clear() { records_.clear(); }
  MetadataVersion metadata_version() const { return metadata_version_; }
  /// What follows is written for this version (bootstrap sets it while it goes).
  void set_metadata_version(MetadataVersion version) { metadata_version_ = version; }

  void begin_transaction(std::string_view name);
  void end_transaction();
  void abort_transaction(std::string_view reason);
  void no_op();
  void feature_level(std::string_view name, std::int16_t level);

  void topic(std::string_view name, const TopicId& id);
  void remove_topic(const TopicId& id);
  void partition(const TopicId& id, PartitionId index, const PartitionState& state);
  void partition_change(const TopicId& id, PartitionId index, const PartitionChange& change);
  /// Of one topic, or of all if the name is empty.
  void clear_elr(std::string_view topic);

  void config(const ConfigResource& resource, std::string_view key,
              std::optional<std::string_view> value);

  void register_broker(const BrokerRegistration& broker);
  void unregister_broker(NodeId id, BrokerEpoch epoch);
  void fence_broker(NodeId id, BrokerEpoch epoch, bool fenced);
  void broker_in_controlled_shutdown(NodeId id, BrokerEpoch epoch);
  void broker_log_dirs(NodeId id, BrokerEpoch epoch, std::span<const DirectoryId> online);
  void broker_cordoned_log_dirs(NodeId id, BrokerEpoch epoch,
                                std::span<const DirectoryId> cordoned);
  void register_controller(const ControllerRegistration& controller);

  /// No value removes the quota.
  void client_quota(const QuotaEntity& entity, std::string_view key, std::optional<double> value);
  void producer_ids(NodeId broker, BrokerEpoch epoch, ProducerId next);
  void acl(const Uuid& id, const Acl& acl);
  void remove_acl(const Uuid& id);
  void scram(const ScramKey& key, const ScramCredential& credential);
  void remove_scram(const ScramKey& key);
  void delegation_token(std::string_view id, const DelegationToken& token);
  void remove_delegation_token(std::string_view id);

 private:
  template <class T>
  void add(T body, std::int16_t version) {
    records_.emplace_back(std::move(body), version);
  }

  MetadataVersion metadata_version_{MetadataVersion::kLatest};
  std::vector<MetadataRecord> records_;
};

/// All records that make `image` out of nothing, in the order of a snapshot: feature levels
/// (metadata.version first), brokers, controllers, each topic with its partitions, configs,
/// quotas, producer ids, ACLs, SCRAM credentials, delegation tokens.
/// Source   MetadataImage.write; KIP-631.
RecordList write_records(const MetadataImage& image);

}  // namespace moldau::image
