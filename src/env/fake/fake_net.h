// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "env/fake/network.h"
#include "env/net.h"

namespace moldau::env::fake {

/// The network as one fake shard sees it.
/// Owner    FakeShard.
/// Thread   one thread.
class FakeNet final : public Net {
 public:
  explicit FakeNet(FakeShard& shard) : shard_(shard) {}
  Result<std::unique_ptr<ListeningSocket>> listen(const SocketAddress& address,
                                                  const SocketOptions& options,
                                                  AcceptCallback accepted) override;
  std::unique_ptr<Stream> adopt(std::unique_ptr<AcceptedSocket> socket) override;
  Result<std::unique_ptr<Stream>> connect(const SocketAddress& address,
                                          const SocketOptions& options) override;

 private:
  FakeShard& shard_;
};

/// A listening socket with its backlog.
/// Thread   one thread.
class FakeListener final : public ListeningSocket {
 public:
  FakeListener(FakeShard& shard, SocketAddress local, std::string host, int backlog,
               AcceptCallback accepted);
  ~FakeListener() override;
  const SocketAddress& local() const override { return local_; }
  void pause(bool paused) override;

  void set_port(std::uint16_t port) { local_.port = port; }
  /// False if the backlog is full.
  bool add(std::shared_ptr<Link> link);
  FakeShard& shard() { return shard_; }

 private:
  void accept_later();
  void accept_one();

  FakeShard& shard_;
  SocketAddress local_;
  const std::string host_;
  const std::size_t backlog_max_;
  AcceptCallback accepted_;
  bool paused_ = false;
  std::deque<std::shared_ptr<Link>> backlog_;
  std::shared_ptr<FakeListener*> self_ = std::make_shared<FakeListener*>(this);
};

/// An accepted connection of no shard yet.
/// Thread   one thread.
class FakeAccepted final : public AcceptedSocket {
 public:
  FakeAccepted(Network& network, std::shared_ptr<Link> link)
      : network_(network), link_(std::move(link)) {}
  ~FakeAccepted() override;
  const SocketAddress& peer() const override { return link_ ? link_->ends[0].address : none_; }
  std::shared_ptr<Link> take() { return std::move(link_); }

 private:
  Network& network_;
  std::shared_ptr<Link> link_;
  SocketAddress none_;
};

/// One end of a Link: reads and writes come in parts of any length.
/// Thread   one thread.
class FakeStream final : public Stream {
 public:
  FakeStream(FakeShard& shard, std::shared_ptr<Link> link, int side);
  ~FakeStream() override;
  void observe(StreamObserver& observer) override;
  IoOutcome read(MutableBytes into) override;
  IoOutcome write(std::span<const ByteView> parts) override;
  IoOutcome send_file(File& file, std::uint64_t position, std::size_t length) override;
  const SocketAddress& peer() const override { return link_->ends[1 - side_].address; }
  const SocketAddress& local() const override { return link_->ends[side_].address; }

 private:
  /// What calls come to unless the connection stands.
  IoOutcome broken() const;
  std::size_t room();

  FakeShard& shard_;
  const std::shared_ptr<Link> link_;
  const int side_;
};

}  // namespace moldau::env::fake
