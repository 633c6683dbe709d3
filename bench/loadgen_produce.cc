// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "loadgen_connection.h"
#include "loadgen_wire.h"
#include "loadgen_work.h"

namespace moldau::loadgen {
namespace {

struct Lane {
  std::unique_ptr<Connection> connection;
  std::deque<Clock::time_point> sent_at;
  std::size_t next = 0;
};

/// Sends the same frames again and again, a few in flight on each connection.
class Producer {
 public:
  explicit Producer(const Options& options)
      : in_flight_(static_cast<std::size_t>(options.number("in-flight", 5))),
        acks_(static_cast<std::int16_t>(options.number("acks", -1))) {
    const std::int64_t record_bytes = options.number("record-bytes", 100);
    const Slice batch = build_batch(record_bytes, options.number("batch-bytes", 65536),
                                    options.text("codec", "none"));
    const std::int32_t partitions = options.partitions();
    const auto group = static_cast<std::int32_t>(
        std::min<std::int64_t>(options.number("per-request-partitions", 1), partitions));
    for (std::int32_t p = 0; p < partitions; p += group) {
      std::vector<Portion> portions;
      for (std::int32_t i = 0; i < group; ++i)
        portions.push_back({(p + i) % partitions, batch.view()});
      frames_.push_back(
          std::make_shared<Frame>(produce_frame(p, options.topic(), acks_, portions)));
    }
    const std::int64_t per_request = progress_of(batch.view()).records * group;
    requests_ = std::max<std::int64_t>(
        1, options.number("total-mb", 1000) * 1'000'000 / (record_bytes * per_request));
    left_ = requests_;
    records_ = requests_ * per_request;
    bytes_ = records_ * record_bytes;
    for (std::int64_t i = 0; i < options.number("connections", 1); ++i) {
      lanes_.emplace_back().connection = std::make_unique<Connection>(options.port());
      lanes_.back().next = static_cast<std::size_t>(i);
    }
  }

  void run() {
    const Clock::time_point started = Clock::now();
    while (done_ < requests_) {
      offer();
      poll_all();
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
    std::printf(
        "{\"records\": %lld, \"bytes\": %lld, \"seconds\": %.3f, \"records_s\": %.0f, "
        "\"mb_s\": %.2f, %s}\n",
        static_cast<long long>(records_), static_cast<long long>(bytes_), seconds,
        static_cast<double>(records_) / seconds, static_cast<double>(bytes_) / seconds / 1e6,
        latencies_text(latencies_).c_str());
  }

 private:
  void offer() {
    bool progress = true;
    while (progress && left_ > 0) {
      progress = false;
      for (Lane& lane : lanes_) {
        if (left_ == 0) break;
        if (lane.sent_at.size() >= in_flight_ || lane.connection->wants_write()) continue;
        lane.sent_at.push_back(Clock::now());
        lane.connection->send(frames_[lane.next++ % frames_.size()]);
        --left_;
        if (acks_ == 0) {
          lane.sent_at.pop_back();
          ++done_;
        }
        progress = true;
      }
    }
  }
  void poll_all() {
    std::vector<pollfd> fds;
    for (Lane& lane : lanes_) {
      const int events = POLLIN | (lane.connection->wants_write() ? POLLOUT : 0);
      fds.push_back({lane.connection->fd(), static_cast<short>(events), 0});
    }
    ::poll(fds.data(), fds.size(), 100);
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents & POLLOUT) lanes_[i].connection->flush();
      if (fds[i].revents & (POLLIN | POLLHUP)) receive(lanes_[i]);
    }
  }
  void receive(Lane& lane) {
    lane.connection->receive([&](ByteView answer) {
      if (const auto error = produce_error(answer); error != 0)
        fail("produce answered error " + std::to_string(error));
      const auto took = Clock::now() - lane.sent_at.front();
      lane.sent_at.pop_front();
      latencies_.push_back(static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
      ++done_;
    });
  }

  std::size_t in_flight_;
  std::int16_t acks_;
  std::int64_t requests_ = 0;
  std::int64_t left_ = 0;
  std::int64_t done_ = 0;
  std::int64_t records_ = 0;
  std::int64_t bytes_ = 0;
  std::vector<std::shared_ptr<const Frame>> frames_;
  std::vector<Lane> lanes_;
  std::vector<std::uint32_t> latencies_;
};

}  // namespace

void produce(const Options& options) {
  Producer(options).run();
}

}  // namespace moldau::loadgen
