// SPDX-License-Identifier: Apache-2.0
// A load generator that costs little: batches are built once and sent again and again.
//
//   moldau-loadgen create  --port P --topic T --partitions N
//   moldau-loadgen produce --port P --topic T --partitions N --record-bytes B --batch-bytes B
//                          --total-mb M [--codec none|lz4|zstd|snappy|gzip] [--connections C]
//                          [--in-flight F] [--acks -1|0|1] [--rate RECORDS_PER_S]
//                          [--per-request-partitions K]
//   moldau-loadgen fetch   --port P --topic T --partitions N --consumers C --total-mb M
//
// Prints one JSON object. Exit codes: 0 fine, 2 wrong options, 3 the broker failed.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loadgen_wire.h"
#include "record/batch_builder.h"

namespace moldau::loadgen {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

[[noreturn]] void fail(const std::string& why, int code = 3) {
  std::fprintf(stderr, "moldau-loadgen: %s\n", why.c_str());
  std::exit(code);
}

class Options {
 public:
  Options(int argc, char** argv) {
    if (argc < 2) fail("what to do? create, produce or fetch", 2);
    for (int i = 2; i + 1 < argc; i += 2) values_[argv[i]] = argv[i + 1];
  }
  std::string text(const std::string& name, const std::string& otherwise) const {
    auto found = values_.find("--" + name);
    return found == values_.end() ? otherwise : found->second;
  }
  std::int64_t number(const std::string& name, std::int64_t otherwise) const {
    return std::atoll(text(name, std::to_string(otherwise)).c_str());
  }

 private:
  std::map<std::string, std::string> values_;
};

/// One blocking-free connection: frames out, frames in.
class Connection {
 public:
  explicit Connection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      fail(std::string("cannot connect: ") + std::strerror(errno));
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }
  bool wants_write() const { return !out_.empty(); }
  void send(std::shared_ptr<const Frame> frame) {
    out_.push_back(std::move(frame));
    flush();
  }
  void flush() {
    while (!out_.empty()) {
      const Frame& frame = *out_.front();
      const ssize_t n =
          ::send(fd_, frame.data() + sent_, frame.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) fail(std::string("send: ") + std::strerror(errno));
      sent_ += static_cast<std::size_t>(n);
      if (sent_ < frame.size()) continue;
      sent_ = 0;
      out_.pop_front();
    }
  }
  /// Reads what is there; calls `take` for each whole answer.
  template <class Take>
  void receive(Take&& take) {
    for (;;) {
      if (in_.size() - filled_ < (1U << 16))
        in_.resize(std::max<std::size_t>(1 << 18, in_.size() * 2));
      const ssize_t n = ::recv(fd_, in_.data() + filled_, in_.size() - filled_, MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) fail("the broker closed the connection");
      filled_ += static_cast<std::size_t>(n);
      std::size_t at = 0;
      while (filled_ - at >= 4) {
        std::size_t size = 0;
        for (std::size_t i = 0; i < 4; ++i)
          size = size << 8 | static_cast<std::size_t>(in_[at + i]);
        if (filled_ - at - 4 < size) break;
        take(ByteView(in_.data() + at + 4, size));
        at += 4 + size;
      }
      std::memmove(in_.data(), in_.data() + at, filled_ - at);
      filled_ -= at;
    }
  }

 private:
  int fd_;
  std::deque<std::shared_ptr<const Frame>> out_;
  std::size_t sent_ = 0;
  std::vector<std::byte> in_;
  std::size_t filled_ = 0;
};

Slice build_batch(std::int64_t record_bytes, std::int64_t batch_bytes, const std::string& codec) {
  const auto type = record::compression_type_of_name(codec);
  if (!type) fail("unknown codec " + codec, 2);
  record::BatchFields fields;
  fields.compression.type = *type;
  record::BatchBuilder builder(fields, static_cast<std::size_t>(batch_bytes) + 1024);
  const Timestamp now(std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count());
  std::uint64_t seed = 42;
  for (std::int64_t bytes = 0; bytes + record_bytes <= batch_bytes || bytes == 0;
       bytes += record_bytes) {
    // Half random letters, half repeated: compresses about two to one.
    std::string value(static_cast<std::size_t>(record_bytes), 'x');
    for (std::size_t i = 0; i < value.size() / 2; ++i) {
      seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
      value[i] = static_cast<char>('a' + (seed >> 33) % 26);
    }
    record::RecordFields one;
    one.timestamp = now;
    one.value = as_view(value);
    if (auto added = builder.append(one); !added.ok()) fail(added.error().text());
  }
  record::CompressionContext context;
  auto built = builder.build(context);
  if (!built.ok()) fail(built.error().text());
  return std::move(built).value();
}

