// SPDX-License-Identifier: Apache-2.0
#include "client/ask.h"

#include <fmt/core.h>

#include "wire/find_coordinator_response.h"

namespace moldau::client {
namespace {

enum class CoordinatorKey : std::int8_t { kGroup = 0, kTransaction = 1 };

env::Task<Result<NodeId>> find_controller(Cluster& cluster, MonoTime deadline) {
  if (cluster.view().bootstrapping() || !cluster.view().controller()) {
    std::optional<std::vector<std::string>> none(std::in_place);
    auto told = co_await cluster.refresh(std::move(none), deadline);
    if (!told.ok()) co_return std::move(told).error();
  }
  if (!cluster.view().controller())
    co_return Error(ErrorCode::kBrokerNotAvailable, "the cluster has no controller at the moment");
  co_return *cluster.view().controller();
}

/// Coordinators are asked for by name since version 4; before, one at a time.
env::Task<Result<NodeId>> find_coordinator(Cluster& cluster, Target target, MonoTime deadline) {
  auto node = co_await cluster.any_broker(deadline);
  if (!node.ok()) co_return std::move(node).error();
  const bool of_group = target.kind() == Target::Kind::kGroup;
  wire::FindCoordinatorRequest request;
  request.key_type =
      static_cast<std::int8_t>(of_group ? CoordinatorKey::kGroup : CoordinatorKey::kTransaction);
  const BrokerState* state = cluster.state_of(*node);
  const auto version = state->version_of(
      wire::ApiKey::kFindCoordinator,
      {wire::FindCoordinatorRequest::kMinVersion, wire::FindCoordinatorRequest::kMaxVersion});
  if (version.ok() && *version < 4)
    request.key = std::string_view(target.key());
  else
    request.coordinator_keys.emplace_back(std::string_view(target.key()));
  const NodeId asked = *node;
  auto answer =
      co_await cluster.call<wire::FindCoordinatorResponse>(asked, std::move(request), deadline);
  if (!answer.ok()) co_return std::move(answer).error();
  const wire::FindCoordinatorResponse& body = answer->body;
  auto take = [&](std::int16_t code, const wire::Text& text, std::int32_t id,
                  const wire::Text& host, std::int32_t port) -> Result<NodeId> {
    const ErrorCode error = error_from_wire(code);
    if (error != ErrorCode::kNone) return Error(error, std::string(text.view()));
    if (id < 0 || port < 0 || port > 65'535)
      return Error(ErrorCode::kCoordinatorNotAvailable, "the coordinator has no address");
    cluster.view().broker_told(NodeId(id),
                               {std::string(host.view()), static_cast<std::uint16_t>(port), ""});
    return NodeId(id);
  };
  if (answer->version < 4)
    co_return take(body.error_code, body.error_message, body.node_id, body.host, body.port);
  if (body.coordinators.size() != 1)
    co_return Error(ErrorCode::kInvalidRequest, "one coordinator was asked for, and others told");
  const auto& told = body.coordinators[0];
  co_return take(told.error_code, told.error_message, told.node_id, told.host, told.port);
}

bool may_pass(const Error& error) {
  return error_is_retriable(error.code) || error.code == ErrorCode::kRebootstrapRequired ||
         error.code == ErrorCode::kBrokerNotAvailable;
}

}  // namespace

env::Task<bool> Attempts::again(Error error) {
  const MonoTime now = cluster_.shard().now();
  if (!may_pass(error) || now >= deadline_) co_return false;
  const Millis pause =
      cluster_.options().retry.after(failures_++, cluster_.shard().random().next());
  const MonoTime until = std::min(now + pause, deadline_);
  co_await env::pause_until(cluster_.shard(), until);
  if (until >= deadline_) co_return false;
  if (error_refreshes_metadata(error.code) || error.code == ErrorCode::kNotController) {
    std::optional<std::vector<std::string>> none(std::in_place);
    // What it says is found out by the next attempt.
    auto told = co_await cluster_.refresh(std::move(none), patience());
    (void)told;
  }
  co_return cluster_.shard().now() < deadline_;
}

Error Attempts::final_error(Error error) const {
  if (!may_pass(error)) return error;
  std::string text =
      failures_ == 0 ? error.detail
                     : fmt::format("gave up after {} attempts: {}", failures_ + 1, error.text());
  return {ErrorCode::kRequestTimedOut, std::move(text)};
}

env::Task<Result<NodeId>> find_target(Cluster& cluster, Target target, MonoTime deadline) {
  using Kind = Target::Kind;
  if (target.kind() == Kind::kAny) {
    co_return co_await cluster.any_broker(deadline);
  }
  if (target.kind() == Kind::kController) {
    co_return co_await find_controller(cluster, deadline);
  }
  if (target.kind() != Kind::kNode) {
    co_return co_await find_coordinator(cluster, std::move(target), deadline);
  }
  if (!cluster.view().broker(target.node_id())) {
    std::optional<std::vector<std::string>> none(std::in_place);
    auto told = co_await cluster.refresh(std::move(none), deadline);
    if (!told.ok()) co_return std::move(told).error();
  }
  co_return target.node_id();
}

}  // namespace moldau::client
