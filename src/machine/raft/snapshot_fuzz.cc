// SPDX-License-Identifier: Apache-2.0
// Any bytes as a snapshot file: refused, or taken apart; what was accepted is written anew and
// read as the same.
#include <cstdint>

#include "base/check.h"
#include "machine/raft/snapshot_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  (void)raft::parse_snapshot_name(as_text(bytes));
  const auto parsed = raft::parse_snapshot(bytes);
  if (!parsed.ok()) return 0;
  raft::SnapshotWriter writer(LeaderEpoch(1), parsed->prologue, Timestamp(5));
  for (const ByteView value : parsed->records) writer.append(value);
  std::string again;
  for (const Slice& part : writer.finish()) again.append(as_text(part.view()));
  const auto second = raft::parse_snapshot(as_view(again));
  MOLDAU_CHECK(second.ok(), "our own snapshot can be read");
  MOLDAU_CHECK(second->records.size() == parsed->records.size(), "no record is lost");
  MOLDAU_CHECK(second->prologue.voters == parsed->prologue.voters, "the voters are the same");
  return 0;
}
