// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "config/broker_config.h"
#include "config/properties.h"

using moldau::Timestamp;

/// Any bytes parse or are refused; what was parsed survives being written and parsed again; and
/// the configuration made of it is refused or consistent, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto set = moldau::config::parse_properties(bytes, "fuzz");
  if (!set.ok()) return 0;
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& [key, property] : *set) entries.emplace_back(key, property.value);
  std::string text = moldau::config::write_properties(entries, "", Timestamp(0));
  if (text.size() <= moldau::config::kPropertiesBytesMax) {
    auto again = moldau::config::parse_properties(text, "again");
    MOLDAU_CHECK(again.ok());
    MOLDAU_CHECK(moldau::config::values_of(*again) == moldau::config::values_of(*set));
  }
  auto merged = moldau::config::default_single_node_properties();
  bool known = false;
  for (const auto& [key, property] : *set) {
    known |= moldau::config::find_broker_key(key) != nullptr;
    merged.insert_or_assign(key, property);
  }
  if (!known) return 0;
  auto loaded = moldau::config::load_broker_config(merged);
  if (loaded.ok()) {
    MOLDAU_CHECK(!loaded->config.log_dirs.empty());
    MOLDAU_CHECK(!loaded->config.listeners.empty());
  }
  return 0;
}
