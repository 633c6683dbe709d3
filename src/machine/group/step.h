// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "machine/group/group_effects.h"
#include "machine/group/group_records.h"
#include "machine/group/group_settings.h"
#include "machine/group/replayer.h"

namespace moldau::group {

/// One call of the machine while its effects come together: a record that is written here is
/// replayed at once.
/// Owner    borrows everything for the call.
/// Thread   on the partition's shard.
/// Bounds   has_room() before write(): GroupSettings::batch_bytes_max.
class Step {
 public:
  Step(const GroupContext& c, GroupEffects& effects, Replayer& replayer,
       const GroupSettings& settings)
      : context(c),
        effects_(effects),
        replayer_(replayer),
        room_max_(settings.batch_bytes_max),
        room_(room_max_) {
    use(kBatchHeaderBytes);
  }

  const GroupContext& context;

  /// What is written from now on belongs to the producer's transaction.
  void begin_transactional(ProducerId producer, ProducerEpoch epoch) {
    effects_.batch.producer_id = producer;
    effects_.batch.producer_epoch = epoch;
  }
  bool has_room(std::size_t bytes) const { return bytes <= room_; }
  /// Into a batch of its own.
  bool can_ever_fit(const record::KeyedRecord& record) const {
    return kBatchHeaderBytes + batch_bytes(record) <= room_max_;
  }
  bool has_room(const record::KeyedRecord& record) const { return has_room(batch_bytes(record)); }
  bool has_room(const std::vector<record::KeyedRecord>& records) const {
    std::size_t bytes = 0;
    for (const record::KeyedRecord& record : records) bytes += batch_bytes(record);
    return has_room(bytes);
  }

  /// Something is in the batch.
  bool is_begun() const { return !effects_.batch.records.empty(); }

  void write(record::KeyedRecord record) {
    use(batch_bytes(record));
    std::optional<ByteView> value;
    if (record.value) value = ByteView(*record.value);
    replayer_.replay(record.key, value, effects_.batch.producer_id);
    effects_.batch.records.push_back(std::move(record));
  }
  void write(std::vector<record::KeyedRecord> records) {
    for (record::KeyedRecord& record : records) write(std::move(record));
  }

  void answer(AnswerId id, GroupResponse response) {
    effects_.answers.emplace_back(id, std::move(response));
  }

  /// The host answers later.
  void ask(RegexQuestion question) { effects_.questions.push_back(std::move(question)); }

 private:
  void use(std::size_t bytes) { room_ -= std::min(room_, bytes); }

  GroupEffects& effects_;
  Replayer& replayer_;
  const std::size_t room_max_;
  std::size_t room_;
};

}  // namespace moldau::group
