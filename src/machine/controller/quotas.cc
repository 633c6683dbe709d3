// SPDX-License-Identifier: Apache-2.0
// Client quotas: what users, client ids and addresses may use.
#include <cmath>
#include <limits>
#include <set>

#include "config/config_value.h"
#include "config/endpoint.h"
#include "machine/controller/controller_machine.h"

namespace moldau::controller {
namespace {

using image::QuotaEntity;

constexpr std::string_view kUser = "user";
constexpr std::string_view kClientId = "client-id";
constexpr std::string_view kIp = "ip";

/// The largest value of a quota and whether it is a whole number; null for an unknown key.
struct QuotaKey {
  std::string_view name;
  bool of_ip;
  bool whole;
  double max;
  const char* type;
};
constexpr QuotaKey kQuotaKeys[] = {
    {"producer_byte_rate", false, true, 9223372036854775807.0, "a LONG"},
    {"consumer_byte_rate", false, true, 9223372036854775807.0, "a LONG"},
    {"request_percentage", false, false, 0, "a DOUBLE"},
    {"controller_mutation_rate", false, false, 0, "a DOUBLE"},
    {"connection_creation_rate", true, true, 2147483647.0, "an INT"},
};

ApiError refuse(std::string why) {
  return {ErrorCode::kInvalidRequest, std::move(why)};
}

ApiError check_entity(const QuotaEntity& entity) {
  if (entity.parts.empty()) return refuse("Invalid empty client quota entity");
  for (const auto& [type, name] : entity.parts) {
    if (type != kUser && type != kClientId && type != kIp) {
      return refuse("Unhandled client quota entity type: " + type);
    }
    if (name && name->empty()) return refuse("Empty " + type + " not supported");
  }
  const auto ip = entity.parts.find(kIp);
  if (ip == entity.parts.end()) return {};
  if (entity.parts.size() > 1) {
    return refuse(
        "Invalid quota entity combination, IP entity should"
        "not be combined with User or ClientId");
  }
  if (ip->second && !config::is_ipv4_address(*ip->second) &&
      !config::is_ipv6_address(*ip->second)) {
    return refuse(*ip->second + " is not a valid IP or resolvable host.");
  }
  return {};
}

ApiError check_value(const QuotaEntity& entity, std::string_view key, double value) {
  const bool of_ip = entity.parts.find(kIp) != entity.parts.end();
  const QuotaKey* known = nullptr;
  for (const QuotaKey& candidate : kQuotaKeys) {
    if (candidate.name == key && candidate.of_ip == of_ip) known = &candidate;
  }
  const std::string name(key);
  if (known == nullptr) return refuse("Invalid configuration key " + name);
  // Not a number is not greater, either.
  if (!(value > 0)) return refuse("Quota " + name + " must be greater than 0");
  if (!known->whole) return {};
  if (value > known->max) {
    return refuse("Proposed value for " + name + " is too large for " + known->type + ".");
  }
  if (std::abs(std::fmod(value, 1.0)) > 1e-6) {
    return refuse(name + " cannot be a fractional value.");
  }
  return {};
}

ApiError alter_entity(const image::MetadataImage& image, const QuotaEntity& entity,
                      const std::vector<wire::AlterClientQuotasRequest::OpData>& ops,
                      image::RecordList& records) {
  if (ApiError error = check_entity(entity); !error.ok()) return error;
  const auto* found = image.client_quotas().find(entity);
  image::RecordList made(records.metadata_version());
  std::set<std::string> keys;
  for (const auto& op : ops) {
    const std::string key = op.key.str();
    if (!keys.insert(key).second) {
      return refuse("Duplicate quota key " + key + " not updating quota for this entity");
    }
    const double* current = nullptr;
    if (found != nullptr) {
      const auto it = (*found)->find(key);
      if (it != (*found)->end()) current = &it->second;
    }
    if (op.remove) {
      if (current != nullptr) made.client_quota(entity, key, std::nullopt);
      continue;
    }
    if (ApiError error = check_value(entity, key, op.value); !error.ok()) return error;
    if (current == nullptr || *current != op.value) made.client_quota(entity, key, op.value);
  }
  records.append(std::move(made));
  return {};
}

/// What DescribeClientQuotas asks for.
struct Filter {
  Filter() = default;
  std::map<std::string, std::optional<std::string>, std::less<>> exact;
  std::set<std::string, std::less<>> any;

