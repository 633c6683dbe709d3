// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/types.h"

namespace moldau::record {

/// A record of a compacted internal topic, framed as it lies in the log: type and key body, version
/// and value body.
struct KeyedRecord {
  std::vector<std::byte> key;
  /// Nothing: a tombstone.
  std::optional<std::vector<std::byte>> value;

  bool operator==(const KeyedRecord&) const = default;
};

/// Records that become visible together, since they lie in one batch.
struct KeyedBatch {
  std::vector<KeyedRecord> records;
  /// Set for offsets committed in a transaction: the batch is that producer's.
  std::optional<ProducerId> producer_id;
  ProducerEpoch producer_epoch{-1};
};

}  // namespace moldau::record
