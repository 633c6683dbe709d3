// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "node/coordinator/txn_coordinators.h"
#include "node/handler/authorize.h"
#include "node/handler/services.h"

namespace moldau::handler {

/// A step of the transaction machine.
template <class Message>
using TransactionStepMethod = txn::TxnEffects (txn::TxnMachine::*)(const txn::TxnContext&,
                                                                   txn::AnswerId, const Message&,
                                                                   std::int16_t version);

/// Has the coordinator of `transactional_id` do a step, and waits for the answer. `message` must
/// live until then.
template <class Response, class Message>
env::Task<Result<Response>> call_transaction(Services& node, std::string transactional_id,
                                             const Message* message, std::int16_t version,
                                             TransactionStepMethod<Message> method) {
  auto step = [message, version, method](txn::TxnMachine& machine, const txn::TxnContext& context,
                                         txn::AnswerId id) {
    return (machine.*method)(context, id, *message, version);
  };
  image::ImagePtr image = node.image;
  Result<Response> answer = co_await node.transactions->call<Response>(
      node.shard, std::move(image), std::move(transactional_id), std::move(step));
  co_return answer;
}

/// A whole handler for APIs of one transactional id; `fill` makes the answer of a request that the
/// coordinator did not take.
template <class Message, class Response>
env::Task<void> serve_transaction(Services& node, request::RequestPtr request,
                                  TransactionStepMethod<Message> method,
                                  void (*fill)(ErrorCode, Response&)) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  Response refused;
  if (!authorized(node, *request, AclOperation::kWrite, AclResourceType::kTransactionalId,
                  message.transactional_id.view())) {
    fill(ErrorCode::kTransactionalIdAuthorizationFailed, refused);
    request->answer(refused);
    co_return;
  }
  std::string transactional_id = message.transactional_id.str();
  Result<Response> answer = co_await call_transaction<Response, Message>(
      node, std::move(transactional_id), &message, request->version(), method);
  if (answer.ok()) {
    request->answer(*answer);
    co_return;
  }
  fill(answer.error().code, refused);
  request->answer(refused);
}

/// What a client can be told, and what it leaves to the node.
enum class TransactionSupport : std::uint8_t {
  kOld,         // knows no TRANSACTION_ABORTABLE
  kAbortable,   // does
  kAddsItself,  // and leaves adding partitions to the node (KIP-890 part 2)
};

/// Partitions that a producer writes to for the first time in its transaction.
struct PartitionsToVerify {
  PartitionsToVerify() = default;
  std::string transactional_id;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  TransactionSupport support = TransactionSupport::kOld;
  std::vector<TopicPartition> partitions;
};

/// Asks the coordinator whether these partitions are in the transaction, or has it add them.
/// Gives the errors, as the clients of these APIs know them; partitions without one may be written.
/// `what` must live until then.
/// Source   AddPartitionsToTxnManager.
env::Task<std::map<TopicPartition, ErrorCode>> verify_partitions(Services& node,
                                                                 const PartitionsToVerify* what);

}  // namespace moldau::handler
