// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/broker_config.h"
#include "machine/image/image.h"
#include "machine/share/share_partition.h"
#include "node/coordinator/share_metrics.h"
#include "node/coordinator/share_persister.h"
#include "node/park/waiter.h"
#include "node/replica/replica_host.h"

namespace moldau::coordinator {

/// What a member wants of one partition.
struct ShareFetchAsk {
  ShareFetchAsk() = default;
  share::SharePartitionKey key;
  std::string member_id;
  std::int32_t records_max = 0;
  std::int32_t batch_size = 0;
  bool record_limit = false;
  std::uint32_t bytes_max = 0;
  env::Wait wait = env::Wait::kNever;
  /// Only say how many bytes there are: nothing is acquired.
  bool look_only = false;
};

struct ShareFetchOutcome {
  ShareFetchOutcome() = default;
  ErrorCode error = ErrorCode::kNone;
  std::string message;
  NodeId leader{-1};
  LeaderEpoch leader_epoch{-1};
  std::vector<share::AcquiredRange> acquired;
  std::int64_t count = 0;
  log::FileRange range;
  /// As in replica::ReadOutcome.
  std::shared_ptr<const replica::ColdRead> cold;
  bool renaming = false;
};

/// The share partitions whose topic partitions are led on one shard.
///
/// Path     handlers of ShareFetch and ShareAcknowledge, by message → this → SharePartition and
///          HostedPartition; what changes goes to the SharePersister.
/// Owner    ShareHosts.
/// Thread   shard-bound.
/// Bounds   one SharePartition per group and partition that the share coordinator knows, while the
///          group has a session; one write of each is under way, what comes meanwhile is one
///          write again.
/// Durable  an acknowledgement is answered when the share coordinator has committed it.
/// Errors   kNotLeaderOrFollower, kUnknownTopicOrPartition, kCoordinatorNotAvailable,
///          kInvalidRecordState, kInvalidRequest, kUnknownServerError.
/// Source   SharePartitionManager, DelayedShareFetch.
class SharePartitionHost {
 public:
  using Done = UniqueFunction<void(share::StateOutcome)>;

  SharePartitionHost(replica::ReplicaHost& host, SharePersister& persister,
                     std::shared_ptr<const config::BrokerConfig> config);
  ~SharePartitionHost() { stop(); }

  /// `image` and `config` are in force.
  void show(const image::ImagePtr& image, std::shared_ptr<const config::BrokerConfig> config);
  /// Whoever waits is told, nothing is served any more.
  void stop();

  /// Acquires what is available now; otherwise `waiter` (if any) is woken when that may be more.
  ShareFetchOutcome fetch(const ShareFetchAsk& ask, const std::shared_ptr<park::Waiter>& waiter);
  void acknowledge(const share::SharePartitionKey& key, std::string_view member_id,
                   const std::vector<share::Acknowledgement>& batches, Done done);
  /// The member has gone.
  void release(const share::SharePartitionKey& key, std::string_view member_id, Done done);
  /// Nobody of the group is left.
  void forget_group(std::string_view group_id);
  std::size_t size() const { return entries_.size(); }
  ShareGroupMetrics& metrics() { return metrics_; }

 private:
  struct Settings {
    share::SharePartitionSettings machine;
    bool read_committed = false;
    std::string auto_offset_reset;
  };
  enum class Phase : std::uint8_t { kLoading, kActive, kFailed, kGone };
  struct Pending {
    share::StateToWrite write;
    Done done;
  };
  struct Entry {
    share::SharePartitionKey key;
    LeaderEpoch epoch{0};
    Phase phase = Phase::kLoading;
    share::StateOutcome failure;
    std::optional<share::SharePartition> partition;
    std::optional<Settings> settings;
    park::WaitList waiters;
    std::vector<Pending> pending;
    bool writing = false;
    /// To be dropped when the write has ended.
    bool forgotten = false;
    std::optional<MonoTime> timer_at;
    env::TimerId timer{0};
  };
  using EntryPtr = std::shared_ptr<Entry>;

  EntryPtr entry_of(const share::SharePartitionKey& key, LeaderEpoch epoch);
  const Settings& settings_of(Entry& entry);
  void drop(const EntryPtr& entry);
  env::Task<void> load(EntryPtr entry);
  env::Task<Result<Offset>> find_start(EntryPtr entry);
  env::Task<void> write_pending(EntryPtr entry);
  void store(const EntryPtr& entry, share::AcknowledgeOutcome outcome, Done done);
  void written(const EntryPtr& entry, std::vector<Pending> batch,
               const share::StateOutcome& outcome);
  bool acquire(Entry& entry, const ShareFetchAsk& ask, replica::HostedPartition& hosted,
               ShareFetchOutcome& out);
  Result<void> cut_out(Entry& entry, const ShareFetchAsk& ask, replica::ReadOutcome& read,
                       ShareFetchOutcome& out);
  void arm_timer(const EntryPtr& entry);

  replica::ReplicaHost& host_;
  SharePersister& persister_;
  std::shared_ptr<const config::BrokerConfig> config_;
  ShareGroupMetrics metrics_;
  image::ImagePtr image_;
  std::map<share::SharePartitionKey, EntryPtr> entries_;
  bool stopped_ = false;
  std::shared_ptr<bool> alive_;
  env::TaskScope tasks_;
};

}  // namespace moldau::coordinator
