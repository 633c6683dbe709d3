// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the fuzzers of the group machine share: an image, and choices out of their input.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
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

}  // namespace moldau::group
