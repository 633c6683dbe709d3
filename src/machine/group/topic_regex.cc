// SPDX-License-Identifier: Apache-2.0
#include "machine/group/topic_regex.h"

#include <re2/re2.h>

#include <memory>
#include <utility>

namespace moldau::group {
namespace {

constexpr std::int64_t kRegexMemoryMax = 1 << 20;

std::unique_ptr<re2::RE2> compile(std::string_view regex) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemoryMax);
  return std::make_unique<re2::RE2>(re2::StringPiece(regex.data(), regex.size()), options);
}

/// As RE2/J says it.
std::string description(re2::RE2::ErrorCode code) {
  switch (code) {
    case re2::RE2::ErrorBadEscape:
      return "invalid escape sequence";
    case re2::RE2::ErrorBadCharClass:
      return "invalid character class";
    case re2::RE2::ErrorBadCharRange:
      return "invalid character class range";
    case re2::RE2::ErrorMissingBracket:
      return "missing closing ]";
    case re2::RE2::ErrorMissingParen:
      return "missing closing )";
    case re2::RE2::ErrorUnexpectedParen:
      return "unexpected )";
    case re2::RE2::ErrorTrailingBackslash:
      return "trailing backslash at end of expression";
    case re2::RE2::ErrorRepeatArgument:
      return "missing argument to repetition operator";
    case re2::RE2::ErrorRepeatSize:
      return "invalid repeat count";
    case re2::RE2::ErrorRepeatOp:
      return "invalid nested repetition operator";
    case re2::RE2::ErrorBadPerlOp:
      return "invalid or unsupported Perl syntax";
    case re2::RE2::ErrorBadNamedCapture:
      return "invalid named capture";
    case re2::RE2::ErrorPatternTooLarge:
      return "expression too large";
    default:
      return "internal error";
  }
}

}  // namespace

std::optional<std::string> regex_error(std::string_view regex) {
  const auto compiled = compile(regex);
  if (compiled->ok()) return std::nullopt;
  return "SubscribedTopicRegex `" + std::string(regex) +
         "` is not a valid regular expression: " + description(compiled->error_code()) + ".";
}

ResolvedRegexes resolve_regexes(const RegexQuestion& question, const image::MetadataImage& image,
                                Timestamp now) {
  ResolvedRegexes out;
  for (const std::string& regex : question.regexes) {
    ResolvedRegex& resolved = out[regex];
    resolved.version = image.provenance().offset.value();
    resolved.timestamp = now;
    const auto compiled = compile(regex);
    if (!compiled->ok()) continue;
    // In order of names, as the topics of an answer are.
    for (const auto& [name, id] : image.topic_ids()) {
      if (re2::RE2::FullMatch(name, *compiled)) resolved.topics.push_back(name);
    }
  }
  return out;
}

}  // namespace moldau::group
