// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string_view>

#include "machine/security/authorizer.h"
#include "node/handler/services.h"

namespace moldau::handler {

using security::AclOperation;
using security::AclResourceType;

/// Which verdicts are worth a line of the audit log: a filter that leaves out what a caller may
/// not see is no refusal, a look at what he could do is no access.
enum class Audit : std::uint8_t { kAll, kAllowed, kDenied, kNone };

/// True without an authorizer. `count` says how often the request names the resource.
/// Path     each handler, where Apache asks → security::judge; the audit log.
/// Thread   the shard of the connection.
/// Source   AuthHelper.authorize.
bool authorized(const Services& node, const request::Request& request, AclOperation operation,
                AclResourceType type, std::string_view name, Audit audit = Audit::kAll,
                std::size_t count = 1);

inline bool cluster_authorized(const Services& node, const request::Request& request,
                               AclOperation operation, Audit audit = Audit::kAll) {
  return authorized(node, request, operation, AclResourceType::kCluster, security::kClusterName,
                    audit);
}

/// Kafka's text for a refusal.
std::string_view authorization_message(ErrorCode code);

/// What a request is told that Apache stops before it begins.
inline Error cluster_refusal(const request::Request& request) {
  return Error(ErrorCode::kClusterAuthorizationFailed,
               "Request " + std::string(wire::api_name(request.api())) + " is not authorized.");
}

/// Whether the caller may do it with at least one resource of the type.
bool authorized_by_type(const Services& node, const request::Request& request,
                        AclOperation operation, AclResourceType type);

/// The set of what the caller may do with a resource, as *_authorized_operations carry it; without
/// an authorizer everything that the type of resource knows.
std::int32_t authorized_operations(const Services& node, const request::Request& request,
                                   AclResourceType type, std::string_view name);

/// One verdict for each name of a request, however often it is named: first count all names,
/// then ask.
/// Owner    borrows everything it is given, the names too.
/// Thread   the shard of the connection.
/// Source   AuthHelper.filterByAuthorized.
class AuthorizedNames {
 public:
  AuthorizedNames(const Services& node, const request::Request& request, AclOperation operation,
                  AclResourceType type, Audit audit = Audit::kAll)
      : node_(node), request_(request), operation_(operation), type_(type), audit_(audit) {}

  void count(std::string_view name, std::size_t times = 1) {
    if (node_.authorizer) names_[name].count += times;
  }
  bool contains(std::string_view name);

 private:
  struct Name {
    std::size_t count = 0;
    bool judged = false;
    bool allowed = false;
  };
  const Services& node_;
  const request::Request& request_;
  AclOperation operation_;
  AclResourceType type_;
  Audit audit_;
  std::map<std::string_view, Name> names_;
};

}  // namespace moldau::handler
