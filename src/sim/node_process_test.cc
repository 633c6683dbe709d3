// SPDX-License-Identifier: Apache-2.0
#include "sim/node_process.h"

#include <gtest/gtest.h>

#include <memory>

#include "sim/image_check.h"

namespace moldau::sim {
namespace {

using env::fake::FakeEnv;

std::shared_ptr<const config::BrokerConfig> single_node() {
  config::PropertySet properties = config::default_single_node_properties();
  properties["log.dirs"].value = "data";
  auto loaded = config::load_broker_config(properties);
  EXPECT_TRUE(loaded.ok()) << loaded.error().text();
  return std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
}

bool comes_up(env::fake::World& world, NodeProcess& node) {
  return world.run_while(
             [&] { return node.is_running() || node.is_dead() || node.exit_code().has_value(); },
             Millis(60'000)) &&
         node.is_running();
}

/// The process dies in the n-th changing call of formatting and first start; the next start must
/// work. False once n is beyond all calls.
bool survives_cut_at(std::uint64_t n, FakeEnv::Death death,
                     const std::shared_ptr<const config::BrokerConfig>& config) {
  env::fake::World world(n);
  env::fake::FakeDisk disk(world);
  disk.put_file("data/.keep", "");
  bool died = false;
  {
    NodeProcess first(world, disk, config, {});
    FakeEnv* env = &first.env();
    disk.cut_after(n, [env, death, &died] {
      died = true;
      env->die(death);
    });
    EXPECT_EQ(comes_up(world, first), !died) << "call " << n;
    disk.forget_cut();
  }
  if (death == FakeEnv::Death::kPowerCut)
    disk.revive_after_power_cut();
  else
    disk.revive_after_kill();
  NodeProcess second(world, disk, config, {});
  EXPECT_TRUE(comes_up(world, second)) << "call " << n << "\n" << second.last_lines(20);
  if (second.image()) {
    const Result<void> equal = check_image(disk, "data", *second.image());
    EXPECT_TRUE(equal.ok()) << "call " << n << ": " << equal.error().text();
  }
  return died;
}

TEST(NodeProcessTest, StartsAfterAPowerCutInAnySystemCallOfTheFirstStart) {
  const auto config = single_node();
  std::uint64_t n = 1;
  while (survives_cut_at(n, FakeEnv::Death::kPowerCut, config) && !HasFailure()) ++n;
  EXPECT_GT(n, 40U);
}

TEST(NodeProcessTest, StartsAfterAKillInAnySystemCallOfTheFirstStart) {
  const auto config = single_node();
  std::uint64_t n = 1;
  while (survives_cut_at(n, FakeEnv::Death::kKill, config) && !HasFailure()) ++n;
  EXPECT_GT(n, 40U);
}

}  // namespace
}  // namespace moldau::sim
