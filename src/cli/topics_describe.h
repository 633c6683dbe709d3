// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/admin_session.h"
#include "cli/options.h"

namespace moldau::cli {

/// The topics that --topic and --exclude-internal mean, by name.
/// Errors   with the sentence to print.
env::Task<Result<std::vector<std::string>>> find_topics(ToolContext& context, AdminSession& session,
                                                        const ParsedOptions& options);
/// Errors   kUnknownTopicOrPartition if --topic names nothing and --if-exists is not given.
Result<void> check_found(const ParsedOptions& options, bool none);

/// `kafka-topics --describe`.
env::Task<Result<void>> describe_found_topics(ToolContext& context, AdminSession& session,
                                              const ParsedOptions& options);

}  // namespace moldau::cli