void print_latencies(std::vector<std::uint32_t>& us) {
  std::sort(us.begin(), us.end());
  const auto at = [&](double q) {
    return us.empty() ? 0.0
                      : us[std::min(us.size() - 1,
                                    static_cast<std::size_t>(q * static_cast<double>(us.size())))] /
                            1000.0;
  };
  std::printf("\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, \"max_ms\": %.3f}\n", at(0.5),
              at(0.99), at(0.999), us.empty() ? 0.0 : us.back() / 1000.0);
}

struct Lane {
  std::unique_ptr<Connection> connection;
  std::deque<SteadyTime> sent_at;
  std::size_t next = 0;
};

class Producer {
 public:
  explicit Producer(const Options& options)
      : topic_(options.text("topic", "bench")),
        partitions_(static_cast<std::int32_t>(options.number("partitions", 6))),
        in_flight_(static_cast<std::size_t>(options.number("in-flight", 5))),
        acks_(static_cast<std::int16_t>(options.number("acks", -1))),
        rate_(options.number("rate", 0)) {
    const std::int64_t record_bytes = options.number("record-bytes", 100);
    batch_ = build_batch(record_bytes, options.number("batch-bytes", 65536),
                         options.text("codec", "none"));
    records_per_batch_ = progress_of(batch_.view()).records;
    const auto group = static_cast<std::int32_t>(
        std::min<std::int64_t>(options.number("per-request-partitions", 1), partitions_));
    for (std::int32_t p = 0; p < partitions_; p += group) {
      std::vector<Portion> portions;
      for (std::int32_t i = 0; i < group; ++i)
        portions.push_back({(p + i) % partitions_, batch_.view()});
      frames_.push_back(std::make_shared<Frame>(produce_frame(p, topic_, acks_, portions)));
    }
    records_per_request_ = records_per_batch_ * group;
    left_ = options.number("total-mb", 1000) * 1'000'000 / (record_bytes * records_per_request_);
    if (left_ < 1) left_ = 1;
    requests_ = left_;
    bytes_ = requests_ * records_per_request_ * record_bytes;
    const auto port = static_cast<std::uint16_t>(options.number("port", 9092));
    for (std::int64_t i = 0; i < options.number("connections", 1); ++i) {
      lanes_.emplace_back().connection = std::make_unique<Connection>(port);
      lanes_.back().next = static_cast<std::size_t>(i);
    }
  }

