// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "env/fake/seeded_random.h"
#include "env/fake/world.h"
#include "env/net.h"

namespace moldau::env::fake {

class FakeEnv;
class FakeShard;
class FakeListener;

/// One end of a connection, as the network sees it.
/// Thread   one thread.
struct LinkEnd {
  FakeShard* shard = nullptr;   // null: not adopted by a shard yet
  std::weak_ptr<bool> process;  // expired: the process is dead
  StreamObserver* observer = nullptr;
  bool closed = false;          // the stream is destroyed
  bool wants_room = false;      // a write came to kWouldBlock
  bool tells_readable = false;  // an event is under way
  bool tells_writable = false;
  bool told_end = false;
  SocketAddress address;
};

/// Bytes on their way to one end.
/// Thread   one thread.
struct LinkPipe {
  struct Chunk {
    std::string bytes;
    bool is_end = false;
  };
  std::string arrived;  // can be read from `read_at` on
  std::size_t read_at = 0;
  std::deque<Chunk> chunks;     // not yet arrived; an event of the world for each
  std::uint64_t under_way = 0;  // their bytes
  std::size_t window = 0;       // bytes that may be unread and under way
  MonoTime last_arrival;
  bool end_sent = false;
  bool end_arrived = false;
};

/// A connection between two streams.
/// Thread   one thread.
struct Link {
  enum class State { kConnecting, kConnected, kReset, kRefused };
  State state = State::kConnecting;
  bool dark = false;  // a machine lost power: nothing arrives any more
  std::uint64_t id = 0;
  LinkEnd ends[2];    // 0 connected, 1 accepted
  LinkPipe pipes[2];  // to that end
};

struct NetworkOptions {
  std::int64_t latency_nanos_min = 20'000;
  std::int64_t latency_nanos_max = 400'000;
  /// Times in a million writes that the connection breaks.
  std::uint32_t resets_per_million = 0;
  /// Times in a thousand that a chunk takes up to a second.
  std::uint32_t slow_per_mille = 0;
};

/// All connections and listeners of a World. TCP: bytes of one direction arrive in order or the
/// connection breaks; between connections there is no order.
///
/// Owner    World.
/// Thread   one thread.
/// Bounds   a window of at most 256 KiB of bytes per direction.
class Network {
 public:
  explicit Network(World& world);
  ~Network();

  NetworkOptions& options() { return options_; }
  /// While two hosts are apart nothing passes between them, connecting neither.
  void set_apart(const std::string& a, const std::string& b, bool apart);
  /// Breaks a connection of this process (and says whether there was one).
  bool reset_one(const FakeEnv& env);
  std::size_t connections() const;

  // For FakeNet and FakeEnv.

  Result<std::uint16_t> add_listener(const std::string& host, std::uint16_t port,
                                     FakeListener& listener);
  void remove_listener(const std::string& host, std::uint16_t port);
  std::shared_ptr<Link> connect(FakeShard& from, const SocketAddress& to);
  void deliver_accepted(const std::shared_ptr<Link>& link);
  std::size_t send(const std::shared_ptr<Link>& link, int from, ByteView bytes);
  void close(const std::shared_ptr<Link>& link, int side);
  void break_link(const std::shared_ptr<Link>& link);
  void tell(const std::shared_ptr<Link>& link, int side, bool readable, bool writable);
  void process_died(FakeEnv& env, bool in_the_dark);
  SeededRandom& random() { return random_; }

 private:
  void arrive(const std::shared_ptr<Link>& link, int side);
  MonoTime arrival_time(LinkPipe& pipe);
  bool are_apart(const Link& link) const;
  void send_chunk(const std::shared_ptr<Link>& link, int side, std::string bytes, bool is_end);
  void forget_gone();

  World& world_;
  SeededRandom random_;
  NetworkOptions options_;
  std::uint16_t next_port_ = 32768;
  std::uint64_t links_made_ = 0;
  std::map<std::pair<std::string, std::uint16_t>, FakeListener*> listeners_;
  std::set<std::pair<std::string, std::string>> apart_;
  std::vector<std::weak_ptr<Link>> links_;
};

}  // namespace moldau::env::fake
