// SPDX-License-Identifier: Apache-2.0
// The messages of the hot path: decoding a Produce and a Fetch, encoding their answers.
#include <benchmark/benchmark.h>

#include "wire/encode.h"
#include "wire/fetch_request.h"
#include "wire/fetch_response.h"
#include "wire/produce_request.h"
#include "wire/produce_response.h"

using namespace moldau;

namespace {

template <class M>
void decode_loop(benchmark::State& state, const Slice& bytes, std::int16_t version) {
  for (auto _ : state) {
    wire::Reader reader(bytes.view());
    M message;
    benchmark::DoNotOptimize(message.decode(reader, version).ok());
    benchmark::DoNotOptimize(message);
  }
}

void decode_produce(benchmark::State& state) {
  const std::vector<std::byte> records(1024);
  wire::ProduceRequest request;
  request.acks = -1;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    auto& topic = request.topic_data.emplace_back();
    topic.topic_id = Uuid(1, i);
    topic.partition_data.emplace_back().records = wire::Records(records);
  }
  decode_loop<wire::ProduceRequest>(state, wire::to_slice(request, 13), 13);
}
BENCHMARK(decode_produce)->Arg(1)->Arg(6);

void decode_fetch(benchmark::State& state) {
  wire::FetchRequest request;
  auto& topic = request.topics.emplace_back();
  for (std::int64_t i = 0; i < state.range(0); ++i)
    topic.partitions.emplace_back().partition = static_cast<std::int32_t>(i);
  decode_loop<wire::FetchRequest>(state, wire::to_slice(request, 17), 17);
}
BENCHMARK(decode_fetch)->Arg(1)->Arg(50);

template <class M>
void encode_loop(benchmark::State& state, const M& message, std::int16_t version) {
  std::vector<std::byte> buffer(message.size(version));
  for (auto _ : state) {
    benchmark::DoNotOptimize(message.size(version));
    wire::Writer writer(buffer);
    message.encode(writer, version);
    benchmark::DoNotOptimize(buffer.data());
  }
}

void encode_produce_answer(benchmark::State& state) {
  wire::ProduceResponse response;
  auto& topic = response.responses.emplace_back();
  for (std::int64_t i = 0; i < state.range(0); ++i)
    topic.partition_responses.emplace_back().index = static_cast<std::int32_t>(i);
  encode_loop(state, response, 13);
}
BENCHMARK(encode_produce_answer)->Arg(1)->Arg(6);

void encode_fetch_answer(benchmark::State& state) {
  wire::FetchResponse response;
  auto& topic = response.responses.emplace_back();
  for (std::int64_t i = 0; i < state.range(0); ++i)
    topic.partitions.emplace_back().records = wire::Records::external(100000, nullptr);
  encode_loop(state, response, 17);
}
BENCHMARK(encode_fetch_answer)->Arg(1)->Arg(50);

}  // namespace

BENCHMARK_MAIN();
