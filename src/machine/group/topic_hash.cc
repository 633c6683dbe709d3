// SPDX-License-Identifier: Apache-2.0
#include "machine/group/topic_hash.h"

#include <algorithm>
#include <vector>

#include "base/hash.h"

namespace moldau::group {
namespace {

/// The bytes that are hashed: little-endian numbers, strings as UTF-16 units and their count.
class HashInput {
 public:
  void number(std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
      bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
    }
  }
  void int32(std::int32_t value) { number(static_cast<std::uint32_t>(value), 4); }
  void int64(std::int64_t value) { number(static_cast<std::uint64_t>(value), 8); }
  void text(const std::u16string& units) {
    for (const char16_t unit : units) number(unit, 2);
    int32(static_cast<std::int32_t>(units.size()));
  }
  std::int64_t hash() const { return static_cast<std::int64_t>(xxh3_64(bytes_)); }

 private:
  std::vector<std::byte> bytes_;
};

/// Names and racks come from the metadata log, where they are UTF-8.
std::u16string utf16(std::string_view utf8) {
  std::u16string out;
  for (std::size_t i = 0; i < utf8.size();) {
    const auto first = static_cast<unsigned char>(utf8[i]);
    std::size_t extra = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    std::uint32_t code = extra == 0 ? first : first & (0x3FU >> extra);
    for (++i; extra > 0 && i < utf8.size(); --extra, ++i) {
      code = code << 6 | (static_cast<unsigned char>(utf8[i]) & 0x3FU);
    }
    if (code >= 0x10000) {
      out.push_back(static_cast<char16_t>(0xD800 + ((code - 0x10000) >> 10)));
      out.push_back(static_cast<char16_t>(0xDC00 + (code & 0x3FF)));
    } else {
      out.push_back(static_cast<char16_t>(code));
    }
  }
  return out;
}

std::vector<std::u16string> racks_of(const image::PartitionState& partition,
                                     const image::MetadataImage& image) {
  std::vector<std::u16string> out;
  for (std::size_t i = 0; i < partition.replicas.size(); ++i) {
    const image::BrokerRegistration* broker = image.broker(partition.replicas[i]);
    if (broker != nullptr && broker->rack) out.push_back(utf16(*broker->rack));
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::int64_t topic_hash(const image::TopicImage& topic, const image::MetadataImage& image) {
  HashInput input;
  // What the bytes mean may change one day.
  input.number(0, 1);
  input.int64(topic.id.high);
  input.int64(topic.id.low);
  input.text(utf16(topic.name));
  const auto count = static_cast<std::int32_t>(topic.partitions.size());
  input.int32(count);
  for (std::int32_t i = 0; i < count; ++i) {
    input.int32(i);
    const image::PartitionState* partition = topic.partition(PartitionId(i));
    if (partition == nullptr) continue;
    for (const std::u16string& rack : racks_of(*partition, image)) {
      input.int32(static_cast<std::int32_t>(rack.size()));
      input.text(rack);
    }
  }
  return input.hash();
}

std::int64_t group_hash(const std::map<std::string_view, std::int64_t>& topic_hashes) {
  if (topic_hashes.empty()) return 0;
  HashInput input;
  for (const auto& [name, hash] : topic_hashes) input.int64(hash);
  return input.hash();
}

std::int64_t TopicHashes::of_topic(const image::TopicImage& topic,
                                   const image::MetadataImage& image) {
  const auto at = hashes_.find(topic.name);
  if (at != hashes_.end()) return at->second;
  const std::int64_t hash = topic_hash(topic, image);
  hashes_.emplace(topic.name, hash);
  return hash;
}

void TopicHashes::forget(std::string_view topic) {
  const auto at = hashes_.find(topic);
  if (at != hashes_.end()) hashes_.erase(at);
}

}  // namespace moldau::group
