// SPDX-License-Identifier: Apache-2.0
#include "node/request/request.h"

namespace moldau::request {

Caller::Caller() = default;

Request::Request(wire::ReceivedHeader header, Slice frame, std::size_t body_at, net::ReplySlot slot,
                 Caller caller, MonoTime arrived)
    : header_(std::move(header)),
      frame_(std::move(frame)),
      body_at_(body_at),
      slot_(std::move(slot)),
      caller_(std::move(caller)),
      arrived_(arrived) {}

Request::~Request() {
  if (watched_ && *watched_ == this) *watched_ = nullptr;
}

void Request::exempt_from_quotas() {
  quotas_ = nullptr;
  working_since_.reset();
}

Millis Request::charge(security::QuotaType type, double value) {
  if (!quotas_ || !quotas_->enabled(type)) return Millis(0);
  const Millis throttle = quotas_->charge(type, quota_client(), value);
  if (throttle > Millis(0)) quotas_->note_throttle(type, throttle);
  return throttle;
}

void Request::resumed() {
  if (quotas_ && watched_ && !working_since_) working_since_ = quotas_->precise_now();
}

void Request::paused() {
  if (!working_since_) return;
  worked_nanos_ += quotas_->precise_now() - *working_since_;
  working_since_.reset();
}

Millis Request::charge_time(Millis asked) {
  using security::QuotaType;
  throttle_ = asked;
  if (!quotas_ || !watched_) return throttle_;
  paused();
  const std::int64_t nanos = std::exchange(worked_nanos_, 0);
  if (nanos == 0) return throttle_;
  const Millis pause = quotas_->charge_time(quota_client(), nanos);
  if (pause > throttle_) {
    throttle_ = pause;
    quotas_->note_throttle(QuotaType::kRequest, pause);
  }
  return throttle_;
}

/// KIP-219: the answer leaves at once, the next request waits.
void Request::mute_for(Millis throttle) {
  if (throttle <= Millis(0)) return;
  if (net::Session* session = slot_.session())
    session->mute_until(session->shard().now() + throttle);
}

void Request::hold_next() {
  net::Session* session = slot_.session();
  if (!session || holds_next_) return;
  holds_next_ = true;
  session->mute();
}

void Request::release_next() {
  if (!std::exchange(holds_next_, false)) return;
  if (net::Session* session = slot_.session()) session->unmute();
}

void Request::send(Slice buffer, const wire::Writer& writer) {
  net::Reply reply;
  std::size_t from = 0;
  for (const wire::Splice& splice : writer.splices()) {
    reply.add(buffer.sub(from, splice.position - from));
    from = splice.position;
    const auto& ranges =
        *static_cast<const std::vector<net::FileRange>*>(splice.records->token().get());
    for (const net::FileRange& range : ranges) reply.add(range);
  }
  reply.add(buffer.sub(from, writer.position() - from));
  answered_ = true;
  mute_for(throttle_);
  release_next();
  slot_.send(std::move(reply));
}

void Request::answer_nothing() {
  answered_ = true;
  release_next();
  slot_.send_nothing();
}

void Request::set_client_software(std::string name, std::string version) {
  caller_.software = name;
  if (net::Session* session = slot_.session())
    session->set_client_software(std::move(name), std::move(version));
}

void Request::close(std::string_view why) {
  answered_ = true;
  if (net::Session* session = slot_.session()) session->close(std::string(why));
  slot_.close_connection();
}

}  // namespace moldau::request
