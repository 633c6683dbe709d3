// SPDX-License-Identifier: Apache-2.0
#include "node/broker/lifecycle_host.h"

#include "machine/image/metadata_version.h"
#include "wire/broker_heartbeat_request.h"
#include "wire/broker_heartbeat_response.h"
#include "wire/broker_registration_request.h"
#include "wire/broker_registration_response.h"

namespace moldau::broker {
namespace {

LifecycleConfig lifecycle_config_of(const config::BrokerConfig& config) {
  LifecycleConfig out;
  out.heartbeat_interval = Millis(config.values.broker_heartbeat_interval_ms);
  out.registration_timeout = Millis(config.values.initial_broker_registration_timeout_ms);
  return out;
}

}  // namespace

LifecycleHost::LifecycleHost(env::Env& env, std::shared_ptr<const config::BrokerConfig> config,
                             std::vector<config::Listener> advertised, std::string cluster_id,
                             Uuid incarnation, LogDirectories& directories, quorum::Quorum& quorum,
                             Events events)
    : env_(env),
      shard_(env.shard(env::ShardId(0))),
      config_(std::move(config)),
      advertised_(std::move(advertised)),
      cluster_id_(std::move(cluster_id)),
      directories_(directories),
      quorum_(quorum),
      events_(std::move(events)),
      machine_(lifecycle_config_of(*config_), shard_.now()),
      incarnation_(incarnation),
      alive_(std::make_shared<LifecycleHost*>(this)) {}

void LifecycleHost::start() {
  perform(machine_.tick(shard_.now()));
}

void LifecycleHost::ready() {
  perform(machine_.ready_to_unfence(shard_.now()));
}

void LifecycleHost::begin_shutdown() {
  perform(machine_.begin_shutdown(shard_.now()));
}

void LifecycleHost::directory_failed(DirectoryId directory) {
  untold_.insert(directory);
  const MonoTime limit = shard_.now() + Millis(config_->values.log_dir_failure_timeout_ms);
  shard_.call_at(limit, [weak = std::weak_ptr<LifecycleHost*>(alive_), directory] {
    const auto alive = weak.lock();
    if (!alive || (*alive)->stopped_ || !(*alive)->untold_.contains(directory)) return;
    if ((*alive)->events_.cannot_tell) (*alive)->events_.cannot_tell();
  });
  perform(machine_.hurry(shard_.now()));
}

void LifecycleHost::wake_at(MonoTime when) {
  shard_.call_at(when, [weak = std::weak_ptr<LifecycleHost*>(alive_)] {
    const auto alive = weak.lock();
    if (!alive || (*alive)->stopped_) return;
    (*alive)->perform((*alive)->machine_.tick((*alive)->shard_.now()));
  });
}

void LifecycleHost::perform(LifecycleEffects effects) {
  if (effects.entered && events_.entered) events_.entered(*effects.entered);
  if (effects.send_registration) tasks_.spawn(send_registration());
  if (effects.send_heartbeat) tasks_.spawn(send_heartbeat(*effects.send_heartbeat));
  if (effects.give_up && events_.gave_up) events_.gave_up();
  if (effects.may_stop && events_.may_stop) events_.may_stop();
}

env::Task<void> LifecycleHost::send_registration() {
  auto message = std::make_shared<wire::BrokerRegistrationRequest>();
  message->broker_id = config_->node_id.value();
  message->cluster_id = cluster_id_;
  message->incarnation_id = incarnation_;
  for (const config::Listener& listener : advertised_) {
    auto& one = message->listeners.emplace_back();
    one.name = listener.name;
    one.host = listener.host;
    one.port = static_cast<std::uint16_t>(listener.port);
    one.security_protocol = static_cast<std::int16_t>(listener.protocol);
  }
  for (const image::FeatureSupport& feature : image::supported_features()) {
    auto& one = message->features.emplace_back();
    one.name = feature.name;
    one.min_supported_version = feature.min_level;
    one.max_supported_version = feature.max_level;
  }
  message->rack =
      config_->values.broker_rack ? wire::Text(*config_->values.broker_rack) : wire::Text::null();
  message->log_dirs = directories_.online_ids();
  message->previous_broker_epoch = directories_.previous_broker_epoch().value();
  using Response = wire::BrokerRegistrationResponse;
  quorum::DecideFn<Response> decide = [message](controller::ControllerMachine& machine,
                                                const controller::RequestContext& context) {
    controller::RequestContext own = context;
    own.version = wire::BrokerRegistrationRequest::kMaxVersion;
    return machine.decide_broker_registration(*message, own);
  };
  const MonoTime deadline = shard_.now() + Millis(config_->values.controller_socket_timeout_ms);
  Result<Response> answer = co_await quorum_.submit<Response>(shard_, std::move(decide), deadline);
  const ErrorCode code = answer.ok() ? error_from_wire(answer->error_code) : answer.error().code;
  if (code == ErrorCode::kNone) {
    env_.logger().info("broker", "registered broker {} with epoch {}", config_->node_id.value(),
                       answer->broker_epoch);
    perform(machine_.registered(BrokerEpoch(answer->broker_epoch), shard_.now()));
  } else {
    env_.logger().warn("broker", "the controller refused the registration: {}", error_name(code));
    perform(machine_.registration_failed(shard_.now()));
  }
  wake_at(machine_.next_tick());
}

env::Task<void> LifecycleHost::send_heartbeat(Heartbeat beat) {
  auto message = std::make_shared<wire::BrokerHeartbeatRequest>();
  message->broker_id = config_->node_id.value();
  message->broker_epoch = beat.broker_epoch.value();
  message->current_metadata_offset = beat.current_metadata_offset.value();
  message->want_fence = beat.want_fence;
  message->want_shut_down = beat.want_shut_down;
  if (machine_.state() != BrokerState::kStarting)
    message->cordoned_log_dirs = directories_.cordoned_ids();
  message->offline_log_dirs = directories_.offline_ids();
  using Response = wire::BrokerHeartbeatResponse;
  quorum::DecideFn<Response> decide = [message](controller::ControllerMachine& machine,
                                                const controller::RequestContext& context) {
    controller::RequestContext own = context;
    own.version = wire::BrokerHeartbeatRequest::kMaxVersion;
    return machine.broker_heartbeat(*message, own);
  };
  const MonoTime deadline = shard_.now() + Millis(config_->values.broker_session_timeout_ms);
  Result<Response> answer = co_await quorum_.submit<Response>(shard_, std::move(decide), deadline);
  const ErrorCode code = answer.ok() ? error_from_wire(answer->error_code) : answer.error().code;
  if (code == ErrorCode::kNone) {
    for (const DirectoryId& told : message->offline_log_dirs) untold_.erase(told);
    perform(machine_.heartbeat_answered(answer->is_caught_up, answer->is_fenced,
                                        answer->should_shut_down, shard_.now()));
  } else {
    env_.logger().warn("broker", "heartbeat failed: {}", error_name(code));
    perform(machine_.heartbeat_failed(shard_.now()));
  }
  wake_at(machine_.next_tick());
}

}  // namespace moldau::broker
