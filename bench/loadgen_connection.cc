// SPDX-License-Identifier: Apache-2.0
#include "loadgen_connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "loadgen_work.h"

namespace moldau::loadgen {

void fail(const std::string& why, int code) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(code);
}

int connect_to(std::uint16_t port, int receive_buffer) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (receive_buffer > 0)
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

Connection::Connection(std::uint16_t port, int receive_buffer)
    : fd_(connect_to(port, receive_buffer)) {
  if (fd_ < 0) fail("cannot connect to port " + std::to_string(port));
}

Connection::~Connection() {
  ::close(fd_);
}

void Connection::send(std::shared_ptr<const Frame> frame) {
  out_.push_back(std::move(frame));
  flush();
}

void Connection::flush() {
  while (!out_.empty()) {
    const Frame& frame = *out_.front();
    const ssize_t n =
        ::send(fd_, frame.data() + sent_, frame.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) fail(std::string("send: ") + std::strerror(errno));
    sent_ += static_cast<std::size_t>(n);
    if (sent_ < frame.size()) continue;
    sent_ = 0;
    out_.pop_front();
  }
}

void Connection::receive(const std::function<void(ByteView)>& take) {
  for (;;) {
    if (in_.size() - filled_ < (1U << 16))
      in_.resize(std::max<std::size_t>(1 << 18, in_.size() * 2));
    const std::size_t room = in_.size() - filled_;
    const ssize_t n = ::recv(fd_, in_.data() + filled_, room, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) fail("the broker closed the connection");
    filled_ += static_cast<std::size_t>(n);
    std::size_t at = 0;
    while (filled_ - at >= 4) {
      const std::size_t size = In(ByteView(in_.data() + at, 4)).number<std::uint32_t>();
      if (filled_ - at - 4 < size) break;
      take(ByteView(in_.data() + at + 4, size));
      at += 4 + size;
    }
    std::memmove(in_.data(), in_.data() + at, filled_ - at);
    filled_ -= at;
    // The socket was emptied: another look would only say so.
    if (static_cast<std::size_t>(n) < room) return;
  }
}

Line::~Line() {
  if (fd_ >= 0) ::close(fd_);
}

void Line::send(const Frame& frame) {
  std::size_t sent = 0;
  while (good_ && sent < frame.size()) {
    const ssize_t n = ::send(fd_, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) good_ = false;
    sent += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
}

std::optional<Frame> Line::receive() {
  std::byte head[4];
  if (!fill(head, 4)) return std::nullopt;
  Frame answer(In(ByteView(head, 4)).number<std::uint32_t>());
  if (!fill(answer.data(), answer.size())) return std::nullopt;
  return answer;
}

std::optional<Frame> Line::ask(const Frame& frame) {
  send(frame);
  return receive();
}

bool Line::fill(std::byte* to, std::size_t size) {
  std::size_t got = 0;
  while (good_ && got < size) {
    const ssize_t n = ::recv(fd_, to + got, size - got, 0);
    if (n <= 0) good_ = false;
    got += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  return good_;
}

}  // namespace moldau::loadgen
