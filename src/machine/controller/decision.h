// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "config/broker_config.h"
#include "machine/image/record_list.h"

namespace moldau::controller {

/// Records of one request, and of one batch, are no more (MAX_RECORDS_PER_USER_OP).
inline constexpr std::size_t kRecordsPerOperationMax = 10'000;
/// Changes of one run of leader balancing or unclean elections.
inline constexpr std::size_t kElectionsPerRunMax = 1'000;
inline constexpr std::int64_t kProducerIdBlockSize = 1'000;

/// What the controller is configured to be. Times of 0 switch their duty off.
struct ControllerSettings {
  ControllerSettings() = default;

  NodeId node_id{0};
  std::string cluster_id;
  /// broker.session.timeout.ms
  Millis broker_session_timeout{9'000};
  /// metadata.max.idle.interval.ms
  Millis max_idle_interval{500};
  /// leader.imbalance.check.interval.seconds; 0 if auto.leader.rebalance.enable is false.
  Millis leader_imbalance_check_interval{300'000};
  /// unclean.leader.election.interval.ms
  Millis unclean_leader_election_interval{300'000};
  std::int16_t default_replication_factor = 1;
  std::int32_t num_partitions = 1;
  bool delete_topic_enable = true;
  /// This node's configuration in force, and server.properties it came from.
  std::shared_ptr<const config::BrokerConfig> broker_config;
  config::ConfigMap static_config;
  /// The voters, as far as they are known.
  std::vector<NodeId> quorum_nodes;
  /// The finalized kraft.version, which is no metadata record.
  std::int16_t kraft_version = 1;
  /// The incarnation of the broker in this process. Its lock on the log directories proves that
  /// no earlier incarnation still runs, so its start need not wait for an old session to end.
  std::optional<Uuid> own_incarnation_id;
};

/// Judges how many partitions a request may still create or delete.
/// Thread   the controller's shard, while a decision is made. A soft effect: nothing is replayed.
/// Source   ControllerRequestContext.applyPartitionChangeQuota; KIP-599.
class PartitionChangeQuota {
 public:
  virtual ~PartitionChangeQuota() = default;
  /// Counts them; false if they must be refused.
  virtual bool admit(std::size_t partitions) = 0;
};

/// What comes with every request: time, randomness and the log are inputs.
struct RequestContext {
  RequestContext() = default;

  /// Of the request.
  std::int16_t version = 0;
  MonoTime now{0};
  /// Where the first record of the decision will lie, should there be one.
  Offset next_offset{0};
  /// Differs from request to request.
  std::uint64_t seed = 0;
  /// nullptr: as many partitions as one likes.
  PartitionChangeQuota* quota = nullptr;
  bool admits(std::size_t partitions) const { return !quota || quota->admit(partitions); }
};

/// What to write, and what to answer once it is committed.
template <class Response>
struct Decision {
  Decision() = default;
  explicit Decision(image::MetadataVersion version) : records(version) {}

  image::RecordList records;
  Response response;
  /// All records in one batch; else in batches of at most kRecordsPerOperationMax.
  bool atomic = true;
};

struct Nothing {
  Nothing() = default;
};

/// An error of one item of a response; no message is null on the wire.
struct ApiError {
  ApiError() = default;
  explicit ApiError(ErrorCode c) : code(c) {}
  ApiError(ErrorCode c, std::string m) : code(c), message(std::move(m)) {}
  ApiError(const Error& error) : code(error.code) {
    if (!error.detail.empty()) message = error.detail;
  }

  bool ok() const { return code == ErrorCode::kNone; }
  wire::Text text() const { return message ? wire::Text(*message) : wire::Text::null(); }

  ErrorCode code = ErrorCode::kNone;
  std::optional<std::string> message;
};

/// Fills error_code and error_message of a response or of one item of it.
template <class Item>
void set_error(Item& item, const ApiError& error) {
  item.error_code = to_wire(error.code);
  item.error_message = error.text();
}

/// What is kept of a SCRAM password.
struct ScramKeyPair {
  ScramKeyPair() = default;
  std::vector<std::byte> stored_key;
  std::vector<std::byte> server_key;
};
using ScramKeysOf = ScramKeyPair (*)(std::int8_t mechanism, ByteView salted_password);

inline ApiError too_many_records() {
  return ApiError(ErrorCode::kPolicyViolation,
                  "Unable to perform excessively large batch operation.");
}

inline ApiError quota_exceeded() {
  return ApiError(ErrorCode::kThrottlingQuotaExceeded, "The throttling quota has been exceeded.");
}

std::vector<NodeId> to_node_ids(const std::vector<std::int32_t>& ids);
std::vector<std::int32_t> to_wire_ids(const std::vector<NodeId>& ids);

}  // namespace moldau::controller
