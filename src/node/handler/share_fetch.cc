// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "node/handler/handlers.h"
#include "node/handler/share_call.h"
#include "wire/share_fetch_request.h"
#include "wire/share_fetch_response.h"

namespace moldau::handler {
namespace {

using Message = wire::ShareFetchRequest;
using Response = wire::ShareFetchResponse;
using Asked = coordinator::ShareFetchAsk;
using Found = coordinator::ShareFetchOutcome;

constexpr std::int16_t kRenews = 2;
constexpr std::int8_t kBatchOptimized = 0;
constexpr std::int8_t kRecordLimit = 1;
/// A cold read is warmed so often; after that it waits for the device.
constexpr int kWarmingsMax = 3;
constexpr Millis kLookAfterPeer{1'000};

struct Limits {
  std::uint32_t bytes_max = 0;
  std::int64_t bytes_min = 0;
  std::int32_t records_max = 0;
  MonoTime deadline{0};
};

/// One partition of the answer.
struct Part {
  explicit Part(TopicIdPartition i) : id(i) {}
  TopicIdPartition id;
  Found found;
  bool is_read = false;
  bool is_looked_at = false;
};

Response refused(ErrorCode code, std::string_view why) {
  Response response;
  response.error_code = to_wire(code);
  response.error_message = why;
  return response;
}

share::SessionRequest session_request(const Message& message, const request::Request& request) {
  share::SessionRequest out;
  out.member = share::ShareMember(message.group_id.str(), message.member_id.str());
  out.epoch = message.share_session_epoch;
  out.connection = share::ConnectionNumber(request.caller().connection);
  const auto add = [](std::vector<TopicIdPartition>& to, const TopicId& topic,
                      std::int32_t partition) {
    TopicIdPartition& id = to.emplace_back();
    id.topic_id = topic;
    id.partition = PartitionId(partition);
  };
  for (const auto& topic : message.topics)
    for (const auto& partition : topic.partitions) {
      add(out.wanted, topic.topic_id, partition.partition_index);
      out.acknowledges = out.acknowledges || !partition.acknowledgement_batches.empty();
    }
  for (const auto& topic : message.forgotten_topics_data)
    for (const std::int32_t partition : topic.partitions)
      add(out.forgotten, topic.topic_id, partition);
  return out;
}

/// A renewal fetches nothing.
bool is_sound_renewal(const Message& message) {
  return message.max_bytes == 0 && message.min_bytes == 0 && message.max_records == 0 &&
         message.max_wait_ms == 0;
}

Asked ask_of(const Message& message, const TopicIdPartition& id) {
  Asked ask;
  ask.key = share::SharePartitionKey(message.group_id.str(), id.topic_id, id.partition);
  ask.member_id = message.member_id.str();
  ask.batch_size = message.batch_size;
  ask.record_limit = message.share_acquire_mode == kRecordLimit;
  return ask;
}

env::Task<Found> ask_partition(Services* node, const Asked* ask,
                               std::shared_ptr<park::Waiter> waiter) {
  const TopicIdPartition id = ask->key.topic_partition();
  coordinator::SharePartitionHost* host = &node->share->of(id);
  auto there = [host, ask, waiter = std::move(waiter)] { return host->fetch(*ask, waiter); };
  Found found = co_await env::call_on(node->shard, node->share->shard_of(id), std::move(there));
  co_return found;
}

/// Until the records are in memory and no move to another log dir is under way.
env::Task<Found> read_partition(Services* node, const request::Request* request, Asked* ask,
                                std::shared_ptr<park::Waiter> waiter) {
  for (int warmings = 0;;) {
    ask->wait = warmings < kWarmingsMax ? env::Wait::kNever : env::Wait::kForDevice;
    Found found = co_await ask_partition(node, ask, waiter);
    if (!request->alive()) co_return found;
    if (found.renaming) {
      const MonoTime soon = node->shard.now() + Millis(1);
      co_await env::sleep_until(node->shard, soon);
    } else if (found.cold) {
      ++warmings;
      replica::ColdReads cold;
      cold.push_back(std::move(found.cold));
      co_await replica::warm(&node->shard, std::move(cold), ask->bytes_max);
    } else {
      co_return found;
    }
  }
}

/// One look at all partitions in turn: what one has acquired the next may not. Gives the bytes.
env::Task<std::uint64_t> read_round(Services* node, const request::Request* request,
                                    const Message* message, const Limits* limits, bool look_only,
                                    std::vector<Part>* parts,
                                    std::shared_ptr<park::Waiter> waiter) {
  std::uint64_t bytes = 0;
  std::int64_t records = 0;
  const auto share_of = static_cast<std::uint32_t>(
      std::max<std::size_t>(1, limits->bytes_max / std::max<std::size_t>(1, parts->size())));
  for (std::size_t i = 0; i < parts->size(); ++i) {
    Part& part = (*parts)[i];
    if (part.is_read || records >= limits->records_max) continue;
    Asked ask = ask_of(*message, part.id);
    ask.records_max = static_cast<std::int32_t>(limits->records_max - records);
    ask.bytes_max = share_of;
    ask.look_only = look_only;
    Found found = co_await read_partition(node, request, &ask, waiter);
    bytes += found.range.length;
    records += found.count;
    if (look_only) {
      if (found.error != ErrorCode::kNone) bytes += limits->bytes_max;
      continue;
    }
    part.is_read = found.error != ErrorCode::kNone || !found.acquired.empty();
    part.found = std::move(found);
  }
  co_return bytes;
}

bool is_any_read(const std::vector<Part>& parts) {
  return std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.is_read; });
}

bool is_known_mode(std::int8_t mode) {
  return mode == kBatchOptimized || mode == kRecordLimit;
}

void count_fetch(Services& node, const std::vector<Part>& parts, MonoTime begun) {
  const auto acquired = std::count_if(
      parts.begin(), parts.end(), [](const Part& part) { return !part.found.acquired.empty(); });
  const Millis took((node.shard.now() - begun) / 1'000'000);
  node.share->metrics(node.shard.id().value())
      .fetched(static_cast<std::size_t>(acquired), parts.size(), took);
}

/// Waits for something to acquire, as long as the request wants to.
env::Task<void> fetch_records(Services* node, const request::Request* request,
                              const Message* message, const Limits* limits,
                              std::vector<Part>* parts) {
  if (limits->records_max == 0 || (limits->bytes_max == 0 && message->max_bytes >= 0)) co_return;
  if (message->max_bytes < 0) {
    for (Part& part : *parts) {
      part.found.error = ErrorCode::kUnknownServerError;
      part.is_read = true;
    }
    co_return;
  }
  for (Part& part : *parts) part.is_looked_at = true;
  const MonoTime begun = node->shard.now();
  auto waiter = std::make_shared<park::Waiter>(node->shard);
  for (;;) {
    waiter->rearm();
    const bool in_time = node->shard.now() < limits->deadline;
    bool enough = true;
    if (limits->bytes_min > 1 && in_time) {
      const std::uint64_t bytes =
          co_await read_round(node, request, message, limits, true, parts, waiter);
      enough = static_cast<std::int64_t>(bytes) >= limits->bytes_min;
    }
    if (enough) {
      std::shared_ptr<park::Waiter> on = in_time ? waiter : nullptr;
      (void)co_await read_round(node, request, message, limits, false, parts, std::move(on));
    }
    if (is_any_read(*parts) || !in_time || !request->alive()) break;
    const MonoTime until = std::min(limits->deadline, node->shard.now() + kLookAfterPeer);
    (void)co_await waiter->wait_until(until);
    // Records that are acquired for nobody would be locked until their time is out.
    if (!request->alive()) break;
  }
  waiter->finish();
  count_fetch(*node, *parts, begun);
}

auto& topic_in(Response& response, const TopicId& id) {
  for (auto& topic : response.responses)
    if (topic.topic_id == id) return topic;
  auto& topic = response.responses.emplace_back();
  topic.topic_id = id;
  return topic;
}

auto& partition_in(Response& response, const TopicIdPartition& id) {
  auto& topic = topic_in(response, id.topic_id);
  for (auto& partition : topic.partitions)
    if (partition.partition_index == id.partition.value()) return partition;
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = id.partition.value();
  partition.records = wire::Records::empty();
  return partition;
}

void add_part(const Services& node, const request::Request& request, Part& part,
              Response& response) {
  auto& to = partition_in(response, part.id);
  to.error_code = to_wire(part.found.error);
  if (!part.found.message.empty()) to.error_message = std::string_view(part.found.message);
  if (part.found.error == ErrorCode::kNotLeaderOrFollower) {
    to.current_leader.leader_id = part.found.leader.value();
    to.current_leader.leader_epoch = part.found.leader_epoch.value();
    add_endpoint(node, request, part.found.leader, response.node_endpoints);
  }
  for (const share::AcquiredRange& range : part.found.acquired) {
    auto& one = to.acquired_records.emplace_back();
    one.first_offset = range.first.value();
    one.last_offset = range.last.value();
    one.delivery_count = range.delivery_count;
  }
  if (part.found.range.length == 0 || part.found.acquired.empty()) return;
  auto ranges = std::make_shared<std::vector<net::FileRange>>();
  net::FileRange& range = ranges->emplace_back();
  range.file = std::move(part.found.range.file);
  range.position = part.found.range.position;
  range.length = part.found.range.length;
  const auto length = static_cast<std::size_t>(range.length);
  to.records = wire::Records::external(length, std::move(ranges));
}

Limits limits_of(const Services& node, const request::Request& request, const Message& message) {
  Limits limits;
  limits.bytes_max = static_cast<std::uint32_t>(
      std::clamp(message.max_bytes, 0, node.config->values.fetch_max_bytes));
  limits.bytes_min = std::min<std::int64_t>(message.min_bytes, limits.bytes_max);
  limits.records_max = message.max_records;
  limits.deadline = request.arrived() + Millis(std::max(0, message.max_wait_ms));
  return limits;
}

/// What an answer must not leave out, though nothing was acquired.
env::Task<void> note_errors(Services* node, const share::ShareMember* member,
                            const std::vector<Part>* parts) {
  std::vector<TopicIdPartition> again;
  for (const Part& part : *parts)
    if (part.found.error != ErrorCode::kNone) again.push_back(part.id);
  if (again.empty()) co_return;
  share::ShareMember who = *member;
  co_await node->share->tell_again(&node->shard, std::move(who), std::move(again));
}

}  // namespace

