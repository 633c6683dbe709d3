// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/check.h"
#include "config/config_value.h"
#include "config/config_values.h"

namespace moldau::config {

/// The member of a generated struct that holds the value of a key.
template <class S>
using FieldOf =
    std::variant<bool S::*, std::int16_t S::*, std::int32_t S::*, std::int64_t S::*, double S::*,
                 std::string S::*, std::vector<std::string> S::*, std::optional<bool> S::*,
                 std::optional<std::int16_t> S::*, std::optional<std::int32_t> S::*,
                 std::optional<std::int64_t> S::*, std::optional<double> S::*,
                 std::optional<std::string> S::*, std::optional<std::vector<std::string>> S::*>;

/// In the order of the keys of the schema.
std::span<const FieldOf<BrokerValues>> fields_of(const BrokerValues*);
std::span<const FieldOf<TopicValues>> fields_of(const TopicValues*);
std::span<const FieldOf<GroupValues>> fields_of(const GroupValues*);
std::span<const FieldOf<ClientMetricsValues>> fields_of(const ClientMetricsValues*);
std::span<const FieldOf<QuotaValues>> fields_of(const QuotaValues*);

/// Stores a parsed value in its member; null goes only into optional members.
template <class S>
void assign_field(S& target, const FieldOf<S>& field, const ConfigValue& value) {
  std::visit(
      [&](auto member) {
        using M = std::remove_reference_t<decltype(target.*member)>;
        if constexpr (requires {
                        typename M::value_type;
                        target.*member = std::nullopt;
                      }) {
          if (std::holds_alternative<std::monostate>(value)) {
            target.*member = std::nullopt;
            return;
          }
          const auto* typed = std::get_if<typename M::value_type>(&value);
          MOLDAU_CHECK(typed != nullptr);
          target.*member = *typed;
        } else {
          const auto* typed = std::get_if<M>(&value);
          MOLDAU_CHECK(typed != nullptr);
          target.*member = *typed;
        }
      },
      field);
}

/// A struct with the default of every key; required ones stay empty.
template <class S>
S default_values_of(const ConfigSchema& schema) {
  S out;
  auto fields = fields_of(&out);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const ConfigKey& key = schema.keys()[i];
    if (!key.required) assign_field(out, fields[i], default_value(key));
  }
  return out;
}

/// The other way round: the member as a value.
template <class S>
ConfigValue read_field(const S& from, const FieldOf<S>& field) {
  return std::visit(
      [&](auto member) -> ConfigValue {
        using M = std::remove_cvref_t<decltype(from.*member)>;
        if constexpr (requires(M m) { m.has_value(); }) {
          if (!(from.*member).has_value()) return std::monostate{};
          return ConfigValue(*(from.*member));
        } else {
          return ConfigValue(from.*member);
        }
      },
      field);
}

}  // namespace moldau::config
