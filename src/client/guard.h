// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace moldau::client {

/// What keeps a machine from being used by two threads: nothing where all is on one shard.
/// Thread   any.
class Guard {
 public:
  virtual ~Guard() = default;
  virtual void lock() {}
  virtual void unlock() {}
};

/// Holds a guard for a scope that does not suspend.
/// Thread   any.
class Locked {
 public:
  explicit Locked(Guard& guard) : guard_(guard) { guard_.lock(); }
  ~Locked() { guard_.unlock(); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  Guard& guard_;
};

}  // namespace moldau::client
