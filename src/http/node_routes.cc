// SPDX-License-Identifier: Apache-2.0
#include "http/node_routes.h"

#include <utility>

namespace moldau::http {

void add_node_routes(HttpServer& server, const env::Metrics& metrics,
                     std::function<Readiness()> readiness) {
  server.route("GET", "/metrics", [&metrics](const HttpRequest&) {
    return HttpResponse{200, "text/plain; version=0.0.4; charset=utf-8", metrics.text()};
  });
  server.route("GET", "/health/live", [](const HttpRequest&) {
    return HttpResponse{200, "text/plain; charset=utf-8", "live\n"};
  });
  server.route("GET", "/health/ready", [readiness = std::move(readiness)](const HttpRequest&) {
    const Readiness now = readiness();
    HttpResponse response;
    response.status = now.ready ? 200 : 503;
    response.body =
        now.detail.empty() ? (now.ready ? "ready\n" : "not ready\n") : now.detail + "\n";
    return response;
  });
}

}  // namespace moldau::http
