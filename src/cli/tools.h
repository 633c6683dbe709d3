// SPDX-License-Identifier: Apache-2.0
// The tools, each as its script is called; tool.cc holds the table of them.
//
// Owner    `context` outlives the task.
// Thread   the context's shard.
// Errors   none; they are printed. The values are exit codes, those of Apache's tools.
// Source   the class of org.apache.kafka.tools that each one's file names.
#pragma once

#include <string>
#include <vector>

#include "cli/tool.h"

namespace moldau::cli {

env::Task<int> run_broker_api_versions(ToolContext& context, std::vector<std::string> arguments);
env::Task<int> run_cluster(ToolContext& context, std::vector<std::string> arguments);
env::Task<int> run_delete_records(ToolContext& context, std::vector<std::string> arguments);
env::Task<int> run_features(ToolContext& context, std::vector<std::string> arguments);
env::Task<int> run_get_offsets(ToolContext& context, std::vector<std::string> arguments);
env::Task<int> run_topics(ToolContext& context, std::vector<std::string> arguments);

}  // namespace moldau::cli
