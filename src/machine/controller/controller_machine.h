// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "config/alter.h"
#include "config/broker_config.h"
#include "machine/controller/broker_sessions.h"
#include "machine/controller/decision.h"
#include "machine/controller/partition_change.h"
#include "machine/controller/placement.h"
#include "machine/image/loader.h"
#include "machine/image/record_list.h"
#include "wire/allocate_producer_ids_request.h"
#include "wire/allocate_producer_ids_response.h"
#include "wire/alter_client_quotas_request.h"
#include "wire/alter_client_quotas_response.h"
#include "wire/alter_configs_request.h"
#include "wire/alter_configs_response.h"
#include "wire/alter_partition_reassignments_request.h"
#include "wire/alter_partition_reassignments_response.h"
#include "wire/alter_partition_request.h"
#include "wire/alter_partition_response.h"
#include "wire/alter_user_scram_credentials_request.h"
#include "wire/alter_user_scram_credentials_response.h"
#include "wire/assign_replicas_to_dirs_request.h"
#include "wire/assign_replicas_to_dirs_response.h"
#include "wire/broker_heartbeat_request.h"
#include "wire/broker_heartbeat_response.h"
#include "wire/broker_registration_request.h"
#include "wire/broker_registration_response.h"
#include "wire/controller_registration_request.h"
#include "wire/controller_registration_response.h"
#include "wire/create_acls_request.h"
#include "wire/create_acls_response.h"
#include "wire/create_partitions_request.h"
#include "wire/create_partitions_response.h"
#include "wire/create_topics_request.h"
#include "wire/create_topics_response.h"
#include "wire/delete_acls_request.h"
#include "wire/delete_acls_response.h"
#include "wire/delete_topics_request.h"
#include "wire/delete_topics_response.h"
#include "wire/describe_acls_request.h"
#include "wire/describe_acls_response.h"
#include "wire/describe_client_quotas_request.h"
#include "wire/describe_client_quotas_response.h"
#include "wire/elect_leaders_request.h"
#include "wire/elect_leaders_response.h"
#include "wire/incremental_alter_configs_request.h"
#include "wire/incremental_alter_configs_response.h"
#include "wire/list_partition_reassignments_request.h"
#include "wire/list_partition_reassignments_response.h"
#include "wire/unregister_broker_request.h"
#include "wire/unregister_broker_response.h"
#include "wire/update_features_request.h"
#include "wire/update_features_response.h"

namespace moldau::controller {

/// The active controller: every change of the metadata log is decided here.
///
/// Lives from the moment its node leads the quorum until it no longer does. Decisions look at
/// everything replayed, committed or not; only replay changes what they look at.
/// Order of a write: decide → append decision.records at context.next_offset (one batch if it is
/// atomic) → replay the same records at once → when the high watermark has passed them, answer
/// decision.response. Without records: answer when all that was appended before is committed.
/// Path     node/quorum submit() → decide_…; its timer → tick.
/// Owner    a mirror image and the broker sessions.
/// Thread   a value of the quorum's shard; no IO, clock, randomness of its own.
/// Bounds   kRecordsPerOperationMax records for a request of a user, else kPolicyViolation.
/// Errors   in the responses, as Apache's controller answers them; authorisation is the caller's.
/// Source   QuorumController and its managers; KIP-631.
class ControllerMachine {
 public:
  /// `log` is what the metadata log says, open transactions included: a fork of the node's loader.
  ControllerMachine(ControllerSettings settings, image::ImageLoader log, MonoTime now);

  /// The image decisions look at.
  const image::MetadataImage& image() const { return log_.latest(); }
  const ControllerSettings& settings() const { return settings_; }
  const BrokerSessions& sessions() const { return sessions_; }
  /// A newer configuration of this node.
  void configure(std::shared_ptr<const config::BrokerConfig> broker_config);

  /// The only writer of what decisions look at: records just appended, in their order.
  /// Errors   kInvalidRecordState: a bug of ours; the node must stop leading.
  Result<void> replay(std::span<const image::MetadataRecord> records, Offset base_offset,
                      MonoTime now);

  /// What must be written first: the bootstrap records into an empty log, the end of a
  /// transaction that a predecessor left open. `bootstrap` is what bootstrap.checkpoint says.
  Decision<Nothing> decide_activation(const image::MetadataImage& bootstrap) const;

  /// The next periodic duty that is due, one at a time: replay its records before the next call.
  /// Empty if nothing is due.
  std::optional<Decision<Nothing>> tick(const RequestContext& context);
  /// When tick should be called at the latest.
  MonoTime next_tick() const;

  // topics.cc
  Decision<wire::CreateTopicsResponse> decide_create_topics(
      const wire::CreateTopicsRequest& request, const RequestContext& context) const;
  /// Also refuses if the count would shrink; `validate_only` writes nothing.
  Decision<wire::CreatePartitionsResponse> decide_create_partitions(
      const wire::CreatePartitionsRequest& request, const RequestContext& context) const;
  Decision<wire::DeleteTopicsResponse> decide_delete_topics(
      const wire::DeleteTopicsRequest& request, const RequestContext& context) const;

