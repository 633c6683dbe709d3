// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "node/handler/authorize.h"
#include "node/handler/services.h"
#include "node/quorum/quorum.h"

namespace moldau::handler {

/// A decoded message together with the frame it borrows from: may outlive the request, as a
/// decision does that is still queued when its caller gives up.
template <class Message>
struct Held {
  Held(Message m, Slice f) : message(std::move(m)), frame(std::move(f)) {}
  Message message;
  Slice frame;
};

template <class Message>
using HeldPtr = std::shared_ptr<const Held<Message>>;

/// Decodes the request, or closes it and gives nullptr.
template <class Message>
HeldPtr<Message> decode_held(request::Request& request) {
  auto decoded = request.decode<Message>();
  if (!decoded.ok()) {
    request.close(decoded.error().detail);
    return nullptr;
  }
  return std::make_shared<const Held<Message>>(std::move(decoded).value(), request.frame());
}

/// When the answer of the controller is given up; clients say how long they wait, within reason.
inline MonoTime controller_deadline(const request::Request& request, std::int32_t timeout_ms) {
  constexpr std::int32_t kLongest = 120'000;
  return request.arrived() + Millis(std::clamp(timeout_ms, 1'000, kLongest));
}

/// Has the active controller decide about a request, and waits until the records are committed.
/// `decide` is a decide_… method of ControllerMachine taking (message, context).
template <class Message, class Response>
env::Task<Result<Response>> call_controller(
    Services& node, HeldPtr<Message> held, std::int16_t version, MonoTime deadline,
    controller::Decision<Response> (controller::ControllerMachine::*decide)(
        const Message&, const controller::RequestContext&) const) {
  quorum::DecideFn<Response> function = [held, version, decide](
                                            controller::ControllerMachine& machine,
                                            const controller::RequestContext& context) {
    controller::RequestContext own = context;
    own.version = version;
    return (machine.*decide)(held->message, own);
  };
  Result<Response> result =
      co_await node.quorum.submit<Response>(node.shard, std::move(function), deadline);
  co_return result;
}

/// The same for decisions that need no context.
template <class Message, class Response>
env::Task<Result<Response>> call_controller(
    Services& node, HeldPtr<Message> held, std::int16_t version, MonoTime deadline,
    controller::Decision<Response> (controller::ControllerMachine::*decide)(const Message&) const) {
  (void)version;
  quorum::DecideFn<Response> function = [held, decide](controller::ControllerMachine& machine,
                                                       const controller::RequestContext&) {
    return (machine.*decide)(held->message);
  };
  Result<Response> result =
      co_await node.quorum.submit<Response>(node.shard, std::move(function), deadline);
  co_return result;
}

/// The controller mutation quota of one request: strict from the version on that knows its error,
/// else a debt that the client pays by a pause.
/// Thread   made on the request's shard, asked on the controller's.
class MutationQuota final : public controller::PartitionChangeQuota {
 public:
  MutationQuota(request::ClientQuotaHost& host, const request::Request& request, bool strict)
      : host_(host),
        user_(request::user_of(request.caller().principal)),
        client_id_(request.header().client_id),
        strict_(strict) {}

  bool admit(std::size_t partitions) override {
    Millis throttle{0};
    const security::QuotaClient client(user_, client_id_);
    const bool admitted =
        host_.charge_mutations(client, static_cast<double>(partitions), strict_, throttle);
    if (throttle > Millis(0)) throttle_ = throttle;
    return admitted;
  }
  Millis throttle() const { return throttle_; }

 private:
  request::ClientQuotaHost& host_;
  const std::string user_;
  const std::string client_id_;
  const bool strict_;
  Millis throttle_{0};
};

/// The quota of mutations of `request`'s client; null where none is kept.
inline std::shared_ptr<MutationQuota> mutation_quota(const Services& node,
                                                     const request::Request& request, bool strict) {
  if (!request.quotas() || !node.mutation_quotas) return nullptr;
  return std::make_shared<MutationQuota>(*node.mutation_quotas, request, strict);
}

/// A decision within a quota, whose pause is the response's throttle_time_ms.
template <class Message, class Response>
quorum::DecideFn<Response> decide_within(
    HeldPtr<Message> held, std::int16_t version, std::shared_ptr<MutationQuota> quota,
    controller::Decision<Response> (controller::ControllerMachine::*decide)(
        const Message&, const controller::RequestContext&) const) {
  return [held = std::move(held), version, quota = std::move(quota), decide](
             controller::ControllerMachine& machine, const controller::RequestContext& context) {
    controller::RequestContext own = context;
    own.version = version;
    own.quota = quota.get();
    controller::Decision<Response> decision = (machine.*decide)(held->message, own);
    if (quota)
      decision.response.throttle_time_ms = static_cast<std::int32_t>(quota->throttle().value());
    return decision;
  };
}

/// call_controller for what changes topics and partitions: within the quota of mutations.
template <class Message, class Response>
env::Task<Result<Response>> call_within_quota(
    Services& node, HeldPtr<Message> held, const request::Request& request,
    std::int16_t strict_since, MonoTime deadline,
    controller::Decision<Response> (controller::ControllerMachine::*decide)(
        const Message&, const controller::RequestContext&) const) {
  auto quota = mutation_quota(node, request, request.version() >= strict_since);
  quorum::DecideFn<Response> function =
      decide_within(std::move(held), request.version(), std::move(quota), decide);
  Result<Response> result =
      co_await node.quorum.submit<Response>(node.shard, std::move(function), deadline);
  if (result.ok() && request.quotas() && result->throttle_time_ms > 0)
    request.quotas()->note_throttle(security::QuotaType::kControllerMutation,
                                    Millis(result->throttle_time_ms));
  co_return result;
}

/// Waits (at most a second) until this shard has seen everything that was committed before now:
/// whoever gets the answer of a change may look at its effect at once.
inline env::Task<void> until_shown(Services& node) {
  const Offset wanted = node.quorum.published_offset();
  for (int i = 0; i < 1'000 && node.image->provenance().offset < wanted; ++i) {
    const MonoTime soon = node.shard.now() + Millis(1);
    co_await env::sleep_until(node.shard, soon);
  }
}

/// Answers for the controller if the caller may not do `operation` with the cluster.
template <class Message, class Response>
bool refuse_without_cluster(const Services& node, request::Request& request, AclOperation operation,
                            const Message& message,
                            void (*fill)(const Message&, const Error&, Response&)) {
  if (cluster_authorized(node, request, operation)) return false;
  Response response;
  fill(message, cluster_refusal(request), response);
  request.answer(response);
  return true;
}

/// A whole handler for APIs that the controller decides: decode, decide, answer. `fill` makes the
/// answer of a request whose decision never came (no controller, time-out).
template <class Message, class Response, class Decide>
env::Task<void> forward(Services& node, request::RequestPtr request, std::int32_t timeout_ms,
                        HeldPtr<Message> held, Decide decide,
                        void (*fill)(const Message&, const Error&, Response&)) {
  const MonoTime deadline = controller_deadline(*request, timeout_ms);
  Result<Response> decided =
      co_await call_controller(node, held, request->version(), deadline, decide);
  if (decided.ok()) {
    co_await until_shown(node);
    request->answer(*decided);
    co_return;
  }
  Response response;
  fill(held->message, decided.error(), response);
  request->answer(response);
}

/// What the controller makes of the part of a request that the caller is allowed, within the
/// quota of mutations. `request` must live until then.
template <class Message, class Response, class Decide>
env::Task<Response> decide_allowed(Services& node, const request::Request* request, Message allowed,
                                   std::int16_t strict_since, Decide decide,
                                   void (*fill)(const Message&, const Error&, Response&)) {
  const MonoTime deadline = controller_deadline(*request, allowed.timeout_ms);
  const auto held = std::make_shared<const Held<Message>>(std::move(allowed), request->frame());
  Result<Response> decided =
      co_await call_within_quota(node, held, *request, strict_since, deadline, decide);
  if (decided.ok()) {
    co_await until_shown(node);
    co_return std::move(*decided);
  }
  Response response;
  fill(held->message, decided.error(), response);
  co_return response;
}

}  // namespace moldau::handler
