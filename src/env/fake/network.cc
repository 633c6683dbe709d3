// SPDX-License-Identifier: Apache-2.0
#include "env/fake/network.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/hash.h"
#include "env/fake/fake_env.h"
#include "env/fake/fake_net.h"

namespace moldau::env::fake {
namespace {

constexpr std::int64_t kPartitionRetryNanos = 50'000'000;

}  // namespace

Network::Network(World& world) : world_(world), random_(world.random().fork()) {}
Network::~Network() = default;

void Network::set_apart(const std::string& a, const std::string& b, bool apart) {
  const auto pair = std::minmax(a, b);
  if (apart)
    apart_.insert(pair);
  else
    apart_.erase(pair);
}

bool Network::are_apart(const Link& link) const {
  if (apart_.empty()) return false;
  return apart_.contains(std::minmax(link.ends[0].address.host, link.ends[1].address.host));
}

void Network::forget_gone() {
  if (links_.size() < 64 || links_made_ % 64 != 0) return;
  std::erase_if(links_, [](const auto& link) { return link.expired(); });
}

std::size_t Network::connections() const {
  return static_cast<std::size_t>(std::count_if(links_.begin(), links_.end(), [](const auto& weak) {
    const auto link = weak.lock();
    return link && link->state == Link::State::kConnected;
  }));
}

bool Network::reset_one(const FakeEnv& env) {
  std::vector<std::shared_ptr<Link>> standing;
  for (const auto& weak : links_) {
    auto link = weak.lock();
    if (!link || link->state != Link::State::kConnected) continue;
    for (const LinkEnd& end : link->ends)
      if (end.shard && !end.closed && !end.process.expired() && &end.shard->env() == &env)
        standing.push_back(link);
  }
  if (standing.empty()) return false;
  break_link(standing[random_.below(standing.size())]);
  return true;
}

Result<std::uint16_t> Network::add_listener(const std::string& host, std::uint16_t port,
                                            FakeListener& listener) {
  while (port == 0) {
    if (!listeners_.contains({host, next_port_})) port = next_port_;
    next_port_ = next_port_ == 65535 ? 32768 : static_cast<std::uint16_t>(next_port_ + 1);
  }
  if (!listeners_.emplace(std::pair(host, port), &listener).second) {
    Error error(ErrorCode::kNetworkException, "cannot listen on " + host + ": in use");
    error.os_error = EADDRINUSE;
    return error;
  }
  return port;
}

void Network::remove_listener(const std::string& host, std::uint16_t port) {
  listeners_.erase({host, port});
}

std::shared_ptr<Link> Network::connect(FakeShard& from, const SocketAddress& to) {
  auto link = std::make_shared<Link>();
  link->id = ++links_made_;
  forget_gone();
  links_.push_back(link);
  link->ends[0].address = {from.env().host(), next_port_};
  next_port_ = next_port_ == 65535 ? 32768 : static_cast<std::uint16_t>(next_port_ + 1);
  link->ends[1].address = to;
  if (to.host == "localhost") link->ends[1].address.host = "127.0.0.1";
  for (LinkPipe& pipe : link->pipes)
    pipe.window = static_cast<std::size_t>(random_.between(1, 8)) << random_.between(10, 15);
  world_.trace(0x636f6e6e, to.port);
  world_.at(arrival_time(link->pipes[1]), [this, link] { deliver_accepted(link); });
  return link;
}

void Network::deliver_accepted(const std::shared_ptr<Link>& link) {
  if (link->ends[0].closed || link->ends[0].process.expired()) return;
  if (are_apart(*link)) {
    world_.at(world_.now() + kPartitionRetryNanos, [this, link] { deliver_accepted(link); });
    return;
  }
  const SocketAddress& to = link->ends[1].address;
  const auto found = listeners_.find({to.host, to.port});
  if (found == listeners_.end() || !found->second->add(link)) {
    link->state = Link::State::kRefused;
  } else {
    link->state = Link::State::kConnected;
  }
  tell(link, 0, true, true);
}

MonoTime Network::arrival_time(LinkPipe& pipe) {
  std::int64_t nanos = random_.between(options_.latency_nanos_min, options_.latency_nanos_max);
  if (random_.chance(options_.slow_per_mille)) nanos += random_.between(0, 1'000'000'000);
  pipe.last_arrival = std::max(pipe.last_arrival + 1, world_.now() + nanos);
  return pipe.last_arrival;
}

std::size_t Network::send(const std::shared_ptr<Link>& link, int from, ByteView bytes) {
  LinkPipe& pipe = link->pipes[1 - from];
  const std::uint64_t unread = pipe.arrived.size() - pipe.read_at + pipe.under_way;
  if (unread >= pipe.window) return 0;
  std::size_t count = std::min<std::size_t>(bytes.size(), pipe.window - unread);
  // Now and then the kernel takes less than it could.
  if (count > 1 && random_.chance(50)) count = 1 + random_.below(count);
  if (random_.below(1'000'000) < options_.resets_per_million) {
    break_link(link);
    return count;
  }
  pipe.under_way += count;
  world_.trace(link->id << 1 | static_cast<std::uint64_t>(from), crc32c(bytes.first(count)));
  send_chunk(link, 1 - from, std::string(as_text(bytes.first(count))), false);
  return count;
}

void Network::send_chunk(const std::shared_ptr<Link>& link, int side, std::string bytes,
                         bool is_end) {
  link->pipes[side].chunks.push_back({std::move(bytes), is_end});
  world_.at(arrival_time(link->pipes[side]), [this, link, side] { arrive(link, side); });
}

void Network::arrive(const std::shared_ptr<Link>& link, int side) {
  if (link->state != Link::State::kConnected || link->dark) return;
  if (are_apart(*link)) {  // sent again until the way is free
    world_.at(world_.now() + kPartitionRetryNanos, [this, link, side] { arrive(link, side); });
    return;
  }
  LinkEnd& end = link->ends[side];
  LinkPipe& pipe = link->pipes[side];
  if (end.closed) {  // nobody reads: the sender hears of it
    break_link(link);
    return;
  }
  const LinkPipe::Chunk chunk = std::move(pipe.chunks.front());
  pipe.chunks.pop_front();
  pipe.under_way -= chunk.bytes.size();
  if (pipe.read_at > 0 && pipe.read_at == pipe.arrived.size()) {
    pipe.arrived.clear();
    pipe.read_at = 0;
  }
  pipe.arrived += chunk.bytes;
  pipe.end_arrived = pipe.end_arrived || chunk.is_end;
  tell(link, side, true, chunk.is_end);
}

void Network::tell(const std::shared_ptr<Link>& link, int side, bool readable, bool writable) {
  LinkEnd& end = link->ends[side];
  if (!end.shard || end.closed || end.process.expired() || !end.observer) return;
  if (readable && !std::exchange(end.tells_readable, true)) {
    end.shard->add_event([weak = std::weak_ptr<Link>(link), side] {
      const auto here = weak.lock();
      if (!here || here->ends[side].closed) return;
      here->ends[side].tells_readable = false;
      here->ends[side].observer->on_readable();
    });
  }
  if (writable && !std::exchange(end.tells_writable, true)) {
    end.shard->add_event([weak = std::weak_ptr<Link>(link), side] {
      const auto here = weak.lock();
      if (!here || here->ends[side].closed) return;
      here->ends[side].tells_writable = false;
      here->ends[side].observer->on_writable();
    });
  }
}

void Network::close(const std::shared_ptr<Link>& link, int side) {
  LinkEnd& end = link->ends[side];
  if (std::exchange(end.closed, true)) return;
  end.observer = nullptr;
  if (link->state != Link::State::kConnected || link->dark) return;
  LinkPipe& in = link->pipes[side];
  if (in.read_at < in.arrived.size()) {
    break_link(link);  // as kernels do: unread bytes make it a reset
  } else if (!std::exchange(link->pipes[1 - side].end_sent, true)) {
    send_chunk(link, 1 - side, {}, true);
  }
}

void Network::break_link(const std::shared_ptr<Link>& link) {
  if (link->state != Link::State::kConnected) return;
  link->state = Link::State::kReset;
  for (int side = 0; side < 2; ++side) {
    world_.at(arrival_time(link->pipes[side]), [this, weak = std::weak_ptr<Link>(link), side] {
      if (const auto here = weak.lock()) tell(here, side, true, true);
    });
  }
}

void Network::process_died(FakeEnv& env, bool in_the_dark) {
  std::erase_if(listeners_, [&](const auto& item) { return &item.second->shard().env() == &env; });
  for (const auto& weak : links_) {
    const auto link = weak.lock();
    if (!link) continue;
    for (int side = 0; side < 2; ++side) {
      LinkEnd& end = link->ends[side];
      if (!end.shard || end.closed || &end.shard->env() != &env) continue;
      if (in_the_dark && link->state == Link::State::kConnected) {
        // Peers learn of it when the machine is back and knows nothing of the connection.
        end.closed = true;
        link->dark = true;
        world_.at(world_.now() + random_.between(10'000'000, 5'000'000'000),
                  [this, link] { break_link(link); });
      } else if (random_.chance(500)) {
        break_link(link);
        end.closed = true;
      } else {
        close(link, side);
      }
    }
  }
}

}  // namespace moldau::env::fake
