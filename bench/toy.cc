// SPDX-License-Identifier: Apache-2.0
// The limit that every row of ./dev bench is compared with: one thread that accepts, parses,
// checks, appends and acknowledges, and sends what was asked for from file to socket. It has no
// metadata, no recovery, no replication, no sessions and no long polling.
//
//   moldau-toy PORT DIRECTORY
//
// Exit codes: 2 wrong options, 3 a system call failed.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loadgen_codec.h"
#include "toy_log.h"

namespace moldau::loadgen {
namespace {

constexpr std::size_t kFrameBytesMax = std::size_t{100} << 20;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(3);
}

/// Bytes, then perhaps a part of a file.
struct Reply {
  Frame bytes;
  ToyLog::Range range;
};

struct Peer {
  int fd = -1;
  std::vector<std::byte> in;
  std::size_t filled = 0;
  std::deque<Reply> out;
  std::size_t sent = 0;
  bool waits_for_room = false;
};

class Toy {
 public:
  Toy(std::uint16_t port, std::string folder) : folder_(std::move(folder)) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 128) != 0)
      die("listen");
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
  }

  [[noreturn]] void run() {
    std::printf("moldau-toy listens\n");
    std::fflush(stdout);
    for (;;) {
      epoll_event events[64];
      const int count = ::epoll_wait(epoll_, events, 64, -1);
      if (count < 0 && errno != EINTR) die("epoll_wait");
      for (int i = 0; i < count; ++i) {
        if (events[i].data.fd == listener_) {
          accept_one();
        } else {
          serve(events[i].data.fd, events[i].events);
        }
      }
    }
  }

 private:
  void watch(int how, int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, how, fd, &event) != 0) die("epoll_ctl");
  }
  void accept_one() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peers_[fd].fd = fd;
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
  }
  void serve(int fd, std::uint32_t events) {
    Peer& peer = peers_[fd];
    const bool alive = ((events & EPOLLIN) == 0 || read_frames(peer)) && send_replies(peer);
    if (alive) return;
    ::close(fd);
    peers_.erase(fd);
  }

  /// Reads what is there and answers every whole frame of it; false if the peer is gone.
  bool read_frames(Peer& peer) {
    if (peer.in.size() < peer.filled + 65536) peer.in.resize(peer.filled + (1U << 17));
    const ssize_t n =
        ::recv(peer.fd, peer.in.data() + peer.filled, peer.in.size() - peer.filled, 0);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    peer.filled += static_cast<std::size_t>(n);
    std::size_t at = 0;
    std::size_t wanted = 0;
    while (peer.filled - at >= 4) {
      const std::size_t size = In(ByteView(peer.in.data() + at, 4)).number<std::uint32_t>();
      if (size > kFrameBytesMax) return false;
      wanted = size + 4;
      if (peer.filled - at < wanted) break;
      answer(peer, MutableBytes(peer.in.data() + at + 4, size));
      at += wanted;
    }
    std::memmove(peer.in.data(), peer.in.data() + at, peer.filled - at);
    peer.filled -= at;
    if (peer.in.size() < wanted) peer.in.resize(wanted);
    return true;
  }

  void answer(Peer& peer, MutableBytes frame) {
    In in(frame);
    const auto key = in.number<std::int16_t>();
    (void)in.number<std::int16_t>();
    Out out;
    out.number(in.number<std::int32_t>());
    in.skip_text();
    if (key == 0) {
      produce(in, frame, out);
    } else if (key == 1) {
      fetch(peer, in, out);
      return;
    } else if (key == 18) {
      out.number<std::int16_t>(0);
      out.number<std::int32_t>(0);
    } else {
      change_topic(key, in, out);
    }
    peer.out.push_back({out.finish(), {}});
  }

  void produce(In& in, MutableBytes frame, Out& out) {
    in.skip_text();
    (void)in.bytes(2 + 4);  // acks, timeout
    const auto topics = in.number<std::int32_t>();
    out.number(topics);
    for (std::int32_t t = 0; t < topics; ++t) {
      const std::string topic = in.text();
      const auto partitions = in.number<std::int32_t>();
      out.text(topic);
      out.number(partitions);
      for (std::int32_t i = 0; i < partitions; ++i) {
        const auto partition = in.number<std::int32_t>();
        const auto size = in.number<std::int32_t>();
        const std::size_t at = in.position();
        const auto batch = frame.subspan(at, in.bytes(size).size());
        const std::int64_t base = log(topic, partition).append(batch, context_);
        out.number(partition);
        out.number<std::int16_t>(base < 0 ? 87 : 0);
        out.number(base);
        out.number<std::int64_t>(-1);
        out.number<std::int64_t>(0);
        out.number<std::int32_t>(0);
        out.no_text();
      }
    }
    out.number<std::int32_t>(0);
  }

  /// Each partition's head and range become one reply; the last closes the frame.
  void fetch(Peer& peer, In& in, Out& out) {
    (void)in.bytes(4 + 4 + 4);
    std::int64_t left = in.number<std::int32_t>();
    (void)in.bytes(1 + 4 + 4 + 4);
    const std::string topic = in.text();
    const auto partitions = in.number<std::int32_t>();
    out.number<std::int32_t>(0);
    out.number<std::int16_t>(0);
    out.number<std::int32_t>(0);
    out.number<std::int32_t>(1);
    out.text(topic);
    out.number(partitions);
    std::vector<Reply> replies;
    std::size_t range_bytes = 0;
    std::size_t head_bytes = 0;
    Frame head;
    for (std::int32_t i = 0; i < partitions; ++i) {
      const auto partition = in.number<std::int32_t>();
      (void)in.number<std::int32_t>();
      const auto offset = in.number<std::int64_t>();
      (void)in.number<std::int64_t>();
      const std::int64_t bytes_max = in.number<std::int32_t>();
      const ToyLog& source = log(topic, partition);
      const ToyLog::Range range = source.read(offset, std::min(left, bytes_max));
      left -= range.size;
      out.number(partition);
      out.number<std::int16_t>(0);
      out.number(source.end_offset());
      out.number(source.end_offset());
      out.number<std::int64_t>(0);
      out.number<std::int32_t>(-1);
      out.number<std::int32_t>(-1);
      out.number(static_cast<std::int32_t>(range.size));
      Frame bytes = out.finish();
      if (i > 0) bytes.erase(bytes.begin(), bytes.begin() + 4);
      out = Out();
      head_bytes += bytes.size();
      range_bytes += static_cast<std::size_t>(range.size);
      replies.push_back({std::move(bytes), range});
    }
    if (replies.empty()) return;
    Frame& first = replies.front().bytes;
    const std::size_t total = head_bytes - 4 + range_bytes;
    for (std::size_t i = 0; i < 4; ++i) first[i] = static_cast<std::byte>(total >> (24 - 8 * i));
    for (Reply& reply : replies) peer.out.push_back(std::move(reply));
  }

  void change_topic(std::int16_t key, In& in, Out& out) {
    (void)in.number<std::int32_t>();
    const std::string topic = in.text();
    if (key == 20) logs_.erase(topic);
    out.number<std::int32_t>(0);
    out.number<std::int32_t>(1);
    out.text(topic);
    out.number<std::int16_t>(0);
    if (key == 19) out.no_text();
  }

  ToyLog& log(const std::string& topic, std::int32_t partition) {
    std::unique_ptr<ToyLog>& slot = logs_[topic][partition];
    if (!slot)
      slot = std::make_unique<ToyLog>(folder_ + "/" + topic + "-" + std::to_string(partition));
    return *slot;
  }

  /// Sends what the socket takes; false if the peer is gone.
  bool send_replies(Peer& peer) {
    while (!peer.out.empty()) {
      Reply& reply = peer.out.front();
      ssize_t n = 0;
      if (peer.sent < reply.bytes.size()) {
        const int more = peer.out.size() > 1 || reply.range.size > 0 ? MSG_MORE : 0;
        n = ::send(peer.fd, reply.bytes.data() + peer.sent, reply.bytes.size() - peer.sent,
                   MSG_NOSIGNAL | more);
        peer.sent += n > 0 ? static_cast<std::size_t>(n) : 0;
      } else if (reply.range.size > 0) {
        off_t from = reply.range.position;
        n = ::sendfile(peer.fd, reply.range.fd, &from, static_cast<std::size_t>(reply.range.size));
        reply.range.position += n > 0 ? n : 0;
        reply.range.size -= n > 0 ? n : 0;
      }
      if (n < 0 && errno != EAGAIN) return false;
      const bool full = n < 0;
      if (full != peer.waits_for_room) {
        peer.waits_for_room = full;
        watch(EPOLL_CTL_MOD, peer.fd, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
      }
      if (full) return true;
      if (peer.sent < reply.bytes.size() || reply.range.size > 0) continue;
      peer.sent = 0;
      peer.out.pop_front();
    }
    return true;
  }

  std::string folder_;
  int epoll_ = -1;
  int listener_ = -1;
  std::map<int, Peer> peers_;
  std::map<std::string, std::map<std::int32_t, std::unique_ptr<ToyLog>>> logs_;
  record::CompressionContext context_;
};

}  // namespace
}  // namespace moldau::loadgen

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: moldau-toy PORT DIRECTORY\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);  // sendfile cannot be told to keep quiet
  moldau::loadgen::Toy(static_cast<std::uint16_t>(std::atoi(argv[1])), argv[2]).run();
}