  void run() {
    started_ = std::chrono::steady_clock::now();
    while (done_ < requests_) {
      offer();
      poll_all();
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    std::printf(
        "{\"records\": %lld, \"bytes\": %lld, \"seconds\": %.3f, \"records_s\": %.0f, "
        "\"mb_s\": %.2f, ",
        static_cast<long long>(requests_ * records_per_request_), static_cast<long long>(bytes_),
        seconds, static_cast<double>(requests_ * records_per_request_) / seconds,
        static_cast<double>(bytes_) / seconds / 1e6);
    print_latencies(latencies_);
  }

 private:
  std::int64_t allowed() const {
    if (rate_ == 0) return requests_;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    return static_cast<std::int64_t>(seconds * static_cast<double>(rate_) /
                                     static_cast<double>(records_per_request_)) +
           1;
  }
  void offer() {
    const std::int64_t limit = std::min(allowed(), requests_);
    bool progress = true;
    while (progress && requests_ - left_ < limit) {
      progress = false;
      for (Lane& lane : lanes_) {
        if (left_ == 0 || requests_ - left_ >= limit) break;
        if (lane.sent_at.size() >= in_flight_ || lane.connection->wants_write()) continue;
        lane.sent_at.push_back(std::chrono::steady_clock::now());
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
    ::poll(fds.data(), fds.size(), rate_ != 0 ? 1 : 100);
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents & POLLOUT) lanes_[i].connection->flush();
      if (fds[i].revents & POLLIN) receive(lanes_[i]);
    }
  }
  void receive(Lane& lane) {
    lane.connection->receive([&](ByteView answer) {
      if (const auto error = produce_error(answer); error != 0)
        fail("produce answered error " + std::to_string(error));
      const auto took = std::chrono::steady_clock::now() - lane.sent_at.front();
      lane.sent_at.pop_front();
      latencies_.push_back(static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
      ++done_;
    });
  }

  std::string topic_;
  std::int32_t partitions_;
  std::size_t in_flight_;
  std::int16_t acks_;
  std::int64_t rate_;
  Slice batch_;
  std::int64_t records_per_batch_ = 0;
  std::int64_t records_per_request_ = 0;
  std::int64_t requests_ = 0;
  std::int64_t left_ = 0;
  std::int64_t done_ = 0;
  std::int64_t bytes_ = 0;
  SteadyTime started_;
  std::vector<std::shared_ptr<const Frame>> frames_;
  std::vector<Lane> lanes_;
  std::vector<std::uint32_t> latencies_;
};

struct Reader {
  std::unique_ptr<Connection> connection;
  std::vector<Cursor> cursors;
};

/// Consumers on assigned partitions; each starts again at 0 when it reaches the end.
class Consumers {
 public:
  explicit Consumers(const Options& options)
      : topic_(options.text("topic", "bench")),
        total_(options.number("total-mb", 1000) * 1'000'000) {
    const auto partitions = static_cast<std::int32_t>(options.number("partitions", 6));
    const auto count = static_cast<std::int32_t>(options.number("consumers", 1));
    const auto port = static_cast<std::uint16_t>(options.number("port", 9092));
    limits_.partition_bytes_max =
        static_cast<std::int32_t>(options.number("partition-bytes", 1 << 20));
    for (std::int32_t c = 0; c < count; ++c) {
      Reader reader;
      reader.connection = std::make_unique<Connection>(port);
      if (count == 1) {
        for (std::int32_t p = 0; p < partitions; ++p) reader.cursors.push_back({p, 0});
      } else {
        reader.cursors.push_back({c % partitions, 0});
      }
      readers_.push_back(std::move(reader));
    }
  }

  void run() {
    const SteadyTime started = std::chrono::steady_clock::now();
    for (Reader& reader : readers_) ask(reader);
    while (bytes_ < total_) poll_all();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    std::printf(
        "{\"records\": %lld, \"bytes\": %lld, \"seconds\": %.3f, \"records_s\": %.0f, "
        "\"mb_s\": %.2f}\n",
        static_cast<long long>(records_), static_cast<long long>(bytes_), seconds,
        static_cast<double>(records_) / seconds, static_cast<double>(bytes_) / seconds / 1e6);
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
      if (!(fds[i].revents & POLLIN)) continue;
      bool answered = false;
      readers_[i].connection->receive([&](ByteView answer) {
        answered = true;
        take(readers_[i], answer);
      });
      if (answered) ask(readers_[i]);
    }
  }
  void take(Reader& reader, ByteView answer) {
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
};

void create(const Options& options) {
  Connection connection(static_cast<std::uint16_t>(options.number("port", 9092)));
  connection.send(std::make_shared<Frame>(
      create_topic_frame(1, options.text("topic", "bench"),
                         static_cast<std::int32_t>(options.number("partitions", 6)))));
  std::int32_t error = INT32_MIN;
  while (error == INT32_MIN) {
    pollfd fd{connection.fd(), POLLIN, 0};
    ::poll(&fd, 1, 30'000);
    connection.receive([&](ByteView answer) { error = create_topic_error(answer); });
  }
  if (error != 0) fail("create answered error " + std::to_string(error));
  std::printf("{\"created\": true}\n");
}

}  // namespace
}  // namespace moldau::loadgen

int main(int argc, char** argv) {
  using namespace moldau::loadgen;
  const Options options(argc, argv);
  const std::string what = argv[1];
  if (what == "create") {
    create(options);
  } else if (what == "produce") {
    Producer(options).run();
  } else if (what == "fetch") {
    Consumers(options).run();
  } else {
    fail("unknown work " + what, 2);
  }
  return 0;
}
