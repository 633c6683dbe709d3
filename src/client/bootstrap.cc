// SPDX-License-Identifier: Apache-2.0
#include "client/bootstrap.h"

#include "config/endpoint.h"

namespace moldau::client {
namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

Result<void> add(const std::string& one, std::vector<BrokerAddress>& to) {
  const auto parsed = config::parse_host_port(one);
  if (!parsed || parsed->host.empty() || parsed->port <= 0 || parsed->port > 65'535)
    return Error(ErrorCode::kInvalidConfig, "Invalid url in bootstrap.servers: " + one);
  to.push_back({parsed->host, static_cast<std::uint16_t>(parsed->port), ""});
  return {};
}

}  // namespace

Result<std::vector<BrokerAddress>> parse_bootstrap(const std::vector<std::string>& servers) {
  std::vector<BrokerAddress> out;
  for (const std::string& server : servers) {
    std::size_t begin = 0;
    while (begin <= server.size()) {
      const std::size_t end = std::min(server.find(',', begin), server.size());
      const std::string one = trimmed(std::string_view(server).substr(begin, end - begin));
      if (!one.empty()) MOLDAU_TRY(add(one, out));
      begin = end + 1;
    }
  }
  if (out.empty())
    return Error(ErrorCode::kInvalidConfig,
                 "No resolvable bootstrap urls given in bootstrap.servers");
  return out;
}

}  // namespace moldau::client
