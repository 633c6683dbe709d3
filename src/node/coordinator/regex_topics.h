// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "env/logger.h"
#include "machine/group/topic_regex.h"
#include "machine/security/authorizer.h"

namespace moldau::coordinator {

/// Answers `question` with the topics that its member may describe. `authorizer` is null if none
/// is configured. Members of a group share what one of them was told, as with Apache Kafka.
/// Path     GroupCoordinators → this → group::resolve_regexes, security::judge.
/// Thread   any thread; takes time that grows with topics and expressions.
/// Source   TopicRegexResolver.resolveRegularExpressions; KIP-848.
group::ResolvedRegexes visible_regexes(const group::RegexQuestion& question,
                                       const image::MetadataImage& image, Timestamp now,
                                       const security::AuthorizerSettings* authorizer,
                                       env::Logger& logger);

}  // namespace moldau::coordinator
