// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/env.h"

namespace moldau::cli {

/// The version of Apache Kafka whose tools these are.
inline constexpr std::string_view kKafkaVersion = "4.3.1";

/// What a tool runs with: one process, one loop, its streams.
/// Owner    main/ or a test; outlives the tool's task.
/// Thread   the shard's.
struct ToolContext {
  ToolContext(env::Env& e, env::Shard& s, std::ostream& o, std::ostream& x)
      : env(e), shard(s), out(o), err(x) {}
  env::Env& env;
  env::Shard& shard;
  std::ostream& out;
  std::ostream& err;
  /// Set by a tool that ends in its own way when it is interrupted (Ctrl-C); otherwise its task is
  /// destroyed.
  Callback* on_interrupt = nullptr;
};

/// Runs a tool to its exit code; `arguments` are those behind its name.
using ToolMain = env::Task<int> (*)(ToolContext& context, std::vector<std::string> arguments);

/// Thread   immutable.
struct Tool {
  std::string_view name;
  ToolMain run;
};

/// All tools, by name.
std::span<const Tool> all_tools();
/// "kafka-topics" of "/usr/bin/kafka-topics.sh".
std::string_view script_name(std::string_view path);
/// By the name of a script ("kafka-topics"), also with its folder and ".sh"; nullptr if there is
/// no such tool.
const Tool* find_tool(std::string_view name);

}  // namespace moldau::cli
