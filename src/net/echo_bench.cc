// SPDX-License-Identifier: Apache-2.0
// What one request costs the server's thread: an echo server on one shard, its clients on another.
// echo_bench [connections] [request bytes] [pipelined] [answer bytes, 0 = echo] [seconds]
//            [bytes of a file behind the answer]
#include <fmt/core.h>

#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "net/socket_server.h"
#include "os/running_env.h"

namespace moldau::net {
namespace {

struct Load {
  int connections = 64;
  std::size_t request_bytes = 100;
  int pipelined = 1;
  std::size_t answer_bytes = 0;
  int seconds = 3;
  std::size_t file_bytes = 0;
};

/// Keeps `pipelined` requests under way.
/// Thread   shard-bound.
class Client final : private env::StreamObserver {
 public:
  Client(env::Net& net, const env::SocketAddress& to, const Load& load) : load_(load) {
    request_.assign(4 + load.request_bytes, 'x');
    for (std::size_t i = 0; i < 4; ++i)
      request_[i] = static_cast<char>(load.request_bytes >> (24 - 8 * i));
    answer_bytes_ = 4 + (load.answer_bytes ? load.answer_bytes : load.request_bytes);
    answer_bytes_ += load.file_bytes;
    owed_ = request_.size() * static_cast<std::size_t>(load.pipelined);
    stream_ = net.connect(to, {}).value();
    stream_->observe(*this);
  }

 private:
  void on_readable() override {
    static std::vector<std::byte> buffer(1 << 20);
    for (;;) {
      const env::IoOutcome outcome = stream_->read(buffer);
      if (outcome.kind == env::IoOutcome::Kind::kWouldBlock) break;
      if (outcome.kind != env::IoOutcome::Kind::kDone) return;  // the server has ended
      received_ += outcome.bytes;
      if (outcome.drained) break;
    }
    owed_ += received_ / answer_bytes_ * request_.size();
    received_ %= answer_bytes_;
    on_writable();
  }
  void on_writable() override {
    while (owed_ > 0) {
      const std::size_t at = sent_ % request_.size();
      const ByteView part = as_view(request_).subspan(at, std::min(owed_, request_.size() - at));
      const env::IoOutcome outcome = stream_->write(std::span<const ByteView>(&part, 1));
      if (outcome.kind != env::IoOutcome::Kind::kDone) return;
      owed_ -= outcome.bytes;
      sent_ += outcome.bytes;
    }
  }

  const Load load_;
  std::string request_;
  std::size_t answer_bytes_ = 0;
  std::size_t owed_ = 0;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  std::unique_ptr<env::Stream> stream_;
};

/// Thread   shard-bound.
class EchoSink final : public RequestSink {
 public:
  explicit EchoSink(const Load& load) : file_bytes_(load.file_bytes) {
    if (load.answer_bytes > 0) answer_ = Slice::allocate(load.answer_bytes);
    if (file_bytes_ == 0) return;
    os::FileDisk disk;
    file_ = disk.open("/tmp/echo_bench.file", env::OpenMode::kOpenOrCreate).value();
    const Slice content = Slice::allocate(file_bytes_);
    file_->write(content.view(), 0).value();
    disk.remove_file("/tmp/echo_bench.file").value();
  }
  void on_request(Session&, Slice frame, ReplySlot slot) override {
    Reply reply(answer_.empty() ? std::move(frame) : answer_);
    reply.add(FileRange{file_, 0, file_bytes_});
    slot.send(std::move(reply));
  }

 private:
  const std::size_t file_bytes_;
  Slice answer_;
  std::shared_ptr<env::File> file_;
};

void wait_ms(os::RunningEnv& running, std::int64_t ms) {
  std::promise<void> due;
  running.call(0, [&] {
    running.shard(0).call_at(running.shard(0).now() + Millis(ms), [&] { due.set_value(); });
  });
  due.get_future().wait();
}

struct Reading {
  double requests = 0;
  double cpu_seconds = 0;
};

Reading read_off(os::RunningEnv& server) {
  const std::string text = server.env().metrics().text();
  const auto at = text.find("\nkafka_server_socket_server_metrics_request_total{");
  const auto cpu = server.call(0, [] { return os::read_thread_cpu(); });
  return {std::stod(text.substr(text.find(' ', at))), static_cast<double>(cpu) / 1e9};
}

void run(const Load& load) {
  os::RunningEnv running;
  EchoSink sink(load);
  SocketServerOptions options;
  options.listeners = {{"PLAINTEXT", {"127.0.0.1", 0}, false}};
  std::unique_ptr<SocketServer> server;
  running.call(0, [&] {
    server =
        std::make_unique<SocketServer>(running.env(), options, std::vector<RequestSink*>{&sink});
    server->start().value();
  });
  const env::SocketAddress address = server->address("PLAINTEXT");
  os::RunningEnv elsewhere;
  std::vector<std::unique_ptr<Client>> clients;
  elsewhere.call(0, [&] {
    for (int i = 0; i < load.connections; ++i)
      clients.push_back(std::make_unique<Client>(elsewhere.shard(0).net(), address, load));
  });
  wait_ms(elsewhere, 500);  // warm up
  const Reading before = read_off(running);
  wait_ms(elsewhere, load.seconds * 1000);
  const Reading after = read_off(running);
  const double cpu = after.cpu_seconds - before.cpu_seconds;
  const double count = after.requests - before.requests;
  fmt::print(
      "connections={} request_bytes={} pipelined={}: {:.0f} requests/s, {:.2f} us CPU/request, "
      "{:.2f} CPU-s/GB, {:.0f} % of a core\n",
      load.connections, load.request_bytes, load.pipelined, count / load.seconds, cpu / count * 1e6,
      cpu / (count * static_cast<double>(load.request_bytes + load.file_bytes) / 1e9),
      cpu / load.seconds * 100);
  elsewhere.stop();
  clients.clear();
  running.stop();
  server.reset();
}

int bench(int argc, char** argv) {
  Load load;
  const auto argument = [&](int i, auto otherwise) {
    return argc > i ? static_cast<decltype(otherwise)>(std::atol(argv[i])) : otherwise;
  };
  load.connections = argument(1, load.connections);
  load.request_bytes = argument(2, load.request_bytes);
  load.pipelined = argument(3, load.pipelined);
  load.answer_bytes = argument(4, load.answer_bytes);
  load.seconds = argument(5, load.seconds);
  load.file_bytes = argument(6, load.file_bytes);
  run(load);
  return 0;
}

}  // namespace
}  // namespace moldau::net

int main(int argc, char** argv) {
  return moldau::net::bench(argc, argv);
}
