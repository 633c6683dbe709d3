// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/group_coordinators.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <utility>

#include "env/fake/fake_env.h"
#include "machine/image/record_list.h"
#include "node/coordinator/marker_writer.h"
#include "wire/offset_commit_request.h"
#include "wire/offset_fetch_request.h"
#include "wire/txn_offset_commit_request.h"
#include "wire/txn_offset_commit_response.h"

namespace moldau::coordinator {
namespace {

using env::fake::DiskCall;
using Commit = wire::OffsetCommitRequest;
using Found = wire::OffsetFetchResponse::OffsetFetchResponseGroup;

const TopicId kOffsets(3, 3);
const TopicId kOrders(4, 4);

/// The image in which node `leader` leads the one partition of the offsets topic.
image::ImagePtr image_of(NodeId leader, LeaderEpoch epoch) {
  image::RecordList list;
  list.topic(std::string(kGroupTopic), kOffsets);
  image::PartitionState state;
  state.replicas = {leader};
  state.isr = {leader};
  state.directories = {Uuid(9, 9)};
  state.leader = leader;
  state.leader_epoch = epoch;
  list.partition(kOffsets, PartitionId(0), state);
  list.topic("orders", kOrders);
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) EXPECT_TRUE(delta.replay(record).ok());
  return std::make_shared<const image::MetadataImage>(
      delta.publish(image::Provenance(Offset(1), LeaderEpoch(1), Timestamp(1))));
}

/// One node with the offsets topic on one shard, on a clock that moves when the test says so.
class GroupCoordinatorsTest : public testing::Test {
 protected:
  GroupCoordinatorsTest() {
    config_.values.offsets_retention_minutes = 10'080;
    config_.values.offsets_retention_check_interval_ms = 600'000;
    config_.values.offset_metadata_max_bytes = 4'096;
    config_.values.offsets_commit_timeout_ms = 5'000;
    config_.values.offsets_load_buffer_size = 5'242'880;
    config_.values.message_max_bytes = 1'048'588;
    groups_ = std::make_unique<GroupCoordinators>(env_, replicas_, config_, nullptr);
    host_partition();
    show(NodeId(1), LeaderEpoch(0));
  }

  void host_partition() {
    const TopicPartition name{std::string(kGroupTopic), PartitionId(0)};
    log::LogConfig config;
    auto log = log::PartitionLog::open(
        disk_, log::PartitionLog::OpenOptions("d/__consumer_offsets-0", name, config));
    ASSERT_TRUE(log.ok());
    replica::HostedIdentity identity;
    identity.id = id_;
    identity.name = name;
    auto& partition = replicas_.host(0).add(std::move(identity), std::move(log).value(), Offset(0));
    partition.set_config(config, record::ValidateOptions());
    lead(LeaderEpoch(0));
  }
  void lead(LeaderEpoch epoch) {
    partition::PartitionAssignment assignment;
    assignment.leader = NodeId(1);
    assignment.leader_epoch = epoch;
    assignment.replicas = {NodeId(1)};
    assignment.isr = {NodeId(1)};
    replicas_.host(0).find(id_)->apply(assignment);
  }
  void show(NodeId leader, LeaderEpoch epoch) {
    image_ = image_of(leader, epoch);
    shard().post([this] { groups_->show(0, image_, image::MetadataChanges(), nullptr); });
  }
  env::Shard& shard() { return env_.shard(env::ShardId(0)); }
  GroupCoordinator& coordinator() { return groups_->at(0); }

