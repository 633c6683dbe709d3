// SPDX-License-Identifier: Apache-2.0
#include "wire/encode.h"

namespace moldau::wire {

Result<ReceivedHeader> read_request_header(Reader& reader) {
  ReceivedHeader header;
  const std::int16_t key = reader.int16("RequestApiKey");
  header.version = reader.int16("RequestApiVersion");
  header.correlation_id = reader.int32("CorrelationId");
  header.client_id = reader.text(false, true, "ClientId").str();
  MOLDAU_TRY(reader.status("RequestHeader", 1));
  header.api = find_api(key);
  if (header.api == nullptr)
    return Error(ErrorCode::kUnsupportedVersion, "there is no API " + std::to_string(key));
  if (request_header_version(*header.api, header.version) == 2) reader.skip_tags();
  MOLDAU_TRY(reader.status("RequestHeader", 2));
  return header;
}

std::size_t request_header_size(std::int16_t header_version, const Text& client_id) {
  // Key, version, correlation id; the client id has the old form even in a flexible header.
  return 8 + text_size(client_id, false) + (header_version >= 2 ? 1 : 0);
}

void write_request_header(Writer& writer, ApiKey key, std::int16_t version,
                          std::int32_t correlation_id, const Text& client_id) {
  writer.int16(static_cast<std::int16_t>(key));
  writer.int16(version);
  writer.int32(correlation_id);
  writer.text(client_id, false, true);
  if (request_header_version(api_spec(key), version) >= 2) writer.uvarint(0);
}

std::size_t response_header_size(ApiKey key, std::int16_t version) {
  return response_header_version(api_spec(key), version) == 0 ? 4 : 5;
}

void write_response_header(Writer& writer, ApiKey key, std::int16_t version,
                           std::int32_t correlation_id) {
  writer.int32(correlation_id);
  if (response_header_version(api_spec(key), version) == 1) writer.uvarint(0);
}

Result<std::int32_t> read_response_header(Reader& reader, ApiKey key, std::int16_t version) {
  const std::int32_t correlation_id = reader.int32("CorrelationId");
  const std::int16_t header = response_header_version(api_spec(key), version);
  if (header == 1) reader.skip_tags();
  MOLDAU_TRY(reader.status("ResponseHeader", header));
  return correlation_id;
}

}  // namespace moldau::wire
