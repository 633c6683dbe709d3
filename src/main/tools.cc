// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "cli/tool.h"
#include "main/commands.h"
#include "os/run.h"

namespace moldau::program {
namespace {

env::Task<int> perform(env::Env& env, os::Interrupt& interrupt, cli::ToolMain run,
                       std::vector<std::string> arguments) {
  cli::ToolContext context(env, env.shard(env::ShardId(0)), std::cout, std::cerr);
  context.on_interrupt = &interrupt.on_signal;
  const int code = co_await run(context, std::move(arguments));
  co_return code;
}

}  // namespace

std::optional<int> run_tool(std::string_view name, const std::vector<std::string>& arguments) {
  if (cli::script_name(name) == "kafka-storage") return run_storage(arguments);
  if (cli::script_name(name) == "kafka-server-start") return run_server(arguments);
  const cli::Tool* tool = cli::find_tool(name);
  if (!tool) return std::nullopt;
  std::ios::sync_with_stdio(false);
  os::RealEnvOptions options;
  options.threads_per_pool = 1;
  const int code =
      os::run_command(std::move(options), [&](env::Env& env, os::Interrupt& interrupt) {
        std::vector<std::string> copy = arguments;
        return perform(env, interrupt, tool->run, std::move(copy));
      });
  std::cout.flush();
  std::cerr.flush();
  return code;
}

}  // namespace moldau::program
