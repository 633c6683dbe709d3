// SPDX-License-Identifier: Apache-2.0
#include "node/request/request.h"

namespace moldau::request {

Result<RequestHeader> read_request_header(wire::Reader& reader) {
  RequestHeader header;
  const std::int16_t key = reader.int16("api key");
  header.version = reader.int16("api version");
  header.correlation_id = reader.int32("correlation id");
  header.client_id = reader.text(false, true, "client id").str();
  MOLDAU_TRY(reader.status("RequestHeader", 1));
  header.api = wire::find_api(key);
  if (!header.api)
    return Error(ErrorCode::kUnsupportedVersion, "there is no API " + std::to_string(key));
  if (wire::request_header_version(*header.api, header.version) == 2) reader.skip_tags();
  MOLDAU_TRY(reader.status("RequestHeader", 2));
  return header;
}

Caller::Caller() = default;

Request::Request(RequestHeader header, Slice frame, std::size_t body_at, net::ReplySlot slot,
                 Caller caller, MonoTime arrived)
    : header_(std::move(header)),
      frame_(std::move(frame)),
      body_at_(body_at),
      slot_(std::move(slot)),
      caller_(std::move(caller)),
      arrived_(arrived) {}

Request::~Request() = default;

std::size_t Request::header_size() const {
  return wire::response_header_version(*header_.api, version()) == 0 ? 4 : 5;
}

void Request::write_header(wire::Writer& writer) const {
  writer.int32(header_.correlation_id);
  if (wire::response_header_version(*header_.api, version()) == 1) writer.uvarint(0);
}

void Request::send(Slice buffer, const wire::Writer& writer) {
  net::Reply reply;
  std::size_t from = 0;
  for (const wire::Splice& splice : writer.splices()) {
    reply.add(buffer.sub(from, splice.position - from));
    from = splice.position;
    const auto& ranges =
        *static_cast<const std::vector<net::FileRange>*>(splice.records->token().get());
    for (const net::FileRange& range : ranges) reply.add(range);
  }
  reply.add(buffer.sub(from, writer.position() - from));
  answered_ = true;
  slot_.send(std::move(reply));
}

void Request::answer_nothing() {
  answered_ = true;
  slot_.send_nothing();
}

void Request::set_client_software(std::string name, std::string version) {
  caller_.software = name;
  if (net::Session* session = slot_.session())
    session->set_client_software(std::move(name), std::move(version));
}

void Request::close(std::string_view why) {
  answered_ = true;
  if (net::Session* session = slot_.session()) session->close(std::string(why));
  slot_.close_connection();
}

}  // namespace moldau::request
