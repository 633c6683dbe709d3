// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

#include "env/random.h"

namespace moldau::os {

/// Random bits of the kernel, fetched a page at a time; fit for ids and secrets.
/// Thread   shard-bound.
class KernelRandom final : public env::Random {
 public:
  std::uint64_t next() override;

 private:
  static constexpr std::size_t kWords = 256;
  std::array<std::uint64_t, kWords> words_{};
  std::size_t next_ = kWords;
};

}  // namespace moldau::os
