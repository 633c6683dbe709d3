// SPDX-License-Identifier: Apache-2.0
#include "config/endpoint.h"

#include <algorithm>
#include <charconv>

#include "config/config_value.h"

namespace moldau::config {
namespace {

Error invalid(std::string detail) {
  return Error(ErrorCode::kInvalidConfig, std::move(detail));
}

/// Characters Kafka lets stand in a host: names, addresses, scopes of IPv6.
bool is_host_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-%._:").find(c) != std::string_view::npos;
}

bool is_host(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_host_char);
}

std::optional<std::int32_t> parse_int(std::string_view text) {
  std::int32_t number = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Splits "host:port" at the last colon and takes brackets off the host. Empty hosts are fine.
std::optional<HostPort> split_host_port(std::string_view text) {
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[')) host.remove_prefix(1);
  if (host.ends_with(']')) host.remove_suffix(1);
  std::optional<std::int32_t> port = parse_int(text.substr(colon + 1));
  if (!is_host(host) || !port || *port > 65535) return std::nullopt;
  return HostPort{std::string(host), *port};
}

std::string host_port_text(const std::string& host, std::int32_t port) {
  bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Listener> parse_listener(std::string_view text, const SecurityProtocolMap& protocols,
                                std::string_view key) {
  std::size_t separator = text.rfind("://");
  if (separator == std::string_view::npos) {
    return invalid("Unable to parse '" + std::string(text) + "' in " + std::string(key) +
                   ": a listener is written NAME://host:port");
  }
  std::optional<HostPort> address = split_host_port(text.substr(separator + 3));
  if (!address || address->port < 0) {
    return invalid("Unable to parse '" + std::string(text) + "' in " + std::string(key) +
                   ": a listener is written NAME://host:port, the port being 0 to 65535");
  }
  Listener listener;
  listener.name = listener_name_of(text.substr(0, separator));
  listener.host = std::move(address->host);
  listener.port = address->port;
  auto it = protocols.find(listener.name);
  if (it == protocols.end()) {
    return invalid("No security protocol defined for listener " + listener.name + " of " +
                   std::string(key) + "; add it to listener.security.protocol.map");
  }
  listener.protocol = it->second;
  return listener;
}

/// Two listeners may share a port only as an IPv4 and an IPv6 address of it.
bool may_share_port(const std::vector<const Listener*>& same_port) {
  if (same_port.size() != 2) return false;
  const Listener& a = *same_port[0];
  const Listener& b = *same_port[1];
  return (is_ipv4_address(a.host) && is_ipv6_address(b.host)) ||
         (is_ipv6_address(a.host) && is_ipv4_address(b.host));
}

Result<void> check_distinct(const std::vector<Listener>& listeners, std::string_view key,
                            bool distinct_ports) {
  std::map<std::int32_t, std::vector<const Listener*>> by_port;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    if (listeners[i].port != 0) by_port[listeners[i].port].push_back(&listeners[i]);
    for (std::size_t j = 0; j < i; ++j) {
      if (listeners[j].name == listeners[i].name) {
        return invalid("Each listener of " + std::string(key) + " must have a different name; " +
                       listeners[i].name + " stands there twice");
      }
    }
  }
  if (!distinct_ports) return {};
  for (const auto& [port, same] : by_port) {
    if (same.size() > 1 && !may_share_port(same)) {
      return invalid("Each listener of " + std::string(key) + " must have a different port; " +
                     std::to_string(port) + " may be shared only by one IPv4 and one IPv6 address");
    }
  }
  return {};
}

}  // namespace

std::string_view security_protocol_name(SecurityProtocol protocol) {
  switch (protocol) {
    case SecurityProtocol::kPlaintext:
      return "PLAINTEXT";
    case SecurityProtocol::kSsl:
      return "SSL";
    case SecurityProtocol::kSaslPlaintext:
      return "SASL_PLAINTEXT";
    case SecurityProtocol::kSaslSsl:
      return "SASL_SSL";
  }
  return "UNKNOWN";
}

std::optional<SecurityProtocol> security_protocol_of(std::string_view name) {
  std::string upper = listener_name_of(name);
  for (auto protocol : {SecurityProtocol::kPlaintext, SecurityProtocol::kSsl,
                        SecurityProtocol::kSaslPlaintext, SecurityProtocol::kSaslSsl}) {
    if (upper == security_protocol_name(protocol)) return protocol;
  }
  return std::nullopt;
}

std::string Listener::text() const {
  return name + "://" + host_port_text(host, port);
}
std::string HostPort::text() const {
  return host_port_text(host, port);
}

std::string listener_name_of(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return out;
}

Result<std::vector<Listener>> parse_listeners(const std::vector<std::string>& list,
                                              const SecurityProtocolMap& protocols,
                                              std::string_view key, bool distinct_ports) {
  std::vector<Listener> out;
  for (const std::string& entry : list) {
    MOLDAU_ASSIGN_OR_RETURN(Listener listener, parse_listener(entry, protocols, key));
    out.push_back(std::move(listener));
  }
  MOLDAU_TRY(check_distinct(out, key, distinct_ports));
  return out;
}

Result<SecurityProtocolMap> parse_security_protocol_map(std::string_view text) {
  SecurityProtocolMap out;
  for (const std::string& entry : split_list(text)) {
    std::size_t colon = entry.rfind(':');
    if (colon == std::string::npos) {
      return invalid("Unable to parse '" + entry +
                     "' in listener.security.protocol.map: an entry is written NAME:PROTOCOL");
    }
    std::string_view name = trim(std::string_view(entry).substr(0, colon));
    std::string_view protocol = trim(std::string_view(entry).substr(colon + 1));
    std::optional<SecurityProtocol> known = security_protocol_of(protocol);
    if (!known) {
      return invalid("Invalid security protocol `" + std::string(protocol) +
                     "` defined in listener.security.protocol.map; allowed are PLAINTEXT, SSL, "
                     "SASL_PLAINTEXT, SASL_SSL");
    }
    out[listener_name_of(name)] = *known;
  }
  return out;
}

std::optional<HostPort> parse_host_port(std::string_view text) {
  std::optional<HostPort> address = split_host_port(text);
  if (!address || address->host.empty() || address->port < 0) return std::nullopt;
  return address;
}

Result<std::vector<QuorumVoter>> parse_voters(const std::vector<std::string>& list) {
  std::vector<QuorumVoter> out;
  for (const std::string& entry : list) {
    std::size_t at = entry.find('@');
    std::optional<std::int32_t> id;
    std::optional<HostPort> address;
    if (at != std::string::npos) {
      id = parse_int(std::string_view(entry).substr(0, at));
      address = parse_host_port(std::string_view(entry).substr(at + 1));
    }
    if (!id || *id < 0 || !address) {
      return invalid("Invalid value '" + entry +
                     "' for configuration controller.quorum.voters: a voter is written "
                     "id@host:port");
    }
    out.push_back({NodeId(*id), std::move(*address)});
  }
  return out;
}

Result<std::vector<HostPort>> parse_servers(const std::vector<std::string>& list,
                                            std::string_view key) {
  std::vector<HostPort> out;
  for (const std::string& entry : list) {
    std::optional<HostPort> address = parse_host_port(entry);
    if (!address) {
      return invalid("Invalid value '" + entry + "' for configuration " + std::string(key) +
                     ": a server is written host:port");
    }
    out.push_back(std::move(*address));
  }
  return out;
}

bool is_ipv4_address(std::string_view host) {
  int parts = 0;
  for (;;) {
    std::size_t dot = host.find('.');
    std::string_view part = host.substr(0, dot);
    std::optional<std::int32_t> number = parse_int(part);
    if (part.empty() || part.size() > 3 || !number || *number < 0 || *number > 255) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    host.remove_prefix(dot + 1);
  }
}

bool is_ipv6_address(std::string_view host) {
  host = host.substr(0, host.find('%'));
  if (std::count(host.begin(), host.end(), ':') < 2) return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
           c == '.';
  });
}

