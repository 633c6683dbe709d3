// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "machine/group/classic_protocol.h"
#include "machine/group/deleted_topic.h"
#include "machine/group/group_counts.h"
#include "machine/group/group_effects.h"
#include "machine/group/group_settings.h"
#include "machine/group/group_table.h"
#include "machine/group/offset_store.h"
#include "machine/group/step.h"
#include "wire/offset_commit_request.h"
#include "wire/offset_delete_request.h"
#include "wire/offset_fetch_request.h"
#include "wire/offset_fetch_response.h"
#include "wire/txn_offset_commit_request.h"

namespace moldau::group {

/// Decisions about committed offsets, whatever the kind of group.
///
/// Path     GroupMachine → this → OffsetStore.
/// Owner    borrows the machine's table, store, settings and counts.
/// Thread   on the partition's shard.
/// Bounds   offset.metadata.max.bytes; kGroupsPerSweep groups looked at per call.
/// Source   OffsetMetadataManager; KIP-211, 447, 496, 848.
class OffsetProtocol {
 public:
  OffsetProtocol(GroupTable& groups, OffsetStore& offsets, ClassicProtocol& classic,
                 const GroupSettings& settings, GroupCounts& counts)
      : groups_(groups),
        offsets_(offsets),
        classic_(classic),
        settings_(settings),
        counts_(counts) {}

  // offset_commits.cc
  void commit(Step& step, const GroupCaller& caller, const wire::OffsetCommitRequest& request);
  void commit_transactional(Step& step, const GroupCaller& caller,
                            const wire::TxnOffsetCommitRequest& request);
  // offset_deletes.cc
  void delete_offsets(Step& step, const GroupCaller& caller,
                      const wire::OffsetDeleteRequest& request);
  void delete_group(Step& step, const GroupCaller& caller, std::string_view group_id);

  // offset_fetch.cc
  wire::OffsetFetchResponse::OffsetFetchResponseGroup fetch(
      const wire::OffsetFetchRequest::OffsetFetchRequestGroup& request, bool require_stable,
      const image::MetadataImage& image) const;

  // offset_sweep.cc
  static constexpr std::size_t kGroupsPerSweep = 1'000;
  void begin_checks(MonoTime now) { next_check_ = now + settings_.retention_check_interval; }
  void topics_deleted(std::span<const DeletedTopic> topics);
  /// A piece of what there is to sweep.
  void sweep(Step& step);
  /// Nothing before begin_checks.
  std::optional<MonoTime> next_sweep() const;

 private:
  /// Offsets of deleted topics are looked for from the first group on.
  struct Deletion {
    std::vector<DeletedTopic> topics;
    std::string next_group;
  };

  ErrorCode check_commit(std::string_view group_id, const Committer& committer,
                         ErrorCode if_unknown) const;
  bool is_metadata_too_large(const wire::Text& metadata) const;
  /// True if it got to the end of the groups.
  bool sweep_expired(Step& step, std::string& next_group);
  bool sweep_deleted(Step& step, Deletion& deletion);
  /// False if the batch is full.
  bool expire_group(Step& step, const std::string& group_id);
  bool delete_topics_of(Step& step, const std::string& group_id,
                        const std::vector<DeletedTopic>& topics);

  GroupTable& groups_;
  OffsetStore& offsets_;
  ClassicProtocol& classic_;
  const GroupSettings& settings_;
  GroupCounts& counts_;

  std::optional<MonoTime> next_check_;
  /// Where a check that is under way goes on.
  std::optional<std::string> checking_;
  std::deque<Deletion> deletions_;
};

}  // namespace moldau::group