  /// Begins a commit; its error will be commits_[n].
  std::size_t commit(std::int64_t offset) {
    const std::size_t n = commits_.size();
    commits_.emplace_back();
    auto request = std::make_shared<Commit>();
    request->group_id = "g";
    auto& topic = request->topics.emplace_back();
    topic.name = "orders";
    topic.topic_id = kOrders;
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = 0;
    partition.committed_offset = offset;
    shard().post([this, request, n] {
      coordinator().run(
          PartitionId(0),
          [request](group::GroupMachine& machine, const group::GroupContext& context,
                    group::AnswerId id) {
            return machine.commit_offsets(context, group::GroupCaller(id, 9, "c", "/h"), *request);
          },
          [this, n](const Result<group::GroupResponse>& answer) {
            if (!answer.ok()) {
              commits_[n] = answer.error().code;
            } else {
              const auto& response = std::get<wire::OffsetCommitResponse>(*answer);
              commits_[n] = error_from_wire(response.topics.at(0).partitions.at(0).error_code);
            }
          });
    });
    return n;
  }
  /// The committed offset, -1 if there is none; nothing while the coordinator does not say.
  std::optional<std::int64_t> fetch() {
    std::optional<std::int64_t> out;
    auto request = std::make_shared<wire::OffsetFetchRequest::OffsetFetchRequestGroup>();
    request->group_id = "g";
    auto& topic = request->topics.emplace().emplace_back();
    topic.name = "orders";
    topic.partition_indexes = {0};
    shard().post([this, request, &out] {
      coordinator().read(
          PartitionId(0),
          [request](const group::GroupMachine& machine, const image::MetadataImage& image) {
            return machine.fetch_offsets(*request, false, image);
          },
          [&out](const Result<Found>& found) {
            if (found.ok()) out = found->topics.at(0).partitions.at(0).committed_offset;
          });
    });
    world_.run_for(Millis(50));
    return out;
  }

