// SPDX-License-Identifier: Apache-2.0
#include "machine/group/consumer_decision.h"

#include <algorithm>
#include <utility>

#include "machine/assignor/consumer_assignors.h"
#include "machine/assignor/java_order.h"
#include "machine/group/consumer_records.h"
#include "machine/group/topic_regex.h"

namespace moldau::group {
namespace {

/// Expressions of a group are not matched more often.
constexpr std::int64_t kRegexPauseMs = 10'000;

using SubscriptionCounts = ModernGroup::SubscriptionCounts;

void drop_if_unused(SubscriptionCounts& topics, SubscriptionCounts::iterator at) {
  if (at->second.by_name == 0 && at->second.by_regex == 0) topics.erase(at);
}

void add_name_count(SubscriptionCounts& topics, const ConsumerMember& member) {
  for (const std::string& topic : member.topics) ++topics[topic].by_name;
}

std::string_view regex_of(const ConsumerMember& member) {
  return member.regex ? std::string_view(*member.regex) : std::string_view();
}

/// Names of topics to ids, each looked up once.
class TopicIds {
 public:
  explicit TopicIds(const image::MetadataImage& image) : image_(image) {}

  void add(const std::vector<std::string>& names, std::vector<TopicId>& to) {
    for (const std::string& name : names) {
      auto at = ids_.find(name);
      if (at == ids_.end()) at = ids_.emplace(name, image_.topic_ids().find(name)).first;
      if (at->second != nullptr) to.push_back(*at->second);
    }
  }

