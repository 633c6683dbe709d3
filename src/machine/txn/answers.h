// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/error_code.h"
#include "base/types.h"
#include "machine/txn/txn_machine.h"

namespace moldau::txn {

/// What the coordinator says of a producer that was replaced; clients below `since` do not know it.
ErrorCode for_version(ErrorCode error, std::int16_t version, std::int16_t since);

TxnAnswer init_answer(AnswerId id, std::int16_t version, ErrorCode error,
                      ProducerId producer_id = ProducerId(-1),
                      ProducerEpoch producer_epoch = ProducerEpoch(-1));
TxnAnswer end_answer(AnswerId id, std::int16_t version, ErrorCode error,
                     ProducerId producer_id = ProducerId(-1),
                     ProducerEpoch producer_epoch = ProducerEpoch(-1));

/// Not empty, and short enough to stand in a record.
bool is_transactional_id(std::string_view id);

}  // namespace moldau::txn
