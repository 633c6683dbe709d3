// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace moldau::image {

inline constexpr std::string_view kMetadataVersionFeature = "metadata.version";
inline constexpr std::string_view kKraftVersionFeature = "kraft.version";
inline constexpr std::string_view kElrFeature = "eligible.leader.replicas.version";
inline constexpr std::string_view kTransactionFeature = "transaction.version";
inline constexpr std::string_view kGroupFeature = "group.version";
inline constexpr std::string_view kShareFeature = "share.version";
inline constexpr std::string_view kStreamsFeature = "streams.version";

/// The finalized metadata.version: which records exist and in which version they are written.
/// Thread   a value.
/// Source   MetadataVersion of Apache Kafka 4.3; KIP-778.
class MetadataVersion {
 public:
  static constexpr std::int16_t kLowest = 7;
  static constexpr std::int16_t kLatest = 30;

  constexpr MetadataVersion() = default;
  constexpr explicit MetadataVersion(std::int16_t level) : level_(level) {}
  constexpr std::int16_t level() const { return level_; }
  static constexpr bool known(std::int16_t level) { return level >= kLowest && level <= kLatest; }
  auto operator<=>(const MetadataVersion&) const = default;

  constexpr bool has_scram() const { return level_ >= 11; }
  constexpr bool bumps_leader_epoch_on_isr_shrink() const { return level_ < 12; }
  constexpr bool has_transactions() const { return level_ >= 13; }
  constexpr bool has_delegation_tokens() const { return level_ >= 14; }
  constexpr bool has_controller_registration() const { return level_ >= 15; }
  constexpr bool has_directory_assignment() const { return level_ >= 17; }
  constexpr bool has_elr() const { return level_ >= 23; }
  constexpr bool has_cordoned_directories() const { return level_ >= 30; }

  constexpr std::int16_t register_broker_version() const {
    return level_ >= 30 ? 4 : level_ >= 17 ? 3 : level_ >= 8 ? 2 : 1;
  }
  constexpr std::int16_t partition_version() const {
    return level_ >= 23 ? 2 : level_ >= 17 ? 1 : 0;
  }
  constexpr std::int16_t partition_change_version() const { return partition_version(); }

  /// "4.3-IV0"; empty for a level nobody knows.
  std::string_view name() const;
  /// True if going from one to the other could lose what the lower one cannot express.
  static bool metadata_changes_between(MetadataVersion a, MetadataVersion b);

 private:
  std::int16_t level_ = kLowest;
};

/// What this software supports of a feature, and what it needs of others.
struct FeatureSupport {
  std::string_view name;
  std::int16_t min_level;
  std::int16_t max_level;
  /// The lowest metadata.version level 1 and above need.
  std::int16_t needs_metadata_version;
  /// New clusters begin at max_level from this metadata.version on, else at min_level.
  std::int16_t default_from_metadata_version;
};

/// All features of 4.3, metadata.version first, then by name.
std::span<const FeatureSupport> supported_features();
/// nullptr if nobody knows it.
const FeatureSupport* find_feature(std::string_view name);
/// The level a new cluster of this metadata.version begins with.
std::int16_t default_feature_level(const FeatureSupport& feature, MetadataVersion version);

}  // namespace moldau::image
