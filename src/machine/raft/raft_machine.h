// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "machine/raft/effects.h"
#include "machine/raft/log_state.h"
#include "machine/raft/messages.h"
#include "machine/raft/peer_requests.h"
#include "machine/raft/voter_set.h"

namespace moldau::raft {

/// Both clocks, as inputs carry them.
struct Now {
  MonoTime mono{0};
  Timestamp wall{0};
};

/// controller.quorum.* and what is fixed in Apache Kafka.
struct RaftConfig {
  RaftConfig() = default;
  ReplicaKey self;
  std::string cluster_id;
  /// Our controller listeners as peers dial them; empty on a broker that is no controller.
  std::vector<Endpoint> endpoints;
  /// A controller: may become a voter, so what it fetches is synced before it says so.
  bool may_vote = true;
  /// How many servers controller.quorum.bootstrap.servers names.
  std::int32_t bootstrap_servers = 0;
  Millis election_timeout{1000};
  Millis election_backoff_max{1000};
  Millis fetch_timeout{2000};
  Millis request_timeout{2000};
  Millis retry_backoff{20};
  Millis fetch_wait_max{500};
  std::int32_t fetch_bytes_max = 1 << 20;
  /// Randomness of the election timeouts.
  std::uint64_t seed = 0;
};

enum class Role { kUnattached, kFollower, kProspective, kCandidate, kLeader, kResigned };
std::string_view role_name(Role role);

/// A replica as the leader sees it.
struct ReplicaProgress {
  ReplicaProgress() = default;
  ReplicaKey key;
  Offset end{-1};
  MonoTime fetched_at{-1};
  Timestamp last_fetch_timestamp{-1};
  Timestamp last_caught_up_timestamp{-1};
  /// The leader's end when it fetched last: reaching it later means it was caught up then.
  Offset leader_end_at_fetch{-1};
  Timestamp previous_fetch_timestamp{-1};
};

/// DescribeQuorum.
struct QuorumDescription {
  QuorumDescription() = default;
  NodeId leader_id{-1};
  LeaderEpoch epoch{0};
  Offset high_watermark{-1};
  std::vector<ReplicaProgress> voters;
  std::vector<ReplicaProgress> observers;
  /// Where the voters listen.
  VoterSet voter_set;
};

/// KRaft: elects a leader, replicates the metadata log, says what is committed.
///
/// Path     node/quorum feeds it messages, ticks and "durable to"; it returns what to do, in the
///          order of RaftEffects.
/// Thread   shard-bound value without IO or clock.
/// Bounds   one parked fetch and one progress entry per replica, kObserversMax observers, one
///          request under way per peer.
/// Durable  an own append, a fetched batch and a vote count only once they are synced: the host
///          says `flushed`, and persists before it sends.
/// Source   KRaft (KIP-595), snapshots (KIP-630), voters (KIP-853), pre-vote (KIP-996),
///          high watermark in fetches (KIP-1166); KafkaRaftClient, QuorumState, LeaderState.
class RaftMachine {
 public:
  /// `stored` is the quorum-state file, if there was one.
  RaftMachine(RaftConfig config, const std::optional<ElectionState>& stored, LogState log);

  /// The first step, once. The log must be synced as far as `log` says.
  RaftEffects start(Now now);
  RaftEffects tick(Now now);
  /// When tick() has something to do at the latest.
  MonoTime next_tick() const { return next_tick_; }

  /// A request of a peer; its answer is in the effects now or later.
  RaftEffects receive(RequestToken token, const Request& request, Now now);
  /// The peer's connection is gone; a parked fetch is forgotten.
  void forget(RequestToken token);
  RaftEffects receive(CorrelationId id, const Response& response, Now now);
  /// No connection, or no answer in time.
  RaftEffects request_failed(CorrelationId id, Now now);

