// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "machine/assignor/assignor.h"
#include "machine/group/consumer_group.h"
#include "machine/group/current_assignment.h"
#include "machine/group/group_effects.h"
#include "machine/group/group_settings.h"
#include "machine/group/topic_hash.h"
#include "record/keyed_record.h"

namespace moldau::group {

/// What has become of a member's subscription by regular expression.
enum class RegexChange : std::uint8_t {
  kNone,
  /// Its topics are not known yet.
  kUpdated,
  kUpdatedAndResolved,
};

/// One request of a member while it is decided: the group stays as it is, and everything that is
/// to change comes together here.
///
/// Path     ConsumerProtocol makes one, calls its parts in Apache's order, writes the records.
/// Owner    borrows the group, which may not be in the table yet.
/// Thread   a value, for one step.
/// Errors   kInvalidRegularExpression, kUnknownServerError, kFencedMemberEpoch.
/// Source   GroupMetadataManager.consumerGroupHeartbeat and what it calls.
class ConsumerDecision {
 public:
  ConsumerDecision(const GroupContext& context, const ConsumerGroup& group,
                   const GroupSettings& settings, TopicHashes& hashes, Offset new_topics)
      : context_(context),
        group_(group),
        settings_(settings),
        hashes_(hashes),
        new_topics_(new_topics),
        epoch_(group.epoch()) {}

  /// The member as it was, or as it would be if it had just been made.
  ConsumerMember before;
  /// As it is to be.
  ConsumerMember after;
  std::vector<record::KeyedRecord> records;

  /// KIP-345: `before` takes the place of `old` and all that it has.
  void replace_static(const ConsumerMember& old);
  /// A record of what has changed in the member; true if its topics have.
  bool update_subscription();
  Result<RegexChange> update_regexes();
  /// Raises the group epoch if `bump`, or if the topics are not what they were.
  void update_metadata(bool bump);
  bool has_metadata_expired() const { return group_.has_metadata_expired(context_.now); }
  /// A new target assignment, if the epoch asks for one and it is time.
  Result<void> update_target();
  /// Brings the member nearer to its target.
  Result<void> bring_to_target(bool subscription_changed, const OwnedPartitions& owned);

  const ConsumerGroup& group() const { return group_; }
  std::int32_t epoch() const { return epoch_; }

  // To be done once the records are written.
  /// The topics were looked at: not again before long.
  bool metadata_was_refreshed = false;
  /// The member's partitions have changed hands: a timer for what it must give up begins or ends.
  bool was_reconciled = false;
  /// Expressions to match; the group is resolving then.
  std::vector<std::string> regexes_to_resolve;

 private:
  using SubscriptionCounts = ModernGroup::SubscriptionCounts;

  SubscriptionCounts subscribed_topics() const;
  assignor::SubscriptionType subscription_type(const SubscriptionCounts& topics) const;
  std::set<TopicId> topic_ids_of(const ConsumerMember& member) const;
  bool may_assign_now() const;
  assignor::GroupSpec assignor_spec() const;
  const assignor::Assignment& target_of_after() const;
  void resolve_if_due(RegexChange change, bool is_new);

  const GroupContext& context_;
  const ConsumerGroup& group_;
  const GroupSettings& settings_;
  TopicHashes& hashes_;
  /// Of the last image that brought topics.
  Offset new_topics_;
  std::int32_t epoch_;
  std::optional<assignor::SubscriptionType> type_;
  /// Made by update_target.
  std::optional<assignor::Assignment> new_target_;
};

/// Hash of what the group subscribes to.
std::int64_t metadata_hash_of(const ModernGroup::SubscriptionCounts& topics, TopicHashes& hashes,
                              const image::MetadataImage& image);
void drop_regex_count(ModernGroup::SubscriptionCounts& topics, const ResolvedRegex& resolved);
void add_regex_count(ModernGroup::SubscriptionCounts& topics, const ResolvedRegex& resolved);
void drop_name_count(ModernGroup::SubscriptionCounts& topics, const ConsumerMember& member);

}  // namespace moldau::group
