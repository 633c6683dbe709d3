// SPDX-License-Identifier: Apache-2.0
#include "node/broker/producer_ids.h"

#include "wire/allocate_producer_ids_request.h"
#include "wire/allocate_producer_ids_response.h"

namespace moldau::broker {

ProducerIds::ProducerIds(env::Env& env, NodeId self, LifecycleHost& lifecycle,
                         quorum::Quorum& quorum, Millis patience)
    : env_(env),
      shard_(env.shard(env::ShardId(0))),
      self_(self),
      lifecycle_(lifecycle),
      quorum_(quorum),
      patience_(patience) {}

void ProducerIds::take(Taken taken) {
  if (next_ < end_) return taken(ProducerId(next_++));
  if (waiting_.size() >= kWaitingMax)
    return taken(Error(ErrorCode::kCoordinatorLoadInProgress, "too many wait for a producer id"));
  waiting_.push_back(std::move(taken));
  if (allocating_) return;
  allocating_ = true;
  tasks_.spawn(allocate());
}

env::Task<void> ProducerIds::allocate() {
  auto message = std::make_shared<wire::AllocateProducerIdsRequest>();
  message->broker_id = self_.value();
  message->broker_epoch = lifecycle_.broker_epoch().value();
  using Response = wire::AllocateProducerIdsResponse;
  quorum::DecideFn<Response> decide = [message](controller::ControllerMachine& machine,
                                                const controller::RequestContext&) {
    return machine.decide_allocate_producer_ids(*message);
  };
  const MonoTime deadline = shard_.now() + patience_;
  Result<Response> answer = co_await quorum_.submit<Response>(shard_, std::move(decide), deadline);
  allocating_ = false;
  const ErrorCode code = answer.ok() ? error_from_wire(answer->error_code) : answer.error().code;
  if (code != ErrorCode::kNone) {
    env_.logger().warn("broker", "no block of producer ids: {}", error_name(code));
    const Error error(ErrorCode::kCoordinatorLoadInProgress, "no block of producer ids");
    serve_waiting(&error);
    co_return;
  }
  next_ = answer->producer_id_start;
  end_ = next_ + answer->producer_id_len;
  serve_waiting(nullptr);
}

void ProducerIds::serve_waiting(const Error* error) {
  std::deque<Taken> waiting;
  waiting.swap(waiting_);
  for (Taken& taken : waiting) {
    if (error) {
      taken(*error);
    } else {
      take(std::move(taken));
    }
  }
}

}  // namespace moldau::broker
