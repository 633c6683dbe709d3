// SPDX-License-Identifier: Apache-2.0
// Any bytes as records of `__consumer_offsets`: applied or counted, and the machine that has read
// them serves, ticks and writes records that it can read again.
#include <cstdint>

#include "base/check.h"
#include "machine/group/group_machine.h"
#include "machine/group/record_framing.h"

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

void replay_all(group::GroupMachine& machine, const group::GroupEffects& effects) {
  for (const auto& record : effects.batch.records) {
    std::optional<ByteView> value;
    if (record.value) value = ByteView(*record.value);
    machine.replay(record.key, value);
  }
}

void use(group::GroupMachine& machine) {
  const image::MetadataImage image;
  const auto now = [&](std::int64_t ms) {
    return group::GroupContext(MonoTime(ms * 1'000'000), Timestamp(ms), Uuid(1, ms), image);
  };
  group::GroupMachine reader((group::GroupSettings()));
  replay_all(reader, machine.loaded(now(0)));
  for (std::int64_t ms = 0; ms < 50; ++ms) {
    replay_all(reader, machine.tick(now(ms * 100'000)));
  }
  for (const auto& listed : machine.list(wire::ListGroupsRequest())) {
    (void)machine.describe(listed.group_id.view(), 6);
    wire::OffsetFetchRequest::OffsetFetchRequestGroup request;
    request.group_id = listed.group_id;
    request.topics.reset();
    (void)machine.fetch_offsets(request, true, image);
    const group::GroupCaller caller(group::AnswerId(1), 2, "c", "/h");
    replay_all(reader, machine.delete_group(now(6'000'000), caller, listed.group_id.view()));
  }
  MOLDAU_CHECK(reader.counts().damaged_records == 0, "reads what the machine has written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  group::GroupMachine machine((group::GroupSettings()));
  while (bytes.size() > 2) {
    const auto how = static_cast<std::uint8_t>(bytes[0]);
    bytes = bytes.subspan(1);
    const ByteView key = take(bytes);
    const ByteView body = take(bytes);
    std::optional<ByteView> value;
    if ((how & 1) == 0) value = body;
    const ProducerId producer(how >> 4);
    if ((how & 6) == 2) {
      machine.replay_transactional(producer, ProducerEpoch(0), key, value);
    } else if ((how & 6) == 4) {
      machine.end_transaction(producer, (how & 1) == 0);
    } else {
      machine.replay(key, value);
    }
  }
  use(machine);
  return 0;
}