  // configs.cc
  Decision<wire::IncrementalAlterConfigsResponse> decide_incremental_alter_configs(
      const wire::IncrementalAlterConfigsRequest& request) const;
  Decision<wire::AlterConfigsResponse> decide_alter_configs(
      const wire::AlterConfigsRequest& request) const;

  // elections.cc
  Decision<wire::ElectLeadersResponse> decide_elect_leaders(
      const wire::ElectLeadersRequest& request, const RequestContext& context) const;

  // isr.cc
  Decision<wire::AlterPartitionResponse> decide_alter_partition(
      const wire::AlterPartitionRequest& request, const RequestContext& context) const;
  Decision<wire::AssignReplicasToDirsResponse> decide_assign_replicas_to_dirs(
      const wire::AssignReplicasToDirsRequest& request) const;

  // reassignments.cc
  Decision<wire::AlterPartitionReassignmentsResponse> decide_alter_partition_reassignments(
      const wire::AlterPartitionReassignmentsRequest& request) const;
  wire::ListPartitionReassignmentsResponse list_partition_reassignments(
      const wire::ListPartitionReassignmentsRequest& request) const;

  // brokers.cc
  Decision<wire::BrokerRegistrationResponse> decide_broker_registration(
      const wire::BrokerRegistrationRequest& request, const RequestContext& context) const;
  /// Notes, as the one soft effect, that the broker was heard of.
  Decision<wire::BrokerHeartbeatResponse> broker_heartbeat(
      const wire::BrokerHeartbeatRequest& request, const RequestContext& context);
  Decision<wire::BrokerHeartbeatResponse> decide_broker_heartbeat(
      const wire::BrokerHeartbeatRequest& request, const RequestContext& context) const;
  Decision<wire::UnregisterBrokerResponse> decide_unregister_broker(
      const wire::UnregisterBrokerRequest& request) const;
  Decision<wire::ControllerRegistrationResponse> decide_controller_registration(
      const wire::ControllerRegistrationRequest& request) const;

  // features.cc
  Decision<wire::UpdateFeaturesResponse> decide_update_features(
      const wire::UpdateFeaturesRequest& request, const RequestContext& context) const;

  // producer_ids.cc
  Decision<wire::AllocateProducerIdsResponse> decide_allocate_producer_ids(
      const wire::AllocateProducerIdsRequest& request) const;

  // scram.cc
  /// `keys_of` makes of a salted password what is kept.
  Decision<wire::AlterUserScramCredentialsResponse> decide_alter_user_scram_credentials(
      const wire::AlterUserScramCredentialsRequest& request, ScramKeysOf keys_of) const;

  // quotas.cc
  Decision<wire::AlterClientQuotasResponse> decide_alter_client_quotas(
      const wire::AlterClientQuotasRequest& request) const;

  // acls.cc
  Decision<wire::CreateAclsResponse> decide_create_acls(const wire::CreateAclsRequest& request,
                                                        const RequestContext& context) const;
  Decision<wire::DeleteAclsResponse> decide_delete_acls(
      const wire::DeleteAclsRequest& request) const;

 private:
  /// Whom a wave of elections must not choose, and whom it may although it is still fenced.
  struct Wave {
    Wave() = default;
    std::optional<NodeId> removed;
    std::optional<NodeId> added;
    std::optional<NodeId> unclean;
  };
  struct NewTopic;

  image::RecordList new_records() const { return image::RecordList(image().metadata_version()); }
  template <class Response>
  Decision<Response> new_decision() const {
    return Decision<Response>(image().metadata_version());
  }

  // cluster state
  bool is_active(NodeId broker) const;
  std::vector<UsableBroker> usable_brokers() const;
  DirectoryId default_directory(NodeId broker) const;
  Result<void> check_broker_epoch(std::int32_t broker, std::int64_t epoch) const;

  // effective configs
  std::string effective_topic_value(std::string_view topic, std::string_view key,
                                    std::string_view fallback) const;
  std::size_t effective_min_isr(const image::TopicImage& topic) const;
  bool unclean_election_enabled(std::string_view topic) const;

  // topics.cc
  ApiError create_topic(const wire::CreateTopicsRequest::CreatableTopic& topic, Dice& dice,
                        const RequestContext& context, image::RecordList& records,
                        wire::CreateTopicsResponse::CreatableTopicResult& result) const;
  ApiError check_new_topic(const wire::CreateTopicsRequest::CreatableTopic& topic) const;
  Result<std::vector<image::PartitionState>> assign_manually(
      const wire::CreateTopicsRequest::CreatableTopic& topic) const;
  Result<std::vector<image::PartitionState>> assign_automatically(
      const wire::CreateTopicsRequest::CreatableTopic& topic, Dice& dice) const;
  Result<void> check_manual_assignment(const std::vector<NodeId>& replicas,
                                       std::optional<std::size_t> replication_factor) const;
  /// Empty if no replica is active.
  std::optional<image::PartitionState> new_partition(const std::vector<NodeId>& replicas) const;
  ApiError create_partitions(const wire::CreatePartitionsRequest::CreatePartitionsTopic& topic,
                             Dice& dice, const RequestContext& context,
                             image::RecordList& records) const;

