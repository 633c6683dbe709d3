// SPDX-License-Identifier: Apache-2.0
// The rules of the quorum one by one. Raft paper sections in brackets; KIP-595, KIP-853, KIP-996,
// KIP-1166.
#include "machine/raft/raft_machine.h"

#include <gtest/gtest.h>

#include "machine/raft/control_records.h"
#include "record/batch_builder.h"

namespace moldau::raft {
namespace {

const char* const kCluster = "cluster";

ReplicaKey key_of(int id) {
  return {NodeId(id), Uuid(id, 9)};
}

VoterSet voters(int count) {
  VoterSet set;
  for (int id = 1; id <= count; ++id)
    set.put(Voter(key_of(id), {Endpoint("CONTROLLER", "h", static_cast<std::uint16_t>(id))}));
  return set;
}

LogState new_log(int count) {
  LogState log;
  log.note_bootstrap(1, voters(count));
  return log;
}

Slice batch(Offset base, LeaderEpoch epoch, int records = 1) {
  record::BatchFields fields;
  fields.base_offset = base;
  fields.leader_epoch = epoch;
  record::BatchBuilder builder(fields);
  for (int i = 0; i < records; ++i) {
    record::RecordFields one;
    one.timestamp = Timestamp(1);
    one.value = as_view("v");
    builder.append(one).value();
  }
  record::CompressionContext context;
  return builder.build(context).value();
}

Now at(std::int64_t millis) {
  Now now;
  now.mono = MonoTime(1) + Millis(millis);
  now.wall = Timestamp(1'700'000'000'000 + millis);
  return now;
}

RaftMachine machine(int self, LogState log, std::optional<ElectionState> stored = std::nullopt) {
  RaftConfig config;
  config.self = key_of(self);
  config.cluster_id = kCluster;
  config.endpoints = {Endpoint("CONTROLLER", "h", static_cast<std::uint16_t>(self))};
  config.seed = 7;
  return RaftMachine(std::move(config), stored, std::move(log));
}

template <class R>
R answer_of(const RaftEffects& effects) {
  EXPECT_EQ(effects.answers.size(), 1U);
  return std::get<R>(effects.answers.at(0).response);
}

VoteRequest vote(int from, int epoch, OffsetAndEpoch last, bool pre_vote = false) {
  VoteRequest request;
  request.candidate = key_of(from);
  request.epoch = LeaderEpoch(epoch);
  request.last = last;
  request.pre_vote = pre_vote;
  return request;
}

FetchRequest fetch(int from, int epoch, std::int64_t offset, int last_epoch) {
  FetchRequest request;
  request.replica = key_of(from);
  request.current_leader_epoch = LeaderEpoch(epoch);
  request.fetch_offset = Offset(offset);
  request.last_fetched_epoch = LeaderEpoch(last_epoch);
  request.max_wait = Millis(500);
  request.bytes_max = 1 << 20;
  return request;
}

// Makes node 1 of three the leader of epoch 1 with node 2's votes.
RaftMachine leader_of_three(LogState log = new_log(3)) {
  RaftMachine one = machine(1, std::move(log));
  one.start(at(0));
  RaftEffects effects = one.tick(at(3000));
  for (int round = 0; round < 2; ++round) {
    for (const OutboundRequest& sent : effects.send) {
      if (sent.to != NodeId(2)) continue;
      VoteResponse granted;
      granted.granted = true;
      granted.leader.epoch = one.epoch();
      effects = one.receive(sent.id, granted, at(3001));
      break;
    }
  }
  EXPECT_TRUE(one.is_leader());
  return one;
}

TEST(RaftMachineTest, AQuorumOfOneLeadsAtOnceAndCommitsAfterItsOwnSync) {
  RaftMachine one = machine(1, new_log(1));
  const RaftEffects start = one.start(at(0));
  EXPECT_TRUE(one.is_leader());
  ASSERT_TRUE(start.persist.has_value());
  EXPECT_EQ(start.persist->leader_id, NodeId(1));
  EXPECT_EQ(start.persist->epoch, LeaderEpoch(1));
  EXPECT_TRUE(start.persist->voted.is_none());
  ASSERT_EQ(start.append.size(), 1U);
  const auto records = parse_control_batch(*record::BatchView::parse(start.append[0].view()));
  ASSERT_EQ(records->size(), 3U);  // leader change, kraft.version, voters: the log had none
  EXPECT_TRUE(std::holds_alternative<LeaderChange>(records->at(0)));
  EXPECT_TRUE(std::holds_alternative<KraftVersion>(records->at(1)));
  EXPECT_TRUE(std::holds_alternative<KraftVoters>(records->at(2)));
  EXPECT_FALSE(start.high_watermark.has_value());
  ASSERT_TRUE(start.flush.has_value());
  EXPECT_EQ(one.flushed(*start.flush, at(1)).high_watermark, Offset(3));

  const RaftEffects appended = *one.append(batch(Offset(3), LeaderEpoch(1), 2), at(2));
  EXPECT_FALSE(appended.high_watermark.has_value());
  EXPECT_EQ(one.flushed(*appended.flush, at(3)).high_watermark, Offset(5));
}

TEST(RaftMachineTest, ARestartBeginsANewEpochAndDoesNotRepeatTheVoters) {
  LogState log = new_log(1);
  RaftMachine first = machine(1, log);
  const RaftEffects start = first.start(at(0));
  ASSERT_TRUE(log.note_batch(*record::BatchView::parse(start.append[0].view())).ok());
  RaftMachine second = machine(1, log, start.persist);
  const RaftEffects again = second.start(at(0));
  EXPECT_EQ(second.epoch(), LeaderEpoch(2));
  const auto records = parse_control_batch(*record::BatchView::parse(again.append[0].view()));
  EXPECT_EQ(records->size(), 1U);
}

TEST(RaftMachineTest, AFormerLeaderStaysDownForItsEpoch) {
  ElectionState stored;
  stored.leader_id = NodeId(1);
  stored.epoch = LeaderEpoch(4);
  RaftMachine one = machine(1, new_log(3), stored);
  one.start(at(0));
  EXPECT_EQ(one.role(), Role::kResigned);
  // Not even a vote: records of this epoch that were lost might be written a second time.
  const auto refused = answer_of<VoteResponse>(one.receive(RequestToken(1), vote(2, 4, {}), at(1)));
  EXPECT_FALSE(refused.granted);
  one.tick(at(5000));
  EXPECT_GE(one.epoch(), LeaderEpoch(5));
}

TEST(RaftMachineTest, AVoteIsGivenOncePerEpochAndOnlyToAnUpToDateLog) {  // [5.2, 5.4.1]
  LogState log = new_log(3);
  const Slice old = batch(Offset(0), LeaderEpoch(2), 3);
  ASSERT_TRUE(log.note_batch(*record::BatchView::parse(old.view())).ok());
  RaftMachine one = machine(1, log);
  one.start(at(0));
  const auto ask = [&](const VoteRequest& request) {
    return one.receive(RequestToken(1), request, at(1));
  };
  EXPECT_FALSE(answer_of<VoteResponse>(ask(vote(2, 3, {Offset(2), LeaderEpoch(2)}))).granted);
  EXPECT_FALSE(answer_of<VoteResponse>(ask(vote(2, 3, {Offset(9), LeaderEpoch(1)}))).granted);
  const RaftEffects yes = ask(vote(2, 3, {Offset(3), LeaderEpoch(2)}));
  EXPECT_TRUE(answer_of<VoteResponse>(yes).granted);
  ASSERT_TRUE(yes.persist.has_value());  // before the answer leaves
  EXPECT_EQ(yes.persist->voted, key_of(2));
  EXPECT_TRUE(answer_of<VoteResponse>(ask(vote(2, 3, {Offset(3), LeaderEpoch(2)}))).granted);
  EXPECT_FALSE(answer_of<VoteResponse>(ask(vote(3, 3, {Offset(9), LeaderEpoch(2)}))).granted);
  EXPECT_EQ(answer_of<VoteResponse>(ask(vote(3, 2, {Offset(9), LeaderEpoch(1)}))).error,
            ErrorCode::kFencedLeaderEpoch);
}

TEST(RaftMachineTest, VotesAreChecked) {
  RaftMachine one = machine(1, new_log(3));
  one.start(at(0));
  const auto error = [&](VoteRequest request) {
    return answer_of<VoteResponse>(one.receive(RequestToken(1), request, at(1))).error;
  };
  VoteRequest foreign = vote(2, 1, {});
  foreign.cluster_id = "another";
  EXPECT_EQ(error(foreign), ErrorCode::kInconsistentClusterId);
  VoteRequest other_disk = vote(2, 1, {});
  other_disk.voter = ReplicaKey(NodeId(1), Uuid(5, 5));
  EXPECT_EQ(error(other_disk), ErrorCode::kInvalidVoterKey);
  EXPECT_EQ(error(vote(2, 1, {Offset(-1), LeaderEpoch(0)})), ErrorCode::kInvalidRequest);
  EXPECT_EQ(error(vote(2, 1, {Offset(5), LeaderEpoch(1)})), ErrorCode::kInvalidRequest);
  EXPECT_EQ(error(vote(2, 1, {Offset(5), LeaderEpoch(1)}, true)), ErrorCode::kNone);
}

TEST(RaftMachineTest, ARecordOfAnEarlierEpochIsNotCommittedByCountingReplicas) {  // [5.4.2]
  // Figure 8: the record of epoch 2 stands on a majority, but another leader may still win.
  LogState log = new_log(3);
  const Slice old = batch(Offset(0), LeaderEpoch(1));
  ASSERT_TRUE(log.note_batch(*record::BatchView::parse(old.view())).ok());
  RaftMachine one = leader_of_three(log);
  const Offset own = one.epoch_start();
  EXPECT_EQ(own, Offset(1));
  FlushMark mark;
  mark.end = one.log().end();
  one.flushed(mark, at(3002));
  one.receive(RequestToken(1), fetch(2, one.epoch().value(), 1, 1), at(3003));
  EXPECT_EQ(one.high_watermark(), Offset(-1)) << "only an older record is replicated";
  const RaftEffects all = one.receive(
      RequestToken(2), fetch(2, one.epoch().value(), one.log().end().value(), one.epoch().value()),
      at(3004));
  EXPECT_EQ(all.high_watermark, one.log().end());
}

TEST(RaftMachineTest, TheLeaderCountsItselfOnlyAsFarAsItHasSynced) {
  RaftMachine one = leader_of_three();
  const std::int64_t end = one.log().end().value();
  const auto replicated =
      one.receive(RequestToken(1), fetch(2, one.epoch().value(), end, one.epoch().value()), at(1));
  EXPECT_FALSE(replicated.high_watermark.has_value());
  FlushMark mark;
  mark.end = one.log().end();
  EXPECT_EQ(one.flushed(mark, at(2)).high_watermark, Offset(end));
}

TEST(RaftMachineTest, ASyncThatBeganBeforeATruncationCountsForNothing) {
  RaftMachine one = machine(1, new_log(1));
  const RaftEffects start = one.start(at(0));
  one.flushed(*start.flush, at(1));
  const RaftEffects appended = *one.append(batch(Offset(3), LeaderEpoch(1), 5), at(2));
  one.append_failed(Offset(3), at(3));  // the disk was full
  EXPECT_FALSE(one.is_leader());
  one.tick(at(10'000));  // leaves the old epoch
  one.tick(at(20'000));  // and stands for the next
  ASSERT_TRUE(one.is_leader());
  EXPECT_EQ(one.log().end(), Offset(4));
  EXPECT_FALSE(one.flushed(*appended.flush, at(20'001)).high_watermark.has_value());
  EXPECT_EQ(one.flushed_end(), Offset(3));
}

TEST(RaftMachineTest, AFetchWaitsUntilThereIsSomethingToTell) {
  RaftMachine one = leader_of_three();
  const int epoch = one.epoch().value();
  const std::int64_t end = one.log().end().value();
  FetchRequest request = fetch(2, epoch, end, epoch);
  request.high_watermark = Offset(-1);
  EXPECT_TRUE(one.receive(RequestToken(5), request, at(3100)).answers.empty());
  // Records, and then the high watermark, complete it.
  const RaftEffects more = *one.append(batch(Offset(end), LeaderEpoch(epoch)), at(3200));
  const auto response = answer_of<FetchResponse>(more);
  EXPECT_EQ(more.answers[0].token, RequestToken(5));
  EXPECT_TRUE(more.answers[0].read.has_value());
  EXPECT_EQ(response.high_watermark, Offset(-1)) << "unknown until this epoch has committed";
  // Or its time is over.
  request = fetch(2, epoch, one.log().end().value(), epoch);
  EXPECT_TRUE(one.receive(RequestToken(6), request, at(3300)).answers.empty());
  EXPECT_EQ(one.tick(at(3800)).answers.size(), 1U);
}

TEST(RaftMachineTest, FetchesAreCheckedAndTellWhoLeads) {
  RaftMachine one = leader_of_three();
  const int epoch = one.epoch().value();
  const auto answer = [&](const FetchRequest& request) {
    return answer_of<FetchResponse>(one.receive(RequestToken(1), request, at(3100)));
  };
  EXPECT_EQ(answer(fetch(2, epoch - 1, 0, 0)).error, ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(answer(fetch(2, epoch + 1, 0, 0)).error, ErrorCode::kUnknownLeaderEpoch);
  EXPECT_EQ(answer(fetch(2, epoch, -1, 0)).error, ErrorCode::kInvalidRequest);
  EXPECT_EQ(answer(fetch(2, epoch, 0, epoch + 1)).error, ErrorCode::kInvalidRequest);
  const FetchResponse beyond = answer(fetch(2, epoch, 99, epoch));
  ASSERT_TRUE(beyond.diverging.has_value());
  EXPECT_EQ(*beyond.diverging, one.log().last());
  EXPECT_EQ(beyond.leader.leader_id, NodeId(1));
  EXPECT_EQ(beyond.leader.endpoints.size(), 1U);
}

TEST(RaftMachineTest, AnEmptyFollowerGetsTheNewestSnapshot) {
  RaftMachine one = leader_of_three();
  const OffsetAndEpoch id(Offset(2), LeaderEpoch(1));
  one.snapshot_made(id, 1000);
  const auto response = answer_of<FetchResponse>(
      one.receive(RequestToken(1), fetch(2, one.epoch().value(), 0, 0), at(3100)));
  EXPECT_EQ(response.snapshot, id);
  FetchSnapshotRequest request;
  request.replica = key_of(2);
  request.current_leader_epoch = one.epoch();
  request.snapshot = id;
  request.position = 900;
  request.bytes_max = 4096;
  const RaftEffects part = one.receive(RequestToken(2), request, at(3101));
  EXPECT_EQ(part.answers.at(0).snapshot_bytes, 100);
  request.position = 1000;
  EXPECT_EQ(answer_of<FetchSnapshotResponse>(one.receive(RequestToken(3), request, at(1))).error,
            ErrorCode::kPositionOutOfRange);
  request.snapshot.offset = Offset(1);
  EXPECT_EQ(answer_of<FetchSnapshotResponse>(one.receive(RequestToken(4), request, at(1))).error,
            ErrorCode::kSnapshotNotFound);
}

TEST(RaftMachineTest, ALeaderWithoutItsMajorityResigns) {
  RaftMachine one = leader_of_three();
  one.receive(RequestToken(1), fetch(2, one.epoch().value(), 0, 0), at(5000));
  one.tick(at(7900));
  EXPECT_TRUE(one.is_leader());
  one.tick(at(8100));
  EXPECT_EQ(one.role(), Role::kResigned);
  EXPECT_EQ(one.leader_id(), NodeId(1));
}

TEST(RaftMachineTest, ASecondLeaderOfAnEpochIsNotBelieved) {
  RaftMachine one = machine(1, new_log(3));
  one.start(at(0));
  BeginQuorumEpochRequest begin;
  begin.leader_id = NodeId(2);
  begin.epoch = LeaderEpoch(3);
  EXPECT_EQ(answer_of<QuorumEpochResponse>(one.receive(RequestToken(1), begin, at(1))).error,
            ErrorCode::kNone);
  EXPECT_EQ(one.role(), Role::kFollower);
  begin.leader_id = NodeId(3);
  const RaftEffects effects = one.receive(RequestToken(2), begin, at(2));
  EXPECT_NE(effects.fault, "");
  EXPECT_EQ(one.leader_id(), NodeId(2));
}

TEST(RaftMachineTest, TheFirstNamedSuccessorStandsAtOnce) {
  RaftMachine one = machine(1, new_log(3));
  one.start(at(0));
  BeginQuorumEpochRequest begin;
  begin.leader_id = NodeId(2);
  begin.epoch = LeaderEpoch(3);
  one.receive(RequestToken(1), begin, at(1));
  EndQuorumEpochRequest end;
  end.leader_id = NodeId(2);
  end.epoch = LeaderEpoch(3);
  end.preferred = {key_of(1), key_of(3)};
  one.receive(RequestToken(2), end, at(2));
  EXPECT_EQ(one.role(), Role::kProspective);
  EXPECT_EQ(one.epoch(), LeaderEpoch(3));  // a pre-vote changes no epoch
}

TEST(RaftMachineTest, CommittedRecordsAreNeverCutOff) {
  LogState log = new_log(3);
  const Slice old = batch(Offset(0), LeaderEpoch(1), 4);
  ASSERT_TRUE(log.note_batch(*record::BatchView::parse(old.view())).ok());
  RaftMachine one = machine(1, log);
  RaftEffects effects = one.start(at(0));
  BeginQuorumEpochRequest begin;
  begin.leader_id = NodeId(2);
  begin.epoch = LeaderEpoch(2);
  effects = one.receive(RequestToken(1), begin, at(1));
  ASSERT_EQ(effects.send.size(), 1U);
  FetchResponse committed;
  committed.leader.leader_id = NodeId(2);
  committed.leader.epoch = LeaderEpoch(2);
  committed.high_watermark = Offset(3);
  effects = one.receive(effects.send[0].id, committed, at(2));
  EXPECT_EQ(one.high_watermark(), Offset(3));
  FetchResponse diverging = committed;
  diverging.diverging = OffsetAndEpoch(Offset(1), LeaderEpoch(1));
  ASSERT_EQ(effects.send.size(), 1U);
  const RaftEffects refused = one.receive(effects.send[0].id, diverging, at(3));
  EXPECT_FALSE(refused.truncate_to.has_value());
  EXPECT_NE(refused.fault, "");
  EXPECT_EQ(one.log().end(), Offset(4));
}

}  // namespace
}  // namespace moldau::raft
