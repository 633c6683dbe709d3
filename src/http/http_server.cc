// SPDX-License-Identifier: Apache-2.0
// The only file that sees civetweb. It was chosen over libraries that bring TLS with them: those
// cost a node 4 MiB and 3 ms of its start.
#include "http/http_server.h"

#include <civetweb.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <future>
#include <string_view>
#include <utility>

namespace moldau::http {
namespace {

constexpr std::uint32_t kHeadBytesMax = 8 << 10;
constexpr const char* kPlain = "text/plain; charset=utf-8";

std::string decoded(std::string_view text) {
  std::string out(text.size() + 1, '\0');  // decoding never makes it longer
  const int length = mg_url_decode(text.data(), static_cast<int>(text.size()), out.data(),
                                   static_cast<int>(out.size()), 1);
  out.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  return out;
}

std::map<std::string, std::string> query_of(const char* text) {
  std::map<std::string, std::string> query;
  std::string_view rest = text == nullptr ? "" : text;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const std::size_t equals = std::min(one.find('='), one.size());
    if (equals > 0)
      query.emplace(decoded(one.substr(0, equals)),
                    decoded(one.substr(std::min(one.size(), equals + 1))));
  }
  return query;
}

void send(mg_connection* connection, const HttpResponse& response, bool with_body) {
  const std::string length = std::to_string(response.body.size());
  mg_response_header_start(connection, response.status);
  mg_response_header_add(connection, "Content-Type", response.content_type.c_str(), -1);
  mg_response_header_add(connection, "Content-Length", length.c_str(), -1);
  mg_response_header_send(connection);
  if (with_body) mg_write(connection, response.body.data(), response.body.size());
}

}  // namespace

/// civetweb's server with our route table.
/// Thread   as HttpServer.
class HttpServer::Library {
 public:
  Library(HttpServerOptions options, env::Logger& logger)
      : options_(std::move(options)), address_(options_.address), logger_(logger) {
    mg_init_library(MG_FEATURES_DEFAULT);
  }
  ~Library() {
    stop();
    mg_exit_library();
  }

  void route(const std::string& method, const std::string& path, Handler handler) {
    routes_[path][method] = std::move(handler);
  }
  Result<void> start();
  void stop();
  const env::SocketAddress& address() const { return address_; }

 private:
  static int on_request(mg_connection* connection);
  static int on_message(const mg_connection* connection, const char* message);
  HttpResponse answer(const HttpRequest& request);
  HttpResponse receive_and_answer(mg_connection* connection, const mg_request_info& head);

  const HttpServerOptions options_;
  env::SocketAddress address_;
  env::Logger& logger_;
  std::map<std::string, std::map<std::string, Handler>> routes_;
  mg_context* context_ = nullptr;
};

Result<void> HttpServer::Library::start() {
  const std::string host =
      address_.host.find(':') == std::string::npos ? address_.host : "[" + address_.host + "]";
  const std::string port =
      host.empty() ? std::to_string(address_.port) : host + ":" + std::to_string(address_.port);
  const std::string threads = std::to_string(options_.threads);
  const std::string waiting = std::to_string(options_.waiting_max);
  const std::string timeout = std::to_string(options_.timeout_seconds * 1000);
  const std::string head = std::to_string(kHeadBytesMax);
  // A connection kept alive keeps a thread: not for long, there are few.
  const char* options[] = {"listening_ports",
                           port.c_str(),
                           "num_threads",
                           threads.c_str(),
                           "connection_queue",
                           waiting.c_str(),
                           "request_timeout_ms",
                           timeout.c_str(),
                           "max_request_size",
                           head.c_str(),
                           "enable_keep_alive",
                           "yes",
                           "keep_alive_timeout_ms",
                           "1000",
                           "tcp_nodelay",
                           "1",
                           nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = on_request;
  callbacks.log_message = on_message;
  context_ = mg_start(&callbacks, this, options);
  mg_server_port bound{};
  if (context_ == nullptr || mg_get_server_ports(context_, 1, &bound) != 1) {
    if (context_ != nullptr) mg_stop(std::exchange(context_, nullptr));
    return Error(ErrorCode::kNetworkException, "cannot listen for HTTP on " + address_.text());
  }
  address_.port = static_cast<std::uint16_t>(bound.port);
  logger_.info("http", "Serving HTTP on {}", address_.text());
  return {};
}

void HttpServer::Library::stop() {
  if (context_ == nullptr) return;
  auto stopped = std::async(std::launch::async, [this] { mg_stop(context_); });
  // Its accepting thread sleeps up to two seconds: a connection wakes it.
  while (stopped.wait_for(std::chrono::milliseconds(2)) != std::future_status::ready) {
    char error[128];
    const std::string host = address_.host.empty() ? "127.0.0.1" : address_.host;
    if (mg_connection* poke =
            mg_connect_client(host.c_str(), address_.port, 0, error, sizeof(error)))
      mg_close_connection(poke);
  }
  context_ = nullptr;
}

int HttpServer::Library::on_message(const mg_connection* connection, const char* message) {
  auto* self = static_cast<Library*>(mg_get_user_data(mg_get_context(connection)));
  if (self != nullptr) self->logger_.debug("http", "{}", message);
  return 1;
}

int HttpServer::Library::on_request(mg_connection* connection) {
  const mg_request_info& head = *mg_get_request_info(connection);
  auto* self = static_cast<Library*>(head.user_data);
  const HttpResponse response = self->receive_and_answer(connection, head);
  send(connection, response, std::string_view(head.request_method) != "HEAD");
  return response.status;
}

HttpResponse HttpServer::Library::receive_and_answer(mg_connection* connection,
                                                     const mg_request_info& head) {
  HttpRequest request;
  request.method = head.request_method;
  request.path = head.local_uri;
  request.query = query_of(head.query_string);
  if (head.content_length > static_cast<long long>(options_.body_bytes_max))
    return {413, kPlain, "too large\n"};
  char piece[4096];
  for (int got = 0; (got = mg_read(connection, piece, sizeof(piece))) > 0;) {
    request.body.append(piece, static_cast<std::size_t>(got));
    if (request.body.size() > options_.body_bytes_max) return {413, kPlain, "too large\n"};
  }
  try {
    return answer(request);
  } catch (const std::exception& e) {
    logger_.error("http", "a handler failed method={} path={} error={}", request.method,
                  request.path, e.what());
    return {500, kPlain, "the server failed\n"};
  }
}

HttpResponse HttpServer::Library::answer(const HttpRequest& request) {
  const auto path = routes_.find(request.path);
  if (path == routes_.end()) return {404, kPlain, "not found\n"};
  const auto method = path->second.find(request.method == "HEAD" ? "GET" : request.method);
  if (method == path->second.end()) return {405, kPlain, "method not allowed\n"};
  return method->second(request);
}

HttpServer::HttpServer(HttpServerOptions options, env::Logger& logger)
    : library_(std::make_unique<Library>(std::move(options), logger)) {}

HttpServer::~HttpServer() = default;

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
