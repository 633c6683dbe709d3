// SPDX-License-Identifier: Apache-2.0
// What one request costs the server: an echo server in this process, its clients in another.
// echo_bench [connections] [request bytes] [pipelined] [answer bytes, 0 = echo] [seconds]
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
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
      if (outcome.kind != env::IoOutcome::Kind::kDone) _exit(0);  // the server has ended
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

[[noreturn]] void run_clients(int port_pipe, const Load& load) {
  std::uint16_t port = 0;
  if (read(port_pipe, &port, sizeof(port)) != sizeof(port)) _exit(1);
  os::RealEnv env({});
  std::vector<std::unique_ptr<Client>> clients;
  env.shard(env::ShardId(0)).post([&] {
    for (int i = 0; i < load.connections; ++i)
      clients.push_back(std::make_unique<Client>(env.shard(env::ShardId(0)).net(),
                                                 env::SocketAddress{"127.0.0.1", port}, load));
  });
  env.run();
  _exit(0);
}

/// Thread   shard-bound.
class EchoSink final : public RequestSink {
 public:
  explicit EchoSink(const Load& load) {
    if (load.answer_bytes > 0) answer_ = Slice::allocate(load.answer_bytes);
  }
  void on_request(Session&, Slice frame, ReplySlot slot) override {
    slot.send(Reply(answer_.empty() ? std::move(frame) : answer_));
  }

 private:
  Slice answer_;
};

struct Cpu {
  double user = 0;
  double system = 0;
};

Cpu cpu_used() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return {seconds(usage.ru_utime), seconds(usage.ru_stime)};
}

void run_server(int port_pipe, const Load& load) {
  os::RunningEnv running;
  EchoSink sink(load);
  SocketServerOptions options;
  options.listeners = {{"PLAINTEXT", {"127.0.0.1", 0}, false}};
  std::unique_ptr<SocketServer> server;
  running.call(0, [&] {
    server =
        std::make_unique<SocketServer>(running.env(), options, std::vector<RequestSink*>{&sink});
    server->start().value();
    const std::uint16_t port = server->address("PLAINTEXT").port;
    if (write(port_pipe, &port, sizeof(port)) != sizeof(port)) std::abort();
  });
  env::Metrics& metrics = running.env().metrics();
  const auto requests = [&] {
    const std::string text = metrics.text();
    const auto at = text.find("\nkafka_server_socket_server_metrics_request_total{");
    return std::stod(text.substr(text.find(' ', at)));
  };
  usleep(500'000);  // warm up
  const double requests_before = requests();
  const Cpu before = cpu_used();
  sleep(static_cast<unsigned>(load.seconds));
  const Cpu after = cpu_used();
  const double user = after.user - before.user;
  const double cpu = user + after.system - before.system;
  const double count = requests() - requests_before;
  fmt::print(
      "connections={} request_bytes={} pipelined={}: {:.0f} requests/s, {:.2f} us CPU/request "
      "({:.2f} of it user), {:.2f} CPU-s/GB, {:.0f} % of a core\n",
      load.connections, load.request_bytes, load.pipelined, count / load.seconds, cpu / count * 1e6,
      user / count * 1e6, cpu / (count * static_cast<double>(load.request_bytes) / 1e9),
      cpu / load.seconds * 100);
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
  int port_pipe[2];
  if (pipe(port_pipe) != 0) return 1;
  const pid_t clients = fork();
  if (clients == 0) run_clients(port_pipe[0], load);
  run_server(port_pipe[1], load);
  waitpid(clients, nullptr, 0);
  return 0;
}

}  // namespace
}  // namespace moldau::net

int main(int argc, char** argv) {
  return moldau::net::bench(argc, argv);
}
