// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "net/reply.h"
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "wire/fetch_request.h"
#include "wire/fetch_response.h"

namespace moldau::handler {
namespace {

using replica::FetchPartition;
using replica::FetchSession;
using replica::ReadOutcome;

/// What a request asks for once its session is known.
struct FetchPlan {
  ErrorCode error = ErrorCode::kNone;
  std::vector<FetchPartition> partitions;
  /// Of each partition, why it may not be read; empty if nobody judges.
  std::vector<ErrorCode> refusals;
  std::int32_t session_id = 0;
  bool incremental = false;
};

/// How often a waiting fetch looks whether its peer is still there.
constexpr Millis kLookAfterPeer{5'000};

struct FetchLimits {
  std::int32_t bytes_min = 0;
  std::uint32_t bytes_max = 0;
  MonoTime deadline{0};
};

/// A read that is still cold after so many rounds on the pool is done on the shard: memory is so
/// short that what one thread reads the other does not find any more.
constexpr int kWarmingsMax = 3;

/// One round of reads over all shards.
struct ReadRound {
  explicit ReadRound(env::Shard& shard) : finished(shard) {}
  std::vector<ReadOutcome> outcomes;
  std::size_t open = 0;
  env::OneShot<bool> finished;
};

std::vector<FetchPartition> partitions_of(const wire::FetchRequest& message) {
  std::vector<FetchPartition> all;
  for (const auto& topic : message.topics)
    for (const auto& one : topic.partitions) {
      FetchPartition& asked = all.emplace_back();
      asked.topic_id = topic.topic_id;
      asked.topic = topic.topic.str();
      asked.partition = PartitionId(one.partition);
      asked.current_leader_epoch = LeaderEpoch(one.current_leader_epoch);
      asked.fetch_offset = Offset(one.fetch_offset);
      asked.last_fetched_epoch = LeaderEpoch(one.last_fetched_epoch);
      asked.follower_log_start = Offset(one.log_start_offset);
      asked.bytes_max = one.partition_max_bytes;
    }
  return all;
}

/// KIP-227: epoch -1 is a fetch without a session, 0 begins one, anything else goes on.
FetchPlan plan_of(const wire::FetchRequest& message, std::int16_t version, Services& node) {
  FetchPlan plan;
  replica::FetchSessionCache& cache = node.fetch_sessions;
  const bool uses_ids = version >= 13;
  if (message.session_epoch == 0 || message.session_epoch == -1 || version < 7) {
    plan.partitions = partitions_of(message);
    if (message.session_id != 0) cache.remove(message.session_id);
    if (version >= 7 && message.session_epoch == 0) {
      FetchSession* made = cache.create(plan.partitions, uses_ids, false, node.shard.now());
      if (made) plan.session_id = made->id();
    }
    return plan;
  }
  auto resumed =
      cache.resume(message.session_id, message.session_epoch, uses_ids, node.shard.now());
  if (!resumed.ok()) {
    plan.error = resumed.error().code;
    return plan;
  }
  FetchSession& session = **resumed;
  for (const FetchPartition& asked : partitions_of(message)) session.set(asked);
  for (const auto& topic : message.forgotten_topics_data)
    for (std::int32_t partition : topic.partitions)
      session.forget(topic.topic_id, topic.topic.str(), PartitionId(partition));
  plan.partitions = session.partitions();
  plan.session_id = session.id();
  plan.incremental = true;
  return plan;
}

/// The id under which a partition is hosted, or why it cannot be read.
ErrorCode resolve(const FetchPartition& asked, bool uses_ids, const image::MetadataImage& image,
                  TopicIdPartition& id) {
  const image::TopicImage* topic =
      uses_ids ? image.topic(asked.topic_id) : image.topic(asked.topic);
  if (!topic) return uses_ids ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition;
  if (!topic->partition(asked.partition)) return ErrorCode::kUnknownTopicOrPartition;
  id.topic_id = topic->id;
  id.partition = asked.partition;
  return ErrorCode::kNone;
}

/// Followers need the cluster's CLUSTER_ACTION, consumers READ of each topic.
std::vector<ErrorCode> refusals_of(const FetchPlan& plan, bool uses_ids, bool is_follower,
                                   const Services& node, const request::Request& request) {
  if (!node.authorizer) return {};
  const bool follows =
      is_follower && cluster_authorized(node, request, AclOperation::kClusterAction);
  const image::ImagePtr image = node.image;
  const auto name_of = [&](const FetchPartition& asked) -> std::optional<std::string_view> {
    if (!uses_ids) return asked.topic;
    const image::TopicImage* topic = image->topic(asked.topic_id);
    if (!topic) return std::nullopt;
    return topic->name;
  };
  AuthorizedNames readable(node, request, AclOperation::kRead, AclResourceType::kTopic);
  for (const FetchPartition& asked : plan.partitions)
    if (const auto name = name_of(asked)) readable.count(*name);
  std::vector<ErrorCode> refusals;
  for (const FetchPartition& asked : plan.partitions) {
    const auto name = name_of(asked);
    const bool allowed = is_follower ? follows : !name || readable.contains(*name);
    refusals.push_back(allowed ? ErrorCode::kNone : ErrorCode::kTopicAuthorizationFailed);
  }
  return refusals;
}

struct ShardReads {
  std::vector<std::size_t> members;
  std::vector<replica::ReadItem> items;
};

/// Begins the reads of one round; `round->finished` is set when all shards have answered.
void begin_round(Services& node, const FetchPlan& plan, bool uses_ids, const replica::ReadAs& as,
                 std::uint32_t bytes_max, const std::shared_ptr<park::Waiter>& waiter,
                 const std::shared_ptr<ReadRound>& round) {
  round->outcomes.resize(plan.partitions.size());
  std::vector<ShardReads> reads(node.replicas.size());
  for (std::size_t i = 0; i < plan.partitions.size(); ++i) {
    replica::ReadItem item;
    ErrorCode code = plan.refusals.empty() ? ErrorCode::kNone : plan.refusals[i];
    if (code == ErrorCode::kNone)
      code = resolve(plan.partitions[i], uses_ids, *node.image, item.id);
    if (code != ErrorCode::kNone) {
      round->outcomes[i].error = code;
      continue;
    }
    item.asked = plan.partitions[i];
    item.bytes_max = std::min<std::uint32_t>(
        bytes_max, static_cast<std::uint32_t>(std::max(0, item.asked.bytes_max)));
    ShardReads& of_shard = reads[node.replicas.owner_index(item.id)];
    of_shard.members.push_back(i);
    of_shard.items.push_back(std::move(item));
  }
  env::Shard* home = &node.shard;
  for (std::uint32_t s = 0; s < reads.size(); ++s) {
    if (reads[s].items.empty()) continue;
    replica::ReplicaHost* host = &node.replicas.host(s);
    if (&host->shard() == home) {
      auto outcomes = host->read(reads[s].items, as, waiter);
      for (std::size_t i = 0; i < outcomes.size(); ++i)
        round->outcomes[reads[s].members[i]] = std::move(outcomes[i]);
      continue;
    }
    ++round->open;
    host->shard().post([host, home, as, waiter, round, mine = std::move(reads[s])]() mutable {
      auto outcomes = host->read(mine.items, as, waiter);
      home->post([round, members = std::move(mine.members), found = std::move(outcomes)]() mutable {
        for (std::size_t i = 0; i < found.size(); ++i)
          round->outcomes[members[i]] = std::move(found[i]);
        if (--round->open == 0) round->finished.set(true);
      });
    });
  }
}

/// Keeps what fits into the request's bytes_max: the first partition with records always, the
/// others whole or not at all (a part could hold no whole batch, which clients do not expect).
std::uint64_t trim(std::vector<ReadOutcome>& outcomes, std::uint32_t bytes_max) {
  std::uint64_t total = 0;
  for (ReadOutcome& outcome : outcomes) {
    if (outcome.range.length == 0) continue;
    if (total > 0 && total + outcome.range.length > bytes_max) {
      outcome.range = {};
      outcome.aborted.clear();
      continue;
    }
    total += outcome.range.length;
  }
  return total;
}

bool must_answer_now(const std::vector<ReadOutcome>& outcomes) {
  return std::any_of(outcomes.begin(), outcomes.end(), [](const ReadOutcome& outcome) {
    return outcome.error != ErrorCode::kNone || outcome.diverging.has_value();
  });
}

/// A replica moves to another log dir just now: for a moment it cannot be read.
bool is_renaming(const std::vector<ReadOutcome>& outcomes) {
  return std::any_of(outcomes.begin(), outcomes.end(),
                     [](const ReadOutcome& outcome) { return outcome.renaming; });
}

/// Refused before anything was read: such answers have an empty list where others have none.
bool is_unreadable(ErrorCode error) {
  return error == ErrorCode::kUnknownTopicOrPartition || error == ErrorCode::kUnknownTopicId ||
         error == ErrorCode::kInconsistentTopicId || error == ErrorCode::kTopicAuthorizationFailed;
}

wire::FetchResponse::PartitionData answer_of(const FetchPartition& asked, ReadOutcome&& outcome,
                                             bool read_committed) {
  wire::FetchResponse::PartitionData answer;
  answer.partition_index = asked.partition.value();
  answer.error_code = to_wire(outcome.error);
  answer.high_watermark = outcome.high_watermark.value();
  answer.last_stable_offset = outcome.last_stable_offset.value();
  answer.log_start_offset = outcome.log_start_offset.value();
  if (outcome.diverging) {
    answer.diverging_epoch.epoch = outcome.diverging->epoch.value();
    answer.diverging_epoch.end_offset = outcome.diverging->end_offset.value();
  }
  if (outcome.error == ErrorCode::kNotLeaderOrFollower ||
      outcome.error == ErrorCode::kFencedLeaderEpoch) {
    answer.current_leader.leader_id = outcome.leader.value();
    answer.current_leader.leader_epoch = outcome.leader_epoch.value();
  }
  if (read_committed) {
    auto& aborted = answer.aborted_transactions.emplace();
    for (const log::AbortedTransaction& one : outcome.aborted) {
      auto& entry = aborted.emplace_back();
      entry.producer_id = one.producer_id.value();
      entry.first_offset = one.first_offset.value();
    }
  } else if (!is_unreadable(outcome.error)) {
    answer.aborted_transactions.reset();
  }
  if (outcome.range.length == 0) {
    answer.records = wire::Records::empty();
  } else {
    auto ranges = std::make_shared<std::vector<net::FileRange>>();
    net::FileRange& range = ranges->emplace_back();
    range.file = std::move(outcome.range.file);
    range.position = outcome.range.position;
    range.length = outcome.range.length;
    const auto length = static_cast<std::size_t>(range.length);
    answer.records = wire::Records::external(length, std::move(ranges));
  }
  return answer;
}

wire::FetchResponse response_of(const FetchPlan& plan, std::vector<ReadOutcome>& outcomes,
                                bool read_committed, Services& node) {
  wire::FetchResponse response;
  response.session_id = plan.session_id;
  FetchSession* session =
      plan.session_id == 0 ? nullptr : node.fetch_sessions.find(plan.session_id);
  for (std::size_t i = 0; i < plan.partitions.size(); ++i) {
    const FetchPartition& asked = plan.partitions[i];
    if (session) {
      replica::FetchAnswer told;
      told.error = outcomes[i].error;
      told.high_watermark = outcomes[i].high_watermark;
      told.log_start = outcomes[i].log_start_offset;
      told.record_bytes = outcomes[i].range.length;
      told.must_tell = outcomes[i].diverging.has_value();
      if (!session->note_answer(asked, told) && plan.incremental) continue;
    }
    auto& topics = response.responses;
    const bool same_topic = !topics.empty() && topics.back().topic_id == asked.topic_id &&
                            topics.back().topic.view() == asked.topic;
    if (!same_topic) {
      auto& topic = topics.emplace_back();
      topic.topic = std::string_view(asked.topic);
      topic.topic_id = asked.topic_id;
    }
    topics.back().partitions.push_back(answer_of(asked, std::move(outcomes[i]), read_committed));
  }
  return response;
}

/// What the answer will take, near enough: records, and what each told partition has around them.
double size_of(const std::vector<ReadOutcome>& outcomes, std::uint64_t record_bytes) {
  constexpr std::size_t kEmpty = 21;
  constexpr std::size_t kEach = 60;
  std::size_t told = 0;
  for (const ReadOutcome& outcome : outcomes)
    if (outcome.range.length > 0 || outcome.error != ErrorCode::kNone) ++told;
  return static_cast<double>(record_bytes + kEmpty + told * kEach);
}

/// A client above its quota gets nothing this time, and will not have been charged for it. True
/// if it was answered so. A session that was to begin with this answer does not.
bool answer_throttled(request::Request& request, const FetchPlan& plan, double bytes,
                      Services& node) {
  using security::QuotaType;
  request::ClientQuotaHost* quotas = request.quotas();
  if (!quotas) return false;
  const Millis for_time = request.charge_time_at_work();
  const Millis for_bytes = request.charge(QuotaType::kFetch, bytes);
  const Millis throttle = std::max(for_time, for_bytes);
  if (throttle == Millis(0)) return false;
  quotas->take_back(QuotaType::kFetch, request.quota_client(), bytes);
  wire::FetchResponse response;
  response.throttle_time_ms = static_cast<std::int32_t>(throttle.value());
  if (plan.incremental) {
    response.session_id = plan.session_id;
  } else if (plan.session_id != 0) {
    node.fetch_sessions.remove(plan.session_id);
  }
  request.answer(response);
  return true;
}

void answer_error(request::Request& request, ErrorCode code) {
  wire::FetchResponse response;
  response.error_code = to_wire(code);
  request.answer(response);
}

/// Within the request's limit and, for clients, the broker's and their quota's.
std::uint32_t bytes_max_of(const wire::FetchRequest& message, const request::Request& request,
                           const Services& node) {
  const std::int32_t ours = node.config ? node.config->values.fetch_max_bytes : INT32_MAX;
  std::int32_t most = std::clamp(message.max_bytes, 0, ours);
  if (request.quotas()) {
    const auto allowed = request.quotas()->fetch_bytes_max(request.quota_client());
    if (allowed && *allowed < most) most = static_cast<std::int32_t>(*allowed);
  }
  return static_cast<std::uint32_t>(most);
}

replica::ReadAs reader_of(const wire::FetchRequest& message) {
  replica::ReadAs as;
  as.read_committed = message.isolation_level == 1;
  as.follower = NodeId(std::max(message.replica_id, message.replica_state.replica_id));
  as.follower_epoch = BrokerEpoch(message.replica_state.replica_epoch);
  return as;
}

}  // namespace

env::Task<void> handle_fetch(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::FetchRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::FetchRequest message = std::move(decoded).value();
  const bool uses_ids = request->version() >= 13;
  FetchPlan plan = plan_of(message, request->version(), node);
  if (plan.error != ErrorCode::kNone) {
    answer_error(*request, plan.error);
    co_return;
  }
  replica::ReadAs as = reader_of(message);
  plan.refusals = refusals_of(plan, uses_ids, as.follower.value() >= 0, node, *request);
  FetchLimits limits;
  if (as.follower >= NodeId(0)) request->exempt_from_quotas();
  limits.bytes_max = bytes_max_of(message, *request, node);
  limits.bytes_min = std::min(message.min_bytes, static_cast<std::int32_t>(limits.bytes_max));
  limits.deadline = request->arrived() + Millis(std::max(0, message.max_wait_ms));
  std::shared_ptr<park::Waiter> waiter;
  if (message.max_wait_ms > 0) waiter = std::make_shared<park::Waiter>(node.shard);
  for (int warmings = 0;;) {
    auto round = std::make_shared<ReadRound>(node.shard);
    as.wait = warmings < kWarmingsMax ? env::Wait::kNever : env::Wait::kForDevice;
    if (waiter) waiter->rearm();
    begin_round(node, plan, uses_ids, as, limits.bytes_max, waiter, round);
    request->paused();
    if (round->open > 0) (void)co_await round->finished;
    request->resumed();
    if (is_renaming(round->outcomes) && request->alive()) {
      const MonoTime soon = node.shard.now() + Millis(1);
      request->paused();
      co_await env::sleep_until(node.shard, soon);
      request->resumed();
      continue;
    }
    replica::ColdReads cold = replica::cold_reads_of(round->outcomes, limits.bytes_max);
    if (!cold.empty() && request->alive()) {
      ++warmings;
      request->paused();
      co_await replica::warm(&node.shard, std::move(cold), limits.bytes_max);
      request->resumed();
      continue;
    }
    const std::uint64_t bytes = trim(round->outcomes, limits.bytes_max);
    const bool enough = static_cast<std::int64_t>(bytes) >= limits.bytes_min ||
                        must_answer_now(round->outcomes) || plan.partitions.empty();
    if (!enough && waiter && request->alive() && node.shard.now() < limits.deadline) {
      // In slices, so that a request whose peer has gone does not wait as long as it asked to.
      const MonoTime until = std::min(limits.deadline, node.shard.now() + kLookAfterPeer);
      request->paused();
      (void)co_await waiter->wait_until(until);
      request->resumed();
      if (request->alive()) continue;
    }
    if (waiter) waiter->finish();
    if (answer_throttled(*request, plan, size_of(round->outcomes, bytes), node)) co_return;
    const wire::FetchResponse response =
        response_of(plan, round->outcomes, as.read_committed, node);
    request->answer(response);
    co_return;
  }
}

}  // namespace moldau::handler
