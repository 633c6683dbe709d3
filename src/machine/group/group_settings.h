// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/types.h"
#include "config/broker_config.h"
#include "machine/image/image.h"

namespace moldau::group {

/// What the configuration says about groups, and the limits that have no key.
/// Thread   a value.
struct GroupSettings {
  /// As a broker that sets nothing.
  GroupSettings();
  static GroupSettings from(const config::BrokerConfig& config);
  /// The group's own configs (its GROUP resource) over the broker's.
  config::GroupValues of_group(const image::MetadataImage& image, std::string_view group_id) const;

  /// group.consumer.migration.policy
  bool may_upgrade() const;
  bool may_downgrade() const;
  /// Neither way.
  bool is_migration_disabled() const { return !may_upgrade() && !may_downgrade(); }

  /// Keys that only one kind of group looks at: group.consumer.…, group.share.…, group.streams.…
  std::shared_ptr<const config::BrokerConfig> broker;
  /// What a group has that sets nothing.
  config::GroupValues group_defaults;

  /// group.min.session.timeout.ms
  Millis session_timeout_min{6'000};
  /// group.max.session.timeout.ms
  Millis session_timeout_max{1'800'000};
  /// group.initial.rebalance.delay.ms
  Millis initial_rebalance_delay{3'000};
  /// group.max.size: members of a classic group.
  std::int32_t group_size_max = 2'147'483'647;
  /// offset.metadata.max.bytes; Apache counts UTF-16 units.
  std::int32_t offset_metadata_max = 4'096;
  /// offsets.retention.minutes
  Millis offsets_retention{std::int64_t{10'080} * 60'000};
  /// offsets.retention.check.interval.ms
  Millis retention_check_interval{600'000};

  /// A new member that waits in its first join is given up after this, as in Apache.
  Millis new_member_join_timeout{300'000};
  /// max.message.bytes of the internal topic: no batch of the machine is larger.
  std::size_t batch_bytes_max = 1'048'588;
  /// Members of a group that have been told their id and have not joined with it yet.
  std::size_t pending_members_max = 20'000;
};

}  // namespace moldau::group
