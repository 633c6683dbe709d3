// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "node/handler/transaction_call.h"
#include "wire/produce_request.h"
#include "wire/produce_response.h"

namespace moldau::handler {
namespace {

/// One partition of the request on its way.
struct Target {
  std::size_t topic = 0;
  std::size_t partition = 0;
  TopicIdPartition id;
  /// Of a transactional batch.
  std::optional<std::pair<ProducerId, ProducerEpoch>> producer;
  partition::TransactionClaim claim;
  bool is_sent = false;
  replica::AppendOutcome outcome;

  bool may_be_sent() const { return outcome.error == ErrorCode::kNone && !is_sent; }

  /// As if it had not been sent.
  void send_again() {
    claim.guard = {};
    outcome = {};
    is_sent = false;
  }
};

/// Counts the shards that still owe outcomes.
struct Gathering {
  explicit Gathering(env::Shard& shard) : finished(shard) {}
  std::vector<Target> targets;
  std::size_t open = 0;
  env::OneShot<bool> finished;

  void close_one() {
    if (--open == 0) finished.set(true);
  }
};

ErrorCode refusal_of_topic(const wire::ProduceRequest::TopicProduceData& data,
                           const image::TopicImage* topic, const request::Request& request) {
  if (!topic)
    return request.version() >= 13 ? ErrorCode::kUnknownTopicId
                                   : ErrorCode::kUnknownTopicOrPartition;
  // Kafka lets its own admin client write to internal topics, nobody else.
  if (is_internal_topic(topic->name) && request.header().client_id != "__admin_client")
    return ErrorCode::kInvalidTopicException;
  (void)data;
  return ErrorCode::kNone;
}

/// The name under which a topic is judged; none for an id that nobody knows.
std::optional<std::string_view> name_of(const wire::ProduceRequest::TopicProduceData& data,
                                        const Services& node, const request::Request& request) {
  if (request.version() < 13) return data.name.view();
  const image::TopicImage* topic = node.image->topic(data.topic_id);
  if (!topic) return std::nullopt;
  return topic->name;
}

void look_at_records(ByteView records, std::int16_t version, Target& target) {
  if (auto checked = record::check_produce_records(records, version); !checked.ok()) {
    target.outcome = replica::AppendOutcome(checked.error().code, checked.error().detail);
    return;
  }
  auto batch = record::BatchView::parse(records);
  if (batch.ok() && batch->has_producer_id() && batch->is_transactional())
    target.producer.emplace(batch->producer_id(), batch->producer_epoch());
}

/// Whether the caller may write in the transaction that the request is part of, if it is.
bool transaction_authorized(const wire::ProduceRequest& message, const Services& node,
                            const request::Request& request) {
  if (!node.authorizer) return true;
  bool transactional = false;
  for (const auto& topic : message.topic_data) {
    for (const auto& one : topic.partition_data) {
      const auto batch = record::BatchView::parse(one.records.view());
      transactional = transactional || (batch.ok() && batch->is_transactional());
    }
  }
  if (!transactional) return true;
  return !message.transactional_id.is_null() &&
         authorized(node, request, AclOperation::kWrite, AclResourceType::kTransactionalId,
                    message.transactional_id.view());
}

/// Resolves every partition; those that may be appended have no error afterwards.
std::vector<Target> targets_of(const wire::ProduceRequest& message, const Services& node,
                               const request::Request& request) {
  std::vector<Target> targets;
  AuthorizedNames writable(node, request, AclOperation::kWrite, AclResourceType::kTopic);
  for (std::size_t t = 0; node.authorizer && t < message.topic_data.size(); ++t)
    if (const auto name = name_of(message.topic_data[t], node, request))
      writable.count(*name, message.topic_data[t].partition_data.size());
  for (std::size_t t = 0; t < message.topic_data.size(); ++t) {
    const auto& data = message.topic_data[t];
    const image::TopicImage* topic = request.version() >= 13 ? node.image->topic(data.topic_id)
                                                             : node.image->topic(data.name.view());
    const auto name = node.authorizer ? name_of(data, node, request) : std::nullopt;
    const ErrorCode refused = !name || writable.contains(*name)
                                  ? refusal_of_topic(data, topic, request)
                                  : ErrorCode::kTopicAuthorizationFailed;
    for (std::size_t p = 0; p < data.partition_data.size(); ++p) {
      Target target;
      target.topic = t;
      target.partition = p;
      target.outcome.error = refused;
      const PartitionId index(data.partition_data[p].index);
      if (refused == ErrorCode::kNone && !topic->partition(index))
        target.outcome.error = ErrorCode::kUnknownTopicOrPartition;
      if (target.outcome.error == ErrorCode::kNone) {
        target.id.topic_id = topic->id;
        target.id.partition = index;
        const wire::Records& records = data.partition_data[p].records;
        look_at_records(records.view(), request.version(), target);
      }
      targets.push_back(std::move(target));
    }
  }
  return targets;
}

TransactionSupport support_of(std::int16_t version) {
  if (version >= 12) return TransactionSupport::kAddsItself;
  return version >= 11 ? TransactionSupport::kAbortable : TransactionSupport::kOld;
}

bool must_be_verified(const Services& node, TransactionSupport support) {
  return support == TransactionSupport::kAddsItself ||
         node.config->values.transaction_partition_verification_enable;
}

void refuse_all(std::vector<Target>& targets, ErrorCode error) {
  for (Target& target : targets) target.outcome = replica::AppendOutcome(error);
}

/// The request as one transaction sees it; nothing if it has no transactional batch.
std::optional<PartitionsToVerify> transaction_of(const wire::ProduceRequest& message,
                                                 std::int16_t version,
                                                 std::vector<Target>& targets) {
  std::set<std::pair<ProducerId, ProducerEpoch>> producers;
  for (const Target& target : targets)
    if (target.producer) producers.insert(*target.producer);
  if (producers.empty()) return std::nullopt;
  if (message.transactional_id.is_null()) {
    refuse_all(targets, ErrorCode::kTransactionalIdAuthorizationFailed);
    return std::nullopt;
  }
  if (producers.size() > 1) {
    refuse_all(targets, ErrorCode::kInvalidProducerIdMapping);
    return std::nullopt;
  }
  PartitionsToVerify transaction;
  transaction.transactional_id = message.transactional_id.str();
  transaction.producer_id = producers.begin()->first;
  transaction.producer_epoch = producers.begin()->second;
  transaction.support = support_of(version);
  return transaction;
}

/// The counted slice of the frame in which these records lie.
Slice slice_of(const Slice& frame, ByteView records) {
  return frame.sub(static_cast<std::size_t>(records.data() - frame.data()), records.size());
}

/// Sends the batches that belong to one shard there; their outcomes come back to `gathering`.
void send_part(Services& node, const std::shared_ptr<Gathering>& gathering, std::uint32_t shard,
               std::vector<std::size_t> members, std::vector<replica::AppendItem> items,
               bool acks_all, MonoTime deadline) {
  env::Shard* home = &node.shard;
  replica::ReplicaHost* host = &node.replicas.host(shard);
  const bool local = &host->shard() == home;
  auto arrive = [gathering,
                 members = std::move(members)](std::vector<replica::AppendOutcome> outcomes) {
    for (std::size_t i = 0; i < outcomes.size(); ++i)
      gathering->targets[members[i]].outcome = std::move(outcomes[i]);
    gathering->close_one();
  };
  replica::AppendPart::Done done;
  if (local) {
    done = std::move(arrive);
  } else {
    done = [home, arrive = std::move(arrive)](std::vector<replica::AppendOutcome> found) mutable {
      home->post([arrive = std::move(arrive), found = std::move(found)]() mutable {
        arrive(std::move(found));
      });
    };
  }
  auto part = std::make_shared<replica::AppendPart>(std::move(items), acks_all, std::move(done));
  part->deadline = deadline;
  if (local) {
    host->append(part);
  } else {
    host->shard().post([host, part = std::move(part)] { host->append(part); });
  }
}

void send_all(Services& node, const std::shared_ptr<Gathering>& gathering,
              const wire::ProduceRequest& message, const request::Request& request) {
  const std::uint32_t shards = node.replicas.size();
  const MonoTime deadline = request.arrived() + Millis(std::max(0, message.timeout_ms));
  // This shard may answer before the next one is asked: not before all are.
  ++gathering->open;
  for (std::uint32_t s = 0; s < shards; ++s) {
    std::vector<std::size_t> members;
    std::vector<replica::AppendItem> items;
    for (std::size_t i = 0; i < gathering->targets.size(); ++i) {
      const Target& target = gathering->targets[i];
      if (!target.may_be_sent() || target.id.topic_id.is_zero()) continue;
      if (node.replicas.owner_index(target.id) != s) continue;
      const auto& data = message.topic_data[target.topic].partition_data[target.partition];
      members.push_back(i);
      auto& item = items.emplace_back(target.id, slice_of(request.frame(), data.records.view()));
      item.claim = target.claim;
      item.adds_itself = request.version() >= 12;
    }
    if (items.empty()) continue;
    for (const std::size_t member : members) gathering->targets[member].is_sent = true;
    ++gathering->open;
    send_part(node, gathering, s, std::move(members), std::move(items), message.acks == -1,
              deadline);
  }
  gathering->close_one();
}

/// What clients that know nothing of this may be told: NOT_ENOUGH_REPLICAS has them try again
/// without asking for metadata.
replica::AppendOutcome unverified(ErrorCode error) {
  switch (error) {
    case ErrorCode::kInvalidTxnState:
      return replica::AppendOutcome(error, "Partition was not added to the transaction");
    case ErrorCode::kConcurrentTransactions:
    case ErrorCode::kNetworkException:
    case ErrorCode::kCoordinatorLoadInProgress:
    case ErrorCode::kCoordinatorNotAvailable:
    case ErrorCode::kNotCoordinator:
      return replica::AppendOutcome(
          ErrorCode::kNotEnoughReplicas,
          "Unable to verify the partition has been added to the transaction. Underlying error: " +
              std::string(error_name(error)));
    default:
      return replica::AppendOutcome(error);
  }
}

std::string_view topic_of(const wire::ProduceRequest& message, const Services& node,
                          const Target& target) {
  const image::TopicImage* topic = node.image->topic(target.id.topic_id);
  return topic ? std::string_view(topic->name) : message.topic_data[target.topic].name.view();
}

/// What a round of verification has to do. A guard lasts until the next marker: where the marker of
/// the transaction before came between the guard and the append, there is a new round.
bool begins_round(Gathering& gathering, bool may_try_again) {
  bool found = false;
  for (Target& target : gathering.targets) {
    const bool is_stale = target.outcome.error == ErrorCode::kInvalidTxnState &&
                          target.claim.guard.value() != 0 && may_try_again;
    if (is_stale) target.send_again();
    found = found || is_stale || target.outcome.guard.value() != 0;
  }
  return found;
}

/// Partitions in which a transaction begins are verified by its coordinator or added by it; what
/// has no error afterwards may be sent again. True: the end of the transaction before is on its way
/// and another round is to come.
env::Task<bool> verify_beginnings(Services& node, const wire::ProduceRequest* message,
                                  PartitionsToVerify transaction, Gathering* gathering,
                                  bool may_try_again) {
  std::map<TopicPartition, Target*> beginnings;
  for (Target& target : gathering->targets) {
    if (target.outcome.guard.value() == 0) continue;
    TopicPartition partition{std::string(topic_of(*message, node, target)), target.id.partition};
    transaction.partitions.push_back(partition);
    beginnings.emplace(std::move(partition), &target);
  }
  if (beginnings.empty()) co_return false;
  const std::map<TopicPartition, ErrorCode> errors = co_await verify_partitions(node, &transaction);
  bool again = false;
  for (const auto& [partition, target] : beginnings) {
    const auto error = errors.find(partition);
    if (error == errors.end()) {
      target->claim.guard = std::exchange(target->outcome, {}).guard;
      target->is_sent = false;
    } else if (error->second == ErrorCode::kConcurrentTransactions && may_try_again) {
      target->send_again();
      again = true;
    } else {
      target->outcome = unverified(error->second);
    }
  }
  co_return again;
}

/// Until every batch that begins a transaction is appended or refused.
env::Task<void> send_beginnings(Services& node, const wire::ProduceRequest* message,
                                request::Request* request, const PartitionsToVerify* transaction,
                                std::shared_ptr<Gathering>* gathering) {
  const config::BrokerValues& values = node.config->values;
  const Millis pause(values.add_partitions_to_txn_retry_backoff_ms);
  const MonoTime until =
      node.shard.now() + Millis(std::min(values.add_partitions_to_txn_retry_backoff_max_ms,
                                         values.request_timeout_ms));
  while (begins_round(**gathering, node.shard.now() < until)) {
    PartitionsToVerify what = *transaction;
    const bool may_try_again = node.shard.now() < until;
    const bool again =
        co_await verify_beginnings(node, message, std::move(what), gathering->get(), may_try_again);
    if (again) {
      const MonoTime later = node.shard.now() + pause;
      co_await env::sleep_until(node.shard, later);
    }
    auto next = std::make_shared<Gathering>(node.shard);
    next->targets = std::move((*gathering)->targets);
    *gathering = next;
    send_all(node, next, *message, *request);
    (void)co_await next->finished;
  }
}

wire::ProduceResponse::PartitionProduceResponse answer_of(std::int32_t index,
                                                          const replica::AppendOutcome& outcome) {
  wire::ProduceResponse::PartitionProduceResponse answer;
  answer.index = index;
  answer.error_code = to_wire(outcome.error);
  answer.base_offset = outcome.base_offset.value();
  answer.log_append_time_ms = outcome.log_append_time.value();
  answer.log_start_offset = outcome.log_start_offset.value();
  for (const record::RecordError& error : outcome.record_errors) {
    auto& one = answer.record_errors.emplace_back();
    one.batch_index = error.batch_index;
    one.batch_index_error_message = error.message;
  }
  if (!outcome.message.empty()) answer.error_message = outcome.message;
  if (outcome.error == ErrorCode::kNotLeaderOrFollower) {
    answer.current_leader.leader_id = outcome.leader.value();
    answer.current_leader.leader_epoch = outcome.leader_epoch.value();
  }
  return answer;
}

wire::ProduceResponse response_of(const wire::ProduceRequest& message,
                                  const std::vector<Target>& targets) {
  wire::ProduceResponse response;
  for (const auto& topic : message.topic_data) {
    auto& one = response.responses.emplace_back();
    one.name = topic.name;
    one.topic_id = topic.topic_id;
  }
  for (const Target& target : targets) {
    const auto& data = message.topic_data[target.topic].partition_data[target.partition];
    response.responses[target.topic].partition_responses.push_back(
        answer_of(data.index, target.outcome));
  }
  return response;
}

}  // namespace

env::Task<void> handle_produce(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::ProduceRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::ProduceRequest message = std::move(decoded).value();
  // Now, not with the answer: what the peer has sent behind it waits in the socket.
  const Millis throttle =
      request->charge(security::QuotaType::kProduce, static_cast<double>(request->frame().size()));
  request->mute_for(throttle);
  auto gathering = std::make_shared<Gathering>(node.shard);
  const bool acks_valid = message.acks >= -1 && message.acks <= 1;
  if (!acks_valid || !transaction_authorized(message, node, *request)) {
    for (std::size_t t = 0; t < message.topic_data.size(); ++t)
      for (std::size_t p = 0; p < message.topic_data[t].partition_data.size(); ++p) {
        Target& target = gathering->targets.emplace_back();
        target.topic = t;
        target.partition = p;
        target.outcome.error = acks_valid ? ErrorCode::kTransactionalIdAuthorizationFailed
                                          : ErrorCode::kInvalidRequiredAcks;
      }
  } else {
    gathering->targets = targets_of(message, node, *request);
    std::optional<PartitionsToVerify> transaction =
        transaction_of(message, request->version(), gathering->targets);
    if (transaction && must_be_verified(node, transaction->support)) {
      for (Target& target : gathering->targets)
        target.claim.must_be_verified = target.producer.has_value();
      // While the coordinator is asked, a batch behind this one would be judged before it.
      request->hold_next();
    }
    send_all(node, gathering, message, *request);
    request->paused();
    (void)co_await gathering->finished;
    request->resumed();
    if (transaction) {
      const PartitionsToVerify what = std::move(*transaction);
      request->paused();
      co_await send_beginnings(node, &message, request.get(), &what, &gathering);
      request->release_next();
      request->resumed();
    }
  }
  if (message.acks == 0) {
    // The only way to tell a peer that expects no answer.
    for (const Target& target : gathering->targets)
      if (target.outcome.error != ErrorCode::kNone) {
        request->close("a produce with acks=0 failed: " +
                       std::string(error_name(target.outcome.error)));
        co_return;
      }
    request->answer_nothing();
    co_return;
  }
  wire::ProduceResponse response = response_of(message, gathering->targets);
  response.throttle_time_ms = static_cast<std::int32_t>(throttle.value());
  request->answer(response);
}

}  // namespace moldau::handler
