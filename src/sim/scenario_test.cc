// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <gtest/gtest.h>

namespace moldau::sim {
namespace {

TEST(ScenarioTest, ReadsWorkloadsAndFaults) {
  const auto scenario = parse_scenario("s", R"(
# comment
seconds = 7
[properties]
log.segment.bytes = 1048576  # with a comment
[[topic]]
name = "a#b"
durable = true
segment.ms = 5
[[workload]]
kind = "producer"
topic = "a#b"
idempotent = false
[[fault]]
kind = "power_cut"
every_ms = 100
)");
  ASSERT_TRUE(scenario.ok()) << scenario.error().text();
  EXPECT_EQ(scenario->seconds, 7);
  EXPECT_EQ(scenario->properties.at("log.segment.bytes"), "1048576");
  ASSERT_EQ(scenario->topics.size(), 1U);
  EXPECT_EQ(scenario->topics[0].name, "a#b");
  EXPECT_EQ(scenario->topics[0].configs.size(), 2U);
  EXPECT_FALSE(scenario->workloads.at(0).idempotent);
  EXPECT_EQ(scenario->faults.at(0).every_ms, 100);
}

TEST(ScenarioTest, RefusesWhatItDoesNotKnow) {
  for (const char* text :
       {"nonsense", "seconds = x", "secondss = 3", "[what]\n", "[[fault]]\nkind = \"meteor\"\n",
        "[[workload]]\nkind = \"producer\"\ntopic = \"none\"\n", "[open\n", "a = 1\na = 2\n",
        "[[fault]]\nkind = \"kill\"\nevery_ms = 0\n"})
    EXPECT_FALSE(parse_scenario("s", text).ok()) << text;
}

TEST(ScenarioTest, AllScenariosCanBeRead) {
  for (const ScenarioText& text : all_scenarios()) {
    const auto scenario = parse_scenario(text.name, text.text);
    EXPECT_TRUE(scenario.ok()) << text.name << ": " << scenario.error().text();
  }
}

}  // namespace
}  // namespace moldau::sim
