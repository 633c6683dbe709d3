// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "sim/simulation.h"

namespace moldau::sim {
namespace {

constexpr const char* kBuildCommit = MOLDAU_BUILD_COMMIT;

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::string scenario;
  bool verbose = false;
  bool list = false;
};

/// For the sink of a failed check, which knows nothing else.
std::string& replay_command() {
  static std::string command;
  return command;
}

bool parse_number(std::string_view text, std::uint64_t& to) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), to);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

bool parse(const std::vector<std::string_view>& words, Arguments& to) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const std::string_view value = i + 1 < words.size() ? words[i + 1] : std::string_view();
    if (word == "--verbose") {
      to.verbose = true;
    } else if (word == "--list") {
      to.list = true;
    } else if (word == "--seed" && parse_number(value, to.seed)) {
      ++i;
    } else if (word == "--seeds" && parse_number(value, to.seeds)) {
      ++i;
    } else if (word == "--scenario" && !value.empty()) {
      to.scenario = value;
      ++i;
    } else {
      return false;
    }
  }
  return true;
}

int run_seeds(const Arguments& arguments, const std::vector<Scenario>& scenarios) {
  constexpr std::uint64_t kRunTwiceEvery = 50;
  std::uint64_t failed = 0;
  RunReport total;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    const std::uint64_t seed = arguments.seed + i;
    const Scenario& scenario = scenarios[seed % scenarios.size()];
    replay_command() = "moldau-sim --seed " + std::to_string(seed) + " --scenario " + scenario.name;
    RunReport report = Simulation(scenario, seed).run();
    if (seed % kRunTwiceEvery == 0 &&
        Simulation(scenario, seed).run().trace_hash != report.trace_hash && report.finding.empty())
      report.finding = "Determinism: a second run of the seed had another trace hash";
    if (arguments.verbose || arguments.seeds == 1)
      std::printf(
          "seed %llu %s: trace %016llx events %llu acked %llu read %llu lives %llu "
          "full reads %llu produce errors %llu sessions %llu committed %llu assignments %llu\n",
          static_cast<unsigned long long>(seed), scenario.name.c_str(),
          static_cast<unsigned long long>(report.trace_hash),
          static_cast<unsigned long long>(report.events),
          static_cast<unsigned long long>(report.acked),
          static_cast<unsigned long long>(report.read),
          static_cast<unsigned long long>(report.deaths + 1),
          static_cast<unsigned long long>(report.full_reads),
          static_cast<unsigned long long>(report.produce_errors),
          static_cast<unsigned long long>(report.sessions),
          static_cast<unsigned long long>(report.committed),
          static_cast<unsigned long long>(report.assignments));
    total.events += report.events;
    total.acked += report.acked;
    total.deaths += report.deaths;
    total.committed += report.committed;
    total.assignments += report.assignments;
    if (report.finding.empty()) continue;
    ++failed;
    std::printf("FAILED seed %llu scenario %s commit %s\n  %s\n%s  replay: %s\n",
                static_cast<unsigned long long>(seed), scenario.name.c_str(), kBuildCommit,
                report.finding.c_str(), report.last_lines.c_str(), replay_command().c_str());
    std::fflush(stdout);
  }
  std::printf(
      "%llu of %llu seeds failed; %llu events, %llu records acknowledged, %llu deaths, "
      "%llu transactions committed, %llu assignments\n",
      static_cast<unsigned long long>(failed), static_cast<unsigned long long>(arguments.seeds),
      static_cast<unsigned long long>(total.events), static_cast<unsigned long long>(total.acked),
      static_cast<unsigned long long>(total.deaths),
      static_cast<unsigned long long>(total.committed),
      static_cast<unsigned long long>(total.assignments));
  return failed == 0 ? 0 : 1;
}

int run(const std::vector<std::string_view>& words) {
  Arguments arguments;
  if (!parse(words, arguments)) {
    std::fprintf(stderr,
                 "usage: moldau-sim [--seed N] [--seeds M] [--scenario NAME] [--list] "
                 "[--verbose]\n");
    return 2;
  }
  std::vector<Scenario> scenarios;
  for (const ScenarioText& text : all_scenarios()) {
    if (arguments.list) std::printf("%s\n", std::string(text.name).c_str());
    if (!arguments.scenario.empty() && arguments.scenario != text.name) continue;
    auto scenario = parse_scenario(text.name, text.text);
    if (!scenario.ok()) {
      std::fprintf(stderr, "%s: %s\n", std::string(text.name).c_str(),
                   scenario.error().detail.c_str());
      return 2;
    }
    scenarios.push_back(std::move(scenario).value());
  }
  if (arguments.list) return 0;
  if (scenarios.empty()) {
    std::fprintf(stderr, "there is no scenario %s\n", arguments.scenario.c_str());
    return 2;
  }
  set_crash_sink([](std::string_view text) {
    std::printf("FAILED commit %s\n  %s\n  replay: %s\n", kBuildCommit, std::string(text).c_str(),
                replay_command().c_str());
    std::fflush(stdout);
  });
  return run_seeds(arguments, scenarios);
}

}  // namespace
}  // namespace moldau::sim

int main(int argc, char** argv) {
  return moldau::sim::run(std::vector<std::string_view>(argv + 1, argv + argc));
}
