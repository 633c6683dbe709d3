// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "env/env.h"
#include "machine/security/client_quotas.h"

namespace moldau::request {

/// The name of a principal without its type: "User:ann" is "ann".
std::string_view user_of(std::string_view principal);

/// The client quotas as one shard keeps them. Every shard counts all: what one has counted it
/// tells the others after its turn, so that each may judge at once by what the node has served.
///
/// Path     Request, handlers → this → machine/security.
/// Owner    node/assembly, one per shard; all of a node live equally long.
/// Thread   shard-bound, but for connect().
/// Bounds   those of ClientQuotas; a message per turn and shard while a quota binds somebody.
/// Source   QuotaFactory, ClientQuotaManager; KIP-219.
class ClientQuotaHost {
 public:
  ClientQuotaHost(env::Env& env, env::Shard& shard, security::QuotaWindow window,
                  security::QuotaWindow controller_window);

  /// The hosts of the other shards; before the first request.
  void connect(std::vector<ClientQuotaHost*> others) { others_ = std::move(others); }
  void show(const image::MetadataImage& image);

  bool enabled(security::QuotaType type) const { return quotas_.enabled(type); }
  /// Counts a use and says how long the client is to pause.
  Millis charge(security::QuotaType type, const security::QuotaClient& client, double value);
  /// What was charged does not count after all.
  void take_back(security::QuotaType type, const security::QuotaClient& client, double value);
  /// Time of a thread, in nanoseconds: in percent of a second.
  Millis charge_time(const security::QuotaClient& client, std::int64_t nanos);
  /// Controller mutations; on the controller's shard. False: refused, nothing is counted.
  bool charge_mutations(const security::QuotaClient& client, double mutations, bool strict,
                        Millis& throttle);
  std::optional<double> fetch_bytes_max(const security::QuotaClient& client) const {
    return quotas_.fetch_bytes_max(client);
  }
  /// A client was told to pause for so long.
  void note_throttle(security::QuotaType type, Millis throttle);
  /// Not the turn's: goes on while a request is served.
  MonoTime precise_now() { return env_.clock().mono(); }
  MonoTime now() const { return shard_.now(); }

 private:
  Millis time() const { return Millis(shard_.now().value() / 1'000'000); }
  void tell(security::QuotaUse use);
  void send_uses();

  env::Env& env_;
  env::Shard& shard_;
  security::ClientQuotas quotas_;
  std::vector<ClientQuotaHost*> others_;
  std::vector<security::QuotaUse> uses_;
  struct Series {
    env::Counter* throttles = nullptr;
    env::Counter* throttle_ms = nullptr;
  };
  std::array<Series, security::kQuotaTypes> series_;
};

}  // namespace moldau::request