 private:
  const image::MetadataImage& image_;
  std::map<std::string_view, const TopicId*> ids_;
};

/// Rising, each once.
std::vector<TopicId> subscribed_ids(const ConsumerGroup& group, const ConsumerMember& member,
                                    TopicIds& ids) {
  std::vector<TopicId> out;
  ids.add(member.topics, out);
  if (member.has_regex()) {
    const auto at = group.regexes().find(*member.regex);
    if (at != group.regexes().end()) ids.add(at->second.topics, out);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

std::int64_t metadata_hash_of(const SubscriptionCounts& topics, TopicHashes& hashes,
                              const image::MetadataImage& image) {
  std::vector<std::string_view> names;
  names.reserve(topics.size());
  for (const auto& [name, count] : topics) names.push_back(name);
  return hashes.of_group(names, image);
}

void drop_regex_count(SubscriptionCounts& topics, const ResolvedRegex& resolved) {
  for (const std::string& topic : resolved.topics) {
    const auto at = topics.find(topic);
    if (at == topics.end()) continue;
    if (at->second.by_regex > 0) --at->second.by_regex;
    drop_if_unused(topics, at);
  }
}

void add_regex_count(SubscriptionCounts& topics, const ResolvedRegex& resolved) {
  for (const std::string& topic : resolved.topics) ++topics[topic].by_regex;
}

void drop_name_count(SubscriptionCounts& topics, const ConsumerMember& member) {
  for (const std::string& topic : member.topics) {
    const auto at = topics.find(topic);
    if (at == topics.end()) continue;
    if (at->second.by_name > 0) --at->second.by_name;
    drop_if_unused(topics, at);
  }
}

void ConsumerDecision::replace_static(const ConsumerMember& old) {
  const std::string& id = group_.id();
  records.push_back(consumer_current_tombstone(id, old.id));
  records.push_back(consumer_target_tombstone(id, old.id));
  records.push_back(consumer_member_tombstone(id, old.id));
  records.push_back(consumer_member_record(id, before));
  records.push_back(consumer_target_record(id, before.id, group_.target(old.id)));
  records.push_back(consumer_current_record(id, before));
}

bool ConsumerDecision::update_subscription() {
  if (after == before) return false;
  records.push_back(consumer_member_record(group_.id(), after));
  return after.topics != before.topics;
}

Result<RegexChange> ConsumerDecision::update_regexes() {
  const std::string_view old_regex = regex_of(before);
  const std::string_view new_regex = regex_of(after);
  RegexChange change = RegexChange::kNone;
  bool is_new = false;
  if (before.regex != after.regex) {
    change = RegexChange::kUpdated;
    if (!old_regex.empty() && group_.regex_subscribers(old_regex) == 1) {
      records.push_back(consumer_regex_tombstone(group_.id(), old_regex));
    }
    if (!new_regex.empty()) {
      if (group_.regex_subscribers(new_regex) == 0) {
        if (auto error = regex_error(new_regex)) {
          return Error(ErrorCode::kInvalidRegularExpression, std::move(*error));
        }
        is_new = true;
      } else if (group_.regexes().contains(new_regex)) {
        change = RegexChange::kUpdatedAndResolved;
      }
    } else if (!old_regex.empty()) {
      change = RegexChange::kUpdatedAndResolved;
    }
  }
  resolve_if_due(change, is_new);
  return change;
}

void ConsumerDecision::resolve_if_due(RegexChange change, bool is_new) {
  (void)change;
  if (!is_new && group_.subscribed_regexes().empty()) return;
  if (group_.is_resolving) return;
  const auto& resolved = group_.regexes();
  const std::int64_t now = context_.wall.value();
  bool due = is_new;
  if (resolved.empty()) {
    due = true;
  } else {
    const ResolvedRegex& one = resolved.begin()->second;
    // A clock that went back must not keep topics out for long.
    const std::int64_t age = std::max<std::int64_t>(now - one.timestamp.value(), 0);
    if (age <= kRegexPauseMs && now >= one.timestamp.value()) return;
    due = due || one.version < new_topics_.value() ||
          age > settings_.broker->values.group_consumer_regex_refresh_interval_ms;
  }
  ConsumerGroup::Counts wanted = group_.subscribed_regexes();
  if (const auto at = wanted.find(regex_of(before)); at != wanted.end() && --at->second == 0) {
    wanted.erase(at);
  }
  if (!regex_of(after).empty()) ++wanted[std::string(regex_of(after))];
  if (wanted.size() != resolved.size()) due = true;
  if (!due) return;
  for (const auto& [regex, count] : wanted) regexes_to_resolve.push_back(regex);
}

SubscriptionCounts ConsumerDecision::subscribed_topics() const {
  SubscriptionCounts out = group_.subscribed_topics();
  // `before` is counted even if it is made for this request: then it subscribes to nothing.
  drop_name_count(out, before);
  add_name_count(out, after);
  const std::string_view old_regex = regex_of(before);
  if (!old_regex.empty() && old_regex != regex_of(after) &&
      group_.regex_subscribers(old_regex) == 1) {
    const auto at = group_.regexes().find(old_regex);
    if (at != group_.regexes().end()) drop_regex_count(out, at->second);
  }
  return out;
}

assignor::SubscriptionType ConsumerDecision::subscription_type(
    const SubscriptionCounts& topics) const {
  using assignor::SubscriptionType;
  std::size_t members = group_.members().size();
  const bool is_known = group_.member(after.id) != nullptr ||
                        (after.instance_id && group_.static_member(*after.instance_id) != nullptr);
  if (!is_known) ++members;
  ConsumerGroup::Counts regexes = group_.subscribed_regexes();
  if (regex_of(before) != regex_of(after)) {
    if (const auto at = regexes.find(regex_of(before)); at != regexes.end() && --at->second == 0) {
      regexes.erase(at);
    }
    if (!regex_of(after).empty()) ++regexes[std::string(regex_of(after))];
  }
  if (regexes.empty()) {
    const bool same = std::all_of(topics.begin(), topics.end(), [&](const auto& topic) {
      return topic.second.by_name == members;
    });
    return same ? SubscriptionType::kHomogeneous : SubscriptionType::kHeterogeneous;
  }
  if (regexes.begin()->second != members) return SubscriptionType::kHeterogeneous;
  const bool same = std::all_of(topics.begin(), topics.end(), [](const auto& topic) {
    return topic.second.by_regex == 1 && topic.second.by_name == 0;
  });
  return same ? SubscriptionType::kHomogeneous : SubscriptionType::kHeterogeneous;
}

void ConsumerDecision::update_metadata(bool bump) {
  const SubscriptionCounts topics = subscribed_topics();
  const std::int64_t hash = metadata_hash_of(topics, hashes_, context_.image);
  type_ = subscription_type(topics);
  if (hash != group_.metadata_hash()) bump = true;
  if (bump) {
    epoch_ = epoch_after(epoch_);
    records.push_back(consumer_epoch_record(group_.id(), epoch_, hash));
  }
  metadata_was_refreshed = true;
}

std::set<TopicId> ConsumerDecision::topic_ids_of(const ConsumerMember& member) const {
  TopicIds ids(context_.image);
  const auto all = subscribed_ids(group_, member, ids);
  return {all.begin(), all.end()};
}

bool ConsumerDecision::may_assign_now() const {
  const std::int64_t last = group_.assignment_timestamp().value();
  const std::int32_t interval =
      settings_.of_group(context_.image, group_.id()).consumer_assignment_interval_ms;
  const std::int64_t now = context_.wall.value();
  // A clock that went back must not keep the group waiting.
  return last == 0 || interval == 0 || now < last || now - last >= interval;
}

const assignor::Assignment& ConsumerDecision::target_of_after() const {
  static const assignor::Assignment kNothing;
  if (new_target_) return *new_target_;
  if (!after.instance_id) return group_.target(after.id);
  const ConsumerMember* previous = group_.static_member(*after.instance_id);
  return previous == nullptr ? kNothing : group_.target(previous->id);
}

assignor::GroupSpec ConsumerDecision::assignor_spec() const {
  assignor::GroupSpec spec;
  spec.subscription_type = *type_;
  TopicIds ids(context_.image);
  std::set<TopicId> topics;
  const ConsumerMember* previous =
      after.instance_id ? group_.static_member(*after.instance_id) : nullptr;
  const auto add = [&](const ConsumerMember& member, const assignor::Assignment* target) {
    assignor::MemberSpec& to = spec.members[member.id];
    if (member.instance_id) to.instance_id = *member.instance_id;
    if (member.rack_id) to.rack_id = *member.rack_id;
    to.topics = subscribed_ids(group_, member, ids);
    to.target = target;
    topics.insert(to.topics.begin(), to.topics.end());
  };
  for (const auto& [id, member] : group_.members()) {
    if (&member == previous || id == after.id) continue;
    add(member, &group_.target(id));
  }
  add(after, &group_.target(previous != nullptr ? previous->id : after.id));
  group_.describe_topics(topics, context_.image, spec);
  return spec;
}

Result<void> ConsumerDecision::update_target() {
  if (group_.assignment_epoch() >= epoch_ || !may_assign_now()) return {};
  if (!type_) type_ = subscription_type(subscribed_topics());
  const auto& offered = settings_.broker->values.group_consumer_assignors;
  const std::string name = group_.preferred_assignor(&before, &after)
                               .value_or(offered.empty() ? "uniform" : offered.front());
  // A record of a broker that offered more must not stop the group.
  assignor::ConsumerAssignor assign = assignor::consumer_assignor(name);
  if (assign == nullptr) assign = assignor::assign_uniform;
  const assignor::GroupSpec spec = assignor_spec();
  auto result = assign(spec);
  if (!result.ok()) {
    return Error(ErrorCode::kUnknownServerError,
                 "Failed to compute a new target assignment for epoch " + std::to_string(epoch_) +
                     ": " + result.error().detail);
  }
  std::vector<std::string_view> ids;
  for (const auto& [id, member] : spec.members) ids.push_back(id);
  assignor::in_java_order(ids, assignor::grown_capacity(ids.size()));
  new_target_.emplace();
  for (const std::string_view id : ids) {
    const auto made = result->find(id);
    assignor::Assignment target;
    if (made != result->end()) target = std::move(made->second);
    const auto old = group_.targets().find(id);
    if (old == group_.targets().end() || old->second != target) {
      records.push_back(consumer_target_record(group_.id(), id, target));
    }
    if (id == after.id) new_target_ = std::move(target);
  }
  records.push_back(consumer_target_metadata_record(group_.id(), epoch_, context_.wall));
  return {};
}

Result<void> ConsumerDecision::bring_to_target(bool subscription_changed,
                                               const OwnedPartitions& owned) {
  const std::int32_t target_epoch = new_target_ ? epoch_ : group_.assignment_epoch();
  if (!subscription_changed && after.is_reconciled_to(target_epoch)) return {};
  const std::set<TopicId> topics = topic_ids_of(after);
  MOLDAU_ASSIGN_OR_RETURN(ConsumerMember next,
                          reconcile(after, Reconciliation(group_, target_of_after(), target_epoch,
                                                          topics, owned, subscription_changed)));
  if (next == after) return {};
  after = std::move(next);
  records.push_back(consumer_current_record(group_.id(), after));
  was_reconciled = true;
  return {};
}

}  // namespace moldau::group
