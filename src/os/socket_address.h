// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include "base/result.h"
#include "env/net.h"

namespace moldau::os {

/// An address as the kernel takes it.
/// Thread   a value.
struct KernelAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

/// Numeric text; an IPv4 address inside IPv6 is shown as IPv4.
env::SocketAddress to_text(const KernelAddress& address);
env::SocketAddress local_address_of(int descriptor);

/// Blocks (name service) unless `numeric_only`. kNetworkException if there is no such host.
Result<std::vector<KernelAddress>> resolve(const env::SocketAddress& address, bool passive,
                                           bool numeric_only);

/// The error of a failed system call about `address`.
Error network_error(int os_error, const std::string& what, const env::SocketAddress& address);

}  // namespace moldau::os
