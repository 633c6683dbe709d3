// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "config/broker_config.h"
#include "machine/image/image.h"

namespace moldau::security {

using image::AclOperation;
using image::AclPatternType;
using image::AclPermission;
using image::AclResourceType;

/// The only name a resource of type CLUSTER has.
inline constexpr std::string_view kClusterName = "kafka-cluster";

/// Stands for some resource of a type: super users and whoever may do everything need no ACL.
inline constexpr std::string_view kNobodysName = "hardcode";

/// What server.properties says of StandardAuthorizer.
struct AuthorizerSettings {
  AuthorizerSettings() = default;
  /// Null if no authorizer is configured.
  static std::shared_ptr<const AuthorizerSettings> from(const config::BrokerConfig& config);
  /// super.users: "User:name".
  std::set<std::string, std::less<>> super_users;
  /// allow.everyone.if.no.acl.found
  bool allow_if_no_acl = false;
};

/// Who asks.
struct Subject {
  Subject(std::string_view p, std::string_view h) : principal(p), host(h) {}
  std::string_view principal;  // "User:ANONYMOUS"
  std::string_view host;       // numeric
};

/// What for.
struct Action {
  Action(AclOperation op, AclResourceType t, std::string_view n)
      : operation(op), resource_type(t), resource_name(n) {}
  AclOperation operation;
  AclResourceType resource_type;
  std::string_view resource_name;
};

/// An answer and what it rests on.
struct Verdict {
  enum class Rule : std::int8_t { kSuperUser, kAcl, kDefault };
  Verdict() = default;
  bool allowed = false;
  Rule rule = Rule::kDefault;
  /// With kAcl; lives as long as the image.
  const image::Acl* acl = nullptr;
};

/// Whether `subject` may do `action`: a DENY that matches wins over every ALLOW; ALLOW of READ,
/// WRITE, DELETE and ALTER implies DESCRIBE, that of ALTER_CONFIGS implies DESCRIBE_CONFIGS.
/// Without any ACL about the resource the settings decide.
/// Path     handler::authorized → this → AclIndex.
/// Thread   pure.
/// Bounds   a few searches for each pattern that is a prefix of the name, whatever the number of
///          ACLs is.
/// Source   StandardAuthorizerData.authorize; KIP-11, KIP-290, KIP-801.
Verdict judge(const image::MetadataImage& image, const AuthorizerSettings& settings,
              const Subject& subject, const Action& action);

/// Whether `subject` may do `operation` with at least one resource of a type, existing or not.
/// Bounds   looks at every ACL of the type.
/// Source   Authorizer.authorizeByResourceType; KIP-679.
bool judge_by_resource_type(const image::MetadataImage& image, const AuthorizerSettings& settings,
                            const Subject& subject, AclOperation operation, AclResourceType type);

/// The operations that make sense for a type of resource.
std::span<const AclOperation> supported_operations(AclResourceType type);
/// A set of operations as answers carry it: bit n is the operation with the number n.
inline std::int32_t operation_bit(AclOperation operation) {
  return std::int32_t{1} << static_cast<std::int8_t>(operation);
}

/// "READ"; what Apache prints.
std::string_view operation_name(AclOperation operation);
/// "TOPIC"
std::string_view resource_type_name(AclResourceType type);
std::string_view pattern_type_name(AclPatternType type);
std::string_view permission_name(AclPermission permission);

/// The line of the audit log: who, what, on what, because of which rule.
/// `api` is Kafka's name of the request; `count` how often it names the resource.
std::string audit_line(const Verdict& verdict, const Subject& subject, const Action& action,
                       std::string_view api, std::size_t count);

}  // namespace moldau::security
