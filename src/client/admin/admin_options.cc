// SPDX-License-Identifier: Apache-2.0
#include "client/admin/admin_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <optional>

#include "client/bootstrap.h"

namespace moldau::client::admin {
namespace {

constexpr std::string_view kServers = "bootstrap.servers";
constexpr std::string_view kControllers = "bootstrap.controllers";
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();

/// Known, valid, and of no meaning to a client without a JVM's metrics, or kept for the security
/// to come (refused as soon as security.protocol asks for it).
constexpr std::array<std::string_view, 9> kWithoutMeaning = {
    "client.dns.lookup",        "config.providers",    "enable.metrics.push",
    "metric.reporters",         "metrics.num.samples", "metrics.recording.level",
    "metrics.sample.window.ms", "security.providers",  "retries"};

Error invalid(std::string text) {
  return {ErrorCode::kInvalidConfig, std::move(text)};
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.remove_suffix(1);
  return text;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

/// Reads numbers; the first error is kept.
/// Thread   one thread.
class Numbers {
 public:
  explicit Numbers(const Properties& properties) : properties_(properties) {}

  void read(std::string_view key, std::int64_t min, bool wide, Millis& into) {
    const auto number = read(key, min, wide);
    if (number) into = Millis(*number);
  }

  std::optional<std::int64_t> read(std::string_view key, std::int64_t min, bool wide) {
    const auto found = properties_.find(key);
    if (found == properties_.end()) return std::nullopt;
    const std::string_view text = trim(found->second);
    std::int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto got = std::from_chars(text.data(), end, value);
    const bool fits = wide || (value >= std::numeric_limits<std::int32_t>::min() &&
                               value <= std::numeric_limits<std::int32_t>::max());
    if (text.empty() || got.ec != std::errc() || got.ptr != end || !fits) {
      fail(fmt::format("Invalid value {} for configuration {}: Not a number of type {}",
                       found->second, key, wide ? "LONG" : "INT"));
      return std::nullopt;
    }
    if (min != kNever && value < min) {
      fail(fmt::format("Invalid value {} for configuration {}: Value must be at least {}", value,
                       key, min));
      return std::nullopt;
    }
    return value;
  }

  const std::optional<Error>& error() const { return error_; }
  void fail(std::string text) {
    if (!error_) error_ = invalid(std::move(text));
  }

 private:
  const Properties& properties_;
  std::optional<Error> error_;
};

Result<void> read_bootstrap(const Properties& properties, ClusterOptions& out) {
  const auto servers = properties.find(kServers);
  const auto controllers = properties.find(kControllers);
  const bool of_servers = servers != properties.end() && !trim(servers->second).empty();
  const bool of_controllers = controllers != properties.end() && !trim(controllers->second).empty();
  if (of_servers && of_controllers)
    return invalid("You cannot specify both bootstrap.controllers and bootstrap.servers");
  if (!of_servers && !of_controllers)
    return invalid("You must set either bootstrap.controllers or bootstrap.servers");
  out.of_controllers = of_controllers;
  MOLDAU_ASSIGN_OR_RETURN(out.bootstrap, of_controllers
                                             ? parse_bootstrap(controllers->second, kControllers)
                                             : parse_bootstrap(servers->second, kServers));
  return {};
}

Result<void> check_security(const Properties& properties) {
  const auto found = properties.find("security.protocol");
  if (found == properties.end()) return {};
  const std::string protocol = upper(trim(found->second));
  if (protocol == "PLAINTEXT") return {};
  if (protocol == "SSL" || protocol == "SASL_SSL" || protocol == "SASL_PLAINTEXT")
    return invalid(
        fmt::format("security.protocol={}: this client speaks PLAINTEXT only; TLS and "
                    "SASL are not built yet",
                    protocol));
  return invalid(
      fmt::format("Invalid value {} for configuration security.protocol: String must be "
                  "one of (case insensitive): SASL_SSL, PLAINTEXT, SSL, SASL_PLAINTEXT",
                  found->second));
}

bool of_security(std::string_view key) {
  return key.starts_with("ssl.") || key.starts_with("sasl.") || key == "security.protocol";
}

void read_recovery(const Properties& properties, Numbers& numbers, ClusterOptions& out) {
  const auto trigger = numbers.read("metadata.recovery.rebootstrap.trigger.ms", 0, true);
  if (trigger) out.rebootstrap_trigger = Millis(*trigger);
  const auto strategy = properties.find("metadata.recovery.strategy");
  if (strategy == properties.end()) return;
  const std::string word = upper(trim(strategy->second));
  if (word == "NONE")
    out.rebootstrap_trigger.reset();
  else if (word != "REBOOTSTRAP")
    numbers.fail(
        fmt::format("Invalid value {} for configuration metadata.recovery.strategy: "
                    "String must be one of (case insensitive): REBOOTSTRAP, NONE",
                    strategy->second));
}

const std::array<std::string_view, 16> kRead = {kServers,
                                                kControllers,
                                                "client.id",
                                                "connections.max.idle.ms",
                                                "default.api.timeout.ms",
                                                "metadata.max.age.ms",
                                                "metadata.recovery.rebootstrap.trigger.ms",
                                                "metadata.recovery.strategy",
                                                "receive.buffer.bytes",
                                                "reconnect.backoff.max.ms",
                                                "reconnect.backoff.ms",
                                                "request.timeout.ms",
                                                "retry.backoff.max.ms",
                                                "retry.backoff.ms",
                                                "send.buffer.bytes",
                                                "socket.connection.setup.timeout.ms"};

bool known(std::string_view key) {
  return std::find(kRead.begin(), kRead.end(), key) != kRead.end() || of_security(key) ||
         key == "socket.connection.setup.timeout.max.ms" ||
         std::find(kWithoutMeaning.begin(), kWithoutMeaning.end(), key) != kWithoutMeaning.end();
}

}  // namespace

Result<AdminOptions> parse_admin_options(const Properties& properties,
                                         std::vector<std::string>& unknown) {
  AdminOptions out;
  ClusterOptions& cluster = out.cluster;
  MOLDAU_TRY(read_bootstrap(properties, cluster));
  MOLDAU_TRY(check_security(properties));
  const auto client_id = properties.find("client.id");
  cluster.client_id = client_id == properties.end() ? "adminclient-1" : client_id->second;
  Numbers numbers(properties);
  numbers.read("default.api.timeout.ms", 0, false, out.call_timeout);
  numbers.read("request.timeout.ms", 0, false, cluster.request_timeout);
  numbers.read("connections.max.idle.ms", kNever, true, cluster.connections_max_idle);
  numbers.read("metadata.max.age.ms", 0, true, cluster.metadata_max_age);
  numbers.read("retry.backoff.ms", 0, true, cluster.retry.initial);
  numbers.read("retry.backoff.max.ms", 0, true, cluster.retry.max);
  numbers.read("reconnect.backoff.ms", 0, true, cluster.broker.reconnect.initial);
  numbers.read("reconnect.backoff.max.ms", 0, true, cluster.broker.reconnect.max);
  numbers.read("socket.connection.setup.timeout.ms", kNever, true, cluster.broker.setup.initial);
  numbers.read("socket.connection.setup.timeout.max.ms", kNever, true, cluster.broker.setup.max);
  const auto send_buffer = numbers.read("send.buffer.bytes", -1, false);
  const auto receive_buffer = numbers.read("receive.buffer.bytes", -1, false);
  if (send_buffer) cluster.socket.send_buffer_bytes = static_cast<int>(*send_buffer);
  if (receive_buffer) cluster.socket.receive_buffer_bytes = static_cast<int>(*receive_buffer);
  read_recovery(properties, numbers, cluster);
  if (numbers.error()) return *numbers.error();
  if (out.call_timeout < cluster.request_timeout) {
    const bool both =
        properties.contains("default.api.timeout.ms") && properties.contains("request.timeout.ms");
    if (properties.contains("default.api.timeout.ms") && !both)
      cluster.request_timeout = out.call_timeout;
    else
      return invalid(
          "The specified value of default.api.timeout.ms must be no smaller than the value of "
          "request.timeout.ms.");
  }
  for (const auto& [key, value] : properties)
    if (!known(key)) unknown.push_back(key);
  return out;
}

}  // namespace moldau::client::admin
