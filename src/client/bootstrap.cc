// SPDX-License-Identifier: Apache-2.0
#include "client/bootstrap.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace moldau::client {
namespace {

Error refuse(std::string why) {
  return {ErrorCode::kInvalidConfig, std::move(why)};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

Result<BrokerAddress> parse_bootstrap_address(std::string_view text, std::string_view key) {
  const std::string whole(text);
  const std::size_t scheme = text.find("://");
  if (scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  const std::size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, std::min(colon, text.size()));
  const std::string_view digits =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const bool name = std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("-%._:").find(static_cast<char>(c)) != std::string_view::npos;
  });
  const bool number =
      !digits.empty() && std::all_of(digits.begin(), digits.end(),
                                     [](unsigned char c) { return c >= '0' && c <= '9'; });
  if (!name || !number) return refuse(fmt::format("Invalid url in {}: {}", key, whole));
  std::uint32_t port = 0;
  const auto got = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (got.ec != std::errc() || port > 65'535)
    return refuse(fmt::format("Invalid port in {}: {}", key, whole));
  BrokerAddress out;
  out.host = host.empty() ? "localhost" : std::string(host);
  out.port = static_cast<std::uint16_t>(port);
  return out;
}

Result<std::vector<BrokerAddress>> parse_bootstrap(std::string_view list, std::string_view key) {
  std::vector<BrokerAddress> out;
  std::size_t begin = 0;
  while (begin <= list.size()) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view one = trimmed(list.substr(begin, end - begin));
    begin = end + 1;
    if (one.empty()) continue;
    MOLDAU_ASSIGN_OR_RETURN(BrokerAddress address, parse_bootstrap_address(one, key));
    out.push_back(std::move(address));
  }
  if (out.empty()) return refuse(fmt::format("No resolvable bootstrap urls given in {}", key));
  return out;
}

}  // namespace moldau::client
