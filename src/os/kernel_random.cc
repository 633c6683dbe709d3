// SPDX-License-Identifier: Apache-2.0
#include "os/kernel_random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/check.h"

namespace moldau::os {

std::uint64_t KernelRandom::next() {
  if (next_ == kWords) {
    auto* to = reinterpret_cast<unsigned char*>(words_.data());
    std::size_t filled = 0;
    while (filled < sizeof(words_)) {
      const ssize_t got = getrandom(to + filled, sizeof(words_) - filled, 0);
      MOLDAU_CHECK(got > 0 || errno == EINTR, "the kernel gives no random bits");
      if (got > 0) filled += static_cast<std::size_t>(got);
    }
    next_ = 0;
  }
  const std::uint64_t word = words_[next_];
  words_[next_++] = 0;  // a value given out is not found in memory again
  return word;
}

}  // namespace moldau::os
