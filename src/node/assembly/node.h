// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "config/broker_config.h"
#include "env/env.h"
#include "net/socket_server.h"
#include "node/assembly/shard_parts.h"
#include "node/broker/directory_assigner.h"
#include "node/broker/dynamic_config.h"
#include "node/broker/lifecycle_host.h"
#include "node/broker/log_cleaner.h"
#include "node/broker/log_directories.h"
#include "node/broker/metadata_applier.h"
#include "node/broker/producer_ids.h"
#include "node/broker/replica_alter_log_dirs.h"
#include "node/coordinator/group_coordinators.h"
#include "node/coordinator/share_hosts.h"
#include "node/coordinator/txn_coordinators.h"
#include "node/handler/telemetry_host.h"
#include "node/quorum/quorum.h"
#include "node/replica/replica_host.h"

namespace moldau::assembly {

/// What a node tells whoever runs it; called on shard 0.
struct NodeEvents {
  /// It serves clients.
  Callback running;
  /// It cannot go on; the process should end with this code.
  UniqueFunction<void(int exit_code)> fatal;
};

/// Exit codes of the server.
inline constexpr int kExitFailed = 1;
inline constexpr int kExitConfig = 2;

/// A whole node: broker and controller of one configuration on one Env. The one composition, for
/// production and simulator alike.
///
/// Owner    main/ or the simulator; the Env outlives it. Destroy after stop() is done, or at any
///          moment after the Env runs nothing of it any more (a crash).
/// Thread   shard 0; is_running() from any thread.
/// Durable  after stop() is done every record is on disk and the clean-shutdown marks are left.
class Node {
 public:
  Node(env::Env& env, std::shared_ptr<const config::BrokerConfig> config, NodeEvents events);
  ~Node();

  void start();
  /// Leaves the cluster, answers what is under way, closes the logs.
  void stop(Callback done);

  bool is_running() const { return running_.load(std::memory_order_acquire); }
  /// Where a listener is bound; once running.
  const env::SocketAddress& address(const std::string& listener) const {
    return server_->address(listener);
  }
  const std::string& cluster_id() const { return cluster_id_; }
  /// What shard 0 knows of the cluster; null before the metadata log is open.
  image::ImagePtr image() const {
    return quorum_ ? quorum_->image(env::ShardId(0)) : image::ImagePtr();
  }

 private:
  env::Task<void> run_start();
  env::Task<void> register_controller();
  env::Task<void> run_stop(Callback done);
  env::Task<void> stop_coordinators();
  void create_share_topic();
  env::Task<void> run_share_topic_creation();
  Result<void> check_directories();
  void on_directory_failure(std::uint32_t directory, const Error& why);
  void build_quorum();
  void build_broker();
  void build_coordinators();
  void build_log_keepers();
  void build_quotas();
  void build_telemetry();
  void build_server();
  Result<void> start_early_listeners();
  Result<void> start_client_listeners();
  /// On shard `s`: its requests see these from now on.
  void show(std::uint32_t s, const image::ImagePtr& image, const image::MetadataChanges& changes,
            const broker::DynamicConfig::Value& config);
  void follow_image(const image::PublishedImage& published);
  void follow_config(const broker::DynamicConfig::Value& config);
  void follow_listeners(const config::BrokerConfig& config);
  void start_added_listener(const std::string& name);
  void fail(int exit_code, const std::string& why);
  void on_image_applied(const image::ImagePtr& image);
  void on_state(broker::BrokerState state);
  void maybe_ready();
  void maintain_later(Millis delay);
  void start_log_tasks();
  void expire_producers_later();
  /// Ends the node if it does not run in time.
  void limit_start();
  bool is_early(const std::string& listener) const;
  void show_identity();

  env::Env& env_;
  env::Shard& shard_;
  std::shared_ptr<const config::BrokerConfig> config_;  // as it was at the start
  broker::DynamicConfig dynamic_;
  NodeEvents events_;
  std::string cluster_id_;
  std::uint32_t metadata_directory_ = 0;
  std::vector<config::Listener> advertised_;
  std::vector<config::Listener> listeners_;  // as the dynamic configs have them now
  Uuid incarnation_;
  std::atomic<bool> running_{false};
  bool image_applied_ = false;
  bool stopping_ = false;
  bool failed_ = false;
  Callback may_stop_;

  replica::ReplicaSet replicas_;
  broker::LogDirectories directories_;
  std::unique_ptr<quorum::Quorum> quorum_;
  std::vector<std::unique_ptr<ShardParts>> parts_;
  std::unique_ptr<broker::MetadataApplier> applier_;
  std::unique_ptr<broker::LogCleaner> cleaner_;
  std::unique_ptr<broker::LifecycleHost> lifecycle_;
  std::unique_ptr<broker::ProducerIds> producer_ids_;
  std::unique_ptr<broker::DirectoryAssigner> assigner_;
  std::unique_ptr<broker::ReplicaAlterLogDirs> alter_log_dirs_;
  std::unique_ptr<coordinator::GroupCoordinators> groups_;
  std::unique_ptr<coordinator::MarkerWriter> markers_;
  std::unique_ptr<coordinator::TxnCoordinators> transactions_;
  std::unique_ptr<handler::TelemetryHost> telemetry_;
  std::unique_ptr<coordinator::ShareCoordinators> share_states_;
  std::unique_ptr<coordinator::ShareHosts> share_;
  bool creates_share_topic_ = false;
  std::unique_ptr<net::SocketServer> server_;
  std::shared_ptr<Node*> alive_;
  env::TaskScope tasks_;
};

}  // namespace moldau::assembly
