// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "sim/invariant.h"

namespace moldau::sim {
namespace {

using Kind = TransactionStep::Kind;

std::string at(const PartitionKey& partition, Offset offset) {
  return partition.text() + " offset " + std::to_string(offset.value());
}

/// What was asked for transactions, and what was told.
/// Thread   one thread.
class Asked : public Invariant {
 public:
  Finding on_transaction(const TransactionStep& step) override {
    Known& known = known_[step.transaction];
    if (step.kind == Kind::kCommitAsked) known.commit_asked = true;
    if (step.kind == Kind::kAbortAsked) known.abort_asked = true;
    if (step.kind == Kind::kNotCommitted) known.denied = true;
    if (step.kind == Kind::kCommitted) known.committed = true;
    return {};
  }

 protected:
  struct Known {
    bool commit_asked = false;
    bool abort_asked = false;
    bool denied = false;
    bool committed = false;
  };
  const Known& known(const std::string& transaction) { return known_[transaction]; }
  const std::map<std::string, Known>& all() const { return known_; }

 private:
  std::map<std::string, Known> known_;
};

/// No record of a transaction is seen whose producer asked for its abort, or was told that it was
/// not committed.
/// Thread   one thread.
class AbortedIsInvisible final : public Asked {
 public:
  std::string_view name() const override { return "AbortedIsInvisible"; }
  Finding on_committed_read(const CommittedRead& read) override {
    for (const auto& [offset, value] : read.records) {
      const std::string transaction = transaction_of(value);
      if (transaction.empty()) continue;
      const Known& what = known(transaction);
      if (what.denied || (what.abort_asked && !what.commit_asked))
        return at(read.partition, offset) + " is visible: " + value;
    }
    return {};
  }
};

/// No transaction is committed while its producer has not asked for its end.
/// Thread   one thread.
class NoTransactionEndedByAnother final : public Asked {
 public:
  std::string_view name() const override { return "NoTransactionEndedByAnother"; }
  Finding on_committed_read(const CommittedRead& read) override {
    for (const auto& [offset, value] : read.records) {
      const std::string transaction = transaction_of(value);
      if (transaction.empty()) continue;
      const Known& what = known(transaction);
      if (!what.abort_asked && !what.commit_asked)
        return at(read.partition, offset) + " is committed, nobody asked for it: " + value;
    }
    return {};
  }
};

/// What was acknowledged of a transaction that was committed is seen by whoever reads past it.
/// Thread   one thread.
class CommittedIsVisible final : public Asked {
 public:
  std::string_view name() const override { return "CommittedIsVisible"; }
  Finding on_transaction(const TransactionStep& step) override {
    (void)Asked::on_transaction(step);
    if (step.kind != Kind::kCommitted) return {};
    const auto hidden = hidden_.find(step.transaction);
    if (hidden != hidden_.end()) return hidden->second + " was not visible before its commit";
    return {};
  }
  Finding on_acked(const Acked& acked) override {
    if (transaction_of(acked.value).empty()) return {};
    acked_[acked.partition][acked.offset] = acked.value;
    return {};
  }
  Finding on_committed_read(const CommittedRead& read) override {
    std::map<Offset, const std::string*> visible;
    for (const auto& [offset, value] : read.records) visible[offset] = &value;
    const auto& acked = acked_[read.partition];
    for (auto one = acked.lower_bound(read.from); one != acked.end() && one->first < read.to;
         ++one) {
      const auto seen = visible.find(one->first);
      if (seen != visible.end() && *seen->second == one->second) continue;
      const std::string transaction = transaction_of(one->second);
      const std::string what = at(read.partition, one->first) + " " + one->second;
      if (known(transaction).committed) return what + " is committed, but not visible";
      hidden_[transaction] = what;
    }
    return {};
  }
  /// All is read: nothing of it may be missing because it was never passed.
  Finding on_full_read(const FullRead& read) override {
    if (read.transactional) stable_[read.partition] = read.stable;
    return {};
  }
  Finding on_rest() override {
    for (const auto& [partition, records] : acked_) {
      const auto stable = stable_.find(partition);
      if (stable == stable_.end() || records.empty()) continue;
      const auto& [offset, value] = *records.rbegin();
      if (offset >= stable->second && known(transaction_of(value)).committed)
        return at(partition, offset) + " is committed, the last stable offset is " +
               std::to_string(stable->second.value());
    }
    return {};
  }

