// SPDX-License-Identifier: Apache-2.0
// What coordinators cost: commits of offsets, and transactions.
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

/// Latency in microseconds since `begin`.
std::uint32_t us_since(Clock::time_point begin) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count());
}

/// One transaction after the other: AddPartitionsToTxn v0, one Produce v8, EndTxn v0.
class Transactions {
 public:
  explicit Transactions(const Options& options)
      : line_(options.port()),
        topic_(options.topic()),
        partitions_(options.partitions()),
        records_(static_cast<std::int32_t>(options.number("records", 10))),
        count_(options.number("transactions", 2'000)),
        value_(static_cast<std::size_t>(options.number("record-bytes", 100)), 'x') {
    if (!line_.good()) fail("refused");
  }

  void run() {
    find_coordinator(line_, id_, 1);
    init();
    const Clock::time_point begun = Clock::now();
    std::vector<std::uint32_t> us;
    for (std::int64_t n = 0; n < count_; ++n) {
      const Clock::time_point begin = Clock::now();
      add_partitions();
      write();
      end();
      us.push_back(us_since(begin));
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    std::printf("{\"transactions\": %lld, \"seconds\": %.3f, \"transactions_s\": %.1f, %s}\n",
                static_cast<long long>(count_), seconds, static_cast<double>(count_) / seconds,
                latencies_text(us).c_str());
  }

 private:
  void init() {
    Out out(22, 1, 1);
    out.text(id_);
    out.number<std::int32_t>(60'000);
    const Frame answer = ask_until(
        line_, out.finish(),
        [](ByteView view) {
          In in(view);
          (void)in.bytes(8);
          return in.number<std::int16_t>();
        },
        std::chrono::milliseconds(20));
    In in(answer);
    (void)in.bytes(10);
    producer_id_ = in.number<std::int64_t>();
    producer_epoch_ = in.number<std::int16_t>();
  }
  void producer(Out& out) const {
    out.text(id_);
    out.number(producer_id_);
    out.number(producer_epoch_);
  }
  void add_partitions() {
    Out out(24, 0, 1);
    producer(out);
    out.number<std::int32_t>(1);
    out.text(topic_);
    out.number(partitions_);
    for (std::int32_t p = 0; p < partitions_; ++p) out.number(p);
    // The end of the transaction before may still be on its way.
    (void)ask_until(line_, out.finish(), error_of_partitions, std::chrono::microseconds(200));
  }
  void write() {
    const Slice batch = build();
    Out out(0, 8, 1);
    out.text(id_);
    out.number<std::int16_t>(-1);
    out.number<std::int32_t>(30'000);
    out.number<std::int32_t>(1);
    out.text(topic_);
    out.number(partitions_);
    for (std::int32_t p = 0; p < partitions_; ++p) {
      out.number(p);
      out.number(static_cast<std::int32_t>(batch.size()));
      out.bytes(batch.view());
    }
    (void)ask_until(line_, out.finish(), produce_error, std::chrono::milliseconds(1));
    sequence_ += records_;
  }
  void end() {
    Out out(26, 0, 1);
    producer(out);
    out.number<std::int8_t>(1);
    (void)ask_until(
        line_, out.finish(),
        [](ByteView view) {
          In in(view);
          (void)in.bytes(8);
          return in.number<std::int16_t>();
        },
        std::chrono::milliseconds(1));
  }
  Slice build() {
    record::BatchFields fields;
    fields.producer_id = ProducerId(producer_id_);
    fields.producer_epoch = ProducerEpoch(producer_epoch_);
    fields.base_sequence = sequence_;
    fields.transactional = true;
    record::BatchBuilder builder(fields);
    for (std::int32_t n = 0; n < records_; ++n) {
      record::RecordFields one;
      one.timestamp = Timestamp(1);
      one.value = as_view(value_);
      if (auto added = builder.append(one); !added.ok()) fail(added.error().text());
    }
    auto built = builder.build(compression_);
    if (!built.ok()) fail(built.error().text());
    return std::move(built).value();
  }

  Line line_;
  std::string topic_;
  std::int32_t partitions_;
  std::int32_t records_;
  std::int64_t count_;
  std::string value_;
  std::string id_ = "bench";
  std::int64_t producer_id_ = -1;
  std::int16_t producer_epoch_ = -1;
  std::int32_t sequence_ = 0;
  record::CompressionContext compression_;
};

}  // namespace

void commit(const Options& options) {
  const std::int64_t connections = options.number("connections", 8);
  const std::int64_t rounds =
      options.number("commits", 40'000) / std::max<std::int64_t>(1, connections);
  std::vector<std::unique_ptr<Line>> lines;
  std::vector<std::string> groups;
  for (std::int64_t n = 0; n < connections; ++n) {
    lines.push_back(std::make_unique<Line>(options.port()));
    if (!lines.back()->good()) fail("refused");
    groups.push_back("bench-" + std::to_string(n));
    find_coordinator(*lines.back(), groups.back(), 0);
    (void)ask_until(*lines.back(),
                    commit_frame(groups.back(), options.topic(), options.partitions(), 0),
                    error_of_partitions, std::chrono::milliseconds(50));
  }
  const Clock::time_point begun = Clock::now();
  std::vector<std::uint32_t> us;
  for (std::int64_t round = 1; round <= rounds; ++round) {
    const Clock::time_point begin = Clock::now();
    for (std::size_t n = 0; n < lines.size(); ++n)
      lines[n]->send(commit_frame(groups[n], options.topic(), options.partitions(), round));
    for (const auto& line : lines) {
      const auto answer = line->receive();
      if (!answer) fail("the connection broke");
      if (const auto error = error_of_partitions(*answer); error != 0)
        fail("a commit was answered " + std::to_string(error));
      us.push_back(us_since(begin));
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  const double count = static_cast<double>(rounds * connections);
  std::printf("{\"commits\": %.0f, \"seconds\": %.3f, \"commits_s\": %.0f, %s}\n", count, seconds,
              count / seconds, latencies_text(us).c_str());
}

void transact(const Options& options) {
  Transactions(options).run();
}

}  // namespace moldau::loadgen
