// SPDX-License-Identifier: Apache-2.0
#include "machine/group/group_settings.h"

#include "config/broker_config.h"

namespace moldau::group {

GroupSettings GroupSettings::from(const config::BrokerConfig& config) {
  const auto& values = config.values;
  GroupSettings out;
  out.session_timeout_min = Millis(values.group_min_session_timeout_ms);
  out.session_timeout_max = Millis(values.group_max_session_timeout_ms);
  out.initial_rebalance_delay = Millis(values.group_initial_rebalance_delay_ms);
  out.group_size_max = values.group_max_size;
  out.offset_metadata_max = values.offset_metadata_max_bytes;
  out.offsets_retention = Millis(std::int64_t{values.offsets_retention_minutes} * 60'000);
  out.retention_check_interval = Millis(values.offsets_retention_check_interval_ms);
  return out;
}

}  // namespace moldau::group
