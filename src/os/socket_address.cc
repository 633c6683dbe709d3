// SPDX-License-Identifier: Apache-2.0
#include "os/socket_address.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <cerrno>
#include <cstring>

namespace moldau::os {

env::SocketAddress to_text(const KernelAddress& address) {
  char text[INET6_ADDRSTRLEN] = "";
  env::SocketAddress out;
  if (address.storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    out.port = ntohs(v4->sin_port);
  } else if (address.storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
      inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, text, sizeof(text));
    else
      inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    out.port = ntohs(v6->sin6_port);
  }
  out.host = text;
  return out;
}

env::SocketAddress local_address_of(int descriptor) {
  KernelAddress address;
  address.length = sizeof(address.storage);
  if (getsockname(descriptor, address.get(), &address.length) != 0) return {};
  return to_text(address);
}

Error network_error(int os_error, const std::string& what, const env::SocketAddress& address) {
  const char* why = strerrordesc_np(os_error);
  Error error(ErrorCode::kNetworkException,
              what + " " + address.text() + ": " + (why ? why : "unknown error"));
  error.os_error = os_error;
  return error;
}

Result<std::vector<KernelAddress>> resolve(const env::SocketAddress& address, bool passive,
                                           bool numeric_only) {
  std::vector<KernelAddress> found;
  if (passive && address.host.empty()) {
    KernelAddress any;
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&any.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    any.length = sizeof(*v6);
    found.push_back(any);
    KernelAddress any4;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&any4.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    any4.length = sizeof(*v4);
    found.push_back(any4);
    return found;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags =
      AI_NUMERICSERV | (passive ? AI_PASSIVE : 0) | (numeric_only ? AI_NUMERICHOST : 0);
  addrinfo* list = nullptr;
  const int failed =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (failed != 0) {
    Error error(ErrorCode::kNetworkException,
                "cannot resolve " + address.host + ": " + gai_strerror(failed));
    error.os_error = failed == EAI_SYSTEM ? errno : ENXIO;
    return error;
  }
  for (const addrinfo* entry = list; entry; entry = entry->ai_next) {
    if (entry->ai_addrlen > sizeof(sockaddr_storage)) continue;
    KernelAddress one;
    std::memcpy(&one.storage, entry->ai_addr, entry->ai_addrlen);
    one.length = entry->ai_addrlen;
    found.push_back(one);
  }
  freeaddrinfo(list);
  return found;
}

}  // namespace moldau::os
