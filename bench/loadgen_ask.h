// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "loadgen_connection.h"

namespace moldau::loadgen {

/// One request and its answer; a broken connection ends the program.
Frame ask(Line& line, const Frame& frame);

/// Asks until the error that `error_of` finds is none of those that pass by themselves; gives the
/// answer. Any other error ends the program.
Frame ask_until(Line& line, const Frame& frame,
                const std::function<std::int16_t(ByteView)>& error_of,
                std::chrono::microseconds pause);

/// Waits until there is a coordinator of this key. FindCoordinator v1.
void find_coordinator(Line& line, const std::string& key, std::int8_t type);

/// OffsetCommit v7 of somebody who is no member.
Frame commit_frame(const std::string& group, const std::string& topic, std::int32_t partitions,
                   std::int64_t offset);

/// The first error in an OffsetCommit v7 or an AddPartitionsToTxn v0 answer: topics with
/// partitions and an error each.
std::int16_t error_of_partitions(ByteView answer);

}  // namespace moldau::loadgen
