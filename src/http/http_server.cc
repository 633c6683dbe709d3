// SPDX-License-Identifier: Apache-2.0
// The only file that sees httplib: it is large, and its types stay here.
#include "http/http_server.h"

#include <httplib.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace moldau::http {
namespace {

/// Threads for connections; a full queue makes the accepting thread wait.
/// Thread   any thread.
class BoundedQueue final : public httplib::TaskQueue {
 public:
  BoundedQueue(std::uint32_t threads, std::uint32_t waiting_max) : waiting_max_(waiting_max) {
    for (std::uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
  }

  void enqueue(std::function<void()> work) override {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return waiting_.size() < waiting_max_ || ending_; });
    waiting_.push_back(std::move(work));  // its socket is closed by running it
    lock.unlock();
    work_.notify_one();
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    work_.notify_all();
    room_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      work_.wait(lock, [this] { return !waiting_.empty() || ending_; });
      if (waiting_.empty()) return;
      std::function<void()> work = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      room_.notify_one();
      work();
      work = nullptr;
      lock.lock();
    }
  }

  const std::size_t waiting_max_;
  std::mutex mutex_;  // guards what follows, but for threads_
  std::condition_variable work_;
  std::condition_variable room_;
  std::deque<std::function<void()>> waiting_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

/// httplib's server with our route table.
/// Thread   as HttpServer.
class HttpServer::Library {
 public:
  Library(HttpServerOptions options, env::Logger& logger)
      : options_(std::move(options)), address_(options_.address), logger_(logger) {}

  void route(const std::string& method, const std::string& path, Handler handler) {
    routes_[path][method] = std::move(handler);
  }
  Result<void> start();
  void stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  const env::SocketAddress& address() const { return address_; }

 private:
  HttpResponse answer(const HttpRequest& request);
  void handle(const httplib::Request& request, httplib::Response& response);

  const HttpServerOptions options_;
  env::SocketAddress address_;
  env::Logger& logger_;
  std::map<std::string, std::map<std::string, Handler>> routes_;
  httplib::Server server_;
  std::thread thread_;
};

Result<void> HttpServer::Library::start() {
  auto running = std::make_shared<std::promise<void>>();
  server_.new_task_queue = [this, running]() -> httplib::TaskQueue* {
    running->set_value();  // from here on stop() is heard
    return new BoundedQueue(options_.threads, options_.waiting_max);
  };
  server_.set_payload_max_length(options_.body_bytes_max);
  server_.set_read_timeout(options_.timeout_seconds);
  server_.set_write_timeout(options_.timeout_seconds);
  // A connection kept alive keeps a thread: not for long, there are few.
  server_.set_keep_alive_timeout(1);
  server_.set_keep_alive_max_count(100);
  server_.set_tcp_nodelay(true);
  server_.set_socket_options([](socket_t socket) {
    const int on = 1;  // not SO_REUSEPORT, httplib's choice: two nodes would share a port
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  });
  const auto handler = [this](const httplib::Request& request, httplib::Response& response) {
    handle(request, response);
  };
  server_.Get(".*", handler);
  server_.Post(".*", handler);
  server_.Put(".*", handler);
  server_.Patch(".*", handler);
  server_.Delete(".*", handler);
  server_.set_exception_handler(
      [this](const httplib::Request& request, httplib::Response& response, std::exception_ptr) {
        logger_.error("http", "a handler failed method={} path={}", request.method, request.path);
        response.status = 500;
      });
  const std::string host = address_.host.empty() ? "0.0.0.0" : address_.host;
  bool bound = false;
  if (address_.port == 0) {
    const int port = server_.bind_to_any_port(host);
    bound = port > 0;
    if (bound) address_.port = static_cast<std::uint16_t>(port);
  } else {
    bound = server_.bind_to_port(host, address_.port);
  }
  if (!bound)
    return Error(ErrorCode::kNetworkException, "cannot listen for HTTP on " + address_.text());
  thread_ = std::thread([this] { server_.listen_after_bind(); });
  running->get_future().wait();
  logger_.info("http", "Serving HTTP on {}", address_.text());
  return {};
}

HttpResponse HttpServer::Library::answer(const HttpRequest& request) {
  const auto path = routes_.find(request.path);
  if (path == routes_.end()) return {404, "text/plain; charset=utf-8", "not found\n"};
  const auto method = path->second.find(request.method == "HEAD" ? "GET" : request.method);
  if (method == path->second.end())
    return {405, "text/plain; charset=utf-8", "method not allowed\n"};
  return method->second(request);
}

void HttpServer::Library::handle(const httplib::Request& request, httplib::Response& response) {
  HttpRequest mine;
  mine.method = request.method;
  mine.path = request.path;
  mine.body = request.body;
  for (const auto& [name, value] : request.params) mine.query.emplace(name, value);
  const HttpResponse answered = answer(mine);
  response.status = answered.status;
  response.set_content(answered.body, answered.content_type);
}

HttpServer::HttpServer(HttpServerOptions options, env::Logger& logger)
    : library_(std::make_unique<Library>(std::move(options), logger)) {}

HttpServer::~HttpServer() {
  library_->stop();
}

void HttpServer::route(const std::string& method, const std::string& path, Handler handler) {
  library_->route(method, path, std::move(handler));
}

Result<void> HttpServer::start() {
  return library_->start();
}
void HttpServer::stop() {
  library_->stop();
}
const env::SocketAddress& HttpServer::address() const {
  return library_->address();
}

}  // namespace moldau::http
