// SPDX-License-Identifier: Apache-2.0
#include "node/handler/authorize.h"

#include <algorithm>

namespace moldau::handler {
namespace {

constexpr std::string_view kAuditLog = "kafka.authorizer.logger";

env::LogLevel level_of(bool allowed, Audit audit) {
  const bool told = allowed ? audit == Audit::kAll || audit == Audit::kAllowed
                            : audit == Audit::kAll || audit == Audit::kDenied;
  if (!told) return env::LogLevel::kTrace;
  return allowed ? env::LogLevel::kDebug : env::LogLevel::kInfo;
}

/// Listeners that start early are served before the metadata log has been read.
bool acls_known(const Services& node) {
  return node.image->provenance().offset >= Offset(0);
}

}  // namespace

bool authorized(const Services& node, const request::Request& request, AclOperation operation,
                AclResourceType type, std::string_view name, Audit audit, std::size_t count) {
  if (!node.authorizer) return true;
  const security::Subject subject(request.caller().principal, request.caller().host);
  const security::Action action(operation, type, name);
  security::Verdict verdict = security::judge(*node.image, *node.authorizer, subject, action);
  // Nobody but super users gets in before the ACLs are known.
  if (!acls_known(node) && verdict.rule != security::Verdict::Rule::kSuperUser)
    verdict.allowed = false;
  env::Logger& logger = node.env.logger();
  const env::LogLevel level = level_of(verdict.allowed, audit);
  if (logger.enabled(level, kAuditLog)) {
    logger.write(
        level, kAuditLog,
        security::audit_line(verdict, subject, action, wire::api_name(request.api()), count));
  }
  return verdict.allowed;
}

std::string_view authorization_message(ErrorCode code) {
  switch (code) {
    case ErrorCode::kTopicAuthorizationFailed:
      return "Topic authorization failed.";
    case ErrorCode::kGroupAuthorizationFailed:
      return "Group authorization failed.";
    case ErrorCode::kTransactionalIdAuthorizationFailed:
      return "Transactional Id authorization failed.";
    default:
      return "Cluster authorization failed.";
  }
}

bool authorized_by_type(const Services& node, const request::Request& request,
                        AclOperation operation, AclResourceType type) {
  if (!node.authorizer) return true;
  // The log tells of a name that nobody means, as Apache's does.
  if (authorized(node, request, operation, type, security::kNobodysName, Audit::kAllowed, 0))
    return true;
  if (!acls_known(node)) return false;
  const security::Subject subject(request.caller().principal, request.caller().host);
  return security::judge_by_resource_type(*node.image, *node.authorizer, subject, operation, type);
}

std::int32_t authorized_operations(const Services& node, const request::Request& request,
                                   AclResourceType type, std::string_view name) {
  std::int32_t bits = 0;
  for (const AclOperation operation : security::supported_operations(type))
    if (authorized(node, request, operation, type, name, Audit::kNone))
      bits |= security::operation_bit(operation);
  return bits;
}

bool AuthorizedNames::contains(std::string_view name) {
  if (!node_.authorizer) return true;
  Name& known = names_[name];
  if (!known.judged) {
    known.judged = true;
    known.allowed = authorized(node_, request_, operation_, type_, name, audit_,
                               std::max<std::size_t>(known.count, 1));
  }
  return known.allowed;
}

}  // namespace moldau::handler