  bool names(std::string_view type) const {
    return exact.find(type) != exact.end() || any.find(type) != any.end();
  }
  bool matches(const QuotaEntity& entity, bool strict) const {
    if (strict && entity.parts.size() != exact.size() + any.size()) return false;
    for (const auto& [type, name] : exact) {
      const auto it = entity.parts.find(type);
      if (it == entity.parts.end() || it->second != name) return false;
    }
    for (const std::string& type : any) {
      if (entity.parts.find(type) == entity.parts.end()) return false;
    }
    return true;
  }
};

Result<void> add_component(Filter& filter,
                           const wire::DescribeClientQuotasRequest::ComponentData& component) {
  const std::string type = component.entity_type.str();
  const auto bad = [](std::string why) {
    return Error(ErrorCode::kInvalidRequest, std::move(why));
  };
  if (type.empty()) return bad("Invalid empty entity type.");
  if (filter.names(type)) {
    return bad("Entity type " + type + " cannot appear more than once in the filter.");
  }
  if (type != kUser && type != kClientId && type != kIp) {
    return Error(ErrorCode::kUnsupportedVersion, "Unsupported entity type " + type);
  }
  constexpr std::int8_t kExact = 0, kDefault = 1, kSpecified = 2;
  const bool null = component.match.is_null();
  switch (component.match_type) {
    case kExact:
      if (null) {
        return bad("Request specified MATCH_TYPE_EXACT, but set match string to null.");
      }
      filter.exact[type] = component.match.str();
      return {};
    case kDefault:
      if (!null) {
        return bad("Request specified MATCH_TYPE_DEFAULT, but also specified a match string.");
      }
      filter.exact[type] = std::nullopt;
      return {};
    case kSpecified:
      if (!null) {
        return bad("Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.");
      }
      filter.any.insert(type);
      return {};
    default:
      return bad("Unknown match type " + std::to_string(component.match_type));
  }
}

}  // namespace

Decision<wire::AlterClientQuotasResponse> ControllerMachine::decide_alter_client_quotas(
    const wire::AlterClientQuotasRequest& request) const {
  auto decision = new_decision<wire::AlterClientQuotasResponse>();
  std::set<QuotaEntity> seen;
  for (const auto& entry : request.entries) {
    QuotaEntity entity;
    ApiError error;
    auto& result = decision.response.entries.emplace_back();
    for (const auto& part : entry.entity) {
      std::optional<std::string> name;
      if (!part.entity_name.is_null()) name = part.entity_name.str();
      if (!entity.parts.emplace(part.entity_type.str(), std::move(name)).second) {
        error =
            refuse("Invalid client quota entity, duplicate entity entry " + part.entity_type.str());
      }
      auto& out = result.entity.emplace_back();
      out.entity_type = part.entity_type.own();
      out.entity_name = part.entity_name.own();
    }
    if (error.ok() && !seen.insert(entity).second) error = refuse("Ignoring duplicate entity");
    if (error.ok()) error = alter_entity(image(), entity, entry.ops, decision.records);
    set_error(result, error);
  }
  if (decision.records.size() > kRecordsPerOperationMax) {
    decision.records.clear();
    for (auto& result : decision.response.entries) set_error(result, too_many_records());
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

wire::DescribeClientQuotasResponse describe_client_quotas(
    const image::MetadataImage& image, const wire::DescribeClientQuotasRequest& request) {
  // Success has an empty message here, not a null one, as in Apache's answer.
  wire::DescribeClientQuotasResponse response;
  const auto refuse_all = [&](const Error& error) {
    set_error(response, error);
    response.entries = std::nullopt;
    return response;
  };
  Filter filter;
  for (const auto& component : request.components) {
    const auto added = add_component(filter, component);
    if (!added.ok()) return refuse_all(added.error());
  }
  if (filter.names(kIp) && (filter.names(kUser) || filter.names(kClientId))) {
    return refuse_all(Error(ErrorCode::kInvalidRequest,
                            "Invalid entity filter component combination. IP filter component "
                            "should not be used with user or clientId filter component."));
  }
  for (const auto& [entity, values] : image.client_quotas()) {
    if (!filter.matches(entity, request.strict)) continue;
    auto& entry = response.entries->emplace_back();
    for (const auto& [type, name] : entity.parts) {
      auto& part = entry.entity.emplace_back();
      part.entity_type = wire::Text(type);
      part.entity_name = name ? wire::Text(*name) : wire::Text::null();
    }
    for (const auto& [key, value] : *values) {
      auto& out = entry.values.emplace_back();
      out.key = wire::Text(key);
      out.value = value;
    }
  }
  return response;
}

}  // namespace moldau::controller
