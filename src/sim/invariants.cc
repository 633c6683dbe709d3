// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "sim/invariant.h"

namespace moldau::sim {
namespace {

std::string at(const PartitionKey& partition, Offset offset) {
  return partition.text() + " offset " + std::to_string(offset.value());
}

/// Which answers come from a life that has ended.
/// Thread   one thread.
class Lives {
 public:
  void end(DeathKind kind) {
    ++ended_;
    if (kind == DeathKind::kPowerCut) cut_at_ = ended_;
    if (kind == DeathKind::kPowerCut) ++power_cuts_;
  }
  bool is_over(Life life) const { return life < ended_; }
  bool was_cut(Life life) const { return life < cut_at_; }
  std::uint64_t power_cuts() const { return power_cuts_; }

 private:
  Life ended_ = 0;
  Life cut_at_ = 0;
  std::uint64_t power_cuts_ = 0;
};

/// What was acknowledged is there, unchanged: after a kill all of it, after a power cut what was
/// durable when it was acknowledged.
/// Thread   one thread.
class NoAcknowledgedRecordIsLost final : public Invariant {
  struct Found {
    explicit Found(const FullRead& read) {
      for (const ReadBatch& batch : read.batches)
        records.insert(batch.records.begin(), batch.records.end());
      if (read.compacted) note_keys(records);
    }
    void note_keys(const std::map<Offset, std::string>& of) {
      for (const auto& [offset, value] : of) {
        Offset& last = last_of_key[key_of(value)];
        last = std::max(last, offset);
      }
    }
    /// A record with its key stands behind it.
    bool has_later(Offset offset, const std::string& value) const {
      const auto last = last_of_key.find(key_of(value));
      return last != last_of_key.end() && last->second > offset;
    }
    std::map<Offset, std::string> records;
    std::map<std::string, Offset> last_of_key;
  };

 public:
  std::string_view name() const override { return "NoAcknowledgedRecordIsLost"; }
  Finding on_acked(const Acked& acked) override {
    // A power cut may have taken it before the answer came.
    if (!acked.durable && lives_.was_cut(acked.life)) return {};
    if (acked.offset >= deleted_below_[acked.partition])
      acked_[acked.partition][acked.offset] = acked.value;
    return {};
  }
  Finding on_records_deleted(const PartitionKey& partition, Offset below) override {
    Offset& deleted = deleted_below_[partition];
    deleted = std::max(deleted, below);
    auto& records = acked_[partition];
    records.erase(records.begin(), records.lower_bound(below));
    return {};
  }
  Finding on_death(DeathKind kind) override {
    lives_.end(kind);
    return {};
  }
  Finding on_full_read_begins(const PartitionKey& partition) override {
    const auto& records = acked_[partition];
    expected_end_[partition] = records.empty() ? Offset(0) : records.rbegin()->first + 1;
    return {};
  }
  Finding on_full_read(const FullRead& read) override {
    Found found(read);
    auto& records = acked_[read.partition];
    if (read.expires) records.erase(records.begin(), records.lower_bound(read.log_start));
    const std::uint64_t cuts = lives_.power_cuts();
    const bool cut_since = std::exchange(cuts_seen_[read.partition], cuts) != cuts;
    if (!read.durable && cut_since) {
      records.erase(records.lower_bound(read.end), records.end());
      // A later segment may outlive the end of an earlier one: in a compacted log, whose offsets
      // have holes anyway, nothing tells.
      if (read.compacted)
        std::erase_if(records, [&](const auto& one) { return !found.records.contains(one.first); });
    } else if (read.end < expected_end_[read.partition]) {
      return at(read.partition, read.end) + " is the end, but acknowledged was up to " +
             std::to_string(expected_end_[read.partition].value() - 1);
    }
    // What was acknowledged since the end was asked for counts as a later record, too.
    if (read.compacted) found.note_keys(records);
    for (const auto& [offset, value] : records) {
      if (offset >= read.end) break;  // acknowledged since the end was asked for
      const auto there = found.records.find(offset);
      if (there == found.records.end() && read.compacted && found.has_later(offset, value))
        continue;
      if (there == found.records.end())
        return at(read.partition, offset) + " is lost, the log is [" +
               std::to_string(read.log_start.value()) + ", " + std::to_string(read.end.value()) +
               "): " + value;
      if (there->second != value)
        return at(read.partition, offset) + " was " + value + ", is " + there->second;
    }
    return {};
  }

