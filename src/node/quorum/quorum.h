// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "base/unique_function.h"
#include "env/env.h"
#include "env/shard.h"
#include "env/task.h"
#include "machine/controller/controller_machine.h"
#include "machine/image/loader.h"
#include "machine/raft/raft_machine.h"
#include "machine/raft/snapshot_file.h"
#include "node/park/waiter.h"

namespace moldau::quorum {

/// What the quorum must know of its node's configuration and directories.
struct QuorumConfig {
  QuorumConfig() = default;

  NodeId node_id{0};
  std::string cluster_id;
  /// Of the metadata log directory.
  DirectoryId directory_id;
  bool is_controller = true;
  /// The log directory (not the partition's) that holds __cluster_metadata-0, and its pool.
  std::string metadata_log_dir;
  env::PoolId pool = env::kGeneralPool;
  /// What checkpoints say of the metadata log (log::LogDirectory).
  bool was_clean = false;
  Offset recovery_point{0};
  Offset log_start_offset{0};

  /// Our controller listeners as others dial them.
  std::vector<raft::Endpoint> controller_endpoints;
  /// controller.quorum.voters; empty with dynamic voters.
  raft::VoterSet static_voters;
  /// controller.quorum.bootstrap.servers
  std::vector<raft::Endpoint> bootstrap_servers;
  /// controller.quorum.*
  Millis election_timeout{1000};
  Millis election_backoff_max{1000};
  Millis fetch_timeout{2000};
  Millis request_timeout{2000};
  Millis retry_backoff{20};

