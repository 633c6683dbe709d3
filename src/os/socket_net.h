// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "env/net.h"
#include "os/reactor.h"

namespace moldau::os {

/// TCP sockets of one shard.
/// Thread   shard-bound.
/// Bounds   kAcceptsPerTurn connections per listener and turn; without descriptors or memory for
///          more, accepting rests kAcceptRest and the log says so.
class SocketNet final : public env::Net {
 public:
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr Millis kAcceptRest{100};

  explicit SocketNet(Reactor& reactor) : reactor_(reactor) {}

  /// Host "" is every address, IPv6 and IPv4. A host name is resolved on the spot.
  Result<std::unique_ptr<env::ListeningSocket>> listen(const env::SocketAddress& address,
                                                       const env::SocketOptions& options,
                                                       env::AcceptCallback accepted) override;
  std::unique_ptr<env::Stream> adopt(std::unique_ptr<env::AcceptedSocket> socket) override;
  /// A host name is resolved on the general pool first; the stream blocks meanwhile.
  Result<std::unique_ptr<env::Stream>> connect(const env::SocketAddress& address,
                                               const env::SocketOptions& options) override;

 private:
  Reactor& reactor_;
};

}  // namespace moldau::os
