// SPDX-License-Identifier: Apache-2.0
#include "machine/txn/answers.h"

#include <utility>

namespace moldau::txn {
namespace {

// A text of a record has an int16 length. Characters that were replaced may have made it longer.
constexpr std::size_t kTransactionalIdBytesMax = 32'767;

}  // namespace

ErrorCode for_version(ErrorCode error, std::int16_t version, std::int16_t since) {
  return version < since && error == ErrorCode::kProducerFenced ? ErrorCode::kInvalidProducerEpoch
                                                                : error;
}

TxnAnswer init_answer(AnswerId id, std::int16_t version, ErrorCode error, ProducerId producer_id,
                      ProducerEpoch producer_epoch) {
  wire::InitProducerIdResponse response;
  response.error_code = static_cast<std::int16_t>(for_version(error, version, 4));
  response.producer_id = producer_id.value();
  response.producer_epoch = producer_epoch.value();
  return {id, std::move(response)};
}

TxnAnswer end_answer(AnswerId id, std::int16_t version, ErrorCode error, ProducerId producer_id,
                     ProducerEpoch producer_epoch) {
  wire::EndTxnResponse response;
  response.error_code = static_cast<std::int16_t>(for_version(error, version, 2));
  response.producer_id = producer_id.value();
  response.producer_epoch = producer_epoch.value();
  return {id, std::move(response)};
}

bool is_transactional_id(std::string_view id) {
  return !id.empty() && id.size() <= kTransactionalIdBytesMax;
}

}  // namespace moldau::txn