  std::int32_t segment_bytes = 1 << 30;       // metadata.log.segment.bytes
  Millis segment_ms{7LL * 24 * 3600 * 1000};  // metadata.log.segment.ms
  Millis file_delete_delay{60'000};           // internal.metadata.delete.delay.millis
  /// internal.metadata.max.batch.size.in.bytes; never above kMetadataBatchBytesMax.
  std::size_t batch_bytes_max = raft::kMetadataBatchBytesMax;
  /// controller.performance.always.log.threshold.ms, controller.performance.sample.period.ms
  Millis slow_event{2'000};
  Millis event_sample_period{60'000};
  /// metadata.log.max.record.bytes.between.snapshots, metadata.log.max.snapshot.interval.ms
  std::int64_t snapshot_after_bytes = std::int64_t{20} << 20;
  Millis snapshot_after{3'600'000};
  std::int64_t retention_bytes = std::int64_t{100} << 20;  // metadata.max.retention.bytes
  Millis retention{7LL * 24 * 3600 * 1000};                // metadata.max.retention.ms

  controller::ControllerSettings controller;
};

/// Decides on the shard of the quorum. Owns what it needs of the request.
template <class Response>
using DecideFn = UniqueFunction<controller::Decision<Response>(controller::ControllerMachine&,
                                                               controller::RequestContext&)>;

/// Called on its shard, in order, for every image.
using ImageSubscriber = UniqueFunction<void(const image::PublishedImage&)>;

/// Who leads the quorum, as far as this node knows.
struct LeaderAndEpoch {
  NodeId leader_id{-1};
  LeaderEpoch epoch{0};
};

class QuorumHost;

/// The metadata log of this node: hosts raft and the controller, loads and publishes images.
///
/// Path     handlers, node/broker → submit(decide) → QuorumHost on shard 0: decide, append, fsync
///          (one for all that wait), high watermark, replay → image → answer.
/// Owner    node/assembly; outlives every handler; borrows the Env.
/// Thread   submit, describe, image: any shard, which is named by the first argument; start and
///          stop on shard 0; subscribe before start.
/// Bounds   kProposalsMax decisions wait at a time; further ones are refused.
/// Durable  an answer of submit() means: its records are committed, synced on a majority.
/// Errors   kNotController: this node is not (or no longer) the active controller; records may
///          nevertheless become committed. kRequestTimedOut: the same. kKafkaStorageError: the
///          metadata log has failed. Too many waiting: kRequestTimedOut.
/// Source   QuorumController, KafkaRaftClient, MetadataLoader, SnapshotGenerator.
class Quorum {
 public:
  Quorum(env::Env& env, QuorumConfig config);
  ~Quorum();
  Quorum(const Quorum&) = delete;
  Quorum& operator=(const Quorum&) = delete;

  /// Every image from the first one on, on that shard; several may subscribe to one shard.
  void subscribe(env::ShardId shard, ImageSubscriber subscriber);

  /// Called once on shard 0 if the metadata log cannot go on (a failed fsync, an image that
  /// cannot be): the process should end.
  void on_failure(UniqueFunction<void(const Error&)> callback);

  /// Loads snapshot and log, takes part in the quorum. A quorum of one is the active controller
  /// when this returns, with the bootstrap records written.
  /// Errors   kKafkaStorageError, kCorruptMessage, kInvalidRecordState: the metadata log cannot
  ///          be read; the node must not start.
  env::Task<Result<void>> start();
  /// Gives leadership away, waits for what is under way, closes the log.
  env::Task<Result<void>> stop();

  /// Decides, writes, waits until it is committed and this node has replayed it.
  /// The image of `here` holds the change when this returns. `context.version` is to be set by
  /// `decide`, which knows the request.
  template <class Response>
  env::Task<Result<Response>> submit(env::Shard& here, DecideFn<Response> decide,
                                     MonoTime deadline);

  /// The newest image this shard has been told of; never null.
  image::ImagePtr image(env::ShardId shard) const { return images_[shard.value()]; }

  /// Any thread.
  LeaderAndEpoch leader() const;
  /// The finalized kraft.version, 0 with static voters; no metadata record holds it.
  std::int16_t kraft_version() const { return kraft_version_.load(std::memory_order_acquire); }
  bool is_active_controller() const { return active_.load(std::memory_order_acquire); }
  /// Last offset replayed into the newest published image; heartbeats carry it.
  Offset published_offset() const {
    return Offset(published_offset_.load(std::memory_order_acquire));
  }
  /// What DescribeQuorum answers.
  env::Task<raft::QuorumDescription> describe(env::Shard& here);
  /// A newer configuration of this node, for the controller's decisions. Any shard.
  void configure(std::shared_ptr<const config::BrokerConfig> broker_config);

  static constexpr std::size_t kProposalsMax = 10'000;

 private:
  friend class QuorumHost;

  /// Where an answer is left for the shard that waits for it.
  struct Answer {
    explicit Answer(env::Shard& home) : waiter(std::make_shared<park::Waiter>(home)) {}
    std::shared_ptr<park::Waiter> waiter;
    Result<void> outcome;
  };
  using Propose = UniqueFunction<Result<image::RecordList>(
      controller::ControllerMachine&, controller::RequestContext&, bool& atomic)>;
  void propose(Propose decide, std::shared_ptr<Answer> answer);
  void publish(std::shared_ptr<const image::PublishedImage> published);
  void set_image(env::ShardId shard, const image::PublishedImage& published);
  void set_leader(LeaderAndEpoch leader, bool active);

  env::Env& env_;
  std::vector<image::ImagePtr> images_;                    // each touched by its shard only
  std::vector<std::vector<ImageSubscriber>> subscribers_;  // likewise, once started
  std::atomic<std::int64_t> leader_{0};                    // id and epoch in one
  std::atomic<bool> active_{false};
  std::atomic<std::int64_t> published_offset_{-1};
  std::atomic<std::int16_t> kraft_version_{0};
  UniqueFunction<void(const Error&)> on_failure_;
  std::unique_ptr<QuorumHost> host_;                                        // shard 0
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // for what is posted
};

template <class Response>
env::Task<Result<Response>> Quorum::submit(env::Shard& here, DecideFn<Response> decide,
                                           MonoTime deadline) {
  auto answer = std::make_shared<Answer>(here);
  auto response = std::make_shared<std::optional<Response>>();
  propose(
      [response, decide = std::move(decide)](controller::ControllerMachine& machine,
                                             controller::RequestContext& context,
                                             bool& atomic) mutable -> Result<image::RecordList> {
        controller::Decision<Response> decision = decide(machine, context);
        response->emplace(std::move(decision.response));
        atomic = decision.atomic;
        return std::move(decision.records);
      },
      answer);
  const bool woken = co_await answer->waiter->wait_until(deadline);
  if (!woken) {
    answer->waiter->finish();
    co_return Error(ErrorCode::kRequestTimedOut, "the controller did not commit in time");
  }
  if (!answer->outcome.ok()) co_return answer->outcome.error();
  co_return std::move(**response);
}

}  // namespace moldau::quorum
