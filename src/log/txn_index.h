// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "log/log_file.h"

namespace moldau::log {

/// An aborted transaction as the transaction index keeps it.
struct AbortedTransaction {
  ProducerId producer_id{-1};
  Offset first_offset{-1};
  /// That of the ABORT marker.
  Offset last_offset{-1};
  /// The last stable offset after the marker.
  Offset last_stable_offset{-1};
  bool operator==(const AbortedTransaction&) const = default;
};

/// The transaction index of one segment; the file exists only once there is an entry.
///
///   | int16 version 0 | int64 producer id | int64 first | int64 last | int64 last stable offset |
///
/// Owner    its segment.
/// Thread   as its segment; read_all() and collect() anywhere.
/// Bounds   34 bytes per aborted transaction; reads go in pieces of kReadBytes.
/// Errors   kCorruptMessage: version, order or size.
/// Source   KIP-98; TransactionIndex, AbortedTxn.
class TxnIndex {
 public:
  static constexpr std::uint32_t kEntryBytes = 34;
  static constexpr std::uint32_t kReadBytes = kEntryBytes * 128;

  TxnIndex(Offset base_offset, std::shared_ptr<const LogFile> file)
      : base_offset_(base_offset), file_(std::move(file)) {}

  /// Counts and checks the entries of an existing file (none if it is missing). Returns false if
  /// they make no sense.
  Result<bool> load();
  /// Written at once: aborts are rare.
  Result<void> append(const AbortedTransaction& aborted);
  Result<void> truncate_to(Offset offset);
  Result<void> clear();
  bool empty() const { return entries_ == 0; }
  std::uint32_t entries() const { return entries_; }
  const std::shared_ptr<const LogFile>& file() const { return file_; }
  void set_file(std::shared_ptr<const LogFile> file) { file_ = std::move(file); }

  /// Adds those that touch [fetch_offset, upper_bound) to `out`; true if no later index can hold
  /// more of them.
  static Result<bool> collect(const LogFile& file, std::uint32_t entries, Offset fetch_offset,
                              Offset upper_bound, std::vector<AbortedTransaction>& out,
                              env::Wait wait = env::Wait::kForDevice);

 private:
  Offset base_offset_;
  std::shared_ptr<const LogFile> file_;
  std::uint32_t entries_ = 0;
  Offset last_offset_{-1};
};

}  // namespace moldau::log
