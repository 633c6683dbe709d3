// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "machine/image/image.h"
#include "machine/image/record.h"

namespace moldau::image {

/// What happened to a topic that still is.
struct TopicChange {
  TopicChange() = default;
  bool created = false;
  /// New ones and changed ones.
  std::set<PartitionId> partitions;
};

/// What is different between the base image of a delta and its result.
/// Thread   a value.
struct MetadataChanges {
  MetadataChanges() = default;

  bool metadata_version = false;
  std::set<std::string> features;
  std::set<NodeId> brokers;
  std::set<NodeId> controllers;
  std::map<TopicId, TopicChange> topics;
  /// Topics of the base that are gone; one made and removed in between leaves no trace.
  std::set<TopicId> deleted_topics;
  std::set<ConfigResource> configs;
  std::set<QuotaEntity> client_quotas;
  bool producer_ids = false;
  std::set<Uuid> acls;
  std::set<ScramKey> scram;
  std::set<std::string> delegation_tokens;

  bool empty() const;
};

/// Records applied to an image: the one way an image comes to be.
///
/// Path     ImageLoader, ControllerMachine → replay of each record → apply → MetadataImage.
/// Owner    keeps its own image; the base is shared, never changed.
/// Thread   a value; one owner at a time.
/// Errors   replay: kInvalidRecordState if the record contradicts what is known (unknown topic id,
///          leader outside the replicas, second topic of a name, wrong broker epoch): the
///          delta is then as before the record.
/// Source   MetadataDelta and its parts; KIP-631.
class MetadataDelta {
 public:
  explicit MetadataDelta(const MetadataImage& base);
  MetadataDelta(MetadataDelta&&) = default;
  MetadataDelta& operator=(MetadataDelta&&) = default;
  /// A copy that goes its own way.
  MetadataDelta fork();
  /// A snapshot replaces all that `base` said: what it does not mention is gone.
  static MetadataDelta of_snapshot(const MetadataImage& base);

  Result<void> replay(const MetadataRecord& record);
  /// Only for of_snapshot, after the last record: finds what changed against the base.
  void finish_snapshot();

  const MetadataImage& base() const { return base_; }
  /// The base and all records so far.
  const MetadataImage& image() const { return image_; }
  const MetadataChanges& changes() const { return changes_; }

  /// Gives away image() and begins anew upon it. What was given away is never touched again.
  MetadataImage publish(Provenance provenance);

 private:
  struct Replay;
  MetadataDelta(const MetadataDelta&) = default;

  MetadataImage base_;
  MetadataImage image_;
  MetadataChanges changes_;
};

}  // namespace moldau::image
