// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "sim/client.h"

namespace moldau::sim {

/// A client that asks one thing after the other, and now and then has a copy of what it asked
/// arrive late, over another connection.
///
/// Owner    Simulation.
/// Thread   one thread.
/// Bounds   one request, and kLateMax connections of copies.
class CallingClient : public Client {
 public:
  using Client::Client;

 protected:
  /// `answered(Response)`, or lost() if no answer will come.
  template <class Response, class Request, class Answered>
  void ask(const Request& request, std::int16_t version, Answered answered) {
    busy_ = true;
    const std::uint64_t number = ++asked_;
    connection_->send(request, version,
                      [this, version, number, answered = std::move(answered),
                       from = connection_.get()](const Result<Slice>& frame) mutable {
                        if (from != connection_.get() || number != asked_) return;
                        busy_ = false;
                        if (!frame.ok()) return lost();
                        const auto answer = body_of<Response>(*frame, version);
                        if (!answer.ok())
                          return model_.checks.fail("Protocol", answer.error().text());
                        answered(*answer);
                      });
  }
  /// Its bytes are sent once more after `delay`, if `may_go` says so then; the answer is not
  /// looked at.
  template <class Request>
  void send_late(const Request& request, std::int16_t version, Millis delay,
                 UniqueFunction<bool()> may_go = {}) {
    send_bytes_late(wire::encode_request(request, version, 1, "sim"), delay, std::move(may_go));
  }
  void find_coordinator(const std::string& key, bool of_transactions);

  /// What was asked may have been done or not.
  virtual void lost() {}
  bool busy() const { return busy_; }
  void on_connected() override;
  bool has_coordinators() const { return found_ >= wanted_; }
  /// So many calls of find_coordinator must succeed on each connection.
  void want_coordinators(int count) { wanted_ = count; }
  int coordinators_found() const { return found_; }

 private:
  static constexpr std::size_t kLateMax = 8;
  void send_bytes_late(Slice bytes, Millis delay, UniqueFunction<bool()> may_go);

  std::deque<std::shared_ptr<Connection>> late_;
  bool busy_ = false;
  std::uint64_t asked_ = 0;
  int wanted_ = 1;
  int found_ = 0;
};

/// Errors that say: try the same again.
bool is_retriable(ErrorCode code);
/// Errors that say that another producer has the transactional id now, or the server took it.
bool is_fenced(ErrorCode code);

}  // namespace moldau::sim