 private:
  std::map<PartitionKey, std::map<Offset, std::string>> acked_;
  std::map<PartitionKey, Offset> deleted_below_;
  std::map<PartitionKey, Offset> expected_end_;
  std::map<PartitionKey, std::uint64_t> cuts_seen_;
  Lives lives_;
};

/// An offset has one value for ever, whoever reads it. Only a power cut may take back what was
/// not synced; then what lies behind the new end is forgotten.
/// Thread   one thread.
class OneOffsetHasOneValue final : public Invariant {
 public:
  std::string_view name() const override { return "OneOffsetHasOneValue"; }
  Finding on_acked(const Acked& acked) override {
    if (!acked.durable && lives_.was_cut(acked.life)) return {};
    return know(acked.partition, acked.offset, acked.value);
  }
  Finding on_read(const PartitionKey& partition, const ReadBatch& batch) override {
    // Of a topic that is not durable, or it would be seen again anyway.
    if (lives_.was_cut(batch.life)) return {};
    for (const auto& [offset, value] : batch.records)
      if (auto found = know(partition, offset, value)) return found;
    return {};
  }
  Finding on_death(DeathKind kind) override {
    lives_.end(kind);
    return {};
  }
  Finding on_full_read(const FullRead& read) override {
    auto& known = known_[read.partition];
    const std::uint64_t cuts = lives_.power_cuts();
    if (!read.durable && std::exchange(cuts_seen_[read.partition], cuts) != cuts)
      known.erase(known.lower_bound(read.end), known.end());
    for (const ReadBatch& batch : read.batches)
      if (auto found = on_read(read.partition, batch)) return found;
    return {};
  }

 private:
  Finding know(const PartitionKey& partition, Offset offset, const std::string& value) {
    const auto [there, is_new] = known_[partition].try_emplace(offset, value);
    if (!is_new && there->second != value)
      return at(partition, offset) + " was " + there->second + ", is " + value;
    return {};
  }
  std::map<PartitionKey, std::map<Offset, std::string>> known_;
  std::map<PartitionKey, std::uint64_t> cuts_seen_;
  Lives lives_;
};

/// Per producer id and epoch, sequences in a log follow each other: none twice, none left out.
/// Thread   one thread.
class SequencesHaveNoGapAndNoDuplicate final : public Invariant {
 public:
  std::string_view name() const override { return "SequencesHaveNoGapAndNoDuplicate"; }
  Finding on_full_read(const FullRead& read) override {
    std::map<std::pair<ProducerId, ProducerEpoch>, std::int64_t> next;
    for (const ReadBatch& batch : read.batches) {
      if (batch.producer.value() < 0 || batch.is_control) continue;
      const auto count = static_cast<std::int64_t>(batch.records.size());
      const auto [there, is_first] =
          next.try_emplace(std::pair(batch.producer, batch.epoch), batch.base_sequence);
      // Of a compacted batch some records are left, or none.
      const bool gap_is_fine = read.compacted && batch.base_sequence > there->second;
      if (!is_first && there->second != batch.base_sequence && !gap_is_fine)
        return at(read.partition, batch.base_offset) + " producer " +
               std::to_string(batch.producer.value()) + " has sequence " +
               std::to_string(batch.base_sequence) + ", expected " + std::to_string(there->second);
      there->second = batch.base_sequence + count;
    }
    return {};
  }
};

/// Offsets in a log rise without holes from its start to its end.
/// Thread   one thread.
class OffsetsAreDense final : public Invariant {
 public:
  std::string_view name() const override { return "OffsetsAreDense"; }
  Finding on_full_read(const FullRead& read) override {
    Offset next = read.log_start;
    for (const ReadBatch& batch : read.batches) {
      for (const auto& [offset, value] : batch.records) {
        if (offset < read.log_start) continue;
        if (read.compacted && offset > next) next = offset;
        if (offset != next)
          return at(read.partition, offset) + " follows " + std::to_string(next.value() - 1);
        ++next;
      }
    }
    if (next < read.end && !read.compacted)
      return at(read.partition, next) + " is missing below the end " +
             std::to_string(read.end.value());
    return {};
  }
};

/// Records go away by DeleteRecords only, no further than that asked for.
/// Thread   one thread.
class NothingIsDeletedUnasked final : public Invariant {
 public:
  std::string_view name() const override { return "NothingIsDeletedUnasked"; }
  Finding on_records_deleted(const PartitionKey& partition, Offset below) override {
    Offset& deleted = asked_[partition];
    deleted = std::max(deleted, below);
    return {};
  }
  Finding on_full_read(const FullRead& read) override {
    if (read.expires || read.log_start <= asked_[read.partition]) return {};
    return at(read.partition, read.log_start) + " is the log start, asked for was " +
           std::to_string(asked_[read.partition].value());
  }

