// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "machine/image/image.h"
#include "machine/share/share_key.h"
#include "machine/share/share_records.h"
#include "machine/share/state_batch.h"
#include "record/keyed_record.h"

namespace moldau::share {

/// Under which a request came in; the host's own numbers.
using AnswerId = Strong<struct ShareAnswerIdTag, std::uint64_t>;

/// What a decision may look at besides the state.
struct ShareContext {
  ShareContext(MonoTime n, Timestamp w, const image::MetadataImage& i)
      : now(n), wall(w), image(i) {}
  MonoTime now;
  Timestamp wall;
  const image::MetadataImage& image;
};

/// A share partition begins at an offset, in an epoch; -1: its leader is to find the offset.
struct InitializeState {
  InitializeState() = default;
  SharePartitionKey key;
  std::int32_t state_epoch = 0;
  Offset start_offset{-1};
};

struct ReadState {
  ReadState() = default;
  SharePartitionKey key;
  /// -1: whoever asks does not lead; else older leaders may not write any more.
  LeaderEpoch leader_epoch{-1};
};

struct WriteState {
  WriteState() = default;
  SharePartitionKey key;
  std::int32_t state_epoch = -1;
  LeaderEpoch leader_epoch{-1};
  /// -1: unchanged.
  Offset start_offset{-1};
  std::int32_t delivery_complete_count = -1;
  std::vector<StateBatch> batches;
};

struct DeleteState {
  DeleteState() = default;
  SharePartitionKey key;
};

/// The answer to Initialize, Write and Delete.
struct StateOutcome {
  StateOutcome() = default;
  explicit StateOutcome(ErrorCode code, std::string text = {})
      : error(code), message(std::move(text)) {}
  ErrorCode error = ErrorCode::kNone;
  std::string message;
};

struct ReadOutcome : StateOutcome {
  using StateOutcome::StateOutcome;
  std::int32_t state_epoch = 0;
  Offset start_offset{0};
  std::vector<StateBatch> batches;
};

struct SummaryOutcome : StateOutcome {
  using StateOutcome::StateOutcome;
  std::int32_t state_epoch = 0;
  LeaderEpoch leader_epoch{0};
  Offset start_offset{0};
  std::int32_t delivery_complete_count = -1;
};

using ShareResponse = std::variant<StateOutcome, ReadOutcome>;

struct ShareAnswer {
  ShareAnswer(AnswerId i, ShareResponse r) : id(i), response(std::move(r)) {}
  AnswerId id;
  ShareResponse response;
};

/// What a step wants done, in this order: append the batch (if it has records), then release the
/// answers when everything appended so far is committed. The machine has replayed the batch.
struct ShareEffects {
  record::KeyedBatch batch;
  std::vector<ShareAnswer> answers;
  /// Then, all of the log before this offset may go.
  std::optional<Offset> prune_before;
};

}  // namespace moldau::share
