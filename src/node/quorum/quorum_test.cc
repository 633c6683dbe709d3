// SPDX-License-Identifier: Apache-2.0
// A quorum of one on a real disk. KIP-595, KIP-630, KIP-853, KIP-868
#include "node/quorum/quorum.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <random>

#include "log/meta_properties.h"
#include "machine/raft/quorum_state_file.h"
#include "machine/raft/snapshot_file.h"
#include "offline/storage_format.h"
#include "os/running_env.h"

namespace moldau::quorum {
namespace {

namespace fs = std::filesystem;
using controller::Decision;
using controller::Nothing;

// Runs a Task on shard 0 and hands its value to the test's thread.
template <class T>
class Runner {
 public:
  explicit Runner(os::RunningEnv& env) : env_(env) {}
  T run(UniqueFunction<env::Task<T>()> make) {
    std::promise<T> promise;
    auto future = promise.get_future();
    auto scope = std::make_shared<env::TaskScope>();
    env_.shard(0).post([scope, &promise, make = std::move(make)]() mutable {
      scope->spawn(finish(make(), promise));
    });
    T value = future.get();
    env_.call(0, [&] { scope.reset(); });
    return value;
  }

 private:
  static env::Task<void> finish(env::Task<T> task, std::promise<T>& promise) {
    T value = co_await task;
    promise.set_value(std::move(value));
  }
  os::RunningEnv& env_;
};

DecideFn<Nothing> set_config(std::string key, std::string value) {
  return [key = std::move(key), value = std::move(value)](controller::ControllerMachine& machine,
                                                          controller::RequestContext&) {
    Decision<Nothing> decision(machine.image().metadata_version());
    decision.records.config(image::ConfigResource(image::ResourceType::kBroker, ""), key, value);
    return decision;
  };
}

class QuorumTest : public testing::Test {
 protected:
  void SetUp() override {
    os::RunningEnv env;
    const auto unique = env.call(0, [&] { return env.shard(0).random().next(); });
    directory_ = testing::TempDir() + "quorum-" + std::to_string(unique);
    offline::FormatOptions options;
    options.node_id = NodeId(1);
    options.is_controller = true;
    options.log_dirs = {directory_};
    options.metadata_log_dir = directory_;
    options.controller_listener = "CONTROLLER";
    options.cluster_id = "nyk1D6EFRoucP3xtdf3zpw";
    options.standalone = true;
    options.controller_endpoint.emplace("CONTROLLER", "127.0.0.1", std::uint16_t{9093});
    offline::FormatInputs inputs;
    inputs.now = env.env().clock().wall();
    inputs.random = [random = std::mt19937_64(5)]() mutable { return random(); };
    ASSERT_TRUE(offline::format_storage(env.env().disk(), options, inputs).ok());
    const auto text = env::read_small_file(env.env().disk(), directory_ + "/meta.properties");
    config_.directory_id = log::MetaProperties::parse(*text)->directory_id;
    config_.node_id = NodeId(1);
    config_.cluster_id = options.cluster_id;
    config_.metadata_log_dir = directory_;
    config_.controller_endpoints.emplace_back("CONTROLLER", "127.0.0.1", std::uint16_t{9093});
    config_.controller.node_id = NodeId(1);
    config_.controller.cluster_id = options.cluster_id;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string metadata_directory() const { return directory_ + "/__cluster_metadata-0"; }
  std::vector<std::string> files(const std::string& suffix) const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(metadata_directory()))
      if (entry.path().string().ends_with(suffix)) out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }
  std::string content(const std::string& name) const {
    std::ifstream in(metadata_directory() + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string directory_;
  QuorumConfig config_;
};

// A node that runs; destroyed without stop() it is killed.
class Node {
 public:
  Node(const QuorumConfig& config, std::uint32_t shards = 2) : env_(options(shards)) {
    quorum_ = env_.call(0, [&] { return std::make_unique<Quorum>(env_.env(), config); });
  }
  ~Node() { env_.stop(); }

  Result<void> start() {
    return Runner<Result<void>>(env_).run([this] { return quorum_->start(); });
  }
  Result<void> stop() {
    return Runner<Result<void>>(env_).run([this] { return quorum_->stop(); });
  }
  Result<Nothing> submit(DecideFn<Nothing> decide) {
    env::Shard& here = env_.shard(0);
    return Runner<Result<Nothing>>(env_).run([&, decide = std::move(decide)]() mutable {
      return quorum_->submit<Nothing>(here, std::move(decide), here.now() + Millis(20'000));
    });
  }
  image::ImagePtr image() {
    return env_.call(0, [this] { return quorum_->image(env::ShardId(0)); });
  }
  Quorum& quorum() { return *quorum_; }
  os::RunningEnv& env() { return env_; }

 private:
  static os::RealEnvOptions options(std::uint32_t shards) {
    os::RealEnvOptions out;
    out.shards = shards;
    return out;
  }
  os::RunningEnv env_;
  std::unique_ptr<Quorum> quorum_;
};

TEST_F(QuorumTest, AFreshNodeLeadsAndWritesTheBootstrapRecords) {
  Node node(config_);
  const Result<void> started = node.start();
  ASSERT_TRUE(started.ok()) << started.error().text();
  EXPECT_TRUE(node.quorum().is_active_controller());
  EXPECT_EQ(node.quorum().leader().leader_id, NodeId(1));
  EXPECT_EQ(node.quorum().leader().epoch, LeaderEpoch(1));
  const image::ImagePtr image = node.image();
  EXPECT_EQ(image->metadata_version().level(), 30);
  EXPECT_EQ(image->feature_level("transaction.version"), 2);
  EXPECT_EQ(image->broker_default_config().at("min.insync.replicas"), "1");
  EXPECT_EQ(content("quorum-state"),
            "{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,\"votedDirectoryId\":"
            "\"AAAAAAAAAAAAAAAAAAAAAA\",\"data_version\":1}");
  EXPECT_EQ(node.quorum().kraft_version(), 1);
  ASSERT_TRUE(node.stop().ok());
}

TEST_F(QuorumTest, AnswersWhenCommittedAndKeepsItAcrossARestart) {
  {
    Node node(config_);
    ASSERT_TRUE(node.start().ok());
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(node.submit(set_config("key" + std::to_string(i), "v")).ok());
    EXPECT_EQ(node.image()->broker_default_config().at("key19"), "v");
  }  // killed
  {
    Node node(config_);
    const Result<void> started = node.start();
    ASSERT_TRUE(started.ok()) << started.error().text();
    EXPECT_EQ(node.quorum().leader().epoch, LeaderEpoch(2));
    EXPECT_EQ(node.image()->broker_default_config().at("key19"), "v");
    EXPECT_EQ(node.image()->metadata_version().level(), 30);
    ASSERT_TRUE(node.submit(set_config("after", "v")).ok());
    ASSERT_TRUE(node.stop().ok());
  }
  Node node(config_);
  ASSERT_TRUE(node.start().ok());
  EXPECT_EQ(node.quorum().leader().epoch, LeaderEpoch(3));
  EXPECT_EQ(node.image()->broker_default_config().at("after"), "v");
  ASSERT_TRUE(node.stop().ok());
}

TEST_F(QuorumTest, MakesSnapshotsAndStartsFromThem) {
  config_.snapshot_after_bytes = 2000;
  config_.segment_bytes = 1 << 20;
  {
    Node node(config_);
    ASSERT_TRUE(node.start().ok());
    for (int i = 0; i < 60; ++i)
      ASSERT_TRUE(node.submit(set_config("key" + std::to_string(i % 7), std::to_string(i))).ok());
    ASSERT_TRUE(node.stop().ok());
  }
  const std::vector<std::string> snapshots = files(".checkpoint");
  ASSERT_GE(snapshots.size(), 2U);  // besides that of format
  const std::string bytes = content(snapshots.back());
  const auto parsed = raft::parse_snapshot(as_view(bytes));
  ASSERT_TRUE(parsed.ok()) << parsed.error().text();
  EXPECT_EQ(parsed->prologue.kraft_version, std::int16_t{1});
  EXPECT_TRUE(parsed->prologue.voters->contains(NodeId(1)));
  EXPECT_EQ(fs::status(metadata_directory() + "/" + snapshots.back()).permissions(),
            fs::perms::owner_read);
  // Without the records before it the snapshot alone must carry the state.
  Node node(config_);
  const Result<void> started = node.start();
  ASSERT_TRUE(started.ok()) << started.error().text();
  EXPECT_EQ(node.image()->broker_default_config().at("key3"), "59");
  ASSERT_TRUE(node.stop().ok());
}

TEST_F(QuorumTest, ManyDecisionsAtOnceShareTheirSyncs) {
  Node node(config_);
  ASSERT_TRUE(node.start().ok());
  constexpr int kDecisions = 500;
  std::atomic<int> done{0};
  std::promise<void> all;
  auto scope = std::make_shared<env::TaskScope>();
  struct Submit {
    static env::Task<void> one(Node& node, env::Shard& here, int i, std::atomic<int>& done,
                               std::promise<void>& all) {
      DecideFn<Nothing> decide = set_config("k" + std::to_string(i), "v");
      const MonoTime deadline = here.now() + Millis(20'000);
      auto result = co_await node.quorum().submit<Nothing>(here, std::move(decide), deadline);
      EXPECT_TRUE(result.ok());
      // The image of the submitting shard holds the change.
      const auto image = node.quorum().image(here.id());
      EXPECT_TRUE(image->broker_default_config().contains("k" + std::to_string(i)));
      if (++done == kDecisions) all.set_value();
    }
  };
  node.env().call(1, [&] {
    for (int i = 0; i < kDecisions; ++i)
      scope->spawn(Submit::one(node, node.env().shard(1), i, done, all));
  });
  all.get_future().get();
  node.env().call(1, [&] { scope.reset(); });
  ASSERT_TRUE(node.stop().ok());
}

TEST_F(QuorumTest, SubscribersSeeEveryImageInOrder) {
  Node node(config_);
  std::vector<Offset> seen;
  node.env().call(0, [&] {
    node.quorum().subscribe(env::ShardId(1), [&](const image::PublishedImage& published) {
      seen.push_back(published.image->provenance().offset);
    });
  });
  ASSERT_TRUE(node.start().ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(node.submit(set_config("k", std::to_string(i))).ok());
  ASSERT_TRUE(node.stop().ok());
  node.env().call(1, [] {});
  EXPECT_GE(seen.size(), 10U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_F(QuorumTest, RefusesANodeThatIsNoVoter) {
  config_.directory_id = Uuid(1234, 5678);
  Node node(config_);
  const Result<void> started = node.start();
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().detail.find("no voter"), std::string::npos);
}

TEST_F(QuorumTest, RefusesADamagedQuorumState) {
  {
    Node node(config_);
    ASSERT_TRUE(node.start().ok());
    ASSERT_TRUE(node.stop().ok());
  }
  std::ofstream(metadata_directory() + "/quorum-state").close();
  Node node(config_);
  const Result<void> started = node.start();
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().detail.find("quorum-state"), std::string::npos);
}

}  // namespace
}  // namespace moldau::quorum
