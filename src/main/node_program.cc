// SPDX-License-Identifier: Apache-2.0
#include "main/node_program.h"

#include <cstdio>

#include "node/assembly/node.h"

namespace moldau::program {
namespace {

class NodeProgram final : public os::Program {
 public:
  NodeProgram(env::Env& env, os::Control& control,
              std::shared_ptr<const config::BrokerConfig> config, bool hints)
      : config_(config), hints_(hints), node_(env, config, events_of(control)) {
    node_.start();
  }

  void stop(Callback done) override { node_.stop(std::move(done)); }

 private:
  assembly::NodeEvents events_of(os::Control& control) {
    assembly::NodeEvents events;
    events.running = [this] {
      if (hints_) print_hints();
    };
    events.fatal = [&control](int code) { control.request_stop(code); };
    return events;
  }

  void print_hints() const {
    const auto& values = config_->values;
    std::string listener = "127.0.0.1:9092";
    for (const config::Listener& one : config_->listeners)
      if (!config_->is_controller_listener(one.name))
        listener = node_.address(one.name).text();
    std::printf(
        "\n"
        "Moldau runs: a Kafka broker and controller in one process.\n"
        "  node.id %d, cluster %s\n"
        "  listener            %s\n"
        "  log.dirs            %s\n"
        "  metrics and health  http://%s/metrics\n"
        "\n"
        "Produce:  echo hello | kcat -b %s -t first -P\n"
        "Consume:  kcat -b %s -t first -C -e\n"
        "Stop:     Ctrl-C\n\n",
        config_->node_id.value(), node_.cluster_id().c_str(), listener.c_str(),
        config_->log_dirs.front().c_str(), values.moldau_http_address.c_str(), listener.c_str(),
        listener.c_str());
    std::fflush(stdout);
  }

  std::shared_ptr<const config::BrokerConfig> config_;
  bool hints_;
  assembly::Node node_;
};

}  // namespace

std::unique_ptr<os::Program> make_node_program(env::Env& env, os::Control& control,
                                               std::shared_ptr<const config::BrokerConfig> config,
                                               bool hints) {
  return std::make_unique<NodeProgram>(env, control, std::move(config), hints);
}

}  // namespace moldau::program
