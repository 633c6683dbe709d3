// SPDX-License-Identifier: Apache-2.0
#include "sim/deleting_client.h"

#include <utility>

#include "sim/group_offsets.h"
#include "wire/delete_groups_request.h"
#include "wire/delete_groups_response.h"
#include "wire/offset_commit_response.h"
#include "wire/offset_delete_request.h"
#include "wire/offset_delete_response.h"
#include "wire/offset_fetch_response.h"

namespace moldau::sim {
namespace {

using Outcome = OffsetCommitted::Outcome;

constexpr std::int16_t kOffsetDeleteVersion = 0;
/// How long a partition has commits, where offsets expire, and how many such turns there are.
constexpr std::int64_t kTurnMs = 15'000;
constexpr std::int64_t kTurns = 9;

}  // namespace

std::vector<OffsetCommitted> DeletingClient::begin_deletion(
    const std::vector<GroupPartition>& all) {
  std::vector<OffsetCommitted> out;
  for (const GroupPartition& where : all) {
    OffsetCommitted& one = out.emplace_back();
    one.where = where;
    one.offset = -1;
    one.id = ++model_.offset_commits;
    one.now = model_.world.events();
    one.generation = -1;
    one.sent_at = shard_.now();
    model_.checks.tell(&Invariant::on_offset_committed, one);
  }
  return out;
}

void DeletingClient::tell_outcome(std::vector<OffsetCommitted> told, ErrorCode code,
                                  std::uint64_t asked) {
  for (OffsetCommitted& one : told) {
    one.now = model_.world.events();
    one.done_at = shard_.now();
    switch (code) {
      case ErrorCode::kNone:
        one.outcome = Outcome::kDone;
        ++model_.acked;
        break;
      case ErrorCode::kGroupIdNotFound:
      case ErrorCode::kNonEmptyGroup:
      case ErrorCode::kGroupSubscribedToTopic:
        one.outcome = Outcome::kRefused;
        break;
      default:
        if (!is_retriable(code))
          model_.checks.fail("GoodRequestsAreTaken",
                             one.where.group + " a deletion got " + std::string(error_name(code)));
        continue;
    }
    model_.checks.tell(&Invariant::on_offset_committed, one);
    if (code != ErrorCode::kGroupIdNotFound) continue;
    // What is not there has no offsets.
    const OffsetFetched fetched{one.where, -1,           asked,
                                one.now,   shard_.now(), model_.retention_of(one.where.group)};
    model_.checks.tell(&Invariant::on_offset_fetched, fetched);
  }
}

void DeletingClient::delete_offset(const GroupPartition& where) {
  wire::OffsetDeleteRequest request;
  request.group_id = std::string_view(where.group);
  auto& topic = request.topics.emplace_back();
  topic.name = std::string_view(where.topic);
  topic.partitions.emplace_back().partition_index = where.partition;
  if (random_.chance(50)) {
    send_late(request, kOffsetDeleteVersion, Millis(random_.between(1, 2'000)), [this, where] {
      begin_deletion({where});
      return true;
    });
  }
  ask<wire::OffsetDeleteResponse>(
      request, kOffsetDeleteVersion,
      [this, told = begin_deletion({where}),
       asked = model_.world.events()](const wire::OffsetDeleteResponse& answer) {
        std::int16_t code = answer.error_code;
        if (code == 0) code = answer.topics.at(0).partitions.at(0).error_code;
        tell_outcome(told, error_from_wire(code), asked);
      });
}

void DeletingClient::tell_deletion(GroupDeletion::Outcome outcome) {
  const GroupDeletion told{deletes_, outcome, deletes_since_, shard_.now()};
  model_.checks.tell(&Invariant::on_group_deletion, told);
  if (outcome != GroupDeletion::Outcome::kSent) deletes_.clear();
}

void DeletingClient::lost() {
  if (!deletes_.empty()) tell_deletion(GroupDeletion::Outcome::kUnknown);
}

void DeletingClient::delete_group(const std::string& group,
                                  const std::vector<std::string>& topics) {
  std::vector<GroupPartition> all;
  for (const std::string& name : topics)
    if (const ModelTopic* topic = there(model_, name))
      for (std::int32_t p = 0; p < topic->partitions; ++p) all.push_back({group, name, p});
  wire::DeleteGroupsRequest request;
  request.groups_names.emplace_back(std::string_view(group));
  const auto version = static_cast<std::int16_t>(random_.between(0, 2));
  deletes_ = group;
  deletes_since_ = shard_.now();
  tell_deletion(GroupDeletion::Outcome::kSent);
  ask<wire::DeleteGroupsResponse>(
      request, version,
      [this, told = begin_deletion(all),
       asked = model_.world.events()](const wire::DeleteGroupsResponse& answer) {
        using enum GroupDeletion::Outcome;
        const ErrorCode code = error_from_wire(answer.results.at(0).error_code);
        const bool is_refused =
            code == ErrorCode::kNonEmptyGroup || code == ErrorCode::kGroupIdNotFound;
        tell_deletion(code == ErrorCode::kNone ? kDone : is_refused ? kRefused : kUnknown);
        tell_outcome(told, code, asked);
      });
}

/// Each partition has its turns; for some of them none has, so that the whole group expires.
bool OffsetCommitter::may_commit(std::int32_t partition) const {
  if (!options_.lets_expire) return true;
  return shard_.now().value() / (kTurnMs * 1'000'000) % kTurns == partition;
}

void OffsetCommitter::work() {
  const ModelTopic* topic = there(model_, options_.topic);
  if (busy() || !topic || model_.draining) return;
  if (!has_coordinators()) return find_coordinator(options_.group, false);
  const auto partition =
      static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(topic->partitions)));
  const GroupPartition where{options_.group, options_.topic, partition};
  if (options_.deletes && random_.chance(60)) return delete_offset(where);
  if (options_.deletes && random_.chance(30)) return delete_group(options_.group, {options_.topic});
  if (random_.chance(500) && may_commit(partition)) return commit(where);
  fetch(where);
}

