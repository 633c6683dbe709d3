// SPDX-License-Identifier: Apache-2.0
#include "machine/share/share_records.h"

#include "wire/share_snapshot_key.h"
#include "wire/share_snapshot_value.h"
#include "wire/share_update_key.h"
#include "wire/share_update_value.h"
#include "wire/writer.h"

namespace moldau::share {
namespace {

template <class M>
std::vector<std::byte> framed(std::int16_t number, const M& message) {
  std::vector<std::byte> out(2 + message.size(0));
  wire::Writer writer{MutableBytes(out)};
  writer.int16(number);
  message.encode(writer, 0);
  return out;
}

template <class K>
std::vector<std::byte> key_bytes(const SharePartitionKey& from) {
  K key;
  key.group_id = std::string_view(from.group_id);
  key.topic_id = from.topic_id;
  key.partition = from.partition.value();
  return framed(K::kRecordType, key);
}

template <class V>
void fill(const ShareState& from, V& value) {
  value.snapshot_epoch = from.snapshot_epoch;
  value.leader_epoch = from.leader_epoch.value();
  value.start_offset = from.start_offset.value();
  value.delivery_complete_count = from.delivery_complete_count;
  value.state_batches.reserve(from.batches.size());
  for (const StateBatch& batch : from.batches) {
    auto& to = value.state_batches.emplace_back();
    to.first_offset = batch.first.value();
    to.last_offset = batch.last.value();
    to.delivery_state = static_cast<std::int8_t>(batch.state);
    to.delivery_count = batch.delivery_count;
  }
}

}  // namespace

record::KeyedRecord share_snapshot_record(const SharePartitionKey& key, const ShareState& state) {
  wire::ShareSnapshotValue value;
  fill(state, value);
  value.state_epoch = state.state_epoch;
  value.create_timestamp = state.created.value();
  value.write_timestamp = state.written.value();
  record::KeyedRecord out;
  out.key = key_bytes<wire::ShareSnapshotKey>(key);
  out.value = framed(0, value);
  return out;
}

record::KeyedRecord share_update_record(const SharePartitionKey& key, const ShareState& state) {
  wire::ShareUpdateValue value;
  fill(state, value);
  record::KeyedRecord out;
  out.key = key_bytes<wire::ShareUpdateKey>(key);
  out.value = framed(0, value);
  return out;
}

record::KeyedRecord share_state_tombstone(const SharePartitionKey& key) {
  record::KeyedRecord out;
  out.key = key_bytes<wire::ShareSnapshotKey>(key);
  return out;
}

std::size_t batch_bytes(const record::KeyedRecord& record) {
  // Length, attributes, deltas, two lengths, no headers: varints of at most so many bytes.
  constexpr std::size_t kFraming = 5 + 1 + 10 + 5 + 5 + 5 + 1;
  return kFraming + record.key.size() + (record.value ? record.value->size() : 0);
}

}  // namespace moldau::share
