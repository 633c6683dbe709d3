// SPDX-License-Identifier: Apache-2.0
// A hostile broker: whatever it answers to fetches, produces and for metadata, the machines neither
// crash nor hang, and each record is answered for once.
#include <cstddef>
#include <cstdint>

#include "machine/client/fetch_machine.h"
#include "machine/client/producer_machine.h"
#include "wire/reader.h"

namespace moldau::client {
namespace {

/// Pieces of the input, each with its length in front.
Slice piece(ByteView& rest) {
  if (rest.size() < 2) {
    rest = {};
    return {};
  }
  const std::size_t wanted =
      std::to_integer<std::size_t>(rest[0]) << 8 | std::to_integer<std::size_t>(rest[1]);
  rest = rest.subspan(2);
  const std::size_t size = std::min(wanted, rest.size());
  Slice out = Slice::copy_of(rest.first(size));
  rest = rest.subspan(size);
  return out;
}

ClusterView some_view() {
  ClusterView view;
  wire::MetadataResponse told;
  auto& broker = told.brokers.emplace_back();
  broker.host = "h";
  broker.port = 1;
  auto& topic = told.topics.emplace_back();
  topic.name = "t";
  topic.topic_id = Uuid(0, 1);
  for (std::int32_t i = 0; i < 2; ++i) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = i;
  }
  (void)view.update(told, true);
  return view;
}

void fetch(ByteView input) {
  ClusterView view = some_view();
  FetchOptions options;
  options.read_committed = true;
  FetchMachine machine(options, {OffsetReset::Kind::kEarliest, {}});
  machine.assign({{"t", PartitionId(0)}, {"t", PartitionId(1)}});
  machine.seek({"t", PartitionId(0)}, Offset(0));
  machine.seek({"t", PartitionId(1)}, Offset(5));
  record::CompressionContext codecs;
  codecs.limits.output_bytes_max = 1 << 20;
  MonoTime now(1);
  while (!input.empty()) {
    now = now + Millis(2'000);
    const Slice frame = piece(input);
    wire::Reader reader(frame.view());
    wire::FetchResponse answer;
    const bool sound = answer.decode(reader, wire::FetchResponse::kMaxVersion).ok();
    for (const ResetPlan& plan : machine.due_resets(view, now)) machine.resets_failed(plan, now, 7);
    for (const FetchPlan& plan : machine.due_fetches(view, now)) {
      if (sound)
        machine.answered(plan, frame, answer, now, 7);
      else
        machine.failed(plan, Error(ErrorCode::kNetworkException), now, 7);
    }
    machine.read(100, codecs, [](const TopicPartition&, const record::RecordView&, LeaderEpoch) {});
    (void)machine.take_troubles();
  }
}

void produce(ByteView input) {
  const ClusterView view = some_view();
  ProducerMachineOptions options;
  options.delivery_timeout = Millis(30'000);
  ProducerMachine machine(options);
  machine.learn("t", *view.topic("t"));
  machine.set_identity({ProducerId(1), ProducerEpoch(0)});
  record::CompressionContext codecs;
  MonoTime now(1);
  std::int64_t open = 0;
  while (!input.empty() && !machine.fatal()) {
    now = now + Millis(1'000);
    OutgoingRecord record;
    record.topic = "t";
    record.value = as_view("value");
    for (int i = 0; i < 3; ++i) {
      const auto got = machine.append(record, now, input.size());
      if (got.ok() && *got) ++open;
    }
    const Slice frame = piece(input);
    wire::Reader reader(frame.view());
    wire::ProduceResponse answer;
    const bool sound = answer.decode(reader, wire::ProduceResponse::kMaxVersion).ok();
    machine.expire(now);
    for (const ProducePlan& plan : machine.due(now, codecs, [](NodeId) { return true; })) {
      if (sound)
        machine.answered(plan, answer, now, 7);
      else
        machine.failed(plan, Error(ErrorCode::kNetworkException), now, 7);
    }
    if (machine.wants_identity()) machine.set_identity({ProducerId(2), ProducerEpoch(0)});
    for (const Completion& one : machine.take_completions()) open -= one.records;
  }
  machine.abort(Error(ErrorCode::kRequestTimedOut));
  for (const Completion& one : machine.take_completions()) open -= one.records;
  MOLDAU_CHECK(open == 0, "a record has no fate, or two");
  MOLDAU_CHECK(machine.memory_used() == 0, "memory that nobody uses");
}

}  // namespace
}  // namespace moldau::client

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const moldau::ByteView input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  if (data[0] % 3 == 0) {
    moldau::client::produce(input);
  } else if (data[0] % 3 == 1) {
    moldau::client::fetch(input);
  } else {
    moldau::wire::Reader reader(input);
    moldau::wire::MetadataResponse answer;
    moldau::client::ClusterView view;
    if (answer.decode(reader, moldau::wire::MetadataResponse::kMaxVersion).ok())
      (void)view.update(answer, data[0] % 2 == 0);
  }
  return 0;
}
