// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sim/observations.h"

namespace moldau::sim {

/// Something that must hold in every run. Told of everything clients see; says so at once if it
/// does not fit.
/// Thread   one thread.
class Invariant {
 public:
  using Finding = std::optional<std::string>;

  virtual ~Invariant() = default;
  virtual std::string_view name() const = 0;
  virtual Finding on_acked(const Acked&) { return {}; }
  virtual Finding on_read(const PartitionKey&, const ReadBatch&) { return {}; }
  virtual Finding on_watermarks(const Watermarks&) { return {}; }
  /// Before the end of a partition is asked for that on_full_read will tell of.
  virtual Finding on_full_read_begins(const PartitionKey&) { return {}; }
  virtual Finding on_full_read(const FullRead&) { return {}; }
  /// Data that only the page cache held may be gone after a power cut, and what a client asked to
  /// delete may be gone after the request.
  virtual Finding on_death(DeathKind) { return {}; }
  virtual Finding on_records_deleted(const PartitionKey&, Offset /*below*/) { return {}; }
  virtual Finding on_deletion_acked(const DeletionAcked&) { return {}; }
  virtual Finding on_transaction(const TransactionStep&) { return {}; }
  virtual Finding on_committed_read(const CommittedRead&) { return {}; }
  virtual Finding on_offset_committed(const OffsetCommitted&) { return {}; }
  virtual Finding on_offset_fetched(const OffsetFetched&) { return {}; }
  virtual Finding on_group_deletion(const GroupDeletion&) { return {}; }
  virtual Finding on_assignment(const Assignment&) { return {}; }
  virtual Finding on_owned(const Owned&) { return {}; }
  virtual Finding on_share(const ShareStep&) { return {}; }
  /// Nothing is under way, and all logs and offsets have been read.
  virtual Finding on_rest() { return {}; }
};

using Invariants = std::vector<std::unique_ptr<Invariant>>;
Invariants all_invariants();
void add_transaction_invariants(Invariants& all);
void add_group_invariants(Invariants& all);
void add_share_invariants(Invariants& all);

/// Runs all invariants over what happens and keeps the first finding.
/// Thread   one thread.
class Checks {
 public:
  Checks() : invariants_(all_invariants()) {}

  template <class... Args>
  void tell(Invariant::Finding (Invariant::*event)(Args...), std::type_identity_t<Args>... args) {
    for (const auto& invariant : invariants_) {
      if (auto found = ((*invariant).*event)(args...)) fail(invariant->name(), *found);
    }
  }
  void fail(std::string_view invariant, const std::string& what) {
    if (finding_.empty()) finding_ = std::string(invariant) + ": " + what;
  }
  const std::string& finding() const { return finding_; }

 private:
  Invariants invariants_;
  std::string finding_;
};

}  // namespace moldau::sim