  const TopicIdPartition id_{kOffsets, PartitionId(0)};
  std::vector<std::optional<ErrorCode>> commits_;
  env::fake::World world_{5};
  env::fake::FakeDisk disk_{world_};
  env::fake::FakeEnv env_{world_, disk_};
  replica::ReplicaSet replicas_{env_, NodeId(1), 1};
  config::BrokerConfig config_;
  std::unique_ptr<GroupCoordinators> groups_;
  image::ImagePtr image_;
};

TEST_F(GroupCoordinatorsTest, CommitsAndLoadsThemAgain) {
  world_.run_for(Millis(100));
  EXPECT_EQ(fetch(), -1);
  for (int n = 1; n <= 20; ++n) commit(n);
  world_.run_for(Millis(100));
  for (const auto& code : commits_) EXPECT_EQ(code, ErrorCode::kNone);
  EXPECT_EQ(fetch(), 20);
  // Another one, from the log alone.
  groups_ = std::make_unique<GroupCoordinators>(env_, replicas_, config_, nullptr);
  show(NodeId(1), LeaderEpoch(0));
  world_.run_for(Millis(100));
  EXPECT_EQ(fetch(), 20);
}

TEST_F(GroupCoordinatorsTest, TellsWhatItHasAsMetrics) {
  const auto has = [this](const std::string& line) {
    return env_.metrics().text().find(line) != std::string::npos;
  };
  const std::string groups = "kafka_coordinator_group_groupmetadatamanager_numgroups ";
  world_.run_for(Millis(100));
  for (int n = 1; n <= 3; ++n) commit(n);
  world_.run_for(Millis(1'100));
  EXPECT_TRUE(has(groups + "1")) << env_.metrics().text();
  EXPECT_TRUE(has("kafka_server_group_coordinator_metrics_offset_commit_count_total 3"));
  EXPECT_TRUE(has("kafka_server_group_coordinator_metrics_partition_loads_total 1"));
  const std::string active =
      "kafka_server_group_coordinator_metrics_num_partitions{state=\"active\"} ";
  EXPECT_TRUE(has(active + "1"));
  EXPECT_TRUE(has("kafka_server_group_coordinator_metrics_event_purgatory_time_ms_count 3"));
  show(NodeId(2), LeaderEpoch(1));
  world_.run_for(Millis(100));
  EXPECT_TRUE(has(groups + "0")) << env_.metrics().text();
  EXPECT_TRUE(has(active + "0"));
}

TEST_F(GroupCoordinatorsTest, TellsWhoComesWhileItLoads) {
  world_.run_for(Millis(100));
  commit(1);
  world_.run_for(Millis(100));
  groups_ = std::make_unique<GroupCoordinators>(env_, replicas_, config_, nullptr);
  show(NodeId(1), LeaderEpoch(0));
  const std::size_t early = commit(2);
  world_.run_for(Millis(1'000));
  EXPECT_EQ(commits_[early], ErrorCode::kCoordinatorLoadInProgress);
  EXPECT_EQ(fetch(), 1);
  commit(3);
  world_.run_for(Millis(100));
  EXPECT_EQ(commits_.back(), ErrorCode::kNone);
}

TEST_F(GroupCoordinatorsTest, BeginsAnewIfAWriteFails) {
  world_.run_for(Millis(100));
  commit(7);
  world_.run_for(Millis(50));
  disk_.set_fault(
      [](const DiskCall& call) { return call.kind == DiskCall::Kind::kWrite ? ENOSPC : 0; });
  const std::size_t lost = commit(8);
  const std::size_t too = commit(9);
  world_.run_for(Millis(20));
  EXPECT_EQ(commits_[lost], ErrorCode::kCoordinatorNotAvailable);
  EXPECT_EQ(commits_[too], ErrorCode::kCoordinatorNotAvailable);
  disk_.set_fault(nullptr);
  replicas_.host(0).set_directory_accepts(0, true);
  world_.run_for(Millis(500));
  EXPECT_EQ(fetch(), 7) << "what was not written is forgotten";
  commit(10);
  world_.run_for(Millis(50));
  EXPECT_EQ(commits_.back(), ErrorCode::kNone);
  EXPECT_EQ(fetch(), 10);
}

TEST_F(GroupCoordinatorsTest, EndsWithLeadership) {
  world_.run_for(Millis(100));
  commit(3);
  world_.run_for(Millis(50));
  show(NodeId(2), LeaderEpoch(1));
  commit(4);
  world_.run_for(Millis(50));
  EXPECT_EQ(commits_.back(), ErrorCode::kNotCoordinator);
  lead(LeaderEpoch(2));
  show(NodeId(1), LeaderEpoch(2));
  world_.run_for(Millis(100));
  EXPECT_EQ(fetch(), 3);
}

TEST_F(GroupCoordinatorsTest, KnowsWhatTheMachineBeforeItAppendsLate) {
  world_.run_for(Millis(100));
  commit(3);
  world_.run_for(Millis(50));
  // As a new segment does, or a move: what is decided now is in the log later.
  replicas_.host(0).find(id_)->hold_appends();
  commit(4);
  world_.run_for(Millis(50));
  lead(LeaderEpoch(1));
  show(NodeId(1), LeaderEpoch(1));
  world_.run_for(Millis(300));
  EXPECT_EQ(commits_.back(), ErrorCode::kNotCoordinator);
  EXPECT_EQ(fetch(), std::nullopt) << "it cannot know yet";
  shard().post([this] { replicas_.host(0).find(id_)->release_appends(); });
  world_.run_for(Millis(300));
  EXPECT_EQ(fetch(), 4) << "as the log says";
}

TEST_F(GroupCoordinatorsTest, AnswersAllThatWaitWhenItStops) {
  world_.run_for(Millis(100));
  commit(1);
  commit(2);
  shard().post([this] { groups_->stop(0); });
  commit(3);
  world_.run_for(Millis(50));
  for (const auto& code : commits_) EXPECT_TRUE(code);
  EXPECT_EQ(commits_.back(), ErrorCode::kNotCoordinator);
}

/// Commits an offset in a transaction of which the coordinator of transactions has to be asked.
/// While it is asked the marker of the one before comes, so often.
struct TransactionalCommit {
  GroupCoordinators& groups;
  MarkerWriter& markers;
  env::Shard& shard;
  image::ImagePtr image;
  TopicIdPartition id;
  int markers_left = 0;
  int verified = 0;
  env::TaskScope tasks;
  std::optional<ErrorCode> error;
};

env::Task<Result<TransactionStep>> verify(TransactionalCommit* commit) {
  TransactionStep step;
  step.producer_id = ProducerId(7);
  step.producer_epoch = ProducerEpoch(0);
  step.claim.must_be_verified = true;
  Result<std::optional<partition::VerificationGuard>> guard =
      co_await commit->groups.begin_verification(commit->shard, commit->id, step, false);
  EXPECT_TRUE(guard.ok() && guard->has_value());
  ++commit->verified;
  step.claim.guard = guard->value();
  if (commit->markers_left-- <= 0) co_return step;
  env::OneShot<ErrorCode> written(commit->shard);
  TransactionMarker marker;
  marker.producer_id = step.producer_id;
  marker.producer_epoch = step.producer_epoch;
  commit->markers.write(
      commit->shard, commit->image, marker,
      {TopicPartition{std::string(kGroupTopic), commit->id.partition}},
      commit->shard.now() + Millis(5'000),
      [&written](const std::vector<MarkerOutcome>& done) { written.set(done.at(0).error); });
  const ErrorCode error = co_await written;
  EXPECT_EQ(error, ErrorCode::kNone);
  co_return step;
}

env::Task<void> commit_in_transaction(TransactionalCommit* commit) {
  wire::TxnOffsetCommitRequest request;
  request.group_id = "g";
  request.transactional_id = "t";
  request.producer_id = 7;
  request.producer_epoch = 0;
  auto& topic = request.topics.emplace_back();
  topic.name = "orders";
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = 0;
  partition.committed_offset = 12;
  const auto* asked = &request;
  auto claim = [commit] { return verify(commit); };
  auto step = [asked](group::GroupMachine& machine, const group::GroupContext& context,
                      group::AnswerId answer) {
    const group::GroupCaller caller(answer, 4, "c", "/h");
    return machine.commit_transactional_offsets(context, caller, *asked);
  };
  Result<wire::TxnOffsetCommitResponse> answer =
      co_await commit->groups.call_verified<wire::TxnOffsetCommitResponse>(
          &commit->shard, commit->id, std::move(claim), std::move(step));
  commit->error = answer.ok() ? error_from_wire(answer->topics.at(0).partitions.at(0).error_code)
                              : answer.error().code;
}

TEST_F(GroupCoordinatorsTest, VerifiesATransactionAnewBehindTheMarkerOfTheOneBefore) {
  world_.run_for(Millis(100));
  MarkerWriter markers(replicas_, *groups_);
  for (const auto& [in_between, error, verified] :
       {std::tuple(1, ErrorCode::kNone, 2), std::tuple(2, ErrorCode::kInvalidTxnState, 2)}) {
    TransactionalCommit commit{*groups_, markers, shard(), image_, id_, in_between, 0, {}, {}};
    shard().post([&commit] { commit.tasks.spawn(commit_in_transaction(&commit)); });
    world_.run_for(Millis(200));
    EXPECT_EQ(commit.error, error);
    EXPECT_EQ(commit.verified, verified);
    // The transaction ends, so that the next one has to be verified as well.
    bool ended = false;
    TransactionMarker marker;
    marker.producer_id = ProducerId(7);
    marker.producer_epoch = ProducerEpoch(0);
    shard().post([&] {
      markers.write(shard(), image_, marker,
                    {TopicPartition{std::string(kGroupTopic), id_.partition}},
                    shard().now() + Millis(5'000), [&](const auto&) { ended = true; });
    });
    world_.run_for(Millis(200));
    EXPECT_TRUE(ended);
  }
}

}  // namespace
}  // namespace moldau::coordinator
