// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/buffer.h"
#include "base/result.h"
#include "env/fake/fake_env.h"
#include "wire/encode.h"

namespace moldau::sim {

/// A model client's connection: frames out, answers by correlation id. Knows nothing of retries.
///
/// Owner    the client, shared with callbacks that are under way.
/// Thread   one thread.
/// Bounds   answers of kFrameBytesMax; a request that is not answered within kPatience ends it.
class Connection final : public env::StreamObserver,
                         public std::enable_shared_from_this<Connection> {
 public:
  static constexpr std::size_t kFrameBytesMax = 64 << 20;
  static constexpr Millis kPatience{20'000};
  /// The frame of the answer, or why there is none.
  using Answered = UniqueFunction<void(Result<Slice>)>;

  static std::shared_ptr<Connection> open(env::fake::FakeShard& shard,
                                          const env::SocketAddress& to);
  ~Connection() override;

  template <class M>
  void send(const M& message, std::int16_t version, Answered answered) {
    const std::int32_t id = ++last_id_;
    const Slice body = wire::encode_request(message, version, id, "sim");
    put(id, body.view(), std::move(answered));
  }
  /// As send, for a produce with acks=0.
  template <class M>
  void send_unanswered(const M& message, std::int16_t version) {
    const Slice body = wire::encode_request(message, version, ++last_id_, "sim");
    put_bytes(body.view());
  }
  /// As send, of an encoded request; whatever is answered ends the connection.
  void send_encoded(ByteView body) { put_bytes(body); }
  bool broken() const { return broken_; }
  std::size_t waiting() const { return waiting_.size(); }
  /// Ends it and fails what waits, later.
  void close(const std::string& why);

  void on_readable() override;
  void on_writable() override;

 private:
  explicit Connection(env::fake::FakeShard& shard) : shard_(shard) {}
  void put(std::int32_t id, ByteView body, Answered answered);
  void put_bytes(ByteView body);
  void take_frames();

  env::fake::FakeShard& shard_;
  std::unique_ptr<env::Stream> stream_;
  std::int32_t last_id_ = 0;
  std::map<std::int32_t, Answered> waiting_;
  std::string out_;
  std::string in_;
  bool broken_ = false;
};

/// Decodes the body of an answer.
template <class M>
Result<M> body_of(const Slice& frame, std::int16_t version) {
  wire::Reader reader(frame.view());
  MOLDAU_TRY(wire::read_response_header(reader, static_cast<wire::ApiKey>(M::kApiKey), version));
  M message;
  MOLDAU_TRY(message.decode(reader, version));
  return message;
}

}  // namespace moldau::sim
