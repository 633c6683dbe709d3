// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "config/broker_config.h"
#include "env/disk.h"
#include "offline/storage_format.h"

namespace moldau::cli {

/// What format must know of a server's configuration; the command line adds to it.
/// Thread   pure.
offline::FormatOptions format_options_of(const config::BrokerConfig& config);

/// Reads a properties file. Only the keys that matter here are looked at: directories may be
/// formatted for a configuration that this server would refuse to run.
/// Errors   kInvalidConfig, kKafkaStorageError.
Result<offline::FormatOptions> load_format_options(env::Disk& disk, const std::string& path);

}  // namespace moldau::cli
