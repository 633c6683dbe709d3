// SPDX-License-Identifier: Apache-2.0
#include "machine/group/offset_store.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace moldau::group {
namespace {

template <class Map>
typename Map::mapped_type& at_or_new(Map& map, std::string_view key) {
  const auto at = map.lower_bound(key);
  if (at != map.end() && at->first == key) return at->second;
  return map.emplace_hint(at, std::string(key), typename Map::mapped_type())->second;
}

const CommittedOffset* find_in(const GroupOffsets& offsets, std::string_view group,
                               std::string_view topic, PartitionId partition) {
  const auto topics = offsets.find(group);
  if (topics == offsets.end()) return nullptr;
  const auto partitions = topics->second.find(topic);
  if (partitions == topics->second.end()) return nullptr;
  const auto at = partitions->second.find(partition);
  return at == partitions->second.end() ? nullptr : &at->second;
}

bool remove_from(GroupOffsets& offsets, std::string_view group, std::string_view topic,
                 PartitionId partition) {
  const auto topics = offsets.find(group);
  if (topics == offsets.end()) return false;
  const auto partitions = topics->second.find(topic);
  if (partitions == topics->second.end()) return false;
  if (partitions->second.erase(partition) == 0) return false;
  if (partitions->second.empty()) topics->second.erase(partitions);
  if (topics->second.empty()) offsets.erase(topics);
  return true;
}

}  // namespace

void OffsetStore::put(std::string_view group, std::string_view topic, PartitionId partition,
                      CommittedOffset offset) {
  PartitionOffsets& partitions = at_or_new(at_or_new(committed_, group), topic);
  const bool fresh = partitions.insert_or_assign(partition, std::move(offset)).second;
  if (fresh) ++count_;
}

void OffsetStore::put_pending(ProducerId producer, std::string_view group, std::string_view topic,
                              PartitionId partition, CommittedOffset offset) {
  at_or_new(at_or_new(pending_[producer], group), topic)
      .insert_or_assign(partition, std::move(offset));
  at_or_new(transactions_, group).insert(producer);
}

void OffsetStore::remove(std::string_view group, std::string_view topic, PartitionId partition) {
  if (remove_from(committed_, group, topic, partition)) --count_;
  const auto open = transactions_.find(group);
  if (open == transactions_.end()) return;
  std::set<ProducerId>& producers = open->second;
  for (auto it = producers.begin(); it != producers.end();) {
    const auto pending = pending_.find(*it);
    remove_from(pending->second, group, topic, partition);
    const bool gone = !pending->second.contains(group);
    if (pending->second.empty()) pending_.erase(pending);
    it = gone ? producers.erase(it) : std::next(it);
  }
  if (producers.empty()) transactions_.erase(open);
}

void OffsetStore::end_transaction(ProducerId producer, bool commit) {
  auto node = pending_.extract(producer);
  if (node.empty()) return;
  for (auto& [group, topics] : node.mapped()) {
    if (const auto open = transactions_.find(group); open != transactions_.end()) {
      open->second.erase(producer);
      if (open->second.empty()) transactions_.erase(open);
    }
    if (!commit) continue;
    for (auto& [topic, partitions] : topics) {
      for (auto& [partition, offset] : partitions) {
        const CommittedOffset* there = find(group, topic, partition);
        if (there == nullptr || there->sequence < offset.sequence) {
          put(group, topic, partition, std::move(offset));
        }
      }
    }
  }
}

const TopicOffsets* OffsetStore::topics(std::string_view group) const {
  const auto at = committed_.find(group);
  return at == committed_.end() ? nullptr : &at->second;
}

const CommittedOffset* OffsetStore::find(std::string_view group, std::string_view topic,
                                         PartitionId partition) const {
  return find_in(committed_, group, topic, partition);
}

bool OffsetStore::is_pending(std::string_view group, std::string_view topic,
                             PartitionId partition) const {
  const auto open = transactions_.find(group);
  if (open == transactions_.end()) return false;
  return std::any_of(open->second.begin(), open->second.end(), [&](ProducerId producer) {
    return find_in(pending_.find(producer)->second, group, topic, partition) != nullptr;
  });
}

std::map<std::string_view, std::set<PartitionId>> OffsetStore::partitions(
    std::string_view group) const {
  std::map<std::string_view, std::set<PartitionId>> out;
  const auto gather = [&](const GroupOffsets& offsets) {
    const auto at = offsets.find(group);
    if (at == offsets.end()) return;
    for (const auto& [topic, partitions] : at->second) {
      for (const auto& [partition, offset] : partitions) out[topic].insert(partition);
    }
  };
  gather(committed_);
  if (const auto open = transactions_.find(group); open != transactions_.end()) {
    for (const ProducerId producer : open->second) gather(pending_.find(producer)->second);
  }
  return out;
}

std::optional<std::string> OffsetStore::group_from(std::string_view from) const {
  const auto committed = committed_.lower_bound(from);
  const auto pending = transactions_.lower_bound(from);
  if (committed == committed_.end() && pending == transactions_.end()) return std::nullopt;
  if (committed == committed_.end()) return pending->first;
  if (pending == transactions_.end()) return committed->first;
  return std::min(committed->first, pending->first);
}

}  // namespace moldau::group
