// SPDX-License-Identifier: Apache-2.0
#include "client/producer.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "client/ask.h"
#include "wire/init_producer_id_request.h"
#include "wire/init_producer_id_response.h"
#include "wire/produce_request.h"

namespace moldau::client {
namespace {

/// Produce carries topic ids instead of names from here on.
constexpr std::int16_t kTopicIdsSince = 13;

/// What a topic's error means for those who wait for it: nothing if it may pass.
std::optional<Error> final_error_of(const TopicView* topic, const std::string& name) {
  if (!topic || topic->error == ErrorCode::kNone) return std::nullopt;
  if (error_is_retriable(topic->error)) return std::nullopt;
  return Error(topic->error, "topic " + name);
}

wire::ProduceRequest request_of(const ProducePlan& plan, const ProducerOptions& options) {
  wire::ProduceRequest request;
  request.acks = options.machine.acks;
  request.timeout_ms = static_cast<std::int32_t>(options.request_timeout.value());
  for (const ProducePlan::Part& part : plan.parts) {
    wire::ProduceRequest::TopicProduceData* topic = nullptr;
    for (auto& one : request.topic_data)
      if (one.name.view() == part.topic) topic = &one;
    if (!topic) {
      topic = &request.topic_data.emplace_back();
      topic->name = std::string_view(part.topic);
      topic->topic_id = part.topic_id;
    }
    auto& data = topic->partition_data.emplace_back();
    data.index = part.partition.value();
    data.records = wire::Records(part.batch->bytes.view());
  }
  return request;
}

VersionRange versions_for(const ProducePlan& plan) {
  VersionRange versions{wire::ProduceRequest::kMinVersion, wire::ProduceRequest::kMaxVersion};
  for (const ProducePlan::Part& part : plan.parts)
    if (part.topic_id == TopicId()) versions.max = kTopicIdsSince - 1;
  return versions;
}

}  // namespace

Producer::Producer(Cluster& cluster, const ProducerOptions& options, Guard& guard,
                   Completed completed)
    : cluster_(cluster),
      options_(options),
      guard_(guard),
      completed_(std::move(completed)),
      machine_(options.machine),
      refreshed_at_(cluster.shard().now()),
      turns_(cluster.shard(), [this] { turn(); }) {}

// ---- Turns

bool Producer::can_take(NodeId node) {
  const BrokerState* state = cluster_.state_of(node);
  if (state && state->ready() && cluster_.shard().now() >= state->throttled_until())
    return in_flight_[node] < options_.machine.max_in_flight;
  if (connecting_.insert(node).second) scope_.spawn(connect(node));
  return false;
}

void Producer::turn() {
  const MonoTime now = cluster_.shard().now();
  std::vector<ProducePlan> plans;
  std::vector<Completion> completions;
  std::set<std::string> stale;
  MonoTime next;
  bool wants_identity = false;
  {
    const Locked locked(guard_);
    machine_.expire(now);
    plans = machine_.due(now, codecs_, [this](NodeId node) { return can_take(node); });
    stale = machine_.take_stale_topics();
    completions = machine_.take_completions();
    next = machine_.next_wake(now);
    wants_identity = machine_.wants_identity();
  }
  for (ProducePlan& plan : plans) {
    ++in_flight_[plan.node];
    scope_.spawn(send(std::move(plan)));
  }
  wanted_topics_.merge(stale);
  if (!wanted_topics_.empty() && !std::exchange(asking_topics_, true)) scope_.spawn(ask_topics());
  if (wants_identity && !std::exchange(asking_identity_, true)) scope_.spawn(ask_identity());
  turns_.wake_at(std::min(next, refreshed_at_ + cluster_.options().metadata_max_age));
  if (now >= refreshed_at_ + cluster_.options().metadata_max_age) {
    refreshed_at_ = now;
    for (const auto& [name, view] : cluster_.view().topics()) wanted_topics_.insert(name);
    wake();
  }
  if (!completions.empty() || !plans.empty())
    for (const auto& setter : std::exchange(waiting_, {})) setter.set(true);
  if (!completions.empty()) completed_(std::move(completions));
}

// ---- Brokers

env::Task<void> Producer::connect(NodeId node) {
  const MonoTime until = cluster_.shard().now() + options_.request_timeout;
  auto ready = co_await cluster_.connect(node, until);
  connecting_.erase(node);
  if (!ready.ok()) {
    // Whoever led from there may lead from elsewhere now.
    for (const auto& [name, view] : cluster_.view().topics()) wanted_topics_.insert(name);
  }
  wake();
}

env::Task<void> Producer::send(ProducePlan plan) {
  const MonoTime until = cluster_.shard().now() + options_.request_timeout;
  wire::ProduceRequest request = request_of(plan, options_);
  const VersionRange versions = versions_for(plan);
  if (options_.machine.acks == 0) {
    auto told = co_await cluster_.tell(plan.node, std::move(request), until, versions);
    const Locked locked(guard_);
    if (told.ok())
      machine_.sent_unanswered(plan);
    else
      machine_.failed(plan, told.error(), cluster_.shard().now(), cluster_.shard().random().next());
  } else {
    auto answer = co_await cluster_.call<wire::ProduceResponse>(plan.node, std::move(request),
                                                                until, versions);
    if (answer.ok()) take_leaders(answer->body);
    const Locked locked(guard_);
    const MonoTime now = cluster_.shard().now();
    const std::uint64_t random = cluster_.shard().random().next();
    if (answer.ok())
      machine_.answered(plan, answer->body, now, random);
    else
      machine_.failed(plan, answer.error(), now, random);
  }
  --in_flight_[plan.node];
  wake();
}

/// KIP-951: a broker that no longer leads says who does.
void Producer::take_leaders(const wire::ProduceResponse& answer) {
  for (const auto& node : answer.node_endpoints) {
    if (node.node_id < 0 || node.port < 0 || node.port > 65'535) continue;
    cluster_.view().broker_told(
        NodeId(node.node_id), {std::string(node.host.view()), static_cast<std::uint16_t>(node.port),
                               std::string(node.rack.view())});
  }
  std::vector<std::string> news;
  for (const auto& topic : answer.responses) {
    std::string name(topic.name.view());
    if (name.empty()) name = cluster_.view().name_of(topic.topic_id);
    for (const auto& partition : topic.partition_responses) {
      if (partition.current_leader.leader_id < 0) continue;
      if (cluster_.view().leader_told(name, PartitionId(partition.index),
                                      NodeId(partition.current_leader.leader_id),
                                      LeaderEpoch(partition.current_leader.leader_epoch)))
        news.push_back(name);
    }
  }
  learn(news);
}

// ---- Topics and identity

void Producer::learn(const std::vector<std::string>& topics) {
  const Locked locked(guard_);
  for (const std::string& name : topics) {
    const TopicView* view = cluster_.view().topic(name);
    if (view && view->error == ErrorCode::kNone) machine_.learn(name, *view);
  }
}

env::Task<void> Producer::ask_topics() {
  std::uint32_t failures = 0;
  while (!wanted_topics_.empty()) {
    const std::set<std::string> asked = std::exchange(wanted_topics_, {});
    std::optional<std::vector<std::string>> topics(std::in_place, asked.begin(), asked.end());
    const std::vector<std::string> names = *topics;
    const MonoTime until = cluster_.shard().now() + options_.request_timeout;
    auto told = co_await cluster_.refresh(std::move(topics), until, true);
    if (told.ok()) learn(names);
    bool again = !told.ok();
    for (const std::string& name : names) {
      const TopicView* view = cluster_.view().topic(name);
      const bool whole =
          view && (final_error_of(view, name) ||
                   (view->error == ErrorCode::kNone &&
                    std::all_of(view->partitions.begin(), view->partitions.end(),
                                [](const PartitionView& p) { return p.leader.value() >= 0; })));
      if (whole && told.ok()) continue;
      wanted_topics_.insert(name);
      again = true;
    }
    for (const auto& setter : std::exchange(waiting_, {})) setter.set(true);
    wake();
    if (!again) break;
    const MonoTime next =
        cluster_.shard().now() +
        options_.machine.retry.after(failures++, cluster_.shard().random().next());
    co_await env::pause_until(cluster_.shard(), next);
    // Nobody waits for it, and nothing is to be sent there: it is not asked for for ever.
    const Locked locked(guard_);
    std::erase_if(wanted_topics_, [&](const std::string& name) {
      return waiting_.empty() && machine_.partitions_of(name) == 0;
    });
  }
  asking_topics_ = false;
  wake();
}

env::Task<void> Producer::ask_identity() {
  wire::InitProducerIdRequest request;
  request.transactional_id = wire::Text::null();
  request.transaction_timeout_ms = INT32_MAX;
  const MonoTime until = cluster_.shard().now() + options_.request_timeout;
  auto answer = co_await ask<wire::InitProducerIdResponse>(cluster_, Target::any(),
                                                           std::move(request), until, TopError());
  asking_identity_ = false;
  {
    const Locked locked(guard_);
    if (answer.ok() && answer->body.error_code == 0)
      machine_.set_identity(
          {ProducerId(answer->body.producer_id), ProducerEpoch(answer->body.producer_epoch)});
    else if (answer.ok() || answer.error().code == ErrorCode::kUnsupportedVersion)
      machine_.fail_for_ever(answer.ok() ? Error(error_from_wire(answer->body.error_code),
                                                 "the broker gives out no producer id")
                                         : answer.error());
  }
  wake();
}

// ---- For those who send

env::Task<Result<void>> Producer::wait_for_event(MonoTime deadline) {
  if (cluster_.shard().now() >= deadline)
    co_return Error(ErrorCode::kRequestTimedOut, "max.block.ms is over");
  env::Arrival<bool> event(cluster_.shard());
  waiting_.push_back(event.setter());
  const env::TimerId timer =
      cluster_.shard().call_at(deadline, [setter = event.setter()] { setter.set(true); });
  (void)co_await event;
  cluster_.shard().cancel(timer);
  co_return Result<void>();
}

env::Task<Result<std::int32_t>> Producer::partitions_of(std::string topic) {
  const MonoTime deadline = cluster_.shard().now() + options_.max_block;
  for (;;) {
    std::int32_t count = 0;
    {
      const Locked locked(guard_);
      count = machine_.partitions_of(topic);
    }
    if (count > 0) co_return count;
    if (auto error = final_error_of(cluster_.view().topic(topic), topic)) co_return *error;
    wanted_topics_.insert(topic);
    wake();
    auto waited = co_await wait_for_event(deadline);
    if (!waited.ok())
      co_return Error(ErrorCode::kRequestTimedOut,
                      fmt::format("Topic {} not present in metadata after {} ms.", topic,
                                  options_.max_block.value()));
  }
}

env::Task<Result<Appended>> Producer::append(OutgoingRecord record) {
  const MonoTime deadline = cluster_.shard().now() + options_.max_block;
  const std::string topic(record.topic);
  for (;;) {
    std::string name = topic;
    auto count = co_await partitions_of(std::move(name));
    if (!count.ok()) co_return std::move(count).error();
    Result<std::optional<Appended>> got = std::optional<Appended>();
    {
      const Locked locked(guard_);
      machine_.set_pressed(waiting_for_room_ > 0);
      got = machine_.append(record, cluster_.shard().now(), cluster_.shard().random().next());
    }
    wake();
    if (!got.ok()) co_return std::move(got).error();
    if (*got) co_return **got;
    // A partition that does not exist (yet), or no room.
    const bool no_partition = record.partition && record.partition->value() >= *count;
    if (no_partition) wanted_topics_.insert(topic);
    ++waiting_for_room_;
    {
      const Locked locked(guard_);
      machine_.set_pressed(true);
    }
    auto waited = co_await wait_for_event(deadline);
    --waiting_for_room_;
    if (waited.ok()) continue;
    if (no_partition)
      co_return Error(
          ErrorCode::kRequestTimedOut,
          fmt::format("Partition {} of topic {} with partition count {} is not "
                      "present in metadata after {} ms.",
                      record.partition->value(), topic, *count, options_.max_block.value()));
    co_return Error(ErrorCode::kRequestTimedOut,
                    fmt::format("Failed to allocate {} bytes within the configured max blocking "
                                "time {} ms.",
                                options_.machine.batch_size, options_.max_block.value()));
  }
}

env::Task<Result<void>> Producer::flush(MonoTime deadline) {
  std::uint64_t below = 0;
  {
    const Locked locked(guard_);
    machine_.flush();
    below = machine_.next_batch();
  }
  wake();
  for (;;) {
    bool done = false;
    {
      const Locked locked(guard_);
      done = machine_.completed_below() >= below;
    }
    if (done) co_return Result<void>();
    auto waited = co_await wait_for_event(deadline);
    if (!waited.ok())
      co_return Error(ErrorCode::kRequestTimedOut, "records were not answered for in time");
  }
}

}  // namespace moldau::client
