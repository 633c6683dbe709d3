// SPDX-License-Identifier: Apache-2.0
// Any bytes as records of `__share_group_state`, and whatever state they make as the beginning of
// a share partition: applied or counted, and what is written of it can be read again.
#include <cstdint>

#include "base/check.h"
#include "machine/share/share_machine.h"
#include "machine/share/share_partition.h"
#include "wire/encode.h"
#include "wire/share_snapshot_key.h"

namespace {

using namespace moldau;

/// Takes length and bytes from the front.
ByteView take(ByteView& from) {
  if (from.empty()) return {};
  const std::size_t size = std::min(static_cast<std::size_t>(from[0]), from.size() - 1);
  const ByteView out = from.subspan(1, size);
  from = from.subspan(1 + size);
  return out;
}

void serve(const share::ShareState& state) {
  share::SharePartition partition(LeaderEpoch(1), state.state_epoch,
                                  std::max(Offset(0), state.start_offset));
  if (!partition.recover(state.batches)) return;
  const share::SharePartitionSettings settings;
  share::FetchedRecords fetched;
  fetched.fetch_offset = partition.next_fetch_offset();
  if (fetched.fetch_offset.value() > INT64_MAX - 100) return;
  fetched.batches.emplace_back(fetched.fetch_offset, fetched.fetch_offset + 9);
  share::AcquireWish wish;
  wish.member = "m";
  wish.records_max = 5;
  wish.batch_size = 2;
  wish.record_limit = state.snapshot_epoch % 2 == 0;
  (void)partition.acquire(settings, wish, fetched, MonoTime(0));
  const auto released = partition.release_member(settings, "m");
  if (released.write) (void)partition.written(released.write->id, true, settings, MonoTime(0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  const image::MetadataImage image;
  share::ShareMachine machine((share::ShareStateSettings()));
  std::vector<share::SharePartitionKey> keys;
  std::int64_t at = 0;
  while (bytes.size() > 2) {
    const bool has_value = (static_cast<std::uint8_t>(bytes[0]) & 1) != 0;
    bytes = bytes.subspan(1);
    const ByteView key = take(bytes);
    const ByteView value = take(bytes);
    machine.replay(key, has_value ? std::optional(value) : std::nullopt, Offset(at++));
    if (key.size() < 2) continue;
    const auto parsed = wire::decode_exactly<wire::ShareSnapshotKey>(key.subspan(2), 0);
    if (parsed.ok())
      keys.emplace_back(parsed->group_id.str(), parsed->topic_id, PartitionId(parsed->partition));
  }
  for (const auto& key : keys)
    if (const share::ShareState* state = machine.find(key)) serve(*state);
  (void)machine.last_redundant_offset();
  share::ShareMachine reader((share::ShareStateSettings()));
  std::int64_t now = 0;
  share::ShareEffects effects =
      machine.loaded(share::ShareContext(MonoTime(0), Timestamp(0), image));
  for (int i = 0; i < 20; ++i) {
    for (const auto& record : effects.batch.records)
      reader.replay(record.key,
                    record.value ? std::optional<ByteView>(*record.value) : std::nullopt,
                    std::nullopt);
    now += 400'000;
    effects = machine.tick(share::ShareContext(MonoTime(now * 1'000'000), Timestamp(now), image));
  }
  MOLDAU_CHECK(reader.damaged_records() == 0, "reads what the machine has written");
  return 0;
}
