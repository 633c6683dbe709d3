// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace moldau::config {

/// The numbers are those of BrokerRegistration and RegisterBrokerRecord.
enum class SecurityProtocol : std::int16_t {
  kPlaintext = 0,
  kSsl = 1,
  kSaslPlaintext = 2,
  kSaslSsl = 3,
};

std::string_view security_protocol_name(SecurityProtocol protocol);
std::optional<SecurityProtocol> security_protocol_of(std::string_view name);

/// A listener as `listeners` or `advertised.listeners` writes it: NAME://host:port.
struct Listener {
  /// In upper case.
  std::string name;
  /// "" binds every address; when advertised, it stands for the machine's own name.
  std::string host;
  std::int32_t port = 0;
  SecurityProtocol protocol = SecurityProtocol::kPlaintext;

  bool operator==(const Listener&) const = default;
  /// "NAME://host:port", with brackets around IPv6 addresses.
  std::string text() const;
};

struct HostPort {
  std::string host;
  std::int32_t port = 0;

  bool operator==(const HostPort&) const = default;
  std::string text() const;
};

/// One entry of controller.quorum.voters: id@host:port.
struct QuorumVoter {
  NodeId id{0};
  HostPort address;

  bool operator==(const QuorumVoter&) const = default;
};

/// Listener names to protocols, names in upper case.
using SecurityProtocolMap = std::map<std::string, SecurityProtocol, std::less<>>;

/// Listener names in Kafka are compared in upper case.
std::string listener_name_of(std::string_view text);

/// Parses `listeners` or `advertised.listeners` (`key` names it in errors).
/// Names differ; ports differ unless one address is IPv4 and the other IPv6 (not checked for
/// advertised listeners).
/// Errors   kInvalidConfig.
/// Source   SocketServerConfigs.listenerListToEndPoints.
Result<std::vector<Listener>> parse_listeners(const std::vector<std::string>& list,
                                              const SecurityProtocolMap& protocols,
                                              std::string_view key, bool distinct_ports);

/// Parses listener.security.protocol.map: "NAME:PROTOCOL,...".
Result<SecurityProtocolMap> parse_security_protocol_map(std::string_view text);

/// Parses "host:port" (brackets around IPv6); the port is 0 to 65535.
std::optional<HostPort> parse_host_port(std::string_view text);

Result<std::vector<QuorumVoter>> parse_voters(const std::vector<std::string>& list);
Result<std::vector<HostPort>> parse_servers(const std::vector<std::string>& list,
                                            std::string_view key);

/// A numeric address as sockets write it ("::1" for "0:0:0:0:0:0:0:1"); "localhost" counts as
/// 127.0.0.1, an IPv4 address inside an IPv6 one as itself. nullopt for any other name.
std::optional<std::string> canonical_address(std::string_view host);

bool is_ipv4_address(std::string_view host);
bool is_ipv6_address(std::string_view host);

}  // namespace moldau::config
