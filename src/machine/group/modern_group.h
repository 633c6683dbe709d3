// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "machine/assignor/assignor.h"
#include "machine/group/group.h"
#include "machine/image/image.h"

namespace moldau::group {

/// Which groups of the partition subscribe to a topic.
/// Owner    the machine; outlives its groups.
/// Thread   a value of the partition's shard.
class TopicSubscribers {
 public:
  void add(std::string_view topic, std::string_view group);
  void remove(std::string_view topic, std::string_view group);
  /// Ids of groups; nothing that changes the groups may be done meanwhile.
  const std::set<std::string, std::less<>>& of(std::string_view topic) const;

 private:
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> groups_;
};

/// Members of a group that subscribe to a topic.
struct SubscriptionCount {
  std::size_t by_name = 0;
  /// Regular expressions that match it.
  std::size_t by_regex = 0;
};

/// Wraps as in Java: the number may come from a hostile log.
inline std::int32_t epoch_after(std::int32_t epoch) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(epoch) + 1);
}

/// A group whose assignment is made by the coordinator: what consumer and share groups share.
///
/// The group epoch rises when members or topics change; then an assignor makes the target
/// assignment of that epoch, and each member is brought to its target by itself.
/// Owner    the GroupTable; borrows TopicSubscribers.
/// Thread   a value of the partition's shard.
/// Source   ModernGroup; KIP-848, KIP-1101, KIP-1263.
class ModernGroup : public Group {
 public:
  using SubscriptionCounts = std::map<std::string, SubscriptionCount, std::less<>>;
  using Targets = std::map<std::string, assignor::Assignment, std::less<>>;

  ModernGroup(std::string id, TopicSubscribers& subscribers);
  ~ModernGroup() override;

  bool is_subscribed_to(std::string_view topic) const override {
    return subscribed_topics_.contains(topic);
  }

  virtual std::size_t member_count() const = 0;
  std::int32_t epoch() const { return epoch_; }
  /// Of the target assignment; 0 if there is none yet.
  std::int32_t assignment_epoch() const { return assignment_epoch_; }
  Timestamp assignment_timestamp() const { return assignment_timestamp_; }
  /// Of the topics when the epoch was last raised.
  std::int64_t metadata_hash() const { return metadata_hash_; }
  const SubscriptionCounts& subscribed_topics() const { return subscribed_topics_; }
  const Targets& targets() const { return targets_; }
  /// Empty if there is none.
  const assignor::Assignment& target(std::string_view member_id) const;
  /// For an assignor: partition counts of `topics`, and what of them is in some target.
  void describe_topics(const std::set<TopicId>& topics, const image::MetadataImage& image,
                       assignor::GroupSpec& spec) const;

  // Hard state, as the records say.
  void replay_epoch(std::int32_t epoch, std::int64_t metadata_hash);
  void replay_target_metadata(std::int32_t epoch, Timestamp timestamp);
  void replay_target(std::string_view member_id, assignor::Assignment target);
  void remove_target(std::string_view member_id);

  // Soft state: the topics' metadata is looked at again after that time, or if the epoch is lower
  // than it was then.
  bool has_metadata_expired(MonoTime now) const {
    return !refresh_at_ || now >= *refresh_at_ || epoch_ < refresh_epoch_;
  }
  void refresh_metadata_at(MonoTime at, std::int32_t epoch) {
    refresh_at_ = at;
    refresh_epoch_ = epoch;
  }
  void request_metadata_refresh() override { refresh_at_.reset(); }

 protected:
  void subscribe_by_name(std::string_view topic);
  void unsubscribe_by_name(std::string_view topic);
  void subscribe_by_regex(std::string_view topic);
  void unsubscribe_by_regex(std::string_view topic);

 private:
  SubscriptionCount& count_of(std::string_view topic);
  void drop_if_unused(std::string_view topic);

  TopicSubscribers& subscribers_;
  std::int32_t epoch_ = 1;
  std::int64_t metadata_hash_ = 0;
  std::int32_t assignment_epoch_ = 1;
  Timestamp assignment_timestamp_{0};
  SubscriptionCounts subscribed_topics_;
  Targets targets_;
  std::optional<MonoTime> refresh_at_;
  std::int32_t refresh_epoch_ = 0;
};

}  // namespace moldau::group
