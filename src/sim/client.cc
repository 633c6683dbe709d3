// SPDX-License-Identifier: Apache-2.0
#include "sim/client.h"

namespace moldau::sim {

void Client::disturb() {
  if (!connected()) return;
  if (random_.chance(500)) {
    connection_->close("disturbed");
  } else {
    // What was sent still arrives, while it is sent again over another connection.
    forgotten_ = std::move(connection_);
    shard_.call_at(shard_.now() + Millis(random_.between(1, 2'000)),
                   [old = std::weak_ptr<Connection>(forgotten_)] {
                     if (const auto here = old.lock()) here->close("forgotten");
                   });
  }
}

void Client::tick() {
  if (model_.gate_open) {
    if (!connected() && shard_.now() >= retry_at_) {
      connection_ = Connection::open(shard_, model_.node);
      retry_at_ = shard_.now() + Millis(random_.between(20, 300));
      on_connected();
    }
    if (connected()) work();
  } else if (connected()) {
    connection_->close("the gate is closed");
  }
  shard_.call_at(shard_.now() + Millis(random_.between(1, pause_ms_max())), [this] { tick(); });
}

}  // namespace moldau::sim
