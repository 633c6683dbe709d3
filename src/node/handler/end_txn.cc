// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/transaction_call.h"
#include "wire/end_txn_request.h"
#include "wire/end_txn_response.h"

namespace moldau::handler {
namespace {

void refuse(ErrorCode code, wire::EndTxnResponse& response) {
  response.error_code = to_wire(code);
}

}  // namespace

env::Task<void> handle_end_txn(Services& node, request::RequestPtr request) {
  return serve_transaction<wire::EndTxnRequest, wire::EndTxnResponse>(
      node, std::move(request), &txn::TxnMachine::end_txn, refuse);
}

}  // namespace moldau::handler