 private:
  std::map<PartitionKey, std::map<Offset, std::string>> acked_;
  std::map<std::string, std::string> hidden_;
  std::map<PartitionKey, Offset> stable_;
};

/// Of a transaction all records are seen or none, each once.
/// Thread   one thread.
class NoTornTransaction final : public Asked {
 public:
  std::string_view name() const override { return "NoTornTransaction"; }
  Finding on_acked(const Acked& acked) override {
    const std::string transaction = transaction_of(acked.value);
    if (!transaction.empty()) acked_[transaction].insert(acked.value);
    return {};
  }
  Finding on_committed_read(const CommittedRead& read) override {
    for (const auto& [offset, value] : read.records) {
      const std::string transaction = transaction_of(value);
      if (transaction.empty()) continue;
      const auto [there, is_new] = visible_[transaction].try_emplace(value, read.partition, offset);
      if (!is_new && there->second != std::pair(read.partition, offset))
        return at(read.partition, offset) + " is the record of " +
               at(there->second.first, there->second.second) + ", too: " + value;
    }
    return {};
  }
  Finding on_rest() override {
    for (const auto& [transaction, records] : visible_) {
      for (const std::string& value : acked_[transaction])
        if (!records.contains(value))
          return transaction + " shows " + records.begin()->first + ", but not " + value;
    }
    return {};
  }

 private:
  using Place = std::pair<PartitionKey, Offset>;
  std::map<std::string, std::set<std::string>> acked_;
  std::map<std::string, std::map<std::string, Place>> visible_;
};

/// Readers of committed records are given what the markers in the log say, no more and no less.
/// Thread   one thread.
class CommittedReadsFollowTheMarkers final : public Invariant {
 public:
  std::string_view name() const override { return "CommittedReadsFollowTheMarkers"; }
  Finding on_full_read(const FullRead& read) override {
    if (!read.transactional) return {};
    std::map<ProducerId, std::map<Offset, std::string>> open;
    std::map<Offset, std::string> decided;
    for (const ReadBatch& batch : read.batches) {
      if (batch.is_control) {
        if (!batch.is_abort) decided.merge(open[batch.producer]);
        open.erase(batch.producer);
        continue;
      }
      auto& to = batch.is_transactional ? open[batch.producer] : decided;
      to.insert(batch.records.begin(), batch.records.end());
    }
    decided.erase(decided.lower_bound(read.stable), decided.end());
    const std::map<Offset, std::string> given(read.committed.begin(), read.committed.end());
    for (const auto& [offset, value] : decided)
      if (!given.contains(offset)) return at(read.partition, offset) + " is hidden: " + value;
    for (const auto& [offset, value] : given)
      if (!decided.contains(offset)) return at(read.partition, offset) + " is given: " + value;
    return {};
  }
};

/// Transformers read each record of their input once: a committed offset of theirs goes with the
/// committed outputs of all before it.
/// Thread   one thread.
class OffsetsGoWithTheirTransaction final : public Invariant {
 public:
  std::string_view name() const override { return "OffsetsGoWithTheirTransaction"; }
  Finding on_committed_read(const CommittedRead& read) override {
    for (const auto& [offset, value] : read.records) {
      const std::string origin = origin_of(value);
      if (origin.empty()) continue;
      const auto [there, is_new] = outputs_.try_emplace(origin, value);
      if (!is_new && there->second != value)
        return origin + " was made into " + there->second + " and " + value;
      const auto colon = origin.rfind(':');
      made_[origin.substr(0, colon)].insert(std::stoll(origin.substr(colon + 1)));
    }
    return {};
  }
  Finding on_offset_fetched(const OffsetFetched& fetched) override {
    if (fetched.where.group.starts_with("transform"))
      committed_[fetched.where.text()] = fetched.offset;
    return {};
  }
  Finding on_rest() override {
    for (const auto& [where, offset] : committed_) {
      const std::set<std::int64_t>& made = made_[where];
      const std::int64_t count = std::max<std::int64_t>(offset, 0);
      if (static_cast<std::int64_t>(made.size()) == count &&
          (made.empty() || *made.rbegin() == count - 1))
        continue;
      return where + " has the committed offset " + std::to_string(offset) + ", but outputs of " +
             std::to_string(made.size()) + " records up to " +
             (made.empty() ? "none" : std::to_string(*made.rbegin()));
    }
    return {};
  }

 private:
  std::map<std::string, std::string> outputs_;  // by origin
  std::map<std::string, std::set<std::int64_t>> made_;
  std::map<std::string, std::int64_t> committed_;
};

}  // namespace

void add_transaction_invariants(Invariants& all) {
  all.push_back(std::make_unique<AbortedIsInvisible>());
  all.push_back(std::make_unique<NoTransactionEndedByAnother>());
  all.push_back(std::make_unique<CommittedIsVisible>());
  all.push_back(std::make_unique<NoTornTransaction>());
  all.push_back(std::make_unique<CommittedReadsFollowTheMarkers>());
  all.push_back(std::make_unique<OffsetsGoWithTheirTransaction>());
}

}  // namespace moldau::sim
