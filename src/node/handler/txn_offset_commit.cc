// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "node/handler/transaction_call.h"
#include "wire/txn_offset_commit_request.h"
#include "wire/txn_offset_commit_response.h"

namespace moldau::handler {
namespace {

using Request = wire::TxnOffsetCommitRequest;
using Response = wire::TxnOffsetCommitResponse;
using Topic = Response::TxnOffsetCommitResponseTopic;
using Guard = std::optional<partition::VerificationGuard>;

void refuse_partition(Topic& topic, std::int32_t index, ErrorCode code) {
  auto& one = topic.partitions.emplace_back();
  one.partition_index = index;
  one.error_code = to_wire(code);
}

/// What of the request names partitions that exist and that the caller may read; the others get
/// their error at once.
Request existing_part(const Request& message, const image::MetadataImage& image,
                      AuthorizedNames& readable, Response& unknown) {
  Request existing = message;
  existing.topics.clear();
  for (const auto& topic : message.topics) {
    const bool allowed = readable.contains(topic.name.view());
    const image::TopicImage* found = allowed ? image.topic(topic.name.view()) : nullptr;
    auto& kept = existing.topics.emplace_back(topic);
    kept.partitions.clear();
    auto& refused = unknown.topics.emplace_back();
    refused.name = topic.name;
    for (const auto& partition : topic.partitions) {
      if (found && found->partition(PartitionId(partition.partition_index))) {
        kept.partitions.push_back(partition);
      } else {
        refuse_partition(
            refused, partition.partition_index,
            allowed ? ErrorCode::kUnknownTopicOrPartition : ErrorCode::kTopicAuthorizationFailed);
      }
    }
    if (kept.partitions.empty()) existing.topics.pop_back();
    if (refused.partitions.empty()) unknown.topics.pop_back();
  }
  return existing;
}

void merge(Response& into, Response&& more) {
  for (auto& topic : more.topics) {
    const auto same = std::find_if(into.topics.begin(), into.topics.end(),
                                   [&](const auto& t) { return t.name == topic.name; });
    if (same == into.topics.end()) {
      into.topics.push_back(std::move(topic));
    } else {
      same->partitions.insert(same->partitions.end(), topic.partitions.begin(),
                              topic.partitions.end());
    }
  }
}

void refuse_all(const Request& message, ErrorCode code, Response& response) {
  Response refused;
  for (const auto& topic : message.topics) {
    auto& out = refused.topics.emplace_back();
    out.name = topic.name;
    for (const auto& partition : topic.partitions)
      refuse_partition(out, partition.partition_index, code);
  }
  merge(response, std::move(refused));
}

TransactionSupport support_of(std::int16_t version) {
  if (version >= 5) return TransactionSupport::kAddsItself;
  return version >= 4 ? TransactionSupport::kAbortable : TransactionSupport::kOld;
}

/// The step that may be done once the transaction is known to have the partition of the group.
env::Task<Result<coordinator::TransactionStep>> verify(Services& node, const Request* message,
                                                       TopicIdPartition id, std::int16_t version) {
  coordinator::TransactionStep step;
  step.producer_id = ProducerId(message->producer_id);
  step.producer_epoch = ProducerEpoch(message->producer_epoch);
  PartitionsToVerify what;
  what.transactional_id = message->transactional_id.str();
  what.producer_id = step.producer_id;
  what.producer_epoch = step.producer_epoch;
  what.support = support_of(version);
  const bool adds_itself = what.support == TransactionSupport::kAddsItself;
  if (!adds_itself && !node.config->values.transaction_partition_verification_enable)
    co_return step;
  step.claim.must_be_verified = true;
  Result<Guard> guard = co_await node.groups->begin_verification(node.shard, id, step, adds_itself);
  if (!guard.ok()) co_return std::move(guard).error();
  if (!*guard) co_return step;
  step.claim.guard = **guard;
  what.partitions.push_back(TopicPartition{std::string(coordinator::kGroupTopic), id.partition});
  const std::map<TopicPartition, ErrorCode> errors = co_await verify_partitions(node, &what);
  if (!errors.empty())
    co_return Error(errors.begin()->second, "the transaction does not have the group's partition");
  co_return step;
}

env::Task<Result<Response>> commit(Services& node, const request::Request* request,
                                   const Request* message) {
  const auto id =
      coordinator::GroupCoordinators::partition_of(*node.image, message->group_id.view());
  if (!id) co_return Error(ErrorCode::kCoordinatorNotAvailable, "no topic of offsets yet");
  auto claim = [&node, message, at = *id, version = request->version()] {
    return verify(node, message, at, version);
  };
  auto step = [request, message, host = client_host(*request)](group::GroupMachine& machine,
                                                               const group::GroupContext& context,
                                                               group::AnswerId answer) {
    const group::GroupCaller caller(answer, request->version(), request->header().client_id, host,
                                    request->caller().principal);
    return machine.commit_transactional_offsets(context, caller, *message);
  };
  Result<Response> response = co_await node.groups->call_verified<Response>(
      &node.shard, *id, std::move(claim), std::move(step));
  co_return response;
}

/// As the coordinator of a group tells what went wrong with its partition.
ErrorCode as_told(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNetworkException:
      return ErrorCode::kCoordinatorLoadInProgress;
    case ErrorCode::kNotEnoughReplicas:
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kRequestTimedOut:
      return ErrorCode::kCoordinatorNotAvailable;
    case ErrorCode::kNotLeaderOrFollower:
    case ErrorCode::kKafkaStorageError:
      return ErrorCode::kNotCoordinator;
    default:
      return code;
  }
}

ErrorCode refusal_of(const Services& node, const request::Request& request,
                     const Request& message) {
  if (!authorized(node, request, AclOperation::kWrite, AclResourceType::kTransactionalId,
                  message.transactional_id.view()))
    return ErrorCode::kTransactionalIdAuthorizationFailed;
  if (!authorized(node, request, AclOperation::kRead, AclResourceType::kGroup,
                  message.group_id.view()))
    return ErrorCode::kGroupAuthorizationFailed;
  return ErrorCode::kNone;
}

}  // namespace

env::Task<void> handle_txn_offset_commit(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Request>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Request message = std::move(decoded).value();
  Response response;
  const ErrorCode refusal = refusal_of(node, *request, message);
  if (refusal != ErrorCode::kNone) {
    refuse_all(message, refusal, response);
    request->answer(response);
    co_return;
  }
  AuthorizedNames readable(node, *request, AclOperation::kRead, AclResourceType::kTopic);
  for (const auto& topic : message.topics) readable.count(topic.name.view());
  const Request existing = existing_part(message, *node.image, readable, response);
  if (existing.topics.empty()) {
    request->answer(response);
    co_return;
  }
  if (message.group_id.is_empty()) {
    refuse_all(existing, ErrorCode::kInvalidGroupId, response);
    request->answer(response);
    co_return;
  }
  Result<Response> answer = co_await commit(node, request.get(), &existing);
  if (answer.ok()) {
    merge(response, std::move(*answer));
  } else {
    refuse_all(existing, as_told(answer.error().code), response);
  }
  request->answer(response);
}

}  // namespace moldau::handler
