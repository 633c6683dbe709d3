// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "client/cluster.h"
#include "wire/find_coordinator_request.h"

namespace moldau::client {

/// Which broker a request is for.
/// Thread   a value.
class Target {
 public:
  enum class Kind { kAny, kController, kNode, kGroup, kTransaction };
  static Target any() { return Target(Kind::kAny); }
  /// The controller as brokers see it: any of them passes requests on.
  static Target controller() { return Target(Kind::kController); }
  static Target node(NodeId id) {
    Target out(Kind::kNode);
    out.node_ = id;
    return out;
  }
  /// The coordinator of a group, or of a transactional id.
  static Target group(std::string id) { return Target(Kind::kGroup, std::move(id)); }
  static Target transaction(std::string id) { return Target(Kind::kTransaction, std::move(id)); }

  Kind kind() const { return kind_; }
  NodeId node_id() const { return node_; }
  const std::string& key() const { return key_; }

 private:
  explicit Target(Kind kind, std::string key = {}) : kind_(kind), key_(std::move(key)) {}
  Kind kind_;
  NodeId node_{-1};
  std::string key_;
};

/// Tries again what may be tried again, until a deadline.
///
/// Owner    the frame of a coroutine; borrows the cluster.
/// Thread   shard-bound.
/// Source   retry.backoff.ms … retry.backoff.max.ms of Apache's clients; a request that could not
///          be sent in time is not tried again.
class Attempts {
 public:
  Attempts(Cluster& cluster, MonoTime deadline) : cluster_(cluster), deadline_(deadline) {}
  MonoTime deadline() const { return deadline_; }
  /// Until when the next request may take.
  MonoTime patience() const { return cluster_.patience(deadline_); }
  /// True after a pause if `error` can pass and there is time; false if it is final.
  env::Task<bool> again(Error error);
  /// The last error that again() was told, with what it came to.
  Error final_error(Error error) const;

 private:
  Cluster& cluster_;
  const MonoTime deadline_;
  std::uint32_t failures_ = 0;
};

/// The broker that a target means now, asking for metadata or for the coordinator as needed; once.
env::Task<Result<NodeId>> find_target(Cluster& cluster, Target target, MonoTime deadline);

/// Asks, and asks again while the broker is the wrong one, cannot be reached, or `error_of` its
/// answer is an error that can pass. Other errors in the answer are the caller's to read.
///
/// Thread   shard-bound; `cluster` must outlive the task.
/// Errors   the last one met, at the deadline; kUnsupportedVersion and kInvalidRequest at once.
/// Source   AdminApiDriver and KafkaAdminClient's calls.
template <class R, class Q, class F>
env::Task<Result<Answer<R>>> ask(Cluster& cluster, Target target, Q request, MonoTime deadline,
                                 F error_of,
                                 VersionRange versions = {Q::kMinVersion, Q::kMaxVersion}) {
  Attempts attempts(cluster, deadline);
  for (;;) {
    Target aim = target;
    auto node = co_await find_target(cluster, std::move(aim), attempts.patience());
    if (!node.ok()) {
      Error error = node.error();
      const bool again = co_await attempts.again(std::move(error));
      if (again) continue;
      co_return attempts.final_error(node.error());
    }
    Q attempt = request;
    const NodeId to = *node;
    const MonoTime until = attempts.patience();
    auto answer = co_await cluster.call<R>(to, std::move(attempt), until, versions);
    Error error = answer.ok() ? Error(error_of(answer->body)) : answer.error();
    if (error.code == ErrorCode::kNone) co_return std::move(answer);
    Error cause = error;
    const bool again = co_await attempts.again(std::move(cause));
    if (again) continue;
    if (answer.ok() && !error_is_retriable(error.code)) co_return std::move(answer);
    co_return attempts.final_error(std::move(error));
  }
}

/// For answers without an error of their own: those of their parts are the caller's to read.
struct NoTopError {
  template <class R>
  ErrorCode operator()(const R&) const {
    return ErrorCode::kNone;
  }
};
/// For answers with one error for all of it.
struct TopError {
  template <class R>
  ErrorCode operator()(const R& answer) const {
    return error_from_wire(answer.error_code);
  }
};

}  // namespace moldau::client