namespace {

std::uint32_t ipv4_number(std::string_view address) {
  std::uint32_t number = 0;
  for (int i = 0; i < 4; ++i) {
    const std::size_t dot = address.find('.');
    number = number << 8 | static_cast<std::uint32_t>(*parse_int(address.substr(0, dot)));
    if (dot != std::string_view::npos) address.remove_prefix(dot + 1);
  }
  return number;
}

std::string ipv4_text(std::uint32_t number) {
  return std::to_string(number >> 24) + "." + std::to_string(number >> 16 & 255) + "." +
         std::to_string(number >> 8 & 255) + "." + std::to_string(number & 255);
}

/// The sixteen-bit groups of one side of "::"; an IPv4 address may stand for the last two.
std::optional<std::vector<std::uint16_t>> parse_groups(std::string_view text) {
  std::vector<std::uint16_t> out;
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (colon == std::string_view::npos && is_ipv4_address(part)) {
      const std::uint32_t number = ipv4_number(part);
      out.push_back(static_cast<std::uint16_t>(number >> 16));
      out.push_back(static_cast<std::uint16_t>(number));
      return out;
    }
    std::uint16_t group = 0;
    auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), group, 16);
    if (part.size() > 4 || failed != std::errc() || end != part.data() + part.size()) {
      return std::nullopt;
    }
    out.push_back(group);
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;
  }
  return out;
}

/// RFC 5952: the longest run of zero groups, the first of several, becomes "::".
std::string ipv6_text(const std::vector<std::uint16_t>& groups) {
  std::size_t start = 0;
  std::size_t length = 1;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::size_t end = i;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (length > 1 && i == start) {
      out += "::";
      i += length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    char digits[4];
    auto [end, failed] = std::to_chars(digits, digits + sizeof(digits), groups[i], 16);
    MOLDAU_CHECK(failed == std::errc());
    out.append(digits, end);
  }
  return out;
}

}  // namespace

std::optional<std::string> canonical_address(std::string_view host) {
  if (listener_name_of(host) == "LOCALHOST") return "127.0.0.1";
  if (is_ipv4_address(host)) return ipv4_text(ipv4_number(host));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  host = host.substr(0, host.find('%'));
  if (!is_ipv6_address(host)) return std::nullopt;
  const std::size_t gap = host.find("::");
  auto groups = parse_groups(host.substr(0, gap));
  if (!groups) return std::nullopt;
  if (gap != std::string_view::npos) {
    const auto behind = parse_groups(host.substr(gap + 2));
    if (!behind || groups->size() + behind->size() > 7) return std::nullopt;
    groups->resize(8 - behind->size());
    groups->insert(groups->end(), behind->begin(), behind->end());
  }
  if (groups->size() != 8) return std::nullopt;
  const bool mapped = std::all_of(groups->begin(), groups->begin() + 5,
                                  [](std::uint16_t group) { return group == 0; }) &&
                      (*groups)[5] == 0xFFFF;
  if (mapped) return ipv4_text(std::uint32_t{(*groups)[6]} << 16 | (*groups)[7]);
  return ipv6_text(*groups);
}

}  // namespace moldau::config
