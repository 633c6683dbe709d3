// SPDX-License-Identifier: Apache-2.0
#include "main/node_program.h"

#include <cstdio>
#include <cstdlib>

#include "http/http_server.h"
#include "http/node_routes.h"
#include "node/assembly/node.h"

namespace moldau::program {
namespace {

class NodeProgram final : public os::Program {
 public:
  NodeProgram(env::Env& env, os::Control& control,
              std::shared_ptr<const config::BrokerConfig> config,
              std::optional<config::PropertySet> shown)
      : env_(env),
        config_(config),
        shown_(std::move(shown)),
        node_(env, config, events_of(control)) {
    if (!start_http(control)) return;
    node_.start();
  }

  void stop(Callback done) override {
    node_.stop([this, done = std::move(done)]() mutable {
      if (http_) http_->stop();
      done();
    });
  }

 private:
  /// "host:port" or "" for none.
  bool start_http(os::Control& control) {
    const std::string& text = config_->values.moldau_http_address;
    if (text.empty()) return true;
    const auto colon = text.find_last_of(':');
    http::HttpServerOptions options;
    options.address.host = text.substr(0, colon);
    options.threads = static_cast<std::uint32_t>(config_->values.moldau_http_threads);
    options.address.port = static_cast<std::uint16_t>(
        std::atoi(colon == std::string::npos ? "" : text.c_str() + colon + 1));
    http_ = std::make_unique<http::HttpServer>(std::move(options), env_.logger());
    http::add_node_routes(*http_, env_.metrics(), [this] { return readiness(); });
    const Result<void> started = http_->start();
    if (started.ok()) return true;
    env_.logger().error("http", "{}", started.error().text());
    control.request_stop(assembly::kExitFailed);
    return false;
  }

  http::Readiness readiness() const {
    http::Readiness out;
    out.ready = node_.is_running();
    out.detail = out.ready ? "running" : "starting or stopping";
    return out;
  }

  assembly::NodeEvents events_of(os::Control& control) {
    assembly::NodeEvents events;
    events.running = [this] {
      if (shown_) print_hints();
    };
    events.fatal = [&control](int code) { control.request_stop(code); };
    return events;
  }

  void print_hints() const {
    const auto& values = config_->values;
    std::string listener = "127.0.0.1:9092";
    for (const config::Listener& one : config_->listeners)
      if (!config_->is_controller_listener(one.name)) listener = node_.address(one.name).text();
    std::printf(
        "\n"
        "Moldau runs: a Kafka broker and controller in one process.\n"
        "  node.id %d, cluster %s\n"
        "  listener            %s\n"
        "  log.dirs            %s\n"
        "  metrics and health  http://%s/metrics\n"
        "Values; every other key has Apache Kafka's default:\n",
        config_->node_id.value(), node_.cluster_id().c_str(), listener.c_str(),
        config_->log_dirs.front().c_str(), values.moldau_http_address.c_str());
    for (const auto& [key, property] : *shown_)
      std::printf("  %s=%s\n", key.c_str(),
                  key.ends_with("password") ? "[hidden]" : property.value.c_str());
    std::printf(
        "\n"
        "Produce:  echo hello | kcat -b %s -t first -P\n"
        "Consume:  kcat -b %s -t first -C -e\n"
        "Stop:     Ctrl-C\n\n",
        listener.c_str(), listener.c_str());
    std::fflush(stdout);
  }

  env::Env& env_;
  std::shared_ptr<const config::BrokerConfig> config_;
  std::optional<config::PropertySet> shown_;
  assembly::Node node_;
  std::unique_ptr<http::HttpServer> http_;
};

}  // namespace

std::unique_ptr<os::Program> make_node_program(env::Env& env, os::Control& control,
                                               std::shared_ptr<const config::BrokerConfig> config,
                                               std::optional<config::PropertySet> shown) {
  return std::make_unique<NodeProgram>(env, control, std::move(config), std::move(shown));
}

}  // namespace moldau::program
