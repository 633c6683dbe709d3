// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "loadgen_connection.h"
#include "loadgen_wire.h"
#include "loadgen_work.h"
#include "record/batch_view.h"
#include "record/record_iterator.h"

namespace moldau::loadgen {
namespace {

struct Reader {
  std::unique_ptr<Connection> connection;
  std::vector<Cursor> cursors;
};

/// Consumers on assigned partitions; each starts again at 0 when it reaches the end. One alone
/// reads all partitions, of many each reads one.
class Consumers {
 public:
  explicit Consumers(const Options& options)
      : topic_(options.topic()), total_(options.number("total-mb", 1000) * 1'000'000) {
    const std::int32_t partitions = options.partitions();
    const auto count = static_cast<std::int32_t>(options.number("consumers", 1));
    limits_.partition_bytes_max =
        static_cast<std::int32_t>(options.number("partition-bytes", 1 << 20));
    const auto buffer = static_cast<int>(options.number("receive-buffer", 0));
    for (std::int32_t c = 0; c < count; ++c) {
      Reader reader;
      reader.connection = std::make_unique<Connection>(options.port(), buffer);
      if (count == 1) {
        for (std::int32_t p = 0; p < partitions; ++p) reader.cursors.push_back({p, 0});
      } else {
        reader.cursors.push_back({c % partitions, 0});
      }
      readers_.push_back(std::move(reader));
    }
  }

  void run() {
    const Clock::time_point started = Clock::now();
    for (Reader& reader : readers_) ask(reader);
    while (bytes_ < total_) poll_all();
    const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
    std::printf(
        "{\"records\": %lld, \"bytes\": %lld, \"seconds\": %.3f, \"records_s\": %.0f, "
        "\"mb_s\": %.2f, \"answers\": %lld}\n",
        static_cast<long long>(records_), static_cast<long long>(bytes_), seconds,
        static_cast<double>(records_) / seconds, static_cast<double>(bytes_) / seconds / 1e6,
        static_cast<long long>(answers_));
  }

 private:
  void ask(Reader& reader) {
    reader.connection->send(
        std::make_shared<Frame>(fetch_frame(1, topic_, reader.cursors, limits_)));
  }
  void poll_all() {
    std::vector<pollfd> fds;
    for (Reader& reader : readers_) fds.push_back({reader.connection->fd(), POLLIN, 0});
    ::poll(fds.data(), fds.size(), 1000);
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (!(fds[i].revents & (POLLIN | POLLHUP))) continue;
      bool answered = false;
      readers_[i].connection->receive([&](ByteView answer) {
        answered = true;
        take(readers_[i], answer);
      });
      if (answered) ask(readers_[i]);
    }
  }
  void take(Reader& reader, ByteView answer) {
    ++answers_;
    for (const FetchedPartition& one : fetched(answer)) {
      if (one.error != 0) fail("fetch answered error " + std::to_string(one.error));
      bytes_ += static_cast<std::int64_t>(one.records.size());
      const Progress progress = progress_of(one.records);
      records_ += progress.records;
      for (Cursor& cursor : reader.cursors) {
        if (cursor.partition != one.partition) continue;
        if (progress.next_offset >= 0) cursor.offset = progress.next_offset;
        if (cursor.offset >= one.high_watermark) cursor.offset = 0;
      }
    }
  }

  std::string topic_;
  std::int64_t total_;
  FetchLimits limits_;
  std::vector<Reader> readers_;
  std::int64_t bytes_ = 0;
  std::int64_t records_ = 0;
  std::int64_t answers_ = 0;
};

/// What one partition holds, every batch's checksum and every record looked at.
struct Content {
  std::int64_t records = 0;
  std::int64_t value_bytes = 0;
  std::int64_t wrong = 0;
};

void look_at(ByteView set, std::int64_t& offset, Content& content,
             record::CompressionContext& context) {
  record::BatchIterator batches(set);
  for (;;) {
    auto next = batches.next();
    if (!next.ok() || !*next) return;
    if ((*next)->next_offset().value() <= offset) continue;
    if (!(*next)->crc_is_valid()) ++content.wrong;
    record::RecordIterator records(**next, context);
    record::RecordView record;
    while (records.next(record)) {
      ++content.records;
      content.value_bytes += record.value ? static_cast<std::int64_t>(record.value->size()) : 0;
    }
    offset = (*next)->next_offset().value();
  }
}

}  // namespace

void fetch(const Options& options) {
  Consumers(options).run();
}

void drain(const Options& options) {
  Line line(options.port());
  record::CompressionContext context;
  FetchLimits limits;
  limits.wait_ms = 0;
  Content content;
  for (std::int32_t p = 0; p < options.partitions(); ++p) {
    for (std::int64_t offset = 0;;) {
      const auto answer = line.ask(fetch_frame(1, options.topic(), {{p, offset}}, limits));
      if (!answer) fail("the broker went away");
      const auto parts = fetched(*answer);
      if (parts.empty() || parts[0].error != 0) fail("fetch of partition " + std::to_string(p));
      const std::int64_t before = offset;
      look_at(parts[0].records, offset, content, context);
      if (offset >= parts[0].high_watermark) break;
      if (offset == before) fail("partition " + std::to_string(p) + " ends too early");
    }
  }
  std::printf("{\"records\": %lld, \"value_bytes\": %lld, \"wrong\": %lld}\n",
              static_cast<long long>(content.records), static_cast<long long>(content.value_bytes),
              static_cast<long long>(content.wrong));
}

}  // namespace moldau::loadgen
