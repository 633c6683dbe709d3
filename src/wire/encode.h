// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whole messages in one buffer, with what stands in front of them on the wire.

#include <cstdint>
#include <string>

#include "base/buffer.h"
#include "wire/api_keys.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace moldau::wire {

/// What stood in front of a request.
struct ReceivedHeader {
  ReceivedHeader() = default;
  const ApiSpec* api = nullptr;
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
  std::string client_id;
};

/// Reads the header; the reader stands at the body afterwards. The version is not judged.
/// Errors   kInvalidRequest: cut short; kUnsupportedVersion: an API that does not exist.
/// Source   RequestHeader v1 and v2.
Result<ReceivedHeader> read_request_header(Reader& reader);

std::size_t request_header_size(std::int16_t header_version, const Text& client_id);
void write_request_header(Writer& writer, ApiKey key, std::int16_t version,
                          std::int32_t correlation_id, const Text& client_id);
std::size_t response_header_size(ApiKey key, std::int16_t version);
void write_response_header(Writer& writer, ApiKey key, std::int16_t version,
                           std::int32_t correlation_id);
/// The correlation id; the reader stands at the body afterwards.
/// Errors   kInvalidRequest.
Result<std::int32_t> read_response_header(Reader& reader, ApiKey key, std::int16_t version);

/// Writes a message whose records, if any, are in memory, behind `front` bytes that are free for
/// the caller.
template <class M>
Slice encode_behind(std::size_t front, const M& message, std::int16_t version) {
  Slice out = Slice::allocate(front + message.size(version));
  Writer writer(out.mutable_view().subspan(front));
  message.encode(writer, version);
  MOLDAU_CHECK(writer.left() == 0 && writer.splices().empty(), M::kName);
  return out;
}

template <class M>
Slice to_slice(const M& message, std::int16_t version) {
  return encode_behind(0, message, version);
}

/// A request without the size of its frame.
template <class M>
Slice encode_request(const M& message, std::int16_t version, std::int32_t correlation_id,
                     const Text& client_id) {
  constexpr auto kKey = static_cast<ApiKey>(M::kApiKey);
  const std::int16_t header = request_header_version(api_spec(kKey), version);
  const std::size_t front = request_header_size(header, client_id);
  Slice out = encode_behind(front, message, version);
  Writer writer(out.mutable_view().first(front));
  write_request_header(writer, kKey, version, correlation_id, client_id);
  return out;
}

/// A response without the size of its frame.
template <class M>
Slice encode_response(const M& message, std::int16_t version, std::int32_t correlation_id) {
  constexpr auto kKey = static_cast<ApiKey>(M::kApiKey);
  const std::size_t front = response_header_size(kKey, version);
  Slice out = encode_behind(front, message, version);
  Writer writer(out.mutable_view().first(front));
  write_response_header(writer, kKey, version, correlation_id);
  return out;
}

/// Decodes a message that takes all the bytes, as those in records must; what it views borrows
/// from them.
/// Errors   kInvalidRequest, kUnsupportedVersion.
template <class M>
Result<M> decode_exactly(ByteView bytes, std::int16_t version) {
  Reader reader(bytes);
  M message;
  MOLDAU_TRY(message.decode(reader, version));
  reader.expect_end("end");
  MOLDAU_TRY(reader.status(M::kName, version));
  return message;
}

/// int16 in front of the message: a coordinator's value has its version there (its key its type),
/// the embedded consumer protocol its version too.
template <class M>
Slice encode_with_number(std::int16_t number, const M& message, std::int16_t version) {
  Slice out = encode_behind(2, message, version);
  Writer(out.mutable_view().first(2)).int16(number);
  return out;
}
template <class M>
Slice encode_with_version(const M& message, std::int16_t version) {
  return encode_with_number(version, message, version);
}

}  // namespace moldau::wire
