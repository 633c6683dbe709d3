// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "machine/controller/controller_machine.h"

namespace moldau::controller {
namespace {

using image::Acl;
using image::AclOperation;
using image::AclPatternType;
using image::AclPermission;
using image::AclResourceType;

constexpr std::string_view kClusterName = "kafka-cluster";
constexpr std::string_view kWildcard = "*";

/// A later release's number means nothing to us.
template <class Enum>
Enum known(std::int8_t code, Enum last) {
  return code >= 0 && code <= static_cast<std::int8_t>(last) ? static_cast<Enum>(code)
                                                             : static_cast<Enum>(0);
}
AclResourceType resource_type_of(std::int8_t code) {
  return known(code, AclResourceType::kUser);
}
AclPatternType pattern_type_of(std::int8_t code) {
  return known(code, AclPatternType::kPrefixed);
}
AclOperation operation_of(std::int8_t code) {
  return known(code, AclOperation::kTwoPhaseCommit);
}
AclPermission permission_of(std::int8_t code) {
  return known(code, AclPermission::kAllow);
}

std::string_view unknown_or_any(std::int8_t code) {
  return code == 1 ? "ANY" : "UNKNOWN";
}

ApiError invalid(std::string message) {
  return ApiError(ErrorCode::kInvalidRequest, std::move(message));
}

ApiError check_new_acl(const wire::CreateAclsRequest::AclCreation& acl) {
  const std::string_view name = acl.resource_name.view();
  const AclResourceType resource = resource_type_of(acl.resource_type);
  if (resource == AclResourceType::kCluster && name != kClusterName)
    return invalid("The only valid name for the CLUSTER resource is kafka-cluster");
  if (name.empty()) return invalid("Invalid empty resource name");
  if (resource == AclResourceType::kUnknown || resource == AclResourceType::kAny)
    return invalid("Invalid resourceType " + std::string(unknown_or_any(acl.resource_type)));
  const AclPatternType pattern = pattern_type_of(acl.resource_pattern_type);
  if (pattern != AclPatternType::kLiteral && pattern != AclPatternType::kPrefixed)
    return invalid("Invalid patternType " +
                   std::string(pattern == AclPatternType::kMatch
                                   ? "MATCH"
                                   : unknown_or_any(acl.resource_pattern_type)));
  const AclOperation operation = operation_of(acl.operation);
  if (operation == AclOperation::kUnknown || operation == AclOperation::kAny)
    return invalid("Invalid operation " + std::string(unknown_or_any(acl.operation)));
  const AclPermission permission = permission_of(acl.permission_type);
  if (permission != AclPermission::kDeny && permission != AclPermission::kAllow)
    return invalid("Invalid permissionType " + std::string(unknown_or_any(acl.permission_type)));
  if (acl.principal.view().find(':') == std::string_view::npos)
    return invalid("Could not parse principal from `" + acl.principal.str() +
                   "` (no colon is present separating the principal type from the principal name)");
  return {};
}

Acl acl_of(const wire::CreateAclsRequest::AclCreation& creation) {
  Acl acl;
  acl.resource_type = creation.resource_type;
  acl.resource_name = creation.resource_name.str();
  acl.pattern_type = creation.resource_pattern_type;
  acl.principal = creation.principal.str();
  acl.host = creation.host.str();
  acl.operation = creation.operation;
  acl.permission_type = creation.permission_type;
  return acl;
}

/// What of all ACLs is meant; DescribeAcls and DeleteAcls say it in the same fields.
/// Thread   a value; borrows the request.
class AclFilter {
 public:
  template <class Fields>
  explicit AclFilter(const Fields& fields)
      : resource_(resource_type_of(fields.resource_type_filter)),
        pattern_(pattern_type_of(fields.pattern_type_filter)),
        operation_(operation_of(fields.operation)),
        permission_(permission_of(fields.permission_type)),
        name_(text_of(fields.resource_name_filter)),
        principal_(text_of(fields.principal_filter)),
        host_(text_of(fields.host_filter)) {}

  ApiError check() const {
    if (resource_ == AclResourceType::kUnknown || pattern_ == AclPatternType::kUnknown)
      return invalid("Unknown patternFilter.");
    if (operation_ == AclOperation::kUnknown || permission_ == AclPermission::kUnknown)
      return invalid("Unknown entryFilter.");
    return {};
  }

  bool matches(const Acl& acl) const { return matches_pattern(acl) && matches_entry(acl); }

 private:
  static std::optional<std::string_view> text_of(const wire::Text& text) {
    if (text.is_null()) return std::nullopt;
    return text.view();
  }

