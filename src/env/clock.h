// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.h"

namespace moldau::env {

/// The two clocks of a node. Timers and deadlines use mono(); records carry wall().
/// Thread   any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Never goes back; only differences mean something.
  virtual MonoTime mono() = 0;
  /// Milliseconds since 1970; may jump.
  virtual Timestamp wall() = 0;
};

}  // namespace moldau::env
