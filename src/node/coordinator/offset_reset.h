// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "env/env.h"
#include "node/replica/replica_host.h"

namespace moldau::coordinator {

/// The offset that a share group without one begins at: "latest", "earliest" or
/// "by_duration:PT1H".
/// Thread   the shard of `host`; searches by time run on the pool.
/// Errors   kNotLeaderOrFollower, kOffsetNotAvailable, kKafkaStorageError.
/// Source   SharePartition.startOffsetDuringInitialization, ShareGroupAutoOffsetResetStrategy.
env::Task<Result<Offset>> reset_offset(replica::ReplicaHost* host, TopicIdPartition id,
                                       LeaderEpoch epoch, std::string reset);

/// Of a duration like P1DT2H3M4.5S; 0 if it is none.
Millis parse_duration(std::string_view text);

}  // namespace moldau::coordinator
