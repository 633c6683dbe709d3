// SPDX-License-Identifier: Apache-2.0
#include "client/consumer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "wire/fetch_request.h"
#include "wire/list_offsets_request.h"

namespace moldau::client {
namespace {

/// Topic ids stand instead of names from here on; before 4.3's oldest there were no epochs.
constexpr std::int16_t kFetchIdsSince = 13;
constexpr std::int16_t kFetchVersionMin = 12;

wire::FetchRequest request_of(const FetchPlan& plan, const ConsumerOptions& options) {
  wire::FetchRequest request;
  request.max_wait_ms = static_cast<std::int32_t>(options.max_wait.value());
  request.min_bytes = options.min_bytes;
  request.max_bytes = options.max_bytes;
  request.isolation_level = options.fetch.read_committed ? 1 : 0;
  request.session_id = plan.session.id;
  request.session_epoch = plan.session.epoch;
  request.rack_id = std::string_view(options.rack);
  const auto topic_of = [](auto& topics, const std::string& name, const TopicId& id) -> auto& {
    for (auto& one : topics)
      if (one.topic.view() == name && one.topic_id == id) return one;
    auto& fresh = topics.emplace_back();
    fresh.topic = std::string_view(name);
    fresh.topic_id = id;
    return fresh;
  };
  for (const auto& [partition, wanted] : plan.session.named) {
    auto& one =
        topic_of(request.topics, partition.topic, wanted.topic_id).partitions.emplace_back();
    one.partition = partition.partition.value();
    one.current_leader_epoch = wanted.leader_epoch.value();
    one.fetch_offset = wanted.offset.value();
    one.last_fetched_epoch = wanted.last_epoch.value();
    one.partition_max_bytes = options.fetch.max_partition_bytes;
  }
  for (const auto& [partition, id] : plan.session.forgotten)
    topic_of(request.forgotten_topics_data, partition.topic, id)
        .partitions.push_back(partition.partition.value());
  return request;
}

VersionRange versions_for(const FetchPlan& plan) {
  VersionRange versions{kFetchVersionMin, wire::FetchRequest::kMaxVersion};
  for (const FetchPlan::Part& part : plan.parts)
    if (part.wanted.topic_id == TopicId()) versions.max = kFetchIdsSince - 1;
  return versions;
}

}  // namespace

Consumer::Consumer(Cluster& cluster, ConsumerOptions options, Guard& guard, Callback news)
    : cluster_(cluster),
      options_(std::move(options)),
      guard_(guard),
      news_(std::move(news)),
      machine_(options_.fetch, options_.reset),
      refreshed_at_(cluster.shard().now()),
      turns_(cluster.shard(), [this] { turn(); }) {}

void Consumer::turn() {
  const MonoTime now = cluster_.shard().now();
  const Millis age = cluster_.options().metadata_max_age;
  std::vector<ResetPlan> resets;
  std::vector<FetchPlan> fetches;
  MonoTime next;
  {
    const Locked locked(guard_);
    resets = machine_.due_resets(cluster_.view(), now);
    fetches = machine_.due_fetches(cluster_.view(), now);
    wanted_topics_.merge(machine_.take_stale_topics());
    next = machine_.next_wake(now);
    if (now >= refreshed_at_ + age) {
      refreshed_at_ = now;
      wanted_topics_.merge(machine_.topics());
    }
  }
  for (ResetPlan& plan : resets) scope_.spawn(reset(std::move(plan)));
  for (FetchPlan& plan : fetches) scope_.spawn(fetch(std::move(plan)));
  if (!wanted_topics_.empty() && !std::exchange(asking_topics_, true)) scope_.spawn(ask_topics());
  turns_.wake_at(std::min(next, refreshed_at_ + age));
  news_();
}

env::Task<void> Consumer::fetch(FetchPlan plan) {
  const MonoTime until = cluster_.shard().now() + options_.request_timeout + options_.max_wait;
  wire::FetchRequest request = request_of(plan, options_);
  const VersionRange versions = versions_for(plan);
  auto answer =
      co_await cluster_.call<wire::FetchResponse>(plan.node, std::move(request), until, versions);
  {
    const Locked locked(guard_);
    const MonoTime now = cluster_.shard().now();
    const std::uint64_t random = cluster_.shard().random().next();
    if (answer.ok())
      machine_.answered(plan, answer->frame, answer->body, now, random);
    else
      machine_.failed(plan, answer.error(), now, random);
  }
  wake();
}

env::Task<void> Consumer::reset(ResetPlan plan) {
  wire::ListOffsetsRequest request;
  request.replica_id = -1;
  request.isolation_level = options_.fetch.read_committed ? 1 : 0;
  for (const ResetPlan::Part& part : plan.parts) {
    auto& topic = request.topics.emplace_back();
    topic.name = std::string_view(part.partition.topic);
    auto& one = topic.partitions.emplace_back();
    one.partition_index = part.partition.partition.value();
    one.current_leader_epoch = part.leader_epoch.value();
    one.timestamp = part.timestamp.value();
  }
  const MonoTime until = cluster_.shard().now() + options_.request_timeout;
  auto answer =
      co_await cluster_.call<wire::ListOffsetsResponse>(plan.node, std::move(request), until);
  {
    const Locked locked(guard_);
    const MonoTime now = cluster_.shard().now();
    const std::uint64_t random = cluster_.shard().random().next();
    if (answer.ok())
      machine_.resets_answered(plan, answer->body, now, random);
    else
      machine_.resets_failed(plan, now, random);
  }
  wake();
}

env::Task<void> Consumer::ask_topics() {
  std::uint32_t failures = 0;
  while (!wanted_topics_.empty()) {
    const std::set<std::string> asked = std::exchange(wanted_topics_, {});
    std::optional<std::vector<std::string>> topics(std::in_place, asked.begin(), asked.end());
    const MonoTime until = cluster_.shard().now() + options_.request_timeout;
    auto told = co_await cluster_.refresh(std::move(topics), until, true);
    if (!told.ok()) wanted_topics_.insert(asked.begin(), asked.end());
    wake();
    // What is still not known is asked for again when the machine misses it, after a pause.
    const MonoTime next = cluster_.shard().now() +
                          options_.fetch.retry.after(failures++, cluster_.shard().random().next());
    co_await env::pause_until(cluster_.shard(), next);
    const Locked locked(guard_);
    wanted_topics_.merge(machine_.take_stale_topics());
  }
  asking_topics_ = false;
  wake();
}

}  // namespace moldau::client
