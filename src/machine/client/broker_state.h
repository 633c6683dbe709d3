// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "machine/client/backoff.h"
#include "wire/api_keys.h"
#include "wire/api_versions_response.h"

namespace moldau::client {

/// The versions of an API that one side speaks.
struct VersionRange {
  std::int16_t min = 0;
  std::int16_t max = 0;
};

/// What the client knows of its connection to one broker: whether it may be tried, for how long,
/// and what the broker speaks.
///
/// Path     Cluster → may_connect → begin → stands → negotiated → … → failed.
/// Owner    Cluster, one for each broker id.
/// Thread   shard-bound. Pure: time and random bits are inputs.
/// Bounds   reconnect.backoff.ms … max; socket.connection.setup.timeout.ms … max.
/// Source   ClusterConnectionStates and NodeApiVersions of Apache's clients.
class BrokerState {
 public:
  enum class Phase { kClosed, kConnecting, kNegotiating, kReady };
  struct Options {
    Backoff reconnect{Millis(50), Millis(1000)};
    Backoff setup{Millis(10'000), Millis(30'000)};
  };

  explicit BrokerState(const Options& options) : options_(options) {}

  Phase phase() const { return phase_; }
  bool ready() const { return phase_ == Phase::kReady; }
  bool may_connect(MonoTime now) const { return phase_ == Phase::kClosed && now >= blocked_until_; }
  /// The end of the pause after a failure.
  MonoTime blocked_until() const { return blocked_until_; }
  /// Until when the connection must stand and have told its versions.
  MonoTime setup_deadline() const { return setup_deadline_; }

  void begin(MonoTime now, std::uint64_t random);
  void stands() { phase_ = Phase::kNegotiating; }
  /// The broker's answer to ApiVersions; an error in it is the caller's to judge.
  void negotiated(const wire::ApiVersionsResponse& answer);
  /// The connection ended or never stood. One that was ready fails for the first time again.
  void failed(MonoTime now, std::uint64_t random);
  /// A connection that was closed on purpose costs no pause.
  void closed() { phase_ = Phase::kClosed; }

  /// Until when the broker asked to be left alone (KIP-219).
  void throttled(MonoTime now, Millis pause) { throttled_until_ = now + pause; }
  MonoTime throttled_until() const { return throttled_until_; }

  /// The newest version of an API within `ours` that both speak.
  /// Errors   kUnsupportedVersion, saying what the broker speaks.
  Result<std::int16_t> version_of(wire::ApiKey api, VersionRange ours) const;

 private:
  Options options_;
  Phase phase_ = Phase::kClosed;
  MonoTime blocked_until_;
  MonoTime setup_deadline_;
  MonoTime throttled_until_;
  std::uint32_t failures_ = 0;
  std::uint32_t setup_failures_ = 0;
  std::map<std::int16_t, VersionRange> apis_;
};

}  // namespace moldau::client
