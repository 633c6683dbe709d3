// SPDX-License-Identifier: Apache-2.0
// Any bytes as control record and as control batch: parsed or refused, and what was parsed is
// written back and read as the same.
#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "machine/raft/control_records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau;
  if (size < 1) return 0;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto type = static_cast<record::ControlRecordType>(data[0] % 8);
  const auto parsed = raft::parse_control_record(type, bytes.subspan(1));
  if (parsed.ok()) {
    if (const auto* voters = std::get_if<raft::KraftVoters>(&*parsed)) {
      const std::string again = raft::serialize(*voters);
      const auto second = raft::parse_control_record(type, as_view(again));
      MOLDAU_CHECK(second.ok() && *second == *parsed, "a voter set survives a round trip");
    }
  }
  if (const auto batch = record::BatchView::parse(bytes); batch.ok())
    (void)raft::parse_control_batch(*batch).ok();
  return 0;
}
