// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "wire/abort_transaction_record.h"
#include "wire/access_control_entry_record.h"
#include "wire/begin_transaction_record.h"
#include "wire/broker_registration_change_record.h"
#include "wire/clear_elr_record.h"
#include "wire/client_quota_record.h"
#include "wire/config_record.h"
#include "wire/delegation_token_record.h"
#include "wire/end_transaction_record.h"
#include "wire/feature_level_record.h"
#include "wire/fence_broker_record.h"
#include "wire/no_op_record.h"
#include "wire/partition_change_record.h"
#include "wire/partition_record.h"
#include "wire/producer_ids_record.h"
#include "wire/register_broker_record.h"
#include "wire/register_controller_record.h"
#include "wire/remove_access_control_entry_record.h"
#include "wire/remove_delegation_token_record.h"
#include "wire/remove_topic_record.h"
#include "wire/remove_user_scram_credential_record.h"
#include "wire/topic_record.h"
#include "wire/unfence_broker_record.h"
#include "wire/unregister_broker_record.h"
#include "wire/user_scram_credential_record.h"
#include "wire/zk_migration_state_record.h"

namespace moldau::image {

/// Every record the metadata log may hold.
using MetadataRecordBody = std::variant<
    wire::RegisterBrokerRecord, wire::UnregisterBrokerRecord, wire::TopicRecord,
    wire::PartitionRecord, wire::ConfigRecord, wire::PartitionChangeRecord, wire::FenceBrokerRecord,
    wire::UnfenceBrokerRecord, wire::RemoveTopicRecord, wire::DelegationTokenRecord,
    wire::UserScramCredentialRecord, wire::FeatureLevelRecord, wire::ClientQuotaRecord,
    wire::ProducerIdsRecord, wire::BrokerRegistrationChangeRecord, wire::AccessControlEntryRecord,
    wire::RemoveAccessControlEntryRecord, wire::NoOpRecord, wire::ZkMigrationStateRecord,
    wire::RemoveUserScramCredentialRecord, wire::BeginTransactionRecord, wire::EndTransactionRecord,
    wire::AbortTransactionRecord, wire::RemoveDelegationTokenRecord, wire::RegisterControllerRecord,
    wire::ClearElrRecord>;

/// A record of the metadata log and the version it is (to be) written in.
/// Owner    texts of a decoded record borrow the bytes it was parsed from.
/// Thread   a value.
struct MetadataRecord {
  MetadataRecord() = default;
  template <class T>
  MetadataRecord(T b, std::int16_t v) : body(std::move(b)), version(v) {}

  template <class T>
  const T* as() const {
    return std::get_if<T>(&body);
  }

  MetadataRecordBody body;
  std::int16_t version = 0;
};

/// The number of its type, as the log and enums name it.
std::int16_t record_type(const MetadataRecord& record);
/// "PartitionChangeRecord".
std::string_view record_name(const MetadataRecord& record);

/// Parses the value of one record: uvarint frame version 1, uvarint type, uvarint version, body.
/// Bounds   by the bytes given; no length in them allocates ahead of its bytes.
/// Errors   kInvalidRecord: another frame version, an unknown type or version, bytes missing or
///          left over. An unknown record is an error: an image without it would be wrong.
/// Source   AbstractApiMessageSerde, MetadataRecordSerde.
Result<MetadataRecord> parse_record(ByteView value);

/// The exact number of bytes serialize_record writes.
std::size_t record_size(const MetadataRecord& record);
std::vector<std::byte> serialize_record(const MetadataRecord& record);

}  // namespace moldau::image
