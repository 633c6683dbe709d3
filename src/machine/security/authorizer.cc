// SPDX-License-Identifier: Apache-2.0
#include "machine/security/authorizer.h"

#include <algorithm>
#include <tuple>
namespace moldau::security {
namespace {

using image::Acl;
using image::AclIndex;
using image::AclView;

constexpr std::string_view kWildcard = "*";
constexpr std::string_view kEveryone = "User:*";

/// Whether an ACL with this operation and permission speaks of an action with `asked`.
bool covers(const Acl& acl, AclOperation asked) {
  const AclOperation own = acl.op();
  if (own == AclOperation::kAll || own == asked) return true;
  if (acl.permission() != AclPermission::kAllow) return false;
  switch (asked) {
    case AclOperation::kDescribe:
      return own == AclOperation::kRead || own == AclOperation::kWrite ||
             own == AclOperation::kDelete || own == AclOperation::kAlter;
    case AclOperation::kDescribeConfigs:
      return own == AclOperation::kAlterConfigs;
    default:
      return false;
  }
}

/// The order of the ACLs of one resource in Apache's log lines.
auto audit_order(const Acl& acl) {
  return std::make_tuple(acl.operation, std::string_view(acl.principal), std::string_view(acl.host),
                         acl.permission_type);
}

/// Collects what the ACLs of one pattern after the other say.
class Search {
 public:
  Search(const AclIndex& index, const Subject& subject, const Action& action)
      : map_(index.map()), subject_(subject), action_(action) {}

  /// False once an ACL denies.
  bool look_at(AclPatternType pattern, std::string_view name) {
    const AclView first(action_.resource_type, pattern, name);
    const auto it = map_.lower_bound(first);
    if (it == map_.end() || !is_of(it->first, first)) return true;
    has_acls_ = true;
    const Acl* allow = nullptr;
    for (const std::string_view principal : {subject_.principal, kEveryone}) {
      for (const std::string_view host : {subject_.host, kWildcard}) {
        look_at_rules(first, principal, host, allow);
        if (subject_.host == kWildcard) break;
      }
      if (subject_.principal == kEveryone) break;
    }
    if (allow != nullptr) allow_ = allow;
    return deny_ == nullptr;
  }

  /// PREFIXED patterns that the name begins with, the longest first; the wildcard stands where
  /// its name sorts.
  bool look_at_prefixes() {
    std::string_view rest = action_.resource_name;
    while (!rest.empty()) {
      if (!look_at(AclPatternType::kPrefixed, rest)) return false;
      const AclView here(action_.resource_type, AclPatternType::kPrefixed, rest);
      const auto* lower = map_.below(here);
      if (lower == nullptr || lower->first.resource() != action_.resource_type ||
          lower->first.pattern() != AclPatternType::kPrefixed) {
        return true;
      }
      const std::string_view name = lower->first.resource_name;
      const auto end = std::mismatch(rest.begin(), rest.end(), name.begin(), name.end()).first;
      rest = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    }
    return true;
  }

  Verdict verdict(const AuthorizerSettings& settings) const {
    Verdict verdict;
    verdict.acl = deny_ != nullptr ? deny_ : allow_;
    if (verdict.acl != nullptr) {
      verdict.rule = Verdict::Rule::kAcl;
      verdict.allowed = deny_ == nullptr;
    } else {
      verdict.allowed = !has_acls_ && settings.allow_if_no_acl;
    }
    return verdict;
  }

 private:
  static bool is_of(const Acl& acl, const AclView& view) {
    return acl.resource_type == view.resource_type && acl.pattern_type == view.pattern_type &&
           acl.resource_name == view.resource_name;
  }

  void look_at_rules(AclView from, std::string_view principal, std::string_view host,
                     const Acl*& allow) {
    from.principal = principal;
    from.host = host;
    for (auto it = map_.lower_bound(from); it != map_.end(); ++it) {
      const Acl& acl = it->first;
      if (!is_of(acl, from) || acl.principal != principal || acl.host != host) return;
      if (!covers(acl, action_.operation)) continue;
      if (acl.permission() != AclPermission::kAllow) {
        if (deny_ == nullptr || audit_order(acl) < audit_order(*deny_)) deny_ = &acl;
      } else if (allow == nullptr || audit_order(*allow) < audit_order(acl)) {
        allow = &acl;
      }
    }
  }

