// SPDX-License-Identifier: Apache-2.0
#include "machine/txn/transaction_log.h"

#include <algorithm>
#include <array>
#include <utility>

#include "wire/encode.h"
#include "wire/transaction_log_key.h"
#include "wire/transaction_log_value.h"

namespace moldau::txn {
namespace {

using wire::TransactionLogKey;
using wire::TransactionLogValue;

// At the place of its number.
constexpr std::array<std::string_view, 8> kNames{
    "Empty",          "Ongoing",       "PrepareCommit", "PrepareAbort",
    "CompleteCommit", "CompleteAbort", "Dead",          "PrepareEpochFence"};

Error invalid(std::string detail) {
  return {ErrorCode::kInvalidRecord, "transaction record: " + std::move(detail)};
}

std::vector<std::byte> bytes_of(const Slice& slice) {
  return {slice.view().begin(), slice.view().end()};
}

/// The number in front, which it cuts off.
Result<std::int16_t> read_number(ByteView& bytes, const char* what) {
  if (bytes.size() < 2) return invalid(std::string("no ") + what);
  wire::Reader reader(bytes.first(2));
  bytes = bytes.subspan(2);
  return reader.int16(what);
}

template <class M>
Result<M> decode(ByteView bytes, std::int16_t version) {
  auto message = wire::decode_exactly<M>(bytes, version);
  if (!message.ok()) return invalid(message.error().detail);
  return message;
}

Result<void> read_partitions(const TransactionLogValue& from, std::set<TopicPartition>& to) {
  if (!from.transaction_partitions) return {};
  for (const auto& topic : *from.transaction_partitions) {
    const std::string name = topic.topic.str();
    for (const std::int32_t index : topic.partition_ids) {
      if (index < 0) return invalid("partition " + std::to_string(index));
      to.insert(TopicPartition{name, PartitionId(index)});
    }
  }
  return {};
}

Result<TransactionMetadata> metadata_of(const TransactionLogValue& from) {
  // Dead and PrepareEpochFence are never written.
  if (from.transaction_status < 0 ||
      from.transaction_status > static_cast<std::int8_t>(TransactionState::kCompleteAbort))
    return invalid("state " + std::to_string(from.transaction_status));
  if (from.producer_id < 0) return invalid("producer id " + std::to_string(from.producer_id));
  if (from.producer_epoch < 0)
    return invalid("producer epoch " + std::to_string(from.producer_epoch));
  if (from.next_producer_id < -1)
    return invalid("next producer id " + std::to_string(from.next_producer_id));
  TransactionMetadata out;
  out.producer_id = ProducerId(from.producer_id);
  out.previous_producer_id = ProducerId(from.previous_producer_id);
  out.next_producer_id = ProducerId(from.next_producer_id);
  out.producer_epoch = ProducerEpoch(from.producer_epoch);
  out.timeout = Millis(from.transaction_timeout_ms);
  out.state = static_cast<TransactionState>(from.transaction_status);
  out.last_update = Timestamp(from.transaction_last_update_timestamp_ms);
  out.start = Timestamp(from.transaction_start_timestamp_ms);
  out.client_transaction_version = from.client_transaction_version;
  if (out.state != TransactionState::kEmpty) MOLDAU_TRY(read_partitions(from, out.partitions));
  return out;
}

std::vector<TransactionLogValue::PartitionsSchema> by_topic(const std::set<TopicPartition>& from) {
  std::vector<TransactionLogValue::PartitionsSchema> out;
  for (const TopicPartition& partition : from) {
    if (out.empty() || out.back().topic != partition.topic)
      out.emplace_back().topic = wire::Text(std::string_view(partition.topic));
    out.back().partition_ids.push_back(partition.partition.value());
  }
  return out;
}

std::vector<std::byte> serialize_key(std::string_view transactional_id) {
  TransactionLogKey key;
  key.transactional_id = wire::Text(transactional_id);
  return bytes_of(wire::encode_with_number(TransactionLogKey::kRecordType, key, 0));
}

}  // namespace

std::string_view state_name(TransactionState state) {
  return kNames.at(static_cast<std::size_t>(state));
}

std::optional<TransactionState> state_named(std::string_view name) {
  const auto* const at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<TransactionState>(at - kNames.begin());
}

record::KeyedRecord serialize_transaction(std::string_view transactional_id,
                                          const TransactionMetadata& metadata,
                                          std::int16_t transaction_version) {
  const std::int16_t version = transaction_version >= 1 ? 1 : 0;
  TransactionLogValue value;
  value.producer_id = metadata.producer_id.value();
  value.producer_epoch = metadata.producer_epoch.value();
  value.transaction_timeout_ms = static_cast<std::int32_t>(metadata.timeout.value());
  value.transaction_status = static_cast<std::int8_t>(metadata.state);
  value.transaction_last_update_timestamp_ms = metadata.last_update.value();
  value.transaction_start_timestamp_ms = metadata.start.value();
  value.transaction_partitions.reset();
  if (metadata.state != TransactionState::kEmpty)
    value.transaction_partitions = by_topic(metadata.partitions);
  if (version >= 1) {
    value.previous_producer_id = metadata.previous_producer_id.value();
    value.next_producer_id = metadata.next_producer_id.value();
    value.client_transaction_version = metadata.client_transaction_version;
  }
  record::KeyedRecord out;
  out.key = serialize_key(transactional_id);
  out.value = bytes_of(wire::encode_with_version(value, version));
  return out;
}

record::KeyedRecord serialize_tombstone(std::string_view transactional_id) {
  record::KeyedRecord out;
  out.key = serialize_key(transactional_id);
  return out;
}

Result<TransactionRecord> parse_transaction(ByteView key, std::optional<ByteView> value) {
  MOLDAU_ASSIGN_OR_RETURN(const std::int16_t type, read_number(key, "type"));
  if (type != TransactionLogKey::kRecordType) return invalid("type " + std::to_string(type));
  MOLDAU_ASSIGN_OR_RETURN(const auto parsed_key, decode<TransactionLogKey>(key, 0));
  TransactionRecord out;
  out.transactional_id = parsed_key.transactional_id.str();
  if (!value) return out;
  MOLDAU_ASSIGN_OR_RETURN(const std::int16_t version, read_number(*value, "version"));
  MOLDAU_ASSIGN_OR_RETURN(const auto parsed, decode<TransactionLogValue>(*value, version));
  MOLDAU_ASSIGN_OR_RETURN(out.metadata, metadata_of(parsed));
  return out;
}

}  // namespace moldau::txn
