// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "env/metrics.h"
#include "http/http_server.h"

namespace moldau::http {

/// Whether a node can serve, and if not, why.
struct Readiness {
  bool ready = false;
  std::string detail;  // "starting", "loading 12 of 40 partitions", "stopping"
};

/// Adds GET /metrics (Prometheus text), /health/live (200 while the process can answer) and
/// /health/ready (200 or 503 with the detail).
/// Owner    `metrics` is borrowed and must outlive the server.
/// Thread   `readiness` is called on the server's threads.
void add_node_routes(HttpServer& server, const env::Metrics& metrics,
                     std::function<Readiness()> readiness);

}  // namespace moldau::http
