// SPDX-License-Identifier: Apache-2.0
// For tests of clients: a broker whose answers a test chooses, on the fake network.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "env/fake/fake_env.h"
#include "net/frame_assembler.h"
#include "wire/api_versions_response.h"
#include "wire/encode.h"
#include "wire/metadata_response.h"

namespace moldau::client {

/// What a request of a test is answered with: a whole frame without its size; nullopt: nothing.
using Answering = std::function<std::optional<Slice>(const wire::ReceivedHeader&, wire::Reader&)>;

/// A broker that answers ApiVersions and Metadata as one that is alone, and the rest as a test
/// says. Faults: deaf (takes everything, answers nothing), closing at each request.
/// Thread   one thread.
class TestBroker {
 public:
  TestBroker(env::fake::World& world, std::string host, std::int32_t id = 0)
      : disk_(world), env_(world, disk_, options(std::move(host))), id_(id) {
    listening_ = shard()
                     .net()
                     .listen({env_.host(), 9092}, {},
                             [this](auto socket) {
                               peers_.push_back(std::make_unique<Peer>(
                                   *this, shard().net().adopt(std::move(socket))));
                             })
                     .value();
    all_versions(versions);
  }

  /// All that we speak ourselves.
  static void all_versions(wire::ApiVersionsResponse& answer) {
    for (const wire::ApiSpec& api : wire::all_apis()) {
      auto& one = answer.api_keys.emplace_back();
      one.api_key = static_cast<std::int16_t>(api.key);
      one.min_version = api.min_version;
      one.max_version = api.max_version;
    }
  }

  template <class R>
  static std::optional<Slice> answer(const R& body, const wire::ReceivedHeader& header) {
    return wire::encode_response(body, header.version, header.correlation_id);
  }

  env::fake::FakeEnv& env() { return env_; }
  std::int32_t id() const { return id_; }
  std::size_t connections() const {
    std::size_t open = 0;
    for (const auto& peer : peers_) open += peer->stream ? 1 : 0;
    return open;
  }
  void close_all() {
    for (const auto& peer : peers_) peer->stream.reset();
  }

  bool deaf = false;
  bool closes = false;
  std::int16_t api_versions_max = 4;
  wire::ApiVersionsResponse versions;
  Answering answering;
  std::map<wire::ApiKey, int> asked;

 private:
  struct Peer final : env::StreamObserver {
    Peer(TestBroker& b, std::unique_ptr<env::Stream> s)
        : broker(b), assembler(1 << 20, credit), stream(std::move(s)) {
      stream->observe(*this);
    }
    void on_readable() override {
      while (stream) {
        const env::IoOutcome got = stream->read(assembler.space(slab));
        if (got.kind == env::IoOutcome::Kind::kWouldBlock) break;
        if (got.kind != env::IoOutcome::Kind::kDone) return stream.reset();
        assembler.received(got.bytes);
        while (stream) {
          auto frame = assembler.next();
          if (!frame.ok() || !*frame) break;
          broker.take(*this, (*frame)->view());
        }
      }
      if (assembler.settle()) slab = Slice::allocate(4096);
    }
    void on_writable() override {
      while (stream && !out.empty()) {
        const ByteView part = as_view(out);
        const env::IoOutcome sent = stream->write(std::span<const ByteView>(&part, 1));
        if (sent.kind != env::IoOutcome::Kind::kDone) return;
        out.erase(0, sent.bytes);
      }
    }
    TestBroker& broker;
    Slice slab = Slice::allocate(4096);
    net::AheadCredit credit;
    net::FrameAssembler assembler;
    std::unique_ptr<env::Stream> stream;
    std::string out;
  };

  static env::fake::FakeEnvOptions options(std::string host) {
    env::fake::FakeEnvOptions out;
    out.host = std::move(host);
    return out;
  }
  env::fake::FakeShard& shard() { return env_.shard(env::ShardId(0)); }

  void take(Peer& peer, ByteView frame) {
    wire::Reader reader(frame);
    const auto header = wire::read_request_header(reader);
    if (!header.ok() || closes) return peer.stream.reset();
    ++asked[header->api->key];
    if (deaf) return;
    const std::optional<Slice> answer = answer_to(*header, reader);
    if (!answer) return;
    std::string size(4, '\0');
    for (std::size_t i = 0; i < 4; ++i) size[i] = static_cast<char>(answer->size() >> (24 - 8 * i));
    peer.out += size;
    peer.out += as_text(answer->view());
    peer.on_writable();
  }

  std::optional<Slice> answer_to(const wire::ReceivedHeader& header, wire::Reader& reader) {
    if (header.api->key == wire::ApiKey::kApiVersions) {
      wire::ReceivedHeader as = header;
      wire::ApiVersionsResponse body = versions;
      if (header.version > api_versions_max) {
        as.version = 0;
        body.error_code = to_wire(ErrorCode::kUnsupportedVersion);
        for (auto& api : body.api_keys)
          if (api.api_key == wire::ApiVersionsResponse::kApiKey) api.max_version = api_versions_max;
      }
      return answer(body, as);
    }
    if (answering)
      if (auto chosen = answering(header, reader)) return chosen;
    if (header.api->key != wire::ApiKey::kMetadata) return std::nullopt;
    wire::MetadataResponse body;
    auto& self = body.brokers.emplace_back();
    self.node_id = id_;
    self.host = wire::Text(std::string_view(env_.host()));
    self.port = 9092;
    body.controller_id = id_;
    return answer(body, header);
  }

  env::fake::FakeDisk disk_;
  env::fake::FakeEnv env_;
  const std::int32_t id_;
  std::unique_ptr<env::ListeningSocket> listening_;
  std::list<std::unique_ptr<Peer>> peers_;
};

}  // namespace moldau::client
