// SPDX-License-Identifier: Apache-2.0
#include "cli/argparse.h"

#include <gtest/gtest.h>

namespace moldau::cli {
namespace {

CommandTable table() {
  CommandTable out;
  out.program = "kafka-thing";
  out.description = "Does things.";
  out.options.argument("bootstrap-server", "", "Brokers.")
      .argument("bootstrap-controller", "", "Controllers.");
  ExclusiveGroup group;
  group.names = {"bootstrap-server", "bootstrap-controller"};
  out.groups.push_back(group);
  Command describe;
  describe.name = "describe";
  describe.description = "Shows it.";
  describe.options.argument("node-id", "", "A node.", ArgumentType::kInteger).flag("all", "All.");
  Option feature;
  feature.names = {"feature", "f"};
  feature.takes = Option::Takes::kArgument;
  feature.repeated = true;
  feature.required = true;
  Command update;
  update.name = "update";
  update.options.add(feature);
  out.commands = {describe, update};
  return out;
}

ParsedCommand parsed(const std::vector<std::string>& arguments) {
  return parse_command(table(), arguments).value();
}

std::string refused(const std::vector<std::string>& arguments) {
  const auto got = parse_command(table(), arguments);
  return got.ok() ? "" : got.error().detail;
}

TEST(ArgparseTest, OptionsStandBeforeAndBehindTheCommand) {
  const ParsedCommand got =
      parsed({"--bootstrap-server", "a", "describe", "--node-id=-3", "--all"});
  EXPECT_EQ(got.name, "describe");
  EXPECT_EQ(got.options.value("bootstrap-server").value(), "a");
  EXPECT_EQ(got.options.number("node-id").value(), -3);
  EXPECT_TRUE(got.options.has("all"));
  EXPECT_EQ(parsed({"describe", "--node-id", "-3"}).options.number("node-id").value(), -3);
  EXPECT_EQ(parsed({"describe", "--no", "1", "--node-id", "2"}).options.number("node-id").value(),
            2);
  EXPECT_EQ(parsed({"update", "-fa", "--feature", "b"}).options.values("feature"),
            (std::vector<std::string>{"a", "b"}));
}

TEST(ArgparseTest, ErrorsAreThoseOfArgparse4j) {
  EXPECT_EQ(refused({}), "too few arguments");
  EXPECT_EQ(refused({"x"}), "invalid choice: 'x' (choose from 'describe', 'update')");
  EXPECT_EQ(refused({"describe", "x"}), "unrecognized arguments: 'x'");
  EXPECT_EQ(refused({"describe", "--bootstrap-server", "x"}),
            "unrecognized arguments: '--bootstrap-server'");
  EXPECT_EQ(refused({"describe", "--node-di"}),
            "unrecognized arguments: '--node-di'\n(the nearest one is --node-id)");
  EXPECT_EQ(refused({"--boot", "x", "describe"}),
            "ambiguous option: --boot could match --bootstrap-controller, --bootstrap-server");
  EXPECT_EQ(refused({"--bootstrap-server", "x", "--bootstrap-controller", "y", "describe"}),
            "argument --bootstrap-controller: not allowed with argument --bootstrap-server");
  EXPECT_EQ(refused({"describe", "--node-id"}), "argument --node-id: expected one argument");
  EXPECT_EQ(refused({"describe", "--node-id", "x"}),
            "argument --node-id: could not convert 'x' to Integer (For input string: \"x\")");
  EXPECT_EQ(refused({"describe", "--all=x"}), "argument --all: ignored explicit argument 'x'");
  EXPECT_EQ(refused({"update"}), "argument --feature/-f is required");
}

TEST(ArgparseTest, HelpShowsTheToolOrTheCommand) {
  const std::string tool = parsed({"-h"}).help;
  EXPECT_NE(tool.find("usage: kafka-thing [-h]"), std::string::npos);
  EXPECT_NE(tool.find("{describe,update}"), std::string::npos);
  EXPECT_NE(tool.find("Does things."), std::string::npos);
  const std::string command = parsed({"describe", "--help"}).help;
  EXPECT_NE(command.find("usage: kafka-thing describe [-h] [--node-id NODE_ID] [--all]"),
            std::string::npos);
}

}  // namespace
}  // namespace moldau::cli
