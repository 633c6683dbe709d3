// SPDX-License-Identifier: Apache-2.0
#include "node/request/request.h"

namespace moldau::request {

Caller::Caller() = default;

Request::Request(wire::ReceivedHeader header, Slice frame, std::size_t body_at, net::ReplySlot slot,
                 Caller caller, MonoTime arrived)
    : header_(std::move(header)),
      frame_(std::move(frame)),
      body_at_(body_at),
      slot_(std::move(slot)),
      caller_(std::move(caller)),
      arrived_(arrived) {}

Request::~Request() = default;

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
