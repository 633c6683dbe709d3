// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "main/commands.h"

/// Read by jemalloc before main: a thread of its own gives memory back after a burst, also when
/// nothing is allocated any more; few arenas, since there are few threads.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,max_background_threads:1,narenas:4";
}

namespace {

constexpr const char* kUsage =
    "usage: moldau COMMAND …\n"
    "\n"
    "  server [FILE.properties] [--override KEY=VALUE]…   run a node; without a file a complete\n"
    "                                                     single node on 127.0.0.1:9092\n"
    "  storage format|info|random-uuid …                  prepare log directories\n"
    "  kafka-topics …                                     and the other tools of Kafka, also by\n"
    "                                                     links of their names to this program\n"
    "  version                                            print the version\n"
    "\n"
    "Exit codes: 0 fine, 1 failed, 2 wrong arguments or configuration, 128+N ended by signal N.\n";

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string_view self = argc > 0 ? argv[0] : "";
  if (const auto code = moldau::program::run_tool(self, arguments)) return *code;
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    std::fputs(kUsage, arguments.empty() ? stderr : stdout);
    return arguments.empty() ? 2 : 0;
  }
  const std::string& command = arguments[0];
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (command == "--version" || command == "version") {
    std::printf("moldau %s (speaks Apache Kafka 4.3)\n", MOLDAU_VERSION);
    return 0;
  }
  if (command == "server") return moldau::program::run_server(rest);
  if (command == "storage") return moldau::program::run_storage(rest);
  if (const auto code = moldau::program::run_tool(command, rest)) return *code;
  std::fprintf(stderr, "moldau: there is no command \"%s\"\n\n%s", command.c_str(), kUsage);
  return 2;
}
