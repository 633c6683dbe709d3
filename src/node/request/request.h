// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "env/shard.h"
#include "net/session.h"
#include "node/request/client_quota_host.h"
#include "wire/api_keys.h"
#include "wire/encode.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace moldau::request {

/// Who asks, copied from the session when the request arrived: the session may be gone when the
/// answer is ready.
struct Caller {
  Caller();
  std::string principal;  // "User:ANONYMOUS"
  std::string host;       // numeric
  std::string listener;   // "PLAINTEXT"
  std::string software;   // client software name, "unknown" before ApiVersions v3
  std::uint64_t connection = 0;
};

/// One request on its way through a handler, with the place its answer goes to.
///
/// Path     net::Session → Router → handler → answer().
/// Owner    the handler's Task. Decoded messages borrow the frame: keep the request while they
///          live. Dropping a request without an answer closes the connection.
/// Thread   the shard of its connection.
/// Source   RequestChannel.Request.
class Request {
 public:
  Request(wire::ReceivedHeader header, Slice frame, std::size_t body_at, net::ReplySlot slot,
          Caller caller, MonoTime arrived);
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  const wire::ReceivedHeader& header() const { return header_; }
  wire::ApiKey api() const { return header_.api->key; }
  std::int16_t version() const { return header_.version; }
  const Caller& caller() const { return caller_; }
  MonoTime arrived() const { return arrived_; }
  const Slice& frame() const { return frame_; }
  /// False once the peer is gone: long waits should end.
  bool alive() const { return slot_.alive(); }
  /// nullptr once the peer is gone; not to be kept over a wait.
  const net::Session* session() const { return slot_.session(); }

  /// Client quotas hold for it from here on; borrowed. A request of the cluster itself is exempt.
  void limit_by(ClientQuotaHost& quotas) { quotas_ = &quotas; }
  void exempt_from_quotas();
  /// The quotas that hold for it, nullptr if none do.
  ClientQuotaHost* quotas() const { return quotas_; }
  security::QuotaClient quota_client() const {
    return {user_of(caller_.principal), header_.client_id};
  }
  /// Counts a use (without quotas: nothing) and says how long the client is to pause.
  Millis charge(security::QuotaType type, double value);
  /// The connection's next request waits for so long, from now on; answer() does it, too.
  void mute_for(Millis throttle);
  /// The connection's next request waits until release_next() or the answer: for what must end
  /// before a request that was sent behind it begins.
  void hold_next();
  void release_next();
  /// Charges the time at work so far, which answer() does otherwise.
  Millis charge_time_at_work() { return charge_time(Millis(0)); }
  /// Its work goes on after a wait, or pauses for one: only time at work counts for the quota of
  /// request time. Work that does not say so is not counted.
  void resumed();
  void paused();

  /// The body as message M at the request's version, to its last byte.
  /// Errors   kInvalidRequest: the connection must be closed, as Apache does.
  template <class M>
  Result<M> decode() const {
    wire::Reader reader(frame_.view().subspan(body_at_));
    M message;
    MOLDAU_TRY(message.decode(reader, version()));
    return message;
  }

  /// Encodes and sends. External records in `message` must have a std::vector<net::FileRange> as
  /// token: the ranges are sent in their place without being copied.
  template <class M>
  void answer(const M& message) {
    answer_as(message, version());
  }
  /// Answers in another version than was asked: only ApiVersions does.
  template <class M>
  void answer_as(const M& message, std::int16_t v) {
    if constexpr (requires { message.throttle_time_ms; }) {
      // Quotas of bytes and mutations were charged by the handler, in message.throttle_time_ms.
      const Millis asked(message.throttle_time_ms);
      const Millis all = charge_time(asked);
      if (all != asked) {
        M own = message;
        own.throttle_time_ms = static_cast<std::int32_t>(all.value());
        encode(own, v);
        return;
      }
    }
    encode(message, v);
  }
  /// acks=0: the peer expects nothing.
  void answer_nothing();
  void close(std::string_view why);
  /// Remembered for metrics and later requests of the connection.
  void set_client_software(std::string name, std::string version);
  bool answered() const { return answered_; }

 private:
  friend class Router;

  template <class M>
  void encode(const M& message, std::int16_t v) {
    const std::size_t front = wire::response_header_size(api(), version());
    Slice buffer = Slice::allocate(front + message.size(v));
    wire::Writer writer(buffer.mutable_view());
    wire::write_response_header(writer, api(), version(), header_.correlation_id);
    message.encode(writer, v);
    send(std::move(buffer), writer);
  }
  /// Charges the time of work; how long the client is to pause with that and `asked`.
  Millis charge_time(Millis asked);
  void send(Slice buffer, const wire::Writer& writer);

  wire::ReceivedHeader header_;
  Slice frame_;
  std::size_t body_at_;
  net::ReplySlot slot_;
  Caller caller_;
  MonoTime arrived_;
  bool answered_ = false;
  bool holds_next_ = false;
  ClientQuotaHost* quotas_ = nullptr;
  /// While it works, from when; what came before.
  std::optional<MonoTime> working_since_;
  std::int64_t worked_nanos_ = 0;
  Millis throttle_{0};
  /// Where the router looks whether it is still there; not if its time does not count.
  Request** watched_ = nullptr;
};

using RequestPtr = std::unique_ptr<Request>;

}  // namespace moldau::request
