// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/ask.h"

namespace moldau::client::admin {

/// Asks the leaders of partitions, and asks again for those whose error can pass.
///
/// One is made for each call: `part` builds the request for some partitions, `take` reads an
/// answer and gives each of them a value or an error.
/// Owner    the frame of a coroutine; borrows the cluster.
/// Thread   shard-bound.
/// Source   PartitionLeaderStrategy and AdminApiDriver of Apache's clients.
template <class R, class Q, class V>
class ByLeader {
 public:
  using Keys = std::vector<TopicPartition>;
  using Values = std::map<TopicPartition, Result<V>>;
  using Build = UniqueFunction<Q(const Keys&)>;
  using Take = UniqueFunction<void(const R&, Values&)>;

  ByLeader(Cluster& cluster, MonoTime deadline, VersionRange versions, Build build, Take take)
      : cluster_(cluster),
        versions_(versions),
        attempts_(cluster, deadline),
        build_(std::move(build)),
        take_(std::move(take)) {}

  env::Task<Values> run(Keys keys) {
    open_ = std::set<TopicPartition>(keys.begin(), keys.end());
    for (;;) {
      const std::map<NodeId, Keys> leaders = by_leader();
      if (open_.size() > count(leaders)) {
        std::optional<std::vector<std::string>> topics = topics_of_open();
        auto told = co_await cluster_.refresh(std::move(topics), attempts_.patience());
        if (!told.ok()) last_ = told.error();
      }
      const std::map<NodeId, Keys> found = by_leader();
      for (const auto& [node, some] : found) {
        Keys part = some;
        const NodeId to = node;
        co_await ask_one(to, std::move(part));
      }
      if (open_.empty()) break;
      Error cause = last_;
      const bool again = co_await attempts_.again(std::move(cause));
      if (again) continue;
      for (const TopicPartition& key : open_)
        done_.insert_or_assign(key, attempts_.final_error(last_));
      break;
    }
    co_return std::move(done_);
  }

 private:
  static std::size_t count(const std::map<NodeId, Keys>& leaders) {
    std::size_t out = 0;
    for (const auto& [node, some] : leaders) out += some.size();
    return out;
  }

  std::map<NodeId, Keys> by_leader() {
    std::map<NodeId, Keys> out;
    for (const TopicPartition& key : open_) {
      if (stale_.contains(key)) continue;
      const PartitionView* view = cluster_.view().partition(key.topic, key.partition);
      if (view && view->leader.value() >= 0) out[view->leader].push_back(key);
    }
    return out;
  }

  /// Asked for anew: what was known of them was wrong, or is not known.
  std::optional<std::vector<std::string>> topics_of_open() {
    std::set<std::string> names;
    for (const TopicPartition& key : open_) names.insert(key.topic);
    stale_.clear();
    last_ = Error(ErrorCode::kLeaderNotAvailable, "");
    return std::vector<std::string>(names.begin(), names.end());
  }

  env::Task<void> ask_one(NodeId node, Keys keys) {
    Q request = build_(keys);
    auto answer =
        co_await cluster_.call<R>(node, std::move(request), attempts_.patience(), versions_);
    Values told;
    if (answer.ok()) take_(answer->body, told);
    for (const TopicPartition& key : keys) {
      Error error = answer.ok() ? Error(ErrorCode::kUnknownServerError,
                                        "the answer says nothing about " + key.text())
                                : answer.error();
      const auto found = told.find(key);
      if (found != told.end() && found->second.ok()) {
        done_.insert_or_assign(key, std::move(found->second));
        open_.erase(key);
        continue;
      }
      if (found != told.end()) error = found->second.error();
      if (error_is_retriable(error.code)) {
        last_ = error;
        if (!answer.ok() || error_refreshes_metadata(error.code)) stale_.insert(key);
        continue;
      }
      done_.insert_or_assign(key, std::move(error));
      open_.erase(key);
    }
  }

  Cluster& cluster_;
  const VersionRange versions_;
  Attempts attempts_;
  Build build_;
  Take take_;
  std::set<TopicPartition> open_;
  std::set<TopicPartition> stale_;
  Values done_;
  Error last_{ErrorCode::kLeaderNotAvailable, ""};
};

}  // namespace moldau::client::admin
