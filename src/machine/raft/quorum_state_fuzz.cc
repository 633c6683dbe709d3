// SPDX-License-Identifier: Apache-2.0
// Any text as quorum-state: refused, or read; what was read is written and read as the same.
#include <cstdint>

#include "base/check.h"
#include "machine/raft/quorum_state_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto state = raft::parse_quorum_state(text);
  if (!state.ok()) return 0;
  const auto again =
      raft::parse_quorum_state(raft::serialize_quorum_state(*state, 1, raft::VoterSet()));
  MOLDAU_CHECK(again.ok() && *again == *state, "an election state survives a round trip");
  return 0;
}
