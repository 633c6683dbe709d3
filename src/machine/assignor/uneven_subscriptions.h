// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "machine/assignor/assignor.h"

namespace moldau::assignor {

/// The uniform assignor where members subscribe to different topics.
/// Thread   any thread; pure.
/// Errors   kUnknownServerError: a topic that members subscribe to is missing from the counts.
/// Source   UniformHeterogeneousAssignmentBuilder.
Result<GroupAssignment> assign_uneven_subscriptions(const GroupSpec& group);

}  // namespace moldau::assignor
