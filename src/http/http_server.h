// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "env/logger.h"
#include "env/net.h"

namespace moldau::http {

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // decoded, without the query
  std::map<std::string, std::string> query;
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpServerOptions {
  env::SocketAddress address;  // port 0: the kernel chooses
  std::uint32_t threads = 2;
  std::uint32_t body_bytes_max = 1 << 20;
  /// Connections that are accepted and wait for a thread; more wait in the kernel.
  std::uint32_t waiting_max = 32;
  std::uint32_t timeout_seconds = 5;
};

/// HTTP/1.1 for people and their monitors, not for clients of the log.
///
/// Owner    main/; borrows the logger.
/// Thread   made, started and stopped on one thread; handlers run on the server's own threads,
///          several at a time.
/// Bounds   as the options say; a line of the head 8 KiB. Reading and writing time out.
/// Errors   start(): kNetworkException with the address. A handler that throws answers 500.
class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  HttpServer(HttpServerOptions options, env::Logger& logger);
  /// Stops.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Before start(). Other methods of a path get 405, other paths 404. A HEAD is a GET without
  /// its body.
  void route(const std::string& method, const std::string& path, Handler handler);
  Result<void> start();
  /// Waits for the handlers under way.
  void stop();
  const env::SocketAddress& address() const;

 private:
  class Library;
  std::unique_ptr<Library> library_;
};

}  // namespace moldau::http
