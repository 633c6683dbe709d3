// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "machine/assignor/assignor.h"

namespace moldau::assignor {

/// Computes what the members of a share group are to have: each partition by as many members as
/// all have something to do with, and moving few. Only `group.assignable` is assigned, if set.
/// Thread   any thread; pure.
/// Errors   kUnknownServerError: a topic that members subscribe to is missing from the counts.
/// Source   SimpleAssignor: equal to its assignments.
Result<GroupAssignment> assign_simple(const GroupSpec& group);

}  // namespace moldau::assignor
