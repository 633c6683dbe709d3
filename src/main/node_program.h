// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "config/broker_config.h"
#include "os/run.h"

namespace moldau::program {

/// A node with its HTTP server. With `hints` it tells, once it runs, its effective values and how
/// to produce and consume.
std::unique_ptr<os::Program> make_node_program(env::Env& env, os::Control& control,
                                               std::shared_ptr<const config::BrokerConfig> config,
                                               bool hints);

}  // namespace moldau::program
