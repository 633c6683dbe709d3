// SPDX-License-Identifier: Apache-2.0
#include "sim/node_process.h"

#include <gtest/gtest.h>

#include <memory>

#include "offline/storage_format.h"
#include "sim/image_check.h"

namespace moldau::sim {
namespace {

using Death = env::fake::FakeEnv::Death;

/// What a cut leaves is a matter of chance: each call dies this often, each time otherwise.
constexpr std::uint64_t kWorldsPerCall = 16;
/// A node that runs goes on for a while: it registers, writes its first records.
constexpr Millis kAfterwards{300};

std::shared_ptr<const config::BrokerConfig> single_node() {
  config::PropertySet properties = config::default_single_node_properties();
  properties["log.dirs"].value = "data";
  auto loaded = config::load_broker_config(properties);
  EXPECT_TRUE(loaded.ok()) << loaded.error().text();
  return std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
}

void make_empty_directory(env::fake::FakeDisk& disk) {
  disk.put_file("data/.keep", "");
  ASSERT_TRUE(disk.remove_file("data/.keep").ok());
  ASSERT_TRUE(disk.sync_directory("data").ok());
}

void revive(env::fake::FakeDisk& disk, Death death) {
  disk.forget_cut();
  if (death == Death::kPowerCut)
    disk.revive_after_power_cut();
  else
    disk.revive_after_kill();
}

bool comes_up(env::fake::World& world, const NodeProcess& node) {
  world.run_while(
      [&] { return node.is_running() || node.is_dead() || node.exit_code().has_value(); },
      Millis(60'000));
  return node.is_running();
}

void expect_serving(env::fake::World& world, env::fake::FakeDisk& disk,
                    const std::shared_ptr<const config::BrokerConfig>& config) {
  NodeProcess node(world, disk, config, {});
  ASSERT_TRUE(comes_up(world, node)) << node.last_lines(20);
  const image::ImagePtr image = node.image();
  ASSERT_TRUE(image);
  const Result<void> equal = check_image(disk, config->metadata_log_dir, *image);
  EXPECT_TRUE(equal.ok()) << equal.error().text();
}

/// The process dies in the n-th changing call of its first start, which formats; the next start
/// must serve. False once n is beyond all calls.
bool survives_first_start(std::uint64_t n, std::uint64_t seed, Death death,
                          const std::shared_ptr<const config::BrokerConfig>& config) {
  SCOPED_TRACE("call " + std::to_string(n) + " seed " + std::to_string(seed));
  env::fake::World world(seed);
  env::fake::FakeDisk disk(world);
  make_empty_directory(disk);
  bool died = false;
  {
    NodeProcess first(world, disk, config, {});
    disk.cut_after(n, [&first, death, &died] {
      died = true;
      first.env().die(death);
    });
    const bool up = comes_up(world, first);
    EXPECT_EQ(up, !died) << first.last_lines(20);
    world.run_while([&died] { return died; }, kAfterwards);
  }
  revive(disk, death);
  expect_serving(world, disk, config);
  return died;
}

/// `moldau storage format` dies in its n-th changing call; the same command again, then a start,
/// must serve. False once n is beyond all calls.
bool survives_format(std::uint64_t n, std::uint64_t seed, Death death,
                     const std::shared_ptr<const config::BrokerConfig>& config) {
  SCOPED_TRACE("call " + std::to_string(n) + " seed " + std::to_string(seed));
  env::fake::World world(seed);
  env::fake::FakeDisk disk(world);
  make_empty_directory(disk);
  std::uint64_t drawn = seed;
  offline::FormatInputs inputs;
  inputs.now = world.wall();
  inputs.random = [&drawn] { return drawn = drawn * 6364136223846793005ULL + 1; };
  offline::FormatOptions options;
  options.node_id = config->node_id;
  options.is_controller = true;
  options.log_dirs = config->log_dirs;
  options.metadata_log_dir = config->metadata_log_dir;
  options.controller_listener = config->controller_listener_names.front();
  const config::Listener& controller = config->advertised_controller_listeners.front();
  options.controller_endpoint =
      raft::Endpoint(controller.name, controller.host, static_cast<std::uint16_t>(controller.port));
  options.cluster_id = "4L6g3nShT-eMCtK--X86sw";
  options.standalone = true;
  options.ignore_formatted = true;
  bool died = false;
  disk.cut_after(n, [&died] { died = true; });
  const auto first = offline::format_storage(disk, options, inputs);
  EXPECT_TRUE(first.ok() || died) << first.error().text();
  revive(disk, death);
  const auto second = offline::format_storage(disk, options, inputs);
  EXPECT_TRUE(second.ok()) << second.error().text();
  expect_serving(world, disk, config);
  return died;
}

using Survives = bool (*)(std::uint64_t, std::uint64_t, Death,
                          const std::shared_ptr<const config::BrokerConfig>&);

/// Cuts in the first call, the second and so on, until one is not reached. How many there were.
std::uint64_t cut_every_call(Survives survives, Death death) {
  const auto config = single_node();
  for (std::uint64_t n = 1;; ++n) {
    bool reached = false;
    for (std::uint64_t world = 0; world < kWorldsPerCall; ++world)
      reached = survives(n, n * kWorldsPerCall + world, death, config) || reached;
    if (!reached || testing::Test::HasFailure()) return n - 1;
  }
}

TEST(NodeProcessTest, StartsAfterAPowerCutInAnySystemCallOfTheFirstStart) {
  EXPECT_GT(cut_every_call(survives_first_start, Death::kPowerCut), 40U);
}

TEST(NodeProcessTest, StartsAfterAKillInAnySystemCallOfTheFirstStart) {
  EXPECT_GT(cut_every_call(survives_first_start, Death::kKill), 40U);
}

TEST(NodeProcessTest, FormatsAgainAfterAPowerCutInAnySystemCallOfFormatting) {
  EXPECT_GT(cut_every_call(survives_format, Death::kPowerCut), 10U);
}

TEST(NodeProcessTest, FormatsAgainAfterAKillInAnySystemCallOfFormatting) {
  EXPECT_GT(cut_every_call(survives_format, Death::kKill), 10U);
}

}  // namespace
}  // namespace moldau::sim
