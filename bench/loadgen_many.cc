// SPDX-License-Identifier: Apache-2.0
// Many small things that a node has to keep: groups with offsets, producer ids.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "loadgen_ask.h"
#include "loadgen_wire.h"
#include "loadgen_work.h"
#include "record/batch_builder.h"

namespace moldau::loadgen {
namespace {

/// Requests under way on each connection.
constexpr std::int64_t kDepth = 50;

/// Sends frames 0 to count-1 over some connections, always kDepth of them at a time.
template <class MakeFrame, class Take>
double pipeline(const Options& options, std::int64_t count, MakeFrame make_frame, Take take) {
  std::vector<std::unique_ptr<Line>> lines;
  for (int n = 0; n < 4; ++n) {
    lines.push_back(std::make_unique<Line>(options.port()));
    if (!lines.back()->good()) fail("refused");
  }
  const Clock::time_point begun = Clock::now();
  for (std::int64_t next = 0; next < count;) {
    std::vector<std::int64_t> sent;
    for (const auto& line : lines) {
      const std::int64_t many = std::min(kDepth, count - next);
      for (std::int64_t n = 0; n < many; ++n) line->send(make_frame(next++));
      sent.push_back(many);
    }
    for (std::size_t at = 0; at < lines.size(); ++at) {
      for (std::int64_t n = 0; n < sent[at]; ++n) {
        const auto answer = lines[at]->receive();
        if (!answer) fail("the connection broke");
        take(ByteView(*answer));
      }
    }
  }
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

std::string group_name(std::int64_t number) {
  return "bench-group-" + std::to_string(number);
}

/// OffsetFetch v5.
Frame fetch_offset_frame(const std::string& group, const std::string& topic) {
  Out out(9, 5, 1);
  out.text(group);
  out.number<std::int32_t>(1);
  out.text(topic);
  out.number<std::int32_t>(1);
  out.number<std::int32_t>(0);
  return out.finish();
}

Slice batch_of(std::int64_t producer_id, record::CompressionContext& context) {
  record::BatchFields fields;
  fields.producer_id = ProducerId(producer_id);
  fields.producer_epoch = ProducerEpoch(0);
  fields.base_sequence = 0;
  record::BatchBuilder builder(fields);
  record::RecordFields one;
  const Timestamp now(std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count());
  one.timestamp = now;
  one.value = as_view(std::string_view("v"));
  if (auto added = builder.append(one); !added.ok()) fail(added.error().text());
  auto built = builder.build(context);
  if (!built.ok()) fail(built.error().text());
  return std::move(built).value();
}

}  // namespace

void fill_groups(const Options& options) {
  const std::int64_t groups = options.number("groups", 100'000);
  Line line(options.port());
  if (!line.good()) fail("refused");
  find_coordinator(line, group_name(0), 0);
  (void)ask_until(line, commit_frame(group_name(0), options.topic(), 1, 1), error_of_partitions,
                  std::chrono::milliseconds(50));
  const double seconds = pipeline(
      options, groups,
      [&](std::int64_t n) { return commit_frame(group_name(n), options.topic(), 1, n); },
      [](ByteView answer) {
        if (const auto error = error_of_partitions(answer); error != 0)
          fail("a commit was answered " + std::to_string(error));
      });
  std::printf("{\"groups\": %lld, \"seconds\": %.3f}\n", static_cast<long long>(groups), seconds);
}

void find_groups(const Options& options) {
  const std::int64_t last = options.number("groups", 100'000) - 1;
  Line line(options.port());
  if (!line.good()) fail("refused");
  const Frame answer = ask_until(
      line, fetch_offset_frame(group_name(last), options.topic()),
      [](ByteView view) {
        In in(view.last(2));
        return in.number<std::int16_t>();
      },
      std::chrono::milliseconds(2));
  const double now = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  In in(answer);
  (void)in.bytes(8);  // correlation, throttle
  if (in.number<std::int32_t>() != 1) fail("the group has no offsets");
  in.skip_text();
  (void)in.bytes(8);  // one partition, its index
  if (in.number<std::int64_t>() != last) fail("the group has another offset");
  std::printf("{\"found\": %.6f}\n", now);
}

void many_producers(const Options& options) {
  const std::int32_t partitions = options.partitions();
  const std::int64_t count = options.number("producers", 1'000'000);
  record::CompressionContext context;
  std::int64_t next_id = 1'000'000'000;
  const double seconds = pipeline(
      options, count / partitions,
      [&](std::int64_t) {
        std::vector<Slice> batches;
        std::vector<Portion> portions;
        for (std::int32_t p = 0; p < partitions; ++p)
          batches.push_back(batch_of(next_id++, context));
        for (std::int32_t p = 0; p < partitions; ++p)
          portions.push_back({p, batches[static_cast<std::size_t>(p)].view()});
        return produce_frame(1, options.topic(), -1, portions);
      },
      [](ByteView answer) {
        if (const auto error = produce_error(answer); error != 0)
          fail("produce answered error " + std::to_string(error));
      });
  std::printf("{\"producers\": %lld, \"seconds\": %.3f}\n",
              static_cast<long long>(count / partitions * partitions), seconds);
}

}  // namespace moldau::loadgen
