// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/broker_config.h"
#include "config/topic_config.h"
#include "log/log_config.h"
#include "record/validate.h"

namespace moldau::replica {

/// The part of a topic's configuration that its log knows.
log::LogConfig log_config_of(const config::TopicConfig& topic, const config::BrokerConfig& broker);

/// What produced batches of the topic are judged by; `now` and names are set per append.
record::ValidateOptions validate_options_of(const config::TopicConfig& topic);

}  // namespace moldau::replica
