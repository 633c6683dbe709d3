// SPDX-License-Identifier: Apache-2.0
#include "machine/image/image.h"

#include <algorithm>

namespace moldau::image {
namespace {

/// Sections whose values hang behind pointers are compared by what they say.
template <class Map>
bool same_values(const Map& a, const Map& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return x.first == y.first && (x.second == y.second || *x.second == *y.second);
         });
}

}  // namespace

std::int16_t MetadataImage::feature_level(std::string_view name) const {
  if (name == kMetadataVersionFeature) return metadata_version_.level();
  const auto it = features_.find(name);
  return it == features_.end() ? std::int16_t{0} : it->second;
}

const TopicImage* MetadataImage::topic(std::string_view name) const {
  const TopicId* id = topic_ids_.find(name);
  return id == nullptr ? nullptr : topics_.find(*id);
}

const PartitionState* MetadataImage::partition(const TopicId& id, PartitionId index) const {
  const TopicImage* found = topics_.find(id);
  return found == nullptr ? nullptr : found->partition(index);
}

const ConfigEntries& MetadataImage::config(const ConfigResource& resource) const {
  static const ConfigEntries kNothing;
  const auto* entries = configs_.find(resource);
  return entries == nullptr ? kNothing : **entries;
}

bool MetadataImage::is_empty() const {
  return !has_metadata_version_ && features_.empty() && brokers_.empty() && controllers_.empty() &&
         topics_.empty() && configs_.empty() && client_quotas_.empty() &&
         next_producer_id_ == ProducerId(-1) && acls_.empty() && scram_.empty() && tokens_.empty();
}

bool MetadataImage::same_content(const MetadataImage& other) const {
  return metadata_version_ == other.metadata_version_ && features_ == other.features_ &&
         brokers_ == other.brokers_ && controllers_ == other.controllers_ &&
         topic_ids_ == other.topic_ids_ && topics_ == other.topics_ &&
         same_values(configs_, other.configs_) &&
         same_values(client_quotas_, other.client_quotas_) &&
         next_producer_id_ == other.next_producer_id_ && acls_ == other.acls_ &&
         scram_ == other.scram_ && tokens_ == other.tokens_;
}

}  // namespace moldau::image