  // configs.cc
  Result<std::vector<config::ConfigChange>> decide_config_changes(
      const image::ConfigResource& resource, const std::vector<config::AlterEntry>& entries,
      bool incremental, bool newly_created) const;
  Result<void> check_config_resource(const image::ConfigResource& resource) const;
  /// A changed min.insync.replicas makes every ELR computed with the old one worthless.
  void clear_elr_as_needed(image::RecordList& records, std::size_t from) const;
  /// With ELR every node must judge by the same min.insync.replicas: one of the cluster.
  void make_elr_safe(image::RecordList& records) const;

  // elections.cc
  PartitionChangeWish wish_for(const image::TopicImage& topic, const image::PartitionState& state,
                               const Wave& wave) const;
  PartitionChangeWish wish_for(const image::TopicImage& topic,
                               const image::PartitionState& state) const;
  /// The records for all partitions in which `concerns` sees something to do.
  template <class Concerns>
  void change_partitions(const Wave& wave, Concerns concerns, image::RecordList& records) const;
  ApiError elect_leader(std::string_view topic, PartitionId index, Election election,
                        image::RecordList& records) const;
  Decision<Nothing> decide_preferred_elections() const;
  Decision<Nothing> decide_unclean_elections() const;

  // isr.cc
  ErrorCode check_alter_partition(NodeId broker, const image::PartitionState* state,
                                  const wire::AlterPartitionRequest::PartitionData& wanted,
                                  const std::vector<NodeId>& isr) const;
  bool is_eligible_for_isr(NodeId broker, std::int64_t epoch) const;
  void alter_partition(NodeId broker, const image::TopicImage& topic,
                       const wire::AlterPartitionRequest::PartitionData& wanted,
                       std::int16_t version, image::RecordList& records,
                       wire::AlterPartitionResponse::PartitionData& result) const;

  // reassignments.cc
  ApiError alter_reassignment(
      std::string_view topic,
      const wire::AlterPartitionReassignmentsRequest::ReassignablePartition& wanted,
      bool allow_replication_factor_change, image::RecordList& records) const;
  ApiError cancel_reassignment(const image::TopicImage& topic, PartitionId index,
                               const image::PartitionState& state,
                               image::RecordList& records) const;

  // brokers.cc
  Result<void> check_registration(const wire::BrokerRegistrationRequest& request,
                                  const RequestContext& context) const;
  Result<void> check_registered_features(const wire::BrokerRegistrationRequest& request) const;
  BrokerControlState next_state(const wire::BrokerHeartbeatRequest& request) const;
  bool leads_something(NodeId broker) const;
  void fence(const image::BrokerRegistration& broker, image::RecordList& records) const;
  void unfence(const image::BrokerRegistration& broker, image::RecordList& records) const;
  void take_out_of_every_isr(NodeId broker, image::RecordList& records) const;
  void shut_down_unclean(NodeId broker, image::RecordList& records) const;
  void take_directories_offline(const image::BrokerRegistration& broker,
                                const std::vector<DirectoryId>& offline,
                                image::RecordList& records) const;

  // features.cc
  ApiError update_feature(const wire::UpdateFeaturesRequest::FeatureUpdateKey& update,
                          std::int16_t version, const std::map<std::string, std::int16_t>& proposed,
                          image::RecordList& records) const;
  std::optional<std::string> reason_not_supported(std::string_view feature,
                                                  std::int16_t level) const;

  // controller_machine.cc
  void note(const image::MetadataRecord& record, Offset offset, Offset batch_end, MonoTime now);
  void note_removed_topic(const TopicId& id);
  void derive(MonoTime now);
  void refresh_config_sources();
  Offset registration_offset(NodeId broker) const;

  ControllerSettings settings_;
  image::ImageLoader log_;

  // Derived from the log; rebuilt by derive().
  config::BrokerConfigSources sources_;
  /// Names that metrics could not tell apart, by what metrics would call them.
  std::map<std::string, std::set<std::string>> colliding_names_;
  /// Where a broker's latest registration lies: it must have read that far to be unfenced.
  std::map<NodeId, Offset> registration_offsets_;

  // Soft: not in the log.
  BrokerSessions sessions_;
  MonoTime next_no_op_{0};
  MonoTime next_preferred_elections_{0};
  MonoTime next_unclean_elections_{0};
};

/// The quotas that a filter asks for; needs an image only.
/// Source   ClientQuotasImage.describe; KIP-546.
wire::DescribeClientQuotasResponse describe_client_quotas(
    const image::MetadataImage& image, const wire::DescribeClientQuotasRequest& request);

/// The ACLs that a filter asks for; needs an image only.
/// Source   StandardAuthorizer.acls.
wire::DescribeAclsResponse describe_acls(const image::MetadataImage& image,
                                         const wire::DescribeAclsRequest& request);

}  // namespace moldau::controller
