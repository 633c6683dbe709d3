// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_code.h"
#include "base/types.h"
#include "record/keyed_record.h"

namespace moldau::group {

enum class GroupType : std::uint8_t { kClassic, kConsumer, kShare, kStreams };

/// As ListGroups carries it: "classic".
std::string_view group_type_name(GroupType type);

/// Who wants to commit offsets, as the request says.
struct Committer {
  Committer(std::string_view m, std::optional<std::string_view> i, std::int32_t g, bool t,
            std::int16_t v)
      : member_id(m), group_instance_id(i), generation(g), transactional(t), version(v) {}
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  /// Or member epoch; below 0 if none is given.
  std::int32_t generation;
  bool transactional;
  /// Of the request.
  std::int16_t version;
};

/// What every kind of group knows about itself.
/// Owner    the GroupTable.
/// Thread   a value of the partition's shard.
class Group {
 public:
  explicit Group(std::string id) : id_(std::move(id)) {}
  virtual ~Group() = default;
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  const std::string& id() const { return id_; }
  virtual GroupType type() const = 0;
  /// As DescribeGroups and ListGroups say it: "Stable".
  virtual std::string_view state_name() const = 0;
  /// Empty for a simple group.
  virtual std::string_view protocol_type() const = 0;
  /// In the state Empty.
  virtual bool is_empty() const = 0;

  /// kNone, or why the commit is refused.
  virtual ErrorCode check_offset_commit(const Committer& committer) const = 0;
  /// The same for one partition, once the commit as a whole is accepted.
  virtual ErrorCode check_partition_commit(const Committer&, std::string_view /*topic*/,
                                           const TopicId&, PartitionId) const {
    return ErrorCode::kNone;
  }
  /// Whether that member may read offsets. Without a member id and with an epoch below 0: anybody.
  virtual ErrorCode check_offset_fetch(std::optional<std::string_view>, std::int32_t) const {
    return ErrorCode::kNone;
  }
  virtual ErrorCode check_offset_delete() const = 0;
  virtual ErrorCode check_delete() const = 0;
  /// A topic that it subscribes to (TopicSubscribers) has changed.
  virtual void request_metadata_refresh() {}
  /// Offsets of such a topic are neither deleted nor expired.
  virtual bool is_subscribed_to(std::string_view topic) const = 0;
  /// When the retention of an offset that was committed then began; nothing if it does not expire.
  virtual std::optional<Timestamp> expires_from(Timestamp commit) const = 0;
  /// What removes the group from the log.
  virtual void append_tombstones(std::vector<record::KeyedRecord>& records) const = 0;
  /// The earliest of all deadlines of the group; soft state.
  virtual std::optional<MonoTime> next_deadline() const = 0;

 private:
  friend class GroupTable;

  std::string id_;
  /// Under which the table will look at it.
  std::optional<MonoTime> wake_at_;
};

}  // namespace moldau::group
