// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "machine/assignor/assignor.h"

namespace moldau::assignor {

/// Computes what the members of a consumer group are to have.
/// Thread   any thread; pure.
/// Errors   kUnknownServerError: a topic that members subscribe to is missing from the counts.
using ConsumerAssignor = Result<GroupAssignment> (*)(const GroupSpec& group);

/// Ranges of each topic in the order of instance ids and member ids; members that subscribe to
/// the same topics get the same partitions of each.
/// Source   RangeAssignor.
Result<GroupAssignment> assign_range(const GroupSpec& group);

/// The same number of partitions for all members, where subscriptions allow it, moving few.
/// Source   UniformAssignor.
Result<GroupAssignment> assign_uniform(const GroupSpec& group);

/// Null if there is no such assignor: "uniform", "range".
ConsumerAssignor consumer_assignor(std::string_view name);

}  // namespace moldau::assignor