  const AclIndex::Map& map_;
  const Subject& subject_;
  const Action& action_;
  const Acl* deny_ = nullptr;
  const Acl* allow_ = nullptr;
  bool has_acls_ = false;
};

/// The patterns of one kind that a subject is allowed or denied.
struct Patterns {
  std::set<std::string_view> literal;
  std::set<std::string_view> prefixed;
};

bool has_prefix_in(std::string_view name, const std::set<std::string_view>& prefixes) {
  if (prefixes.empty()) return false;
  for (std::size_t n = 1; n <= name.size(); ++n)
    if (prefixes.contains(name.substr(0, n))) return true;
  return false;
}

bool is_some_pattern_open(const Patterns& allowed, const Patterns& denied) {
  for (const std::string_view name : allowed.literal)
    if (!denied.literal.contains(name) && !has_prefix_in(name, denied.prefixed)) return true;
  for (const std::string_view name : allowed.prefixed)
    if (!has_prefix_in(name, denied.prefixed)) return true;
  return false;
}

}  // namespace

std::shared_ptr<const AuthorizerSettings> AuthorizerSettings::from(
    const config::BrokerConfig& config) {
  if (!config.has_authorizer) return nullptr;
  auto settings = std::make_shared<AuthorizerSettings>();
  settings->super_users = config.super_users;
  settings->allow_if_no_acl = config.allow_everyone_if_no_acl_found;
  return settings;
}

Verdict judge(const image::MetadataImage& image, const AuthorizerSettings& settings,
              const Subject& subject, const Action& action) {
  if (settings.super_users.contains(subject.principal)) {
    Verdict verdict;
    verdict.allowed = true;
    verdict.rule = Verdict::Rule::kSuperUser;
    return verdict;
  }
  Search search(image.acl_index(), subject, action);
  const std::string_view name = action.resource_name;
  // As in Apache, "*" does not speak of longer names that begin with an asterisk.
  const bool wildcard_matches = name.size() <= 1 || name.front() != '*';
  if (!name.empty() && !search.look_at(AclPatternType::kLiteral, name))
    return search.verdict(settings);
  if (!search.look_at_prefixes()) return search.verdict(settings);
  if (wildcard_matches && name != kWildcard)
    (void)search.look_at(AclPatternType::kLiteral, kWildcard);
  return search.verdict(settings);
}

bool judge_by_resource_type(const image::MetadataImage& image, const AuthorizerSettings& settings,
                            const Subject& subject, AclOperation operation, AclResourceType type) {
  if (judge(image, settings, subject, Action(operation, type, kNobodysName)).allowed) return true;
  Patterns allowed;
  Patterns denied;
  bool all_allowed = false;
  const AclIndex::Map& map = image.acl_index().map();
  for (auto it = map.lower_bound(AclView(type, AclPatternType::kUnknown, "")); it != map.end();
       ++it) {
    const Acl& acl = it->first;
    if (acl.resource() != type) break;
    if (acl.host != subject.host && acl.host != kWildcard) continue;
    if (acl.principal != subject.principal && acl.principal != kEveryone) continue;
    if (acl.op() != operation && acl.op() != AclOperation::kAll) continue;
    const bool denies = acl.permission() == AclPermission::kDeny;
    if (!denies && acl.permission() != AclPermission::kAllow) continue;
    Patterns& patterns = denies ? denied : allowed;
    if (acl.pattern() == AclPatternType::kPrefixed) {
      patterns.prefixed.insert(acl.resource_name);
    } else if (acl.pattern() == AclPatternType::kLiteral && acl.resource_name != kWildcard) {
      patterns.literal.insert(acl.resource_name);
    } else if (acl.pattern() == AclPatternType::kLiteral) {
      if (denies) return false;
      all_allowed = true;
    }
  }
  return all_allowed || is_some_pattern_open(allowed, denied);
}

}  // namespace moldau::security
