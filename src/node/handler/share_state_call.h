// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>

#include "node/coordinator/share_coordinators.h"
#include "node/handler/authorize.h"
#include "node/handler/services.h"

namespace moldau::handler {

/// Has the share coordinator of `asked->key` do a step. `asked` must live until then.
template <class Outcome, class Asked, class Method>
env::Task<Outcome> call_share_state(Services& node, const Asked* asked, Method method) {
  image::ImagePtr image = node.image;
  Result<Outcome> answer =
      co_await node.share_states->call_state<Outcome>(&node.shard, std::move(image), asked, method);
  if (answer.ok()) co_return std::move(answer).value();
  co_return Outcome(answer.error().code, answer.error().detail);
}

/// True if the request has a group, topics, and partitions in each of them; others are answered
/// with nothing, as by Apache.
template <class Message>
bool names_partitions(const Message& message) {
  if (message.group_id.is_empty() || message.topics.empty()) return false;
  for (const auto& topic : message.topics)
    if (topic.partitions.empty()) return false;
  return true;
}

/// The results of an answer: one for each partition, though it may be asked for often.
/// Thread   of the request. Borrows the answer.
template <class Response>
class StateResults {
 public:
  explicit StateResults(Response& response) : response_(response) {}

  auto& of(const TopicId& topic, std::int32_t partition) {
    const auto [at, is_new] = topics_.try_emplace(topic, response_.results.size());
    if (is_new) response_.results.emplace_back().topic_id = topic;
    auto& partitions = response_.results[at->second].partitions;
    const auto [place, is_first] =
        partitions_.try_emplace(std::pair(topic, partition), partitions.size());
    if (is_first)
      partitions.emplace_back();
    else
      partitions[place->second] = {};
    auto& result = partitions[place->second];
    result.partition = partition;
    return result;
  }

 private:
  Response& response_;
  std::map<TopicId, std::size_t> topics_;
  std::map<std::pair<TopicId, std::int32_t>, std::size_t> partitions_;
};

/// A whole handler: `convert(message, topic, partition) → Asked`, `fill(outcome, result)` what is
/// not the error.
template <class Message, class Response, class Outcome, class Convert, class Method, class Fill>
env::Task<void> serve_share_state(Services& node, request::RequestPtr request, Convert convert,
                                  Method method, Fill fill) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  const bool allowed = cluster_authorized(node, *request, AclOperation::kClusterAction);
  Response response;
  if (allowed && !names_partitions(message)) {
    request->answer(response);
    co_return;
  }
  StateResults<Response> results(response);
  for (std::size_t t = 0; t < message.topics.size(); ++t) {
    for (std::size_t p = 0; p < message.topics[t].partitions.size(); ++p) {
      const auto& partition = message.topics[t].partitions[p];
      Outcome outcome(ErrorCode::kClusterAuthorizationFailed, "Cluster authorization failed.");
      if (allowed) {
        auto asked = convert(partition);
        asked.key = share::SharePartitionKey(message.group_id.str(), message.topics[t].topic_id,
                                             PartitionId(partition.partition));
        outcome = co_await call_share_state<Outcome>(node, &asked, method);
      }
      auto& result = results.of(message.topics[t].topic_id, partition.partition);
      result.error_code = to_wire(outcome.error);
      if (!outcome.message.empty()) result.error_message = wire::Text::copy_of(outcome.message);
      if (outcome.error == ErrorCode::kNone) fill(outcome, result);
    }
  }
  request->answer(response);
}

/// For answers that say nothing but the error.
inline constexpr auto kFillNothing = [](const auto&, auto&) {};

}  // namespace moldau::handler
