// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "machine/partition/producer_state.h"
#include "record/batch_view.h"

namespace moldau::log {

/// What producer state needs to know of a batch; of a control batch that ends a transaction, its
/// marker is decoded.
/// Thread   any thread.
/// Errors   kInvalidRecord: a control record that cannot be read.
Result<partition::ProducerBatch> producer_batch_of(const record::BatchView& batch);

/// The entry of the transaction index for a transaction that was aborted; nothing for others.
std::optional<partition::CompletedTransaction> aborted_of(
    const partition::ProducerVerdict& verdict);

}  // namespace moldau::log
