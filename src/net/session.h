// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/buffer.h"
#include "env/shard.h"
#include "net/reply.h"

namespace moldau::net {

class Session;

/// Where the answers of one connection go; implemented by the session, by a recorder in tests.
/// Owner    counted by its slots and by whoever made it; deletes itself with the last of them.
/// Thread   shard-bound, the count too.
class ReplyTarget {
 public:
  ReplyTarget() = default;
  ReplyTarget(const ReplyTarget&) = delete;
  ReplyTarget& operator=(const ReplyTarget&) = delete;

  void retain() { ++references_; }
  void release() {
    if (--references_ == 0) delete this;
  }

 protected:
  virtual ~ReplyTarget() = default;

 private:
  friend class ReplySlot;
  virtual void reply(std::uint64_t request, Reply reply) = 0;
  /// The request has no answer (acks=0); the next one's answer may leave.
  virtual void skip_reply(std::uint64_t request) = 0;
  virtual void close_for(std::uint64_t request) = 0;
  /// The session while its connection stands, else nullptr.
  virtual Session* session() = 0;

  std::uint32_t references_ = 1;
};

/// The right and the duty to answer one request, once.
///
/// Answers may come in any order; they leave in the order of their requests. A slot that is
/// destroyed unused closes the connection: its peer would wait for ever. All calls are fine
/// after the connection has died, they do nothing then.
/// Owner    whoever answers; may outlive the session and the server.
/// Thread   shard-bound, destruction too: other shards answer by posting to this one.
class ReplySlot {
 public:
  ReplySlot() = default;
  ReplySlot(ReplyTarget& target, std::uint64_t request) : target_(&target), request_(request) {
    target.retain();
  }
  ReplySlot(ReplySlot&& other) noexcept
      : target_(std::exchange(other.target_, nullptr)), request_(other.request_) {}
  ReplySlot& operator=(ReplySlot&& other) noexcept {
    std::swap(target_, other.target_);
    std::swap(request_, other.request_);
    return *this;
  }
  ~ReplySlot() {
    if (target_) close_connection();
  }

  void send(Reply reply) {
    if (!target_) return;
    target_->reply(request_, std::move(reply));
    std::exchange(target_, nullptr)->release();
  }
  /// For acks=0: the request gets no answer at all.
  void send_nothing() {
    if (!target_) return;
    target_->skip_reply(request_);
    std::exchange(target_, nullptr)->release();
  }
  /// Answers of earlier requests that are complete are still tried, without waiting.
  void close_connection() {
    if (!target_) return;
    target_->close_for(request_);
    std::exchange(target_, nullptr)->release();
  }
  /// Not yet answered, and somebody is there to read it.
  bool alive() const { return target_ && target_->session() != nullptr; }
  /// The session, nullptr once its connection is gone or the slot is used; not to be kept.
  Session* session() const { return target_ ? target_->session() : nullptr; }

 private:
  ReplyTarget* target_ = nullptr;
  std::uint64_t request_ = 0;
};

/// What the layer above wants to remember per connection; destroyed after on_closed.
/// Thread   the session's shard.
class SessionAttachment {
 public:
  virtual ~SessionAttachment() = default;
};

/// One connection as the layers above see it.
/// Owner    the SocketServer; a reference is good during a call of RequestSink only, or as long
///          as a ReplySlot returns it.
/// Thread   shard-bound.
class Session {
 public:
  virtual ~Session() = default;

  virtual const env::SocketAddress& peer() const = 0;
  virtual const env::SocketAddress& local() const = 0;
  /// The name of the listener ("PLAINTEXT", "CONTROLLER").
  virtual const std::string& listener() const = 0;
  virtual env::Shard& shard() const = 0;
  /// Unique in this process; 0 is none.
  virtual std::uint64_t connection_id() const = 0;

  /// Who it is: "User:ANONYMOUS" until it has proven more.
  const std::string& principal() const { return principal_; }
  void set_principal(std::string principal) { principal_ = std::move(principal); }
  /// As ApiVersions told; "unknown" before.
  const std::string& client_software_name() const { return client_software_name_; }
  const std::string& client_software_version() const { return client_software_version_; }
  void set_client_software(std::string name, std::string version) {
    client_software_name_ = std::move(name);
    client_software_version_ = std::move(version);
  }

  SessionAttachment* attachment() const { return attachment_.get(); }
  void attach(std::unique_ptr<SessionAttachment> attachment) {
    attachment_ = std::move(attachment);
  }

  /// No further request is delivered until as many calls of unmute(): for a first stage that
  /// must end before the next request begins.
  virtual void mute() = 0;
  virtual void unmute() = 0;
  /// No further request before `when`; the later of several wins (throttling, KIP-219).
  virtual void mute_until(MonoTime when) = 0;
  /// From now on (or no longer) the time spent on reading and sending for it is measured.
  virtual void measure_work(bool on) = 0;
  /// What was measured since the last call, without what the sink did.
  virtual std::int64_t take_work_nanos() = 0;
  /// Closes at the end of the turn, with a log line; answers that wait in order are tried once.
  virtual void close(std::string reason) = 0;

 protected:
  void drop_attachment() { attachment_.reset(); }

 private:
  std::string principal_ = "User:ANONYMOUS";
  std::string client_software_name_ = "unknown";
  std::string client_software_version_ = "unknown";
  std::unique_ptr<SessionAttachment> attachment_;
};

/// Takes the requests of all connections of one shard.
/// Thread   shard-bound.
class RequestSink {
 public:
  virtual ~RequestSink() = default;
  /// `frame` is one request without its size prefix. Called in the order in which the peer sent;
  /// the next request of the session may come before this one is answered.
  virtual void on_request(Session& session, Slice frame, ReplySlot slot) = 0;
  /// The connection is gone; its unanswered slots are dead. Last call for this session.
  virtual void on_closed(Session& session) { (void)session; }
};

}  // namespace moldau::net
