// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "config/broker_config.h"
#include "config/topic_config.h"
#include "env/env.h"
#include "machine/image/loader.h"
#include "node/broker/directory_assigner.h"
#include "node/broker/dynamic_config.h"
#include "node/broker/log_directories.h"
#include "node/replica/replica_host.h"

namespace moldau::broker {

/// Makes the node be what the metadata says: starts, updates, stops and deletes replicas, hands
/// out configurations, then shows the image to all shards.
///
/// Path     node/quorum publishes → enqueue() → replicas → ImageView of each shard.
/// Owner    the node.
/// Thread   shard 0. One image at a time; images that pile up are applied in order.
/// Bounds   logs are opened by at most `open_at_once` jobs at a time.
/// Source   BrokerMetadataPublisher, ReplicaManager.applyDelta, LogManager.loadLogs.
class MetadataApplier {
 public:
  /// Called on shard 0 when an image is in force everywhere.
  using Applied = UniqueFunction<void(const image::ImagePtr&)>;
  /// Called on the given shard with each image, what is new in it and the configuration in force
  /// with it.
  using Show = UniqueFunction<void(std::uint32_t shard, const image::ImagePtr&,
                                   const image::MetadataChanges&,
                                   const std::shared_ptr<const config::BrokerConfig>&)>;

  MetadataApplier(env::Env& env, NodeId self, DynamicConfig& dynamic, LogDirectories& directories,
                  replica::ReplicaSet& replicas, Show show, Applied applied);

  void enqueue(image::PublishedImage published);
  /// Assignments to be told to the controller, since the last call.
  std::vector<DirectoryAssignment> take_assignments();
  /// Where each hosted replica lies, for DescribeLogDirs.
  struct Hosted {
    TopicPartition name;
    std::uint32_t directory = 0;
  };
  const std::map<TopicIdPartition, Hosted>& hosted() const { return hosted_; }
  /// Its log could not be opened, or lies in a log dir that is offline.
  bool is_offline(const TopicIdPartition& id) const {
    return unopened_.contains(id) || offline_.contains(id);
  }
  /// A move that was stopped between its renames was ended when this replica was opened.
  bool was_promoted(const TopicIdPartition& id) const { return promoted_.contains(id); }
  /// The replica lies in log dir `to` now; what it left behind is called `retired` and goes.
  void replica_moved(const TopicIdPartition& id, std::uint32_t from, std::uint32_t to,
                     const std::string& retired);

  /// Retention and the like for every partition; called now and then.
  void maintain_all();
  /// Forgets idle producers of every partition; called now and then.
  void expire_producers_of_all();
  /// Stops serving all partitions, closes their logs and leaves the marks of a clean shutdown.
  env::Task<void> close_all(BrokerEpoch broker_epoch);

 private:
  struct Opening;
  env::Task<void> run();
  env::Task<void> apply(image::PublishedImage published);
  env::Task<void> drop_stale_rows(std::shared_ptr<std::vector<Opening>> openings);
  void open_later(const replica::HostedIdentity& identity);
  void take_offline(const TopicIdPartition& id);
  void tell_out_of_reach(const TopicIdPartition& id);
  void forget_offline(const TopicIdPartition& id);
  env::Task<void> open_all(std::shared_ptr<std::vector<Opening>> openings);
  env::Task<void> open_one(Opening* opening);
  env::Task<void> delete_partitions(const image::PublishedImage* published);
  env::Task<void> retry_unopened();
  env::Task<std::unique_ptr<log::PartitionLog>> take_log(TopicIdPartition id, ErrorCode code);
  env::Task<void> delete_partition(TopicIdPartition id);
  env::Task<void> close_one(TopicIdPartition id);
  env::Task<void> remove_later(std::uint32_t directory, std::string name);
  env::Task<void> mark_strays(const image::MetadataImage& image);
  env::Task<void> sync_log_dirs(std::set<std::uint32_t> touched);
  env::Task<void> resume_deletions();

  partition::PartitionAssignment assignment_of(const image::MetadataImage& image,
                                               const image::TopicImage& topic,
                                               const image::PartitionState& state) const;
  config::TopicConfig topic_config(const image::MetadataImage& image, const std::string& topic);
  void note_opened(const Opening& opening);
  void push_all_topic_configs(const image::MetadataImage& image);
  const config::BrokerConfig& config() const { return *dynamic_.current(); }
  void update_partition(const image::MetadataImage& image, const image::TopicImage& topic,
                        PartitionId index, const image::PartitionState& state);
  void push_topic_config(const image::MetadataImage& image, const image::TopicImage& topic);
  bool is_out_of_reach(const image::TopicImage& topic, PartitionId index,
                       const image::PartitionState& state) const;
  Opening plan_opening(const image::MetadataImage& image, const image::TopicImage& topic,
                       PartitionId index, const image::PartitionState& state);

  env::Env& env_;
  env::Shard& shard_;
  NodeId self_;
  DynamicConfig& dynamic_;
  LogDirectories& directories_;
  replica::ReplicaSet& replicas_;
  Show show_;
  Applied applied_;
  std::map<TopicIdPartition, Hosted> hosted_;
  std::vector<DirectoryAssignment> assignments_;
  std::map<std::uint32_t, std::vector<log::ReplicaCheckpoint>> closed_rows_;
  std::deque<image::PublishedImage> queue_;
  image::ImagePtr latest_;
  /// The checkpoints may name replicas that are gone.
  bool rows_stale_ = false;
  std::set<TopicIdPartition> unopened_;  // partitions whose log could not be opened
  std::set<TopicIdPartition> offline_;   // their log dir is out of reach, until the next start
  std::set<TopicIdPartition> promoted_;
  bool retrying_ = false;
  bool running_ = false;
  bool first_done_ = false;
  bool closing_ = false;
  env::TaskScope tasks_;
};

}  // namespace moldau::broker
