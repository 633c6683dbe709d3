// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <gtest/gtest.h>

#include "cli/java_text.h"

namespace moldau::cli {
namespace {

OptionTable table(bool abbreviations = false) {
  OptionTable out(abbreviations);
  out.with_help()
      .argument("topic", "topic", "Which topic.")
      .argument("partitions", "# of partitions", "How many.", ArgumentType::kInteger)
      .flag("list", "Print names.");
  Option verbose;
  verbose.names = {"verbose", "v"};
  verbose.description = "Say more.";
  Option number;
  number.names = {"number", "n"};
  number.takes = Option::Takes::kArgument;
  number.type = ArgumentType::kLong;
  number.defaults = {"7"};
  Option maybe;
  maybe.names = {"colour"};
  maybe.takes = Option::Takes::kOptionalArgument;
  Option many;
  many.names = {"hosts"};
  many.takes = Option::Takes::kArgument;
  many.separator = ',';
  return out.add(verbose).add(number).add(maybe).add(many);
}

ParsedOptions parsed(const std::vector<std::string>& arguments, bool abbreviations = false) {
  return parse_options(table(abbreviations), arguments).value();
}

std::string refused(const std::vector<std::string>& arguments) {
  const auto got = parse_options(table(), arguments);
  return got.ok() ? "" : got.error().detail;
}

std::string text(const ParsedOptions& options, std::string_view name) {
  return options.value(name).value().value_or("none");
}

TEST(OptionsTest, ValuesStandBehindASignOrInTheNextArgument) {
  EXPECT_EQ(text(parsed({"--topic", "a"}), "topic"), "a");
  EXPECT_EQ(text(parsed({"--topic=a=b"}), "topic"), "a=b");
  EXPECT_EQ(text(parsed({"--topic="}), "topic"), "");
  EXPECT_EQ(text(parsed({"-topic", "a"}), "topic"), "a");
  EXPECT_EQ(text(parsed({"--topic", "--list"}), "topic"), "--list");
  EXPECT_EQ(parsed({"-n5", "-v"}).number("number").value(), 5);
  EXPECT_EQ(parsed({"-vn", "5"}).number("number").value(), 5);
  EXPECT_EQ(parsed({}).number("number").value(), 7);
  EXPECT_FALSE(parsed({}).has("number"));
}

TEST(OptionsTest, OptionalArgumentsAreNotTakenFromTheNextOption) {
  EXPECT_EQ(text(parsed({"--colour", "red"}), "colour"), "red");
  const ParsedOptions alone = parsed({"--colour", "--list"});
  EXPECT_TRUE(alone.has("colour"));
  EXPECT_TRUE(alone.has("list"));
  EXPECT_EQ(text(alone, "colour"), "none");
}

TEST(OptionsTest, WhatIsNoOptionIsAnArgument) {
  EXPECT_EQ(parsed({"a", "--list", "-", "--", "--topic"}).arguments(),
            (std::vector<std::string>{"a", "-", "--topic"}));
}

TEST(OptionsTest, SeveralValues) {
  EXPECT_EQ(parsed({"--hosts", "a,,b", "--hosts=c"}).values("hosts"),
            (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(parsed({"--topic", "a", "--topic", "b"}).value("topic").error().detail,
            "Found multiple arguments for option topic, but you asked for only one");
}

TEST(OptionsTest, AbbreviationsMustBeUnambiguousAndAllowed) {
  EXPECT_TRUE(parsed({"--li"}, true).has("list"));
  EXPECT_FALSE(parse_options(table(true), {"--ver"}).ok());
  EXPECT_EQ(refused({"--li"}), "li is not a recognized option\n(the nearest one is --list)");
}

TEST(OptionsTest, ErrorsAreThoseOfJoptsimple) {
  EXPECT_EQ(refused({"--nonsense"}), "nonsense is not a recognized option");
  EXPECT_EQ(refused({"--topik", "a"}),
            "topik is not a recognized option\n(the nearest one is --topic)");
  EXPECT_EQ(refused({"--topic"}), "Option topic requires an argument");
  EXPECT_EQ(refused({"-vx"}), "x is not a recognized option");
  for (const char* bad : {"x", "", "1.5", "99999999999", "-"})
    EXPECT_EQ(parsed({"--partitions", bad}).number("partitions").error().detail,
              "Cannot parse argument '" + std::string(bad) + "' of option partitions");
  EXPECT_EQ(parsed({"-n", "99999999999"}).number("number").value(), 99999999999);
}

TEST(OptionsTest, RequiredOnesMayBeMissingBesideHelp) {
  OptionTable out;
  out.with_help();
  Option must;
  must.names = {"must"};
  must.takes = Option::Takes::kArgument;
  must.required = true;
  out.add(must);
  EXPECT_EQ(parse_options(out, {}).error().detail, "Missing required option(s) [must]");
  EXPECT_TRUE(parse_options(out, {"--help"}).ok());
  EXPECT_NE(out.help().find("* --must <String>"), std::string::npos);
  EXPECT_NE(out.help().find("Option (* = required)"), std::string::npos);
}

TEST(OptionsTest, HelpIsSortedAndFitsInto80Columns) {
  OptionTable out = table();
  out.argument("long", "a very long description of an argument, which goes on and on",
               "A sentence that is longer than the column that it has for itself, and two lines.");
  const std::string help = out.help();
  for (const std::string& line : split(help, '\n')) EXPECT_EQ(line.size(), 80U) << line;
  EXPECT_LT(help.find("--colour"), help.find("--topic"));
  EXPECT_NE(help.find("--partitions <Integer: # of "), std::string::npos);
  EXPECT_NE(help.find("(default: 7)"), std::string::npos);
  EXPECT_NE(help.find("--colour [String]"), std::string::npos);
}

TEST(JavaTextTest, SplitsAsJavaDoes) {
  using Parts = std::vector<std::string>;
  EXPECT_EQ(split("a,b,,", ','), (Parts{"a", "b"}));
  EXPECT_EQ(split(",a", ','), (Parts{"", "a"}));
  EXPECT_EQ(split("", ','), (Parts{""}));
  EXPECT_EQ(split(",,", ','), Parts());
}

TEST(JavaTextTest, NumbersFailWithTheSentenceOfJava) {
  EXPECT_EQ(parse_int("+5").value(), 5);
  EXPECT_EQ(parse_int("-2147483648").value(), INT32_MIN);
  for (const char* bad : {"", "x", "2147483648", "1 ", "+-1", "0x1"})
    EXPECT_EQ(parse_int(bad).error().detail, "For input string: \"" + std::string(bad) + "\"");
}

TEST(JavaTextTest, HashesAndMapsAreInTheOrderOfJava) {
  EXPECT_EQ(java_hash("min.insync.replicas"), 268940301);
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("\xF0\x9F\x98\x80"), 1772899);
  const std::vector<std::string> names = {"min.insync.replicas",
                                          "retention.ms",
                                          "segment.bytes",
                                          "a",
                                          "b",
                                          "topic-1",
                                          "topic-2",
                                          "x.y.z",
                                          "foo",
                                          "bar",
                                          "baz",
                                          "qux",
                                          "quux"};
  std::vector<std::int32_t> hashes;
  for (const std::string& name : names) hashes.push_back(java_hash(name));
  for (const std::size_t capacity : {0, 2, 3, 10}) {
    std::vector<std::string> order;
    for (const std::size_t i : hash_map_order(hashes, capacity)) order.push_back(names[i]);
    EXPECT_EQ(join(order, " "),
              "a b foo min.insync.replicas topic-1 topic-2 bar quux qux baz retention.ms "
              "segment.bytes x.y.z");
  }
  EXPECT_EQ(hash_map_order({16, 0, 1}), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(hash_map_order({17, 1, 0}, 2), (std::vector<std::size_t>{2, 0, 1}));
}

TEST(JavaTextTest, BadUuidsFailWithTheSentenceOfJava) {
  EXPECT_TRUE(parse_uuid("gOtXs5U-TqOBDXtPWhWRaA").ok());
  EXPECT_EQ(parse_uuid("x").error().detail,
            "Input byte[] should at least have 2 bytes for base64 bytes");
  EXPECT_EQ(parse_uuid("ab?d").error().detail, "Illegal base64 character 3f");
  EXPECT_EQ(parse_uuid("abcd").error().detail,
            "Input string `abcd` decoded as 3 bytes, which is not equal to the expected 16 bytes "
            "of a base64-encoded UUID");
}

}  // namespace
}  // namespace moldau::cli
