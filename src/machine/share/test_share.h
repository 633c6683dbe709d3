// SPDX-License-Identifier: Apache-2.0
#pragma once

// A share coordinator for tests: its log in memory, everything committed at once.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "machine/image/delta.h"
#include "machine/image/record_list.h"
#include "machine/share/share_machine.h"

namespace moldau::share {

inline const TopicId kTopic(7, 1);

/// One topic of four partitions.
inline image::MetadataImage test_image(bool with_topic = true) {
  image::RecordList list;
  if (with_topic) {
    list.topic("orders", kTopic);
    for (int index = 0; index < 4; ++index) {
      image::PartitionState state;
      state.replicas = image::ReplicaList({NodeId(1)});
      state.isr = state.replicas;
      state.directories.assign(1, DirectoryId(100, 1));
      state.leader = NodeId(1);
      list.partition(kTopic, PartitionId(index), state);
    }
  }
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) EXPECT_TRUE(delta.replay(record).ok());
  return delta.publish(image::Provenance());
}

/// Thread   one.
struct TestStore {
  explicit TestStore(const ShareStateSettings& s = ShareStateSettings()) : settings(s), machine(s) {
    perform(machine.loaded(context()));
  }

  ShareContext context() const { return {now, wall, image}; }
  void pass(Millis span) {
    now = now + span;
    wall = wall + span.value();
  }
  /// The answer, if there is one.
  std::optional<ShareResponse> perform(ShareEffects effects) {
    const Offset base(static_cast<std::int64_t>(log.size()));
    for (const auto& record : effects.batch.records) log.push_back(record);
    if (!effects.batch.records.empty()) machine.appended(effects.batch, base);
    if (effects.answers.empty()) return std::nullopt;
    return std::move(effects.answers.front().response);
  }
  StateOutcome outcome(ShareEffects effects) {
    return std::get<StateOutcome>(*perform(std::move(effects)));
  }
  StateOutcome initialize(const SharePartitionKey& key, std::int32_t epoch, std::int64_t start) {
    InitializeState asked;
    asked.key = key;
    asked.state_epoch = epoch;
    asked.start_offset = Offset(start);
    return outcome(machine.initialize(context(), AnswerId(1), asked));
  }
  StateOutcome write(const SharePartitionKey& key, std::int32_t epoch, int leader,
                     std::int64_t start, std::vector<StateBatch> batches) {
    WriteState asked;
    asked.key = key;
    asked.state_epoch = epoch;
    asked.leader_epoch = LeaderEpoch(leader);
    asked.start_offset = Offset(start);
    asked.delivery_complete_count = 0;
    asked.batches = std::move(batches);
    return outcome(machine.write(context(), AnswerId(1), asked));
  }
  ReadOutcome read(const SharePartitionKey& key, int leader) {
    ReadState asked;
    asked.key = key;
    asked.leader_epoch = LeaderEpoch(leader);
    return std::get<ReadOutcome>(*perform(machine.read(context(), AnswerId(1), asked)));
  }
  /// What a machine is that reads the log from `from` on.
  ShareMachine replayed(std::size_t from = 0) const {
    ShareMachine out(settings);
    for (std::size_t i = from; i < log.size(); ++i)
      out.replay(log[i].key, log[i].value ? std::optional<ByteView>(*log[i].value) : std::nullopt,
                 Offset(static_cast<std::int64_t>(i)));
    return out;
  }

  ShareStateSettings settings;
  MonoTime now{1'000'000'000};
  Timestamp wall{1'700'000'000'000};
  image::MetadataImage image = test_image();
  ShareMachine machine;
  std::vector<record::KeyedRecord> log;
};

}  // namespace moldau::share
