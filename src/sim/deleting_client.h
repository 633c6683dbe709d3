// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "sim/calling_client.h"

namespace moldau::sim {

/// A client that deletes offsets and groups, and tells the checks what that says of offsets.
///
/// Thread   one thread.
/// Bounds   one request at a time.
class DeletingClient : public CallingClient {
 public:
  using CallingClient::CallingClient;

 protected:
  /// OffsetDelete.
  void delete_offset(const GroupPartition& where);
  /// DeleteGroups; it takes all offsets of `topics` with it, the only ones the group has.
  void delete_group(const std::string& group, const std::vector<std::string>& topics);
  void lost() override;

 private:
  /// What it asked for: an offset of -1.
  std::vector<OffsetCommitted> begin_deletion(const std::vector<GroupPartition>& all);
  void tell_outcome(std::vector<OffsetCommitted> told, ErrorCode code, std::uint64_t asked);
  void tell_deletion(GroupDeletion::Outcome outcome);

  /// The group whose deletion is under way; "" for none.
  std::string deletes_;
  MonoTime deletes_since_;
};

struct OffsetCommitterOptions {
  std::string group;
  std::string topic;
  /// Now and then it deletes an offset, or the whole group.
  bool deletes = false;
  /// It leaves its offsets alone for longer than their retention.
  bool lets_expire = false;
};

/// Commits offsets of a group that has no members, of every size, and looks whether they stay.
///
/// Thread   one thread.
/// Bounds   one request at a time.
class OffsetCommitter final : public DeletingClient {
 public:
  OffsetCommitter(Model& model, env::fake::FakeShard& shard, OffsetCommitterOptions options)
      : DeletingClient(model, shard), options_(std::move(options)) {}

  bool idle() const override { return !busy(); }

 protected:
  void work() override;
  std::int64_t pause_ms_max() const override { return options_.lets_expire ? 300 : 40; }

 private:
  void commit(const GroupPartition& where);
  void fetch(const GroupPartition& where);
  bool may_commit(std::int32_t partition) const;

  const OffsetCommitterOptions options_;
  std::int64_t made_ = 0;
};

struct GroupDeleterOptions {
  std::string group;
  std::vector<std::string> topics;
  /// DeleteGroups too: members are told epochs, which begin anew then.
  bool whole_groups = false;
};

/// Tries to delete a group that has members, and offsets of it: both must be refused while it is in
/// use.
///
/// Thread   one thread.
/// Bounds   one request at a time.
class GroupDeleter final : public DeletingClient {
 public:
  GroupDeleter(Model& model, env::fake::FakeShard& shard, GroupDeleterOptions options)
      : DeletingClient(model, shard), options_(std::move(options)) {}

  bool idle() const override { return !busy(); }

 protected:
  void work() override;
  std::int64_t pause_ms_max() const override { return 300; }

 private:
  const GroupDeleterOptions options_;
};

}  // namespace moldau::sim
