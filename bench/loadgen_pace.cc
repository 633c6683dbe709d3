// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/prctl.h>

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

using std::chrono::nanoseconds;

/// What is under way in one request: records `first` to `first + count * step`.
struct Sent {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// One producer: its records are every step-th of all.
struct Lane {
  std::unique_ptr<Connection> connection;
  std::deque<Sent> in_flight;
  std::int64_t next_record = 0;
  std::int32_t next_partition = 0;
};

/// Producers of linger 0 in an open loop. Record i is due at start + i / rate, whatever the
/// broker does, and its latency counts from then. A producer sends what is due at once, as one
/// batch; with all requests in flight it waits and its next batch is the larger, as Apache's
/// producer does it.
class PacedProducers {
 public:
  static constexpr std::int64_t kBatchRecordsMax = 60;

  explicit PacedProducers(const Options& options)
      : topic_(options.topic()),
        partitions_(options.partitions()),
        in_flight_(static_cast<std::size_t>(options.number("in-flight", 5))),
        rate_(std::max<std::int64_t>(1, options.number("rate", 20'000))),
        step_(std::max<std::int64_t>(1, options.number("connections", 4))),
        records_(rate_ * options.number("seconds", 10)),
        first_counted_(rate_ * options.number("warmup-seconds", 1)) {
    const std::int64_t record_bytes = options.number("record-bytes", 1024);
    for (std::int64_t n = 1; n <= kBatchRecordsMax; ++n) {
      const Slice batch = build_batch(record_bytes, record_bytes * n, "none");
      for (std::int32_t p = 0; p < partitions_; ++p)
        frames_.push_back(
            std::make_shared<Frame>(produce_frame(p, topic_, -1, {{p, batch.view()}})));
    }
    for (std::int64_t i = 0; i < step_; ++i) {
      Lane& lane = lanes_.emplace_back();
      lane.connection = std::make_unique<Connection>(options.port());
      lane.next_record = i;
      lane.next_partition = static_cast<std::int32_t>(i % partitions_);
    }
    latencies_.reserve(static_cast<std::size_t>(records_));
    lateness_.reserve(static_cast<std::size_t>(records_));
  }

  void run() {
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // else every sleep lasts 50 us longer
    started_ = Clock::now();
    while (done_ < records_) {
      for (Lane& lane : lanes_) offer(lane);
      wait();
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    std::printf("{\"records\": %lld, \"requests\": %lld, \"seconds\": %.3f, \"records_s\": %.0f, ",
                static_cast<long long>(records_), static_cast<long long>(requests_), seconds,
                static_cast<double>(records_) / seconds);
    std::printf("%s, %s}\n", latencies_text(latencies_).c_str(),
                latencies_text(lateness_, "late_").c_str());
  }

 private:
  Clock::time_point due(std::int64_t record) const {
    return started_ + nanoseconds(record * 1'000'000'000 / rate_);
  }
  bool may_send(const Lane& lane) const {
    return lane.next_record < records_ && lane.in_flight.size() < in_flight_ &&
           !lane.connection->wants_write();
  }
  void offer(Lane& lane) {
    while (may_send(lane)) {
      const Clock::time_point now = Clock::now();
      Sent sent{lane.next_record, 0};
      while (sent.count < kBatchRecordsMax && lane.next_record < records_ &&
             due(lane.next_record) <= now) {
        // How late the generator itself was; waiting for the broker counts for the broker.
        if (lane.next_record >= first_counted_ && lane.in_flight.empty())
          lateness_.push_back(us(now - due(lane.next_record)));
        ++sent.count;
        lane.next_record += step_;
      }
      if (sent.count == 0) return;
      lane.in_flight.push_back(sent);
      const auto at =
          static_cast<std::size_t>((sent.count - 1) * partitions_ + lane.next_partition);
      lane.next_partition = (lane.next_partition + 1) % partitions_;
      lane.connection->send(frames_[at]);
      ++requests_;
    }
  }
  void wait() {
    Clock::time_point next = Clock::now() + std::chrono::milliseconds(100);
    std::vector<pollfd> fds;
    for (Lane& lane : lanes_) {
      const int events = POLLIN | (lane.connection->wants_write() ? POLLOUT : 0);
      fds.push_back({lane.connection->fd(), static_cast<short>(events), 0});
      if (may_send(lane)) next = std::min(next, due(lane.next_record));
    }
    const auto left = std::max(nanoseconds(0), nanoseconds(next - Clock::now()));
    const timespec timeout{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
    ::ppoll(fds.data(), fds.size(), &timeout, nullptr);
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents & POLLOUT) lanes_[i].connection->flush();
      if (fds[i].revents & (POLLIN | POLLHUP)) receive(lanes_[i]);
    }
  }
  void receive(Lane& lane) {
    lane.connection->receive([&](ByteView answer) {
      if (const auto error = produce_error(answer); error != 0)
        fail("produce answered error " + std::to_string(error));
      const Sent sent = lane.in_flight.front();
      lane.in_flight.pop_front();
      const Clock::time_point now = Clock::now();
      for (std::int64_t i = 0; i < sent.count; ++i) {
        const std::int64_t record = sent.first + i * step_;
        if (record >= first_counted_) latencies_.push_back(us(now - due(record)));
      }
      done_ += sent.count;
    });
  }
  static std::uint32_t us(nanoseconds span) {
    return static_cast<std::uint32_t>(std::max<std::int64_t>(0, span.count() / 1000));
  }

  std::string topic_;
  std::int32_t partitions_;
  std::size_t in_flight_;
  std::int64_t rate_;
  std::int64_t step_;
  std::int64_t records_;
  std::int64_t first_counted_;
  Clock::time_point started_;
  std::vector<std::shared_ptr<const Frame>> frames_;
  std::vector<Lane> lanes_;
  std::int64_t done_ = 0;
  std::int64_t requests_ = 0;
  std::vector<std::uint32_t> latencies_;
  std::vector<std::uint32_t> lateness_;
};

}  // namespace

void pace(const Options& options) {
  PacedProducers(options).run();
}

}  // namespace moldau::loadgen