  /// Leader: appends one batch. It must begin at log().end() and carry epoch().
  /// Errors   kNotController: no leader (any more).
  Result<RaftEffects> append(Slice batch, Now now);
  /// Leader: what the last steps appended could not be written from `log_end` on (a full disk).
  /// It is forgotten, and so is this epoch: others may have been told of it.
  RaftEffects append_failed(Offset log_end, Now now);
  /// The log is synced up to where it ended when `mark` was given.
  RaftEffects flushed(FlushMark mark, Now now);

  /// A snapshot of our own is complete and named.
  void snapshot_made(OffsetAndEpoch id, std::int64_t size) { log_.note_snapshot(id, size); }
  /// Segments before `start` were removed; older snapshots with them.
  void log_start_moved(Offset start) { log_.set_start(start); }
  /// The fetched snapshot is frozen, the log cut and begun anew behind it.
  RaftEffects snapshot_installed(OffsetAndEpoch id, std::int64_t size, std::int16_t kraft_version,
                                 VoterSet voters, Now now);
  /// It could not be used: fetch again.
  RaftEffects snapshot_refused(Now now);

  /// Lets the voters elect another leader; we stay down for this epoch.
  RaftEffects resign(Now now);
  /// As resign(), and never again try to be leader.
  RaftEffects begin_shutdown(Now now);

  Role role() const { return role_; }
  bool is_leader() const { return role_ == Role::kLeader; }
  bool is_voter() const { return log_.voters().contains(config_.self); }
  LeaderEpoch epoch() const { return epoch_; }
  NodeId leader_id() const { return leader_id_; }
  LeaderView leader_view() const;
  /// -1 while unknown: after an election, until a record of the new epoch is committed.
  Offset high_watermark() const { return high_watermark_; }
  /// Leader: offset of the control batch that opened this epoch.
  Offset epoch_start() const { return leader_.epoch_start; }
  const LogState& log() const { return log_; }
  Offset flushed_end() const { return flushed_end_; }
  ElectionState election_state() const;
  /// Leader only knows the replicas; others give what they know.
  QuorumDescription describe(Now now) const;