  bool matches_pattern(const Acl& acl) const {
    if (resource_ != AclResourceType::kAny && resource_ != acl.resource()) return false;
    const bool any = pattern_ == AclPatternType::kAny;
    const bool same = pattern_ == acl.pattern();
    if (!any && !same && pattern_ != AclPatternType::kMatch) return false;
    if (!name_) return true;
    if (any || same) return *name_ == acl.resource_name;
    // MATCH: every pattern that speaks of a resource with this name.
    if (acl.pattern() == AclPatternType::kPrefixed) return name_->starts_with(acl.resource_name);
    return *name_ == acl.resource_name || acl.resource_name == kWildcard;
  }

  bool matches_entry(const Acl& acl) const {
    return (!principal_ || *principal_ == acl.principal) && (!host_ || *host_ == acl.host) &&
           (operation_ == AclOperation::kAny || operation_ == acl.op()) &&
           (permission_ == AclPermission::kAny || permission_ == acl.permission());
  }

  AclResourceType resource_;
  AclPatternType pattern_;
  AclOperation operation_;
  AclPermission permission_;
  std::optional<std::string_view> name_;
  std::optional<std::string_view> principal_;
  std::optional<std::string_view> host_;
};

void add_match(const Acl& acl, wire::DeleteAclsResponse::DeleteAclsFilterResult& result) {
  auto& one = result.matching_acls.emplace_back();
  one.resource_type = acl.resource_type;
  one.resource_name = wire::Text::copy_of(acl.resource_name);
  one.pattern_type = acl.pattern_type;
  one.principal = wire::Text::copy_of(acl.principal);
  one.host = wire::Text::copy_of(acl.host);
  one.operation = acl.operation;
  one.permission_type = acl.permission_type;
}

}  // namespace

Decision<wire::CreateAclsResponse> ControllerMachine::decide_create_acls(
    const wire::CreateAclsRequest& request, const RequestContext& context) const {
  auto decision = new_decision<wire::CreateAclsResponse>();
  Dice dice(context.seed);
  std::set<Acl, image::AclLess> added;
  for (const auto& creation : request.creations) {
    const ApiError error = check_new_acl(creation);
    set_error(decision.response.results.emplace_back(), error);
    if (!error.ok()) continue;
    Acl acl = acl_of(creation);
    // One that is there already is a success, and no record.
    if (image().acl_index().contains(acl) || added.contains(acl)) continue;
    decision.records.acl(Uuid::random([&] { return dice.next(); }), acl);
    added.insert(std::move(acl));
  }
  if (decision.records.size() > kRecordsPerOperationMax) {
    decision.records.clear();
    for (auto& result : decision.response.results)
      if (result.error_code == 0) set_error(result, too_many_records());
  }
  return decision;
}

Decision<wire::DeleteAclsResponse> ControllerMachine::decide_delete_acls(
    const wire::DeleteAclsRequest& request) const {
  auto decision = new_decision<wire::DeleteAclsResponse>();
  auto& results = decision.response.filter_results;
  std::set<Uuid> deleted;
  for (const auto& fields : request.filters) {
    auto& result = results.emplace_back();
    const AclFilter filter(fields);
    set_error(result, filter.check());
    if (result.error_code != 0) continue;
    for (const auto& [id, acl] : image().acls()) {
      if (!filter.matches(acl)) continue;
      // What an earlier filter deletes is told by every filter that matches it.
      add_match(acl, result);
      if (deleted.insert(id).second) decision.records.remove_acl(id);
      if (deleted.size() > kRecordsPerOperationMax) break;
    }
    if (deleted.size() > kRecordsPerOperationMax) break;
  }
  if (deleted.size() > kRecordsPerOperationMax) {
    const ApiError error =
        invalid("Cannot remove more than 10000 acls in a single delete operation.");
    decision.records.clear();
    results.clear();
    for (std::size_t n = 0; n < request.filters.size(); ++n)
      set_error(results.emplace_back(), error);
  }
  return decision;
}

wire::DescribeAclsResponse describe_acls(const image::MetadataImage& image,
                                         const wire::DescribeAclsRequest& request) {
  wire::DescribeAclsResponse response;
  const AclFilter filter(request);
  if (!filter.check().ok()) return response;
  wire::DescribeAclsResponse::DescribeAclsResource* last = nullptr;
  // The ACLs of one pattern stand side by side in the index.
  for (const auto& [acl, count] : image.acl_index().map()) {
    if (!filter.matches(acl)) continue;
    const bool same = last != nullptr && last->resource_type == acl.resource_type &&
                      last->pattern_type == acl.pattern_type &&
                      last->resource_name.view() == acl.resource_name;
    if (!same) {
      last = &response.resources.emplace_back();
      last->resource_type = acl.resource_type;
      last->resource_name = wire::Text::copy_of(acl.resource_name);
      last->pattern_type = acl.pattern_type;
    }
    auto& one = last->acls.emplace_back();
    one.principal = wire::Text::copy_of(acl.principal);
    one.host = wire::Text::copy_of(acl.host);
    one.operation = acl.operation;
    one.permission_type = acl.permission_type;
  }
  return response;
}

}  // namespace moldau::controller