 private:
  std::map<PartitionKey, Offset> asked_;
};

/// The highest value seen so far, as it was known at any earlier moment.
/// Thread   one thread.
/// Bounds   the last kKept changes.
class Highest {
 public:
  void see(std::uint64_t moment, Offset value) {
    if (!changes_.empty() && changes_.back().second >= value) return;
    changes_.emplace_back(moment, value);
    if (changes_.size() > kKept) changes_.pop_front();
  }
  Offset known_at(std::uint64_t moment) const {
    Offset highest(0);
    for (const auto& [when, value] : changes_)
      if (when <= moment) highest = value;
    return highest;
  }

 private:
  static constexpr std::size_t kKept = 100;
  std::deque<std::pair<std::uint64_t, Offset>> changes_;
};

/// The high watermark never goes back, save behind a power cut for what was not durable.
/// Thread   one thread.
class HighWatermarkIsMonotonic final : public Invariant {
 public:
  std::string_view name() const override { return "HighWatermarkIsMonotonic"; }
  Finding on_watermarks(const Watermarks& seen) override {
    if (!seen.durable && lives_.was_cut(seen.life)) return {};
    auto& [highest, durable] = seen_[seen.partition];
    durable = seen.durable;
    const Offset before = highest.known_at(seen.asked);
    if (seen.high_watermark < before)
      return at(seen.partition, seen.high_watermark) + " is the high watermark, it was " +
             std::to_string(before.value());
    highest.see(seen.answered, seen.high_watermark);
    return {};
  }
  Finding on_death(DeathKind kind) override {
    lives_.end(kind);
    if (kind == DeathKind::kPowerCut)
      std::erase_if(seen_, [](const auto& item) { return !item.second.second; });
    return {};
  }

 private:
  Lives lives_;
  std::map<PartitionKey, std::pair<Highest, bool>> seen_;
};

/// The log start never goes back while the node lives, and never stands behind the high watermark.
/// What DeleteRecords was acknowledged for stays away for ever, power cuts included; a move that
/// was only seen, not acknowledged, may die with the node.
/// Thread   one thread.
class LogStartIsMonotonic final : public Invariant {
 public:
  std::string_view name() const override { return "LogStartIsMonotonic"; }
  Finding on_watermarks(const Watermarks& seen) override {
    if (seen.log_start > seen.high_watermark)
      return at(seen.partition, seen.log_start) + " is the log start, the high watermark is " +
             std::to_string(seen.high_watermark.value());
    if (auto found = compare(promised_, seen.partition, seen.asked, seen.log_start)) return found;
    if (lives_.is_over(seen.life)) return {};
    if (auto found = compare(seen_, seen.partition, seen.asked, seen.log_start)) return found;
    seen_[seen.partition].see(seen.answered, seen.log_start);
    return {};
  }
  Finding on_deletion_acked(const DeletionAcked& acked) override {
    promised_[acked.partition].see(acked.answered, acked.low_watermark);
    return {};
  }
  Finding on_full_read(const FullRead& read) override {
    return compare(promised_, read.partition, read.asked, read.log_start);
  }
  Finding on_death(DeathKind kind) override {
    lives_.end(kind);
    if (kind != DeathKind::kStop) seen_.clear();
    return {};
  }

 private:
  using Starts = std::map<PartitionKey, Highest>;
  static Finding compare(const Starts& starts, const PartitionKey& partition, std::uint64_t asked,
                         Offset log_start) {
    const auto known = starts.find(partition);
    const Offset before = known == starts.end() ? Offset(0) : known->second.known_at(asked);
    if (log_start >= before) return {};
    return at(partition, log_start) + " is the log start, it was " + std::to_string(before.value());
  }
  Starts seen_;      // in this life
  Starts promised_;  // by answers to DeleteRecords
  Lives lives_;
};

}  // namespace

Invariants all_invariants() {
  Invariants all;
  all.push_back(std::make_unique<NoAcknowledgedRecordIsLost>());
  all.push_back(std::make_unique<OneOffsetHasOneValue>());
  all.push_back(std::make_unique<SequencesHaveNoGapAndNoDuplicate>());
  all.push_back(std::make_unique<OffsetsAreDense>());
  all.push_back(std::make_unique<NothingIsDeletedUnasked>());
  all.push_back(std::make_unique<HighWatermarkIsMonotonic>());
  all.push_back(std::make_unique<LogStartIsMonotonic>());
  add_transaction_invariants(all);
  add_group_invariants(all);
  add_share_invariants(all);
  return all;
}

}  // namespace moldau::sim
