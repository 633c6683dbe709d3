// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "wire/produce_request.h"
#include "wire/produce_response.h"

namespace moldau::handler {
namespace {

/// One partition of the request on its way.
struct Target {
  std::size_t topic = 0;
  std::size_t partition = 0;
  TopicIdPartition id;
  replica::AppendOutcome outcome;
};

/// Counts the shards that still owe outcomes.
struct Gathering {
  explicit Gathering(env::Shard& shard) : finished(shard) {}
  std::vector<Target> targets;
  std::size_t open = 0;
  env::OneShot<bool> finished;
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

replica::AppendOutcome refusal_of_records(ByteView records, std::int16_t version) {
  if (auto checked = record::check_produce_records(records, version); !checked.ok())
    return replica::AppendOutcome(checked.error().code, checked.error().detail);
  auto batch = record::BatchView::parse(records);
  if (batch.ok() && batch->is_transactional())
    return replica::AppendOutcome(ErrorCode::kInvalidTxnState,
                                  "no transaction is open for this partition");
  return {};
}

/// Resolves every partition; those that may be appended have no error afterwards.
std::vector<Target> targets_of(const wire::ProduceRequest& message, const Services& node,
                               const request::Request& request) {
  std::vector<Target> targets;
  for (std::size_t t = 0; t < message.topic_data.size(); ++t) {
    const auto& data = message.topic_data[t];
    const image::TopicImage* topic = request.version() >= 13 ? node.image->topic(data.topic_id)
                                                             : node.image->topic(data.name.view());
    const ErrorCode refused = refusal_of_topic(data, topic, request);
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
        target.outcome = refusal_of_records(records.view(), request.version());
      }
      targets.push_back(std::move(target));
    }
  }
  return targets;
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
    if (--gathering->open == 0) gathering->finished.set(true);
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
  for (std::uint32_t s = 0; s < shards; ++s) {
    std::vector<std::size_t> members;
    std::vector<replica::AppendItem> items;
    for (std::size_t i = 0; i < gathering->targets.size(); ++i) {
      const Target& target = gathering->targets[i];
      if (target.outcome.error != ErrorCode::kNone || target.id.topic_id.is_zero()) continue;
      if (node.replicas.owner_index(target.id) != s) continue;
      const auto& data = message.topic_data[target.topic].partition_data[target.partition];
      members.push_back(i);
      items.emplace_back(target.id, slice_of(request.frame(), data.records.view()));
    }
    if (items.empty()) continue;
    ++gathering->open;
    send_part(node, gathering, s, std::move(members), std::move(items), message.acks == -1,
              deadline);
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
  auto gathering = std::make_shared<Gathering>(node.shard);
  if (message.acks < -1 || message.acks > 1) {
    for (std::size_t t = 0; t < message.topic_data.size(); ++t)
      for (std::size_t p = 0; p < message.topic_data[t].partition_data.size(); ++p) {
        Target& target = gathering->targets.emplace_back();
        target.topic = t;
        target.partition = p;
        target.outcome.error = ErrorCode::kInvalidRequiredAcks;
      }
  } else {
    gathering->targets = targets_of(message, node, *request);
    send_all(node, gathering, message, *request);
    if (gathering->open > 0) (void)co_await gathering->finished;
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
  const wire::ProduceResponse response = response_of(message, gathering->targets);
  request->answer(response);
}

}  // namespace moldau::handler