  static constexpr std::size_t kObserversMax = 10'000;
  static constexpr Millis kObserverExpiry{300'000};

 private:
  struct ParkedFetch {
    RequestToken token{0};
    FetchRequest request;
    MonoTime deadline{0};
  };
  struct Leadership {
    Offset epoch_start{-1};
    bool high_watermark_known = false;
    std::map<ReplicaKey, ReplicaProgress> replicas;  // all that fetch from us
    std::map<ReplicaKey, ParkedFetch> parked;
    std::set<NodeId> fetched;  // voters that fetched since the quorum was last checked
    MonoTime quorum_deadline{0};
    MonoTime begin_epoch_at{0};
    std::set<NodeId> begin_wanted;
  };
  struct Election {
    std::map<NodeId, std::optional<bool>> votes;
    MonoTime retry_at{0};  // rejected: when to try again; 0 while undecided
    int rounds = 0;
  };
  struct Download {
    OffsetAndEpoch id;
    std::int64_t position = 0;
    bool installing = false;
  };

  // raft_machine.cc: states
  Millis random_election_timeout();
  void persist(RaftEffects& out) { out.persist = election_state(); }
  void to_unattached(LeaderEpoch epoch, Now now, RaftEffects& out);
  void to_follower(LeaderEpoch epoch, NodeId leader, const std::vector<Endpoint>& endpoints,
                   Now now, RaftEffects& out);
  void to_prospective(Now now, RaftEffects& out);
  void to_candidate(Now now, RaftEffects& out);
  void to_leader(Now now, RaftEffects& out);
  void to_resigned(Now now, RaftEffects& out);
  void enter(Role role, LeaderEpoch epoch, NodeId leader, RaftEffects& out);

  // raft_poll.cc: timers and what is to be sent
  void poll(Now now, RaftEffects& out);
  bool poll_role(Now now, RaftEffects& out);
  bool poll_election(Now now, RaftEffects& out);
  void poll_leader(Now now, RaftEffects& out);
  void poll_resigned(Now now, RaftEffects& out);
  void poll_fetch(Now now, RaftEffects& out);
  void send_votes(Now now, RaftEffects& out);
  bool send(NodeId to, Request request, Now now, RaftEffects& out);
  void wake_at(MonoTime when);
  Request fetch_request() const;

  // raft_votes.cc
  void on_vote(RequestToken token, const VoteRequest& request, Now now, RaftEffects& out);
  bool may_grant(const VoteRequest& request) const;
  void on_begin_epoch(RequestToken token, const BeginQuorumEpochRequest& request, Now now,
                      RaftEffects& out);
  void on_end_epoch(RequestToken token, const EndQuorumEpochRequest& request, Now now,
                    RaftEffects& out);
  void on_vote_response(NodeId from, const VoteRequest& request, const VoteResponse& response,
                        Now now, RaftEffects& out);
  void count_votes(Now now, RaftEffects& out);
  void begin_election(Now now);
  void abandon_election(Now now, RaftEffects& out);
  void grant_vote(const ReplicaKey& candidate, Now now, RaftEffects& out);
  const std::vector<Endpoint>& endpoints_of(const LeaderView& leader) const;
  /// Learns of newer epochs and leaders; true if the answer's own content still matters.
  bool learn(ErrorCode error, const LeaderView& leader, Now now, RaftEffects& out);
  bool is_us(const ReplicaKey& addressed) const;

  // raft_leader.cc
  void on_fetch(RequestToken token, const FetchRequest& request, Now now, RaftEffects& out);
  ErrorCode check_leader_request(const std::optional<std::string>& cluster_id,
                                 LeaderEpoch epoch) const;
  void note_fetch(const FetchRequest& request, Now now, RaftEffects& out);
  bool answer_fetch(RequestToken token, const FetchRequest& request, bool park_allowed, Now now,
                    RaftEffects& out);
  void answer_parked(Now now, RaftEffects& out, bool all);
  void on_fetch_snapshot(RequestToken token, const FetchSnapshotRequest& request, Now now,
                         RaftEffects& out);
  const ReplicaProgress* voter_progress(const Voter& voter) const;
  void note_quorum(const ReplicaKey& key, Now now);
  void advance_high_watermark(Now now, RaftEffects& out);
  void append_epoch_start(Now now, RaftEffects& out);
  void append_own(Slice batch, RaftEffects& out);
  void drop_stale_observers(Now now);
  void want_flush(RaftEffects& out);

  // raft_follower.cc
  void on_fetch_response(NodeId from, const FetchResponse& response, Now now, RaftEffects& out);
  void take_records(const FetchResponse& response, RaftEffects& out);
  void truncate_to_leader(const OffsetAndEpoch& diverging, RaftEffects& out);
  void begin_download(const OffsetAndEpoch& id, RaftEffects& out);
  void on_fetch_snapshot_response(const FetchSnapshotResponse& response, Now now, RaftEffects& out);
  void raise_high_watermark(Offset offset, RaftEffects& out);

  RaftConfig config_;
  LogState log_;
  PeerRequests peers_;
  std::uint64_t random_state_;

  Role role_ = Role::kUnattached;
  LeaderEpoch epoch_{0};
  NodeId leader_id_{-1};
  std::vector<Endpoint> leader_endpoints_;
  ReplicaKey voted_;
  Offset high_watermark_{-1};
  Offset flushed_end_{0};
  std::uint64_t truncations_ = 0;
  bool shutting_down_ = false;

  MonoTime deadline_{0};  // of the election or the fetch time-out, as the role says
  MonoTime next_tick_{0};
  bool fetched_from_leader_ = false;
  std::int32_t next_bootstrap_ = 0;
  Election election_;
  Leadership leader_;
  std::optional<Download> download_;
  std::set<NodeId> end_unacknowledged_;
  std::vector<ReplicaKey> preferred_successors_;
};

}  // namespace moldau::raft
