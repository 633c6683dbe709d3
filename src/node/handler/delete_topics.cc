// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/delete_topics_request.h"
#include "wire/delete_topics_response.h"

namespace moldau::handler {
namespace {

using Message = wire::DeleteTopicsRequest;
/// The version that knows THROTTLING_QUOTA_EXCEEDED.
constexpr std::int16_t kStrictSince = 5;
using Response = wire::DeleteTopicsResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  for (const auto& topic : message.topics) {
    auto& one = response.responses.emplace_back();
    one.name = topic.name;
    one.topic_id = topic.topic_id;
    one.error_code = to_wire(error.code);
    one.error_message = error.detail;
  }
  for (const auto& name : message.topic_names) {
    auto& one = response.responses.emplace_back();
    one.name = name;
    one.error_code = to_wire(error.code);
    one.error_message = error.detail;
  }
}

/// What a caller may delete, and what it may know of the rest. A topic asked for by name and not
/// to be seen is refused whether it exists or not; one asked for by id tells its name only to
/// whom that may see.
class Deletable {
 public:
  Deletable(const Services& node, const request::Request& request, const Message& message)
      : image_(node.image),
        described_(node, request, AclOperation::kDescribe, AclResourceType::kTopic),
        deletable_(node, request, AclOperation::kDelete, AclResourceType::kTopic) {
    for (const auto& name : message.topic_names) ++names_[name.view()];
    for (const auto& topic : message.topics) {
      if (topic.name.is_null()) {
        ++ids_[topic.topic_id];
      } else {
        ++names_[topic.name.view()];
      }
    }
  }

  /// Adds the refusal and gives true if the topic is not for this caller.
  bool refuse_name(const wire::Text& name, Response& refused) {
    if (names_[name.view()] > 1) return false;
    const bool seen = described_.contains(name.view());
    const bool allowed = deletable_.contains(name.view());
    if (seen && (allowed || !image_->topic(name.view()))) return false;
    add(name, Uuid(), refused);
    return true;
  }
  bool refuse_id(const Uuid& id, Response& refused) {
    const image::TopicImage* topic = image_->topic(id);
    if (ids_[id] > 1 || !topic) return false;
    const bool seen = described_.contains(topic->name);
    if (deletable_.contains(topic->name)) return false;
    add(seen ? wire::Text(topic->name).own() : wire::Text::null(), id, refused);
    return true;
  }

 private:
  static void add(wire::Text name, const Uuid& id, Response& refused) {
    auto& one = refused.responses.emplace_back();
    one.name = std::move(name);
    one.topic_id = id;
    one.error_code = to_wire(ErrorCode::kTopicAuthorizationFailed);
    one.error_message = authorization_message(ErrorCode::kTopicAuthorizationFailed);
  }

  const image::ImagePtr image_;
  AuthorizedNames described_;
  AuthorizedNames deletable_;
  std::map<std::string_view, int> names_;
  std::map<Uuid, int> ids_;
};

/// Takes out what the caller may not delete; it is in `refused`. What the controller refuses for
/// another reason stays.
Message allowed_part(const Services& node, const request::Request& request, Message message,
                     Response& refused) {
  if (!node.authorizer || !node.config->values.delete_topic_enable ||
      cluster_authorized(node, request, AclOperation::kDelete, Audit::kAllowed))
    return message;
  Deletable deletable(node, request, message);
  std::erase_if(message.topic_names,
                [&](const wire::Text& name) { return deletable.refuse_name(name, refused); });
  std::erase_if(message.topics, [&](const auto& topic) {
    const bool has_id = !topic.topic_id.is_zero();
    if (topic.name.is_null()) return has_id && deletable.refuse_id(topic.topic_id, refused);
    return !has_id && deletable.refuse_name(topic.name, refused);
  });
  return message;
}

bool is_empty(const Message& message) {
  return message.topic_names.empty() && message.topics.empty();
}

}  // namespace

env::Task<void> handle_delete_topics(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  Response response;
  const bool asks_for_nothing = is_empty(*decoded);
  Message allowed = allowed_part(node, *request, std::move(decoded).value(), response);
  if (!is_empty(allowed) || asks_for_nothing) {
    Response made = co_await decide_allowed<Message, Response>(
        node, request.get(), std::move(allowed), kStrictSince,
        &controller::ControllerMachine::decide_delete_topics, fill_errors);
    for (auto& refused : response.responses) made.responses.push_back(std::move(refused));
    response = std::move(made);
  }
  request->answer(response);
}

}  // namespace moldau::handler
