// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "node/handler/alter_check.h"
#include "node/handler/alter_loggers.h"
#include "node/handler/authorize.h"
#include "node/handler/controller_call.h"

namespace moldau::handler {

/// What AlterConfigs and IncrementalAlterConfigs share: their messages differ in the operation
/// of an entry and in the name of the nested structs.
/// Path     handle_alter_configs, handle_incremental_alter_configs → alter_flow → the controller.
template <class Message, class Response>
struct AlterFlow {
  using Resource = typename Message::AlterConfigsResource;
  static constexpr bool kIncremental =
      requires(const decltype(Resource::configs)& configs) { configs[0].config_operation; };

  static void add_answer(const Resource& resource, const Result<void>& result, Response& response) {
    auto& one = response.responses.emplace_back();
    one.resource_type = resource.resource_type;
    one.resource_name = resource.resource_name;
    if (result.ok()) return;
    one.error_code = to_wire(result.error().code);
    one.error_message = result.error().detail;
  }

  static std::vector<config::AlterEntry> entries_of(const Resource& resource) {
    std::vector<config::AlterEntry> entries;
    for (const auto& asked : resource.configs) {
      config::AlterEntry& entry = entries.emplace_back();
      entry.name = asked.name.str();
      if constexpr (kIncremental) entry.op = asked.config_operation;
      if (!asked.value.is_null()) entry.value = asked.value.str();
    }
    return entries;
  }

  static Result<void> check(const Services& node, const Resource& resource) {
    return check_alter(node, resource.resource_type, resource.resource_name.view(),
                       entries_of(resource), kIncremental);
  }

  /// As Apache's order is: shapes, then a broker looks at its own configs, then the controller
  /// authorises. Loggers are changed at once.
  static Result<void> judge(const Services& node, const request::Request& request,
                            const Message& message, const Resource& resource) {
    MOLDAU_TRY(config::check_alter_shape(entries_of(resource), kIncremental));
    if (kIncremental && is_of_loggers(resource)) {
      return alter_loggers(node, request, resource.resource_name.view(), entries_of(resource),
                           message.validate_only);
    }
    const auto type = static_cast<image::ResourceType>(resource.resource_type);
    const bool of_broker = type == image::ResourceType::kBroker || is_of_loggers(resource);
    if (of_broker) MOLDAU_TRY(check(node, resource));
    MOLDAU_TRY(may_alter(node, request, type, resource.resource_name.view()));
    if (of_broker) return {};
    return check(node, resource);
  }

  static bool is_of_loggers(const Resource& resource) {
    return static_cast<image::ResourceType>(resource.resource_type) ==
           image::ResourceType::kBrokerLogger;
  }

  /// Takes out what this broker refuses or does itself; the answers are in `done`.
  static Message accepted_part(const Services& node, const request::Request& request,
                               Message message, Response& done) {
    using Name = std::pair<std::int8_t, std::string>;
    const auto name_of = [](const Resource& resource) {
      return Name(resource.resource_type, resource.resource_name.str());
    };
    std::map<Name, int> times;
    for (const Resource& resource : message.resources) ++times[name_of(resource)];
    std::erase_if(message.resources, [&](const Resource& resource) {
      const Result<void> judged =
          times[name_of(resource)] > 1
              ? Error(ErrorCode::kInvalidRequest, "Each resource must appear at most once.")
              : judge(node, request, message, resource);
      if (judged.ok() && !(kIncremental && is_of_loggers(resource))) return false;
      add_answer(resource, judged, done);
      return true;
    });
    return message;
  }
};

/// The whole handler; `decide` is the controller's part.
template <class Message, class Response, class Decide>
env::Task<void> alter_flow(Services& node, request::RequestPtr request, Decide decide) {
  using Flow = AlterFlow<Message, Response>;
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  Response response;
  Message accepted = Flow::accepted_part(node, *request, std::move(decoded).value(), response);
  if (!accepted.resources.empty()) {
    auto held = std::make_shared<const Held<Message>>(std::move(accepted), request->frame());
    const MonoTime deadline = controller_deadline(*request, 60'000);
    Result<Response> decided =
        co_await call_controller(node, held, request->version(), deadline, decide);
    if (decided.ok()) {
      co_await until_shown(node);
      for (auto& one : decided->responses) response.responses.push_back(std::move(one));
    } else {
      for (const auto& resource : held->message.resources)
        Flow::add_answer(resource, decided.error(), response);
    }
  }
  request->answer(response);
}

}  // namespace moldau::handler