env::Task<void> handle_share_fetch(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  std::pair<ErrorCode, std::string> why;
  bool sound = may_share(node, *request, message.group_id, message.member_id, why);
  const bool is_renewal = request->version() >= kRenews && message.is_renew_ack;
  if (sound && is_renewal && !is_sound_renewal(message)) {
    sound = false;
    why = {ErrorCode::kInvalidRequest,
           "maxBytes, minBytes, maxRecords and maxWaitMs must be set to 0, if isRenewAck is true."};
  }
  if (!sound) {
    const Response response = refused(why.first, why.second);
    request->answer(response);
    co_return;
  }
  share::SessionRequest asked = session_request(message, *request);
  const share::ShareMember member = asked.member;
  Result<share::SessionPlan> plan =
      co_await node.share->fetch_session(&node.shard, std::move(asked));
  const Limits limits = limits_of(node, *request, message);
  if (!plan.ok()) {
    // Whoever finds no room is not to try again at once.
    if (plan.error().code == ErrorCode::kShareSessionLimitReached) {
      const MonoTime until = limits.deadline;
      co_await env::sleep_until(node.shard, until);
    }
    const Response response = refused(plan.error().code, plan.error().detail);
    request->answer(response);
    co_return;
  }
  std::vector<AcknowledgeWork> work = acknowledgements_of(message.topics, is_renewal);
  if (!work.empty()) co_await acknowledge_all(node, request.get(), &member, &work);
  std::vector<Part> parts;
  std::vector<Part> erroneous;
  for (const TopicIdPartition& id : plan->partitions) {
    const ErrorCode refusal = refusal_of_partition(node, *request, id);
    Part& part = (refusal == ErrorCode::kNone ? parts : erroneous).emplace_back(id);
    part.found.error = refusal;
  }
  const bool fetches = !is_renewal && !plan->is_final && !parts.empty();
  if (fetches && !is_known_mode(message.share_acquire_mode)) {
    const Response response = refused(ErrorCode::kUnknownServerError, "Unknown acquire mode");
    request->answer(response);
    co_return;
  }
  if (fetches) co_await fetch_records(&node, request.get(), &message, &limits, &parts);
  co_await note_errors(&node, &member, &parts);
  if (plan->is_final) co_await node.share->end_session(&node.shard, member);
  Response response;
  for (Part& part : erroneous) add_part(node, *request, part, response);
  for (Part& part : parts)
    if (part.is_read || (part.is_looked_at && plan->fresh.contains(part.id)))
      add_part(node, *request, part, response);
  for (const AcknowledgeWork& one : work) {
    auto& to = partition_in(response, one.id);
    to.acknowledge_error_code = to_wire(one.error);
    if (!one.message.empty()) to.acknowledge_error_message = std::string_view(one.message);
  }
  response.acquisition_lock_timeout_ms =
      static_cast<std::int32_t>(record_lock_of(node, member.group_id).value());
  request->answer(response);
}

}  // namespace moldau::handler
