// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/options.h"
#include "cli/tool.h"
#include "client/admin/admin_options.h"
#include "client/cluster.h"

namespace moldau::cli {

/// Reads a .properties file, as --command-config names one.
/// Errors   kInvalidConfig, or why it cannot be read.
Result<client::admin::Properties> load_properties(ToolContext& context, const std::string& path);

/// The properties of --command-config, if `options` have it, and of the bootstrap options that are
/// given.
/// Errors   as load_properties().
Result<client::admin::Properties> connection_properties(ToolContext& context,
                                                        const ParsedOptions& options);

/// A tool's connection to a cluster.
///
/// Owner    the tool's task; borrows the context.
/// Thread   the context's shard.
class AdminSession {
 public:
  /// `properties` with what the command line says already put over the file's. Keys that nobody
  /// knows are named on stderr.
  /// Errors   as parse_admin_options().
  static Result<std::unique_ptr<AdminSession>> open(ToolContext& context,
                                                    const client::admin::Properties& properties);

  AdminSession(ToolContext& context, client::admin::AdminOptions options)
      : shard_(context.shard),
        call_timeout_(options.call_timeout),
        cluster_(context.env, context.shard, std::move(options.cluster)) {}

  client::Cluster& cluster() { return cluster_; }
  /// Until when a call that begins now may take.
  MonoTime deadline() const { return shard_.now() + call_timeout_; }

 private:
  env::Shard& shard_;
  const Millis call_timeout_;
  client::Cluster cluster_;
};

/// The sentence that Apache's tools print for an error: what the broker said, or what Java's
/// exception for its code says. `call` is the name of Admin's method. The client's own reasons for
/// a time-out go to stderr besides.
std::string java_message(ToolContext& context, const Error& error, std::string_view call);
/// The name of Java's exception for an error with its message, as Future.get() tells it.
std::string java_exception(ToolContext& context, const Error& error, std::string_view call);

/// The same as an error whose detail is printed as it stands.
Error told(ToolContext& context, const Error& error, std::string_view call);

}  // namespace moldau::cli
