// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "machine/image/image.h"

namespace moldau::group {

/// A number that changes when an assignor could come to another result for the topic: its id,
/// name, partitions, or the racks of their replicas.
/// Source   Utils.computeTopicHash; KIP-1101.
std::int64_t topic_hash(const image::TopicImage& topic, const image::MetadataImage& image);

/// Of several topics, by name; 0 if there is none.
/// Source   Utils.computeGroupHash.
std::int64_t group_hash(const std::map<std::string_view, std::int64_t>& topic_hashes);

/// Hashes of topics, computed once until the topic changes.
/// Thread   a value of the partition's shard.
/// Bounds   one number for each topic that groups of the partition subscribe to.
class TopicHashes {
 public:
  /// `topics`: a range of names; those that do not exist are left out.
  template <class Names>
  std::int64_t of_group(const Names& topics, const image::MetadataImage& image) {
    std::map<std::string_view, std::int64_t> hashes;
    for (const auto& name : topics) {
      const image::TopicImage* topic = image.topic(std::string_view(name));
      if (topic != nullptr) hashes.emplace(topic->name, of_topic(*topic, image));
    }
    return group_hash(hashes);
  }
  /// The topic has changed, or is gone.
  void forget(std::string_view topic);

 private:
  std::int64_t of_topic(const image::TopicImage& topic, const image::MetadataImage& image);

  std::map<std::string, std::int64_t, std::less<>> hashes_;
};

}  // namespace moldau::group
