// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/regex_topics.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "wire/api_keys.h"

namespace moldau::coordinator {
namespace {

constexpr std::string_view kAuditLog = "kafka.authorizer.logger";

/// How many of the expressions a topic matches, for the audit log, and whether it may be seen.
struct Matched {
  std::size_t count = 0;
  bool is_visible = false;
};
using MatchedTopics = std::map<std::string_view, Matched>;

void judge_all(const group::RegexQuestion& question, const image::MetadataImage& image,
               const security::AuthorizerSettings& authorizer, env::Logger& logger,
               MatchedTopics& topics) {
  std::string_view host = question.client_host;
  if (!host.empty() && host.front() == '/') host.remove_prefix(1);
  const security::Subject subject(question.principal, host);
  const bool is_told = logger.enabled(env::LogLevel::kDebug, kAuditLog);
  for (auto& [name, topic] : topics) {
    const security::Action action(security::AclOperation::kDescribe,
                                  security::AclResourceType::kTopic, name);
    const security::Verdict verdict = security::judge(image, authorizer, subject, action);
    topic.is_visible = verdict.allowed;
    // What is left out is no refusal.
    if (!is_told || !verdict.allowed) continue;
    logger.write(
        env::LogLevel::kDebug, kAuditLog,
        security::audit_line(verdict, subject, action, wire::api_name(question.api), topic.count));
  }
}

}  // namespace

group::ResolvedRegexes visible_regexes(const group::RegexQuestion& question,
                                       const image::MetadataImage& image, Timestamp now,
                                       const security::AuthorizerSettings* authorizer,
                                       env::Logger& logger) {
  group::ResolvedRegexes resolved = group::resolve_regexes(question, image, now);
  if (authorizer == nullptr) return resolved;
  // The names are the image's: those of `resolved` go away one by one.
  MatchedTopics topics;
  for (const auto& [regex, found] : resolved) {
    for (const std::string& name : found.topics) {
      const auto at = image.topic_ids().find(name);
      if (at != nullptr) ++topics[image.topic(*at)->name].count;
    }
  }
  judge_all(question, image, *authorizer, logger, topics);
  for (auto& [regex, found] : resolved) {
    std::erase_if(found.topics, [&](const std::string& name) {
      const auto at = topics.find(name);
      return at == topics.end() || !at->second.is_visible;
    });
  }
  return resolved;
}

}  // namespace moldau::coordinator
