// SPDX-License-Identifier: Apache-2.0
// Any bytes as records of the topic: skipped, or replayed; what was read is written and read as the
// same, and the machine loads and ticks whatever was in the log.
#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "machine/txn/transaction_log.h"
#include "machine/txn/txn_machine.h"

namespace {

moldau::ByteView take(moldau::ByteView& rest, std::size_t size) {
  const moldau::ByteView out = rest.first(std::min(size, rest.size()));
  rest = rest.subspan(out.size());
  return out;
}

std::size_t take_length(moldau::ByteView& rest) {
  const moldau::ByteView byte = take(rest, 1);
  return byte.empty() ? 0 : std::to_integer<std::size_t>(byte.front());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau;
  ByteView rest(reinterpret_cast<const std::byte*>(data), size);
  txn::TxnMachine machine(txn::TxnSettings(), LeaderEpoch(1));
  while (!rest.empty()) {
    const ByteView key = take(rest, take_length(rest));
    const std::size_t length = take_length(rest);
    std::optional<ByteView> value;
    if (length != 255) value = take(rest, length);
    machine.replay(key, value);
    const auto read = txn::parse_transaction(key, value);
    if (!read.ok() || !read->metadata) continue;
    const auto again = txn::serialize_transaction(read->transactional_id, *read->metadata, 2);
    const auto twice = txn::parse_transaction(again.key, ByteView(*again.value));
    MOLDAU_CHECK(twice.ok() && twice->metadata == read->metadata, "a record survives");
  }
  const image::MetadataImage image;
  const txn::TxnContext context(MonoTime(0), Timestamp(1'700'000'000'000), image, 2);
  (void)machine.loaded(context);
  for (int i = 0; i < 4; ++i) {
    const auto due = machine.next_deadline();
    MOLDAU_CHECK(due.has_value(), "a loaded machine is due some time");
    (void)machine.tick(
        txn::TxnContext(std::max(*due, MonoTime(0)), context.wall + i * 1'000'000, image, 2));
  }
  (void)machine.list(context, txn::ListFilter());
  return 0;
}