void OffsetCommitter::commit(const GroupPartition& where) {
  // No two requests set the same one: what is found tells which was done.
  const std::int64_t offset = ++made_ * 1'000 + random_.between(0, 999);
  OffsetCommitted told;
  told.where = where;
  told.offset = random_.chance(100) ? 100'000'000 - offset : offset;
  told.id = ++model_.offset_commits;
  told.now = model_.world.events();
  told.sent_at = shard_.now();
  const wire::OffsetCommitRequest request = set_to(where, Offset(told.offset));
  const auto version = static_cast<std::int16_t>(random_.between(2, 9));
  if (random_.chance(50)) {
    send_late(request, version, Millis(random_.between(1, 2'000)), [this, copy = told]() mutable {
      copy.id = ++model_.offset_commits;
      copy.now = model_.world.events();
      copy.sent_at = shard_.now();
      model_.checks.tell(&Invariant::on_offset_committed, copy);
      return true;
    });
  }
  model_.checks.tell(&Invariant::on_offset_committed, told);
  ask<wire::OffsetCommitResponse>(
      request, version, [this, told](const wire::OffsetCommitResponse& answer) mutable {
        const auto code = error_from_wire(answer.topics.at(0).partitions.at(0).error_code);
        told.now = model_.world.events();
        if (code == ErrorCode::kNone) {
          told.outcome = Outcome::kDone;
          ++model_.acked;
          return model_.checks.tell(&Invariant::on_offset_committed, told);
        }
        if (!is_retriable(code))
          model_.checks.fail("GoodRequestsAreTaken",
                             options_.group + " OffsetCommit got " + std::string(error_name(code)));
      });
}

void OffsetCommitter::fetch(const GroupPartition& where) {
  const auto version = static_cast<std::int16_t>(random_.between(2, 9));
  ask<wire::OffsetFetchResponse>(
      ask_for(where, version), version,
      [this, where, version,
       asked = model_.world.events()](const wire::OffsetFetchResponse& answer) {
        const FoundOffset found = only_offset(answer, version);
        if (found.error != ErrorCode::kNone) return;
        const OffsetFetched fetched{where,        found.offset,
                                    asked,        model_.world.events(),
                                    shard_.now(), model_.retention_of(where.group)};
        model_.checks.tell(&Invariant::on_offset_fetched, fetched);
      });
}

void GroupDeleter::work() {
  if (busy() || model_.draining) return;
  if (!has_coordinators()) return find_coordinator(options_.group, false);
  if (options_.whole_groups && random_.chance(400))
    return delete_group(options_.group, options_.topics);
  const std::string& name = options_.topics.at(random_.below(options_.topics.size()));
  const ModelTopic* topic = there(model_, name);
  if (!topic) return;
  const auto partition =
      static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(topic->partitions)));
  delete_offset({options_.group, name, partition});
}

}  // namespace moldau::sim
