// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/types.h"

namespace moldau::sim {

/// A partition as the model knows it: by topic id, with what its topic promises.
struct PartitionKey {
  TopicId topic;
  PartitionId index;
  auto operator<=>(const PartitionKey&) const = default;
  std::string text() const { return topic.text() + "-" + std::to_string(index.value()); }
};

/// How many lives of the node had ended when something was asked for: its answer may come late.
using Life = std::uint64_t;

/// A record that a client was told is in the log.
struct Acked {
  PartitionKey partition;
  Offset offset;
  std::string value;
  /// The topic has flush.messages=1: it must survive a power cut too.
  bool durable = false;
  Life life = 0;
};

/// A batch that a client read, with what its producer wrote into it.
struct ReadBatch {
  Offset base_offset;
  Offset last_offset;
  ProducerId producer{-1};
  ProducerEpoch epoch{-1};
  std::int32_t base_sequence = -1;
  bool is_transactional = false;
  bool is_control = false;
  /// Of a control batch: ABORT rather than COMMIT.
  bool is_abort = false;
  std::vector<std::pair<Offset, std::string>> records;
  Life life = 0;
};

struct Watermarks {
  PartitionKey partition;
  /// When it was asked for and answered, in events of the world: answers of several connections
  /// may pass each other.
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  Offset log_start;
  Offset high_watermark;
  bool durable = false;
  Life life = 0;
};

/// DeleteRecords was answered with success.
struct DeletionAcked {
  PartitionKey partition;
  Offset low_watermark;
  std::uint64_t answered = 0;
};

/// The key of a record with such a value: models write it into the value too, behind an @.
inline std::string key_of(const std::string& value) {
  const auto at = value.find('@');
  return at == std::string::npos ? std::string() : value.substr(at, value.find('|') - at);
}

/// A partition read from its log start to its end.
struct FullRead {
  PartitionKey partition;
  Offset log_start;
  Offset end;
  bool durable = false;
  std::vector<ReadBatch> batches;
  /// When the log start was asked for.
  std::uint64_t asked = 0;
  /// Retention may move the log start; compaction may take records whose key has a later one.
  bool expires = false;
  bool compacted = false;
  /// Below `stable`, the last stable offset, as a reader of committed records sees it.
  bool transactional = false;
  Offset stable;
  std::vector<std::pair<Offset, std::string>> committed;
};

/// What a transactional client did or heard. Its transaction has a name; values of its records
/// begin with it.
struct TransactionStep {
  enum class Kind {
    kCommitAsked,
    kAbortAsked,
    kCommitted,     // it was told so
    kNotCommitted,  // it was told so
  };
  std::string transaction;
  Kind kind = Kind::kAbortAsked;
};

/// Records of [from, to) that a reader of committed records was given; all of them.
struct CommittedRead {
  PartitionKey partition;
  Offset from;
  Offset to;
  std::vector<std::pair<Offset, std::string>> records;
};

/// The transaction that a value belongs to; "" for none.
inline std::string transaction_of(const std::string& value) {
  const auto end = value.find('#');
  return end == std::string::npos ? std::string() : value.substr(0, end);
}

/// What a transformer made a value of, group and all; "" for other values.
inline std::string origin_of(const std::string& value) {
  const auto from = value.find('<');
  return from == std::string::npos ? std::string()
                                   : value.substr(from + 1, value.find('|') - from - 1);
}

/// An offset of a group in a partition of a topic, by name.
struct GroupPartition {
  std::string group;
  std::string topic;
  std::int32_t partition = 0;
  auto operator<=>(const GroupPartition&) const = default;
  std::string text() const { return group + " " + topic + "-" + std::to_string(partition); }
};

/// A request to set an offset of a group, or to delete it. Moments are events of the world.
struct OffsetCommitted {
  enum class Outcome { kSent, kDone, kRefused };
  GroupPartition where;
  /// -1: it is to be deleted.
  std::int64_t offset = 0;
  /// Names the request.
  std::uint64_t id = 0;
  Outcome outcome = Outcome::kSent;
  std::uint64_t now = 0;
  /// -1 for a commit without membership.
  std::int32_t generation = -1;
  /// Who believes to own the partition; "" where that is not known for certain.
  std::string owner;
  /// When it was sent: its retention begins no earlier.
  MonoTime sent_at;
  /// Of deletions: when they were answered.
  MonoTime done_at;
};

struct OffsetFetched {
  GroupPartition where;
  std::int64_t offset = -1;
  std::uint64_t asked = 0;
  std::uint64_t now = 0;
  MonoTime at;
  /// After which it may go away by itself; 0: never.
  Millis retention{0};
};

/// A request to delete a group that has members now and then.
struct GroupDeletion {
  enum class Outcome { kSent, kDone, kRefused, kUnknown };
  std::string group;
  Outcome outcome = Outcome::kSent;
  MonoTime asked;
  MonoTime now;
};

/// A member has its assignment of a generation, or, as its leader, has made it.
struct Assignment {
  std::string group;
  std::int32_t generation = -1;
  std::string member;
  std::string partitions;  // by comma
  bool by_leader = false;
  std::uint64_t now = 0;
};

/// What a member of a group with epochs owns by what it was told, and has not given back.
struct Owned {
  std::string group;
  /// Static members have one name for all who come after one another.
  std::string member;
  std::int32_t epoch = -1;
  /// To which it subscribes all the time.
  std::string topic;
  std::set<std::string> partitions;
  /// Those of them that it did not own before.
  std::set<std::string> gained;
  MonoTime now;
  /// Until then it cannot have been fenced.
  MonoTime until;
};

/// What became of records of a share group, as a member sees it.
struct ShareStep {
  enum class Kind {
    kAcquired,
    kRenewed,  // its lock begins anew
    kLetGo,    // it has asked for their end, or holds them for certain no more
    kDone,     // they are accepted or rejected, as it was told
  };
  Kind kind = Kind::kLetGo;
  std::string group;
  std::string member;
  PartitionKey partition;
  Offset first{0};
  Offset last{0};
  std::int16_t delivery_count = 0;
  std::int16_t delivery_limit = 0;
  /// In events of the world: when it was asked for, and answered.
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  MonoTime now;
  /// Its lock does not run out before.
  MonoTime until;
  /// Of kRenewed and kDone: when that was asked for; by `ends` the lock had run out for certain.
  MonoTime sent;
  MonoTime ends;
};

/// How a life of the node ended.
enum class DeathKind { kStop, kKill, kPowerCut };

}  // namespace moldau::sim
