// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the fuzzers of the group machine share: an image, choices out of their input,
// and the machine with one that follows its log.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "machine/group/group_machine.h"
#include "machine/image/delta.h"
#include "machine/image/record_list.h"

namespace moldau::group {

/// Topics "a" and "b" of three partitions each.
inline image::MetadataImage two_topics() {
  image::RecordList list;
  for (std::int32_t t = 0; t < 2; ++t) {
    const TopicId id(7, t + 1);
    list.topic(t == 0 ? "a" : "b", id);
    for (std::int32_t p = 0; p < 3; ++p) {
      image::PartitionState state;
      state.replicas = image::ReplicaList(std::vector<NodeId>{NodeId(1)});
      state.isr = state.replicas;
      state.leader = NodeId(1);
      state.directories.assign(1, DirectoryId(5, 5));
      list.partition(id, PartitionId(p), state);
    }
  }
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) MOLDAU_CHECK(delta.replay(record).ok(), "the image");
  return delta.publish(image::Provenance(Offset(1), LeaderEpoch(1), Timestamp(1)));
}

/// Choices out of the input; zero when it is used up.
/// Thread   one thread.
class Choices {
 public:
  explicit Choices(ByteView bytes) : bytes_(bytes) {}
  bool any() const { return !bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto out = static_cast<std::uint8_t>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return out;
  }
  ByteView some() {
    const std::size_t size = std::min<std::size_t>(byte() % 32, bytes_.size());
    const ByteView out = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return out;
  }
  std::string name(const char* prefix) { return prefix + std::to_string(byte() % 4); }

 private:
  ByteView bytes_;
};

/// A machine, one that reads its log, and their clock.
/// Thread   one thread.
class FuzzedGroups {
 protected:
  explicit FuzzedGroups(const image::MetadataImage& image)
      : image_(image), machine_(settings_), follower_(settings_) {
    take(machine_.loaded(context()));
  }

  GroupContext context() {
    return GroupContext(now_, wall_, Uuid(0x4000, static_cast<std::int64_t>(++ids_)), image_);
  }

  void take(const GroupEffects& effects) {
    for (const auto& record : effects.batch.records) {
      std::optional<ByteView> value;
      if (record.value) value = ByteView(*record.value);
      follower_.replay(record.key, value);
    }
    for (const auto& answer : effects.answers) {
      MOLDAU_CHECK(answered_.insert(answer.id.value()).second, "one answer for each request");
    }
  }

  GroupEffects pass_time(Choices& choices) {
    now_ = now_ + Millis(choices.byte() * 200);
    wall_ += choices.byte() * 200;
    return machine_.tick(context());
  }

  const image::MetadataImage& image_;
  const GroupSettings settings_;
  GroupMachine machine_;
  GroupMachine follower_;
  MonoTime now_{1'000'000'000};
  Timestamp wall_{1'700'000'000'000};
  std::uint64_t ids_ = 0;

 private:
  std::set<std::uint64_t> answered_;
};

}  // namespace moldau::group
