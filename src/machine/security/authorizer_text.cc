// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <array>

#include "machine/security/authorizer.h"

namespace moldau::security {
namespace {

constexpr AclOperation kOfTopic[] = {AclOperation::kRead,
                                     AclOperation::kWrite,
                                     AclOperation::kCreate,
                                     AclOperation::kDelete,
                                     AclOperation::kAlter,
                                     AclOperation::kDescribe,
                                     AclOperation::kDescribeConfigs,
                                     AclOperation::kAlterConfigs};
constexpr AclOperation kOfGroup[] = {AclOperation::kRead, AclOperation::kDelete,
                                     AclOperation::kDescribe, AclOperation::kDescribeConfigs,
                                     AclOperation::kAlterConfigs};
constexpr AclOperation kOfCluster[] = {AclOperation::kCreate,          AclOperation::kAlter,
                                       AclOperation::kDescribe,        AclOperation::kClusterAction,
                                       AclOperation::kDescribeConfigs, AclOperation::kAlterConfigs,
                                       AclOperation::kIdempotentWrite};
constexpr AclOperation kOfTransactionalId[] = {AclOperation::kWrite, AclOperation::kDescribe,
                                               AclOperation::kTwoPhaseCommit};
constexpr AclOperation kOfDelegationToken[] = {AclOperation::kDescribe};
constexpr AclOperation kOfUser[] = {AclOperation::kCreateTokens, AclOperation::kDescribeTokens};

template <std::size_t N, class Enum>
std::string_view name_in(const std::array<std::string_view, N>& names, Enum value) {
  const auto n = static_cast<std::int8_t>(value);
  return n >= 0 && static_cast<std::size_t>(n) < N ? names[static_cast<std::size_t>(n)] : names[0];
}

/// As the audit log calls types of resources.
std::string_view spoken_name(AclResourceType type) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "Unknown", "Any", "Topic", "Group", "Cluster", "TransactionalId", "DelegationToken", "User"};
  return name_in(kNames, type);
}

std::string rule_text(const Verdict& verdict) {
  if (verdict.rule == Verdict::Rule::kSuperUser) return "SuperUser";
  if (verdict.acl == nullptr) return verdict.allowed ? "DefaultAllow" : "DefaultDeny";
  const image::Acl& acl = *verdict.acl;
  return fmt::format(
      "MatchingAcl(acl=StandardAcl[resourceType={}, resourceName={}, patternType={}, principal={},"
      " host={}, operation={}, permissionType={}])",
      resource_type_name(acl.resource()), acl.resource_name, pattern_type_name(acl.pattern()),
      acl.principal, acl.host, operation_name(acl.op()), permission_name(acl.permission()));
}

}  // namespace

std::span<const AclOperation> supported_operations(AclResourceType type) {
  switch (type) {
    case AclResourceType::kTopic:
      return kOfTopic;
    case AclResourceType::kGroup:
      return kOfGroup;
    case AclResourceType::kCluster:
      return kOfCluster;
    case AclResourceType::kTransactionalId:
      return kOfTransactionalId;
    case AclResourceType::kDelegationToken:
      return kOfDelegationToken;
    case AclResourceType::kUser:
      return kOfUser;
    default:
      return {};
  }
}

std::string_view operation_name(AclOperation operation) {
  static constexpr std::array<std::string_view, 16> kNames = {"UNKNOWN",
                                                              "ANY",
                                                              "ALL",
                                                              "READ",
                                                              "WRITE",
                                                              "CREATE",
                                                              "DELETE",
                                                              "ALTER",
                                                              "DESCRIBE",
                                                              "CLUSTER_ACTION",
                                                              "DESCRIBE_CONFIGS",
                                                              "ALTER_CONFIGS",
                                                              "IDEMPOTENT_WRITE",
                                                              "CREATE_TOKENS",
                                                              "DESCRIBE_TOKENS",
                                                              "TWO_PHASE_COMMIT"};
  return name_in(kNames, operation);
}

std::string_view resource_type_name(AclResourceType type) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "UNKNOWN",          "ANY", "TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID",
      "DELEGATION_TOKEN", "USER"};
  return name_in(kNames, type);
}

std::string_view pattern_type_name(AclPatternType type) {
  static constexpr std::array<std::string_view, 5> kNames = {"UNKNOWN", "ANY", "MATCH", "LITERAL",
                                                             "PREFIXED"};
  return name_in(kNames, type);
}

std::string_view permission_name(AclPermission permission) {
  static constexpr std::array<std::string_view, 4> kNames = {"UNKNOWN", "ANY", "DENY", "ALLOW"};
  return name_in(kNames, permission);
}

std::string audit_line(const Verdict& verdict, const Subject& subject, const Action& action,
                       std::string_view api, std::size_t count) {
  return fmt::format(
      "Principal = {} is {} operation = {} from host = {} on resource = {}:LITERAL:{} for request ="
      " {} with resourceRefCount = {} based on rule {}",
      subject.principal, verdict.allowed ? "Allowed" : "Denied", operation_name(action.operation),
      subject.host, spoken_name(action.resource_type), action.resource_name, api, count,
      rule_text(verdict));
}

}  // namespace moldau::security
