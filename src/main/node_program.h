// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "config/broker_config.h"
#include "os/run.h"

namespace moldau::program {

/// A node with its HTTP server. With `shown` it tells, once it runs, these values, which differ
/// from Apache Kafka's defaults, and how to produce and consume.
std::unique_ptr<os::Program> make_node_program(env::Env& env, os::Control& control,
                                               std::shared_ptr<const config::BrokerConfig> config,
                                               std::optional<config::PropertySet> shown);

}  // namespace moldau::program
