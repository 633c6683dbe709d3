// SPDX-License-Identifier: Apache-2.0
// Any bytes as a producer snapshot or a leader epoch checkpoint: what is accepted says the same
// when it is written and read again.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/hash.h"
#include "machine/partition/leader_epochs.h"
#include "machine/partition/producer_state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau;
  using namespace moldau::partition;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (const auto epochs = LeaderEpochs::parse(bytes); epochs.ok())
    MOLDAU_CHECK(LeaderEpochs::parse(epochs->serialize())->entries() == epochs->entries());
  // A checksum that fits, so that the entries are looked at.
  if (size >= 6) {
    const std::uint32_t crc = crc32c(as_view(bytes).subspan(6));
    for (int n = 0; n < 4; ++n) bytes[2 + n] = static_cast<char>(crc >> (24 - 8 * n));
  }
  ProducerState state;
  if (!state.decode_snapshot(as_view(bytes), Timestamp(0), Millis(INT64_MAX)).ok()) return 0;
  const std::string once = state.encode_snapshot();
  ProducerState again;
  MOLDAU_CHECK(again.decode_snapshot(as_view(once), Timestamp(0), Millis(INT64_MAX)).ok());
  MOLDAU_CHECK(again.encode_snapshot() == once);
  (void)again.remove_expired(Timestamp(INT64_MAX), Millis(1));
  return 0;
}
