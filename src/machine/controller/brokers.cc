// SPDX-License-Identifier: Apache-2.0
// The life of brokers: registration, heartbeats, fencing, controlled shutdown, directories.
#include <algorithm>
#include <set>

#include "machine/controller/controller_machine.h"
#include "machine/controller/waves.h"

namespace moldau::controller {
namespace {

template <class Listeners>
std::vector<image::Endpoint> endpoints_of(const Listeners& listeners) {
  std::vector<image::Endpoint> out;
  for (const auto& listener : listeners) {
    image::Endpoint& endpoint = out.emplace_back();
    endpoint.listener = listener.name.str();
    endpoint.host = listener.host.str();
    endpoint.port = listener.port;
    endpoint.security_protocol = listener.security_protocol;
  }
  return out;
}

template <class Features>
std::vector<image::FeatureRange> ranges_of(const Features& features) {
  std::vector<image::FeatureRange> out;
  for (const auto& feature : features) {
    image::FeatureRange& range = out.emplace_back();
    range.name = feature.name.str();
    range.min_level = feature.min_supported_version;
    range.max_level = feature.max_supported_version;
  }
  return out;
}

bool contains_dir(const std::vector<DirectoryId>& dirs, const DirectoryId& dir) {
  return std::find(dirs.begin(), dirs.end(), dir) != dirs.end();
}

bool is_fenced(BrokerControlState state) {
  return state == BrokerControlState::kFenced || state == BrokerControlState::kShutdownNow;
}

}  // namespace

Result<void> ControllerMachine::check_registered_features(
    const wire::BrokerRegistrationRequest& request) const {
  const std::vector<image::FeatureRange> ranges = ranges_of(request.features);
  const auto check = [&](std::string_view name, std::int16_t level) -> Result<void> {
    const image::FeatureRange* range = image::find_range(ranges, name);
    const std::int16_t low = range == nullptr ? std::int16_t{0} : range->min_level;
    const std::int16_t high = range == nullptr ? std::int16_t{0} : range->max_level;
    if (level >= low && level <= high) return {};
    return Error(ErrorCode::kUnsupportedVersion,
                 "Unable to register because the broker does not support finalized version " +
                     std::to_string(level) + " of " + std::string(name) +
                     ". The broker wants a version between " + std::to_string(low) + " and " +
                     std::to_string(high) + ", inclusive.");
  };
  // What it supports must not begin above 0 for features that are off, either.
  for (const image::FeatureRange& range : ranges) {
    const bool kraft = range.name == image::kKraftVersionFeature;
    MOLDAU_TRY(
        check(range.name, kraft ? settings_.kraft_version : image().feature_level(range.name)));
  }
  if (image::find_range(ranges, image::kMetadataVersionFeature) == nullptr) {
    return Error(ErrorCode::kInvalidRegistration,
                 "Request features do not contain 'metadata.version'");
  }
  for (const auto& [name, level] : image().features()) MOLDAU_TRY(check(name, level));
  if (settings_.kraft_version > 0) {
    MOLDAU_TRY(check(image::kKraftVersionFeature, settings_.kraft_version));
  }
  return {};
}

Result<void> ControllerMachine::check_registration(const wire::BrokerRegistrationRequest& request,
                                                   const RequestContext& context) const {
  if (request.cluster_id != settings_.cluster_id) {
    return Error(ErrorCode::kInconsistentClusterId, "Expected cluster ID " + settings_.cluster_id +
                                                        ", but got cluster ID " +
                                                        request.cluster_id.str());
  }
  const NodeId id(request.broker_id);
  const image::BrokerRegistration* existing = image().broker(id);
  if (existing != nullptr && existing->incarnation_id != request.incarnation_id &&
      settings_.own_incarnation_id != request.incarnation_id &&
      sessions_.has_valid_session(id, existing->epoch, context.now)) {
    return Error(ErrorCode::kDuplicateBrokerRegistration,
                 "Another broker is registered with that broker id. If the broker was recently "
                 "restarted this should self-resolve once the heartbeat manager expires the "
                 "broker's session.");
  }
  if (request.is_migrating_zk_broker) {
    return Error(ErrorCode::kBrokerIdNotRegistered,
                 "Controller does not support registering ZK brokers.");
  }
  if (image().metadata_version().has_directory_assignment()) {
    const auto& dirs = request.log_dirs;
    if (dirs.empty()) {
      return Error(ErrorCode::kInvalidRegistration, "No directories specified in request");
    }
    for (const DirectoryId& dir : dirs) {
      if (dir.is_reserved()) {
        return Error(ErrorCode::kInvalidRegistration, "Reserved directory ID in request");
      }
    }
    if (std::set<DirectoryId>(dirs.begin(), dirs.end()).size() != dirs.size()) {
      return Error(ErrorCode::kInvalidRegistration, "Duplicate directory ID in request");
    }
    for (const auto& [other, broker] : image().brokers()) {
      for (const DirectoryId& dir : broker.log_dirs) {
        if (other == id || !contains_dir(dirs, dir)) continue;
        return Error(ErrorCode::kInvalidRegistration, "Broker " + std::to_string(other.value()) +
                                                          " is already registered with directory " +
                                                          dir.text());
      }
    }
  }
  return check_registered_features(request);
}

Decision<wire::BrokerRegistrationResponse> ControllerMachine::decide_broker_registration(
    const wire::BrokerRegistrationRequest& request, const RequestContext& context) const {
  auto decision = new_decision<wire::BrokerRegistrationResponse>();
  const auto checked = check_registration(request, context);
  if (!checked.ok()) {
    decision.response.error_code = to_wire(checked.error().code);
    return decision;
  }
  const image::BrokerRegistration* existing = image().broker(NodeId(request.broker_id));
  image::BrokerRegistration broker;
  broker.id = NodeId(request.broker_id);
  broker.incarnation_id = request.incarnation_id;
  broker.listeners = endpoints_of(request.listeners);
  broker.features = ranges_of(request.features);
  if (!request.rack.is_null()) broker.rack = request.rack.str();
  if (image().metadata_version().has_directory_assignment()) broker.log_dirs = request.log_dirs;
  if (existing != nullptr && existing->incarnation_id == request.incarnation_id) {
    // The same process again, as after a change of the metadata.version.
    broker.epoch = existing->epoch;
    broker.fenced = existing->fenced;
    broker.in_controlled_shutdown = existing->in_controlled_shutdown;
  } else {
    broker.epoch = BrokerEpoch(context.next_offset.value());
    const std::int64_t stored_epoch = existing == nullptr ? -2 : existing->epoch.value();
    if (image().elr_enabled() && request.previous_broker_epoch != stored_epoch) {
      shut_down_unclean(broker.id, decision.records);
    } else {
      take_out_of_every_isr(broker.id, decision.records);
    }
  }
  decision.records.register_broker(broker);
  decision.response.broker_epoch = broker.epoch.value();
  return decision;
}

void ControllerMachine::take_out_of_every_isr(NodeId broker, image::RecordList& records) const {
  Wave wave;
  wave.removed = broker;
  change_partitions(
      wave, [&](const image::PartitionState& state) { return state.isr.contains(broker); },
      records);
}

void ControllerMachine::shut_down_unclean(NodeId broker, image::RecordList& records) const {
  Wave wave;
  wave.unclean = broker;
  change_partitions(
      wave,
      [&](const image::PartitionState& state) {
        return state.isr.contains(broker) || state.elr.contains(broker);
      },
      records);
}

void ControllerMachine::fence(const image::BrokerRegistration& broker,
                              image::RecordList& records) const {
  take_out_of_every_isr(broker.id, records);
  records.fence_broker(broker.id, broker.epoch, true);
}

void ControllerMachine::unfence(const image::BrokerRegistration& broker,
                                image::RecordList& records) const {
  records.fence_broker(broker.id, broker.epoch, false);
  Wave wave;
  wave.added = broker.id;
  change_partitions(
      wave, [](const image::PartitionState& state) { return !state.has_leader(); }, records);
}

bool ControllerMachine::leads_something(NodeId broker) const {
  for (const auto& [id, topic] : image().topics()) {
    for (const auto& [index, state] : topic.partitions) {
      if (state.leader == broker) return true;
    }
  }
  return false;
}

BrokerControlState ControllerMachine::next_state(
    const wire::BrokerHeartbeatRequest& request) const {
  const NodeId id(request.broker_id);
  const BrokerControlState now = sessions_.state(id);
  switch (now) {
    case BrokerControlState::kFenced:
      if (request.want_shut_down) return BrokerControlState::kShutdownNow;
      if (!request.want_fence &&
          Offset(request.current_metadata_offset) >= registration_offset(id)) {
        return BrokerControlState::kUnfenced;
      }
      return now;
    case BrokerControlState::kUnfenced:
      if (request.want_fence) {
        return request.want_shut_down ? BrokerControlState::kShutdownNow
                                      : BrokerControlState::kFenced;
      }
      if (!request.want_shut_down) return now;
      return leads_something(id) ? BrokerControlState::kControlledShutdown
                                 : BrokerControlState::kShutdownNow;
    case BrokerControlState::kControlledShutdown: {
      if (leads_something(id)) return now;
      const BrokerSessions::Session* session = sessions_.find(id);
      return session->controlled_shutdown_offset <= sessions_.lowest_active_offset()
                 ? BrokerControlState::kShutdownNow
                 : now;
    }
    case BrokerControlState::kShutdownNow:
      break;
  }
  return BrokerControlState::kShutdownNow;
}

void ControllerMachine::take_directories_offline(const image::BrokerRegistration& broker,
                                                 const std::vector<DirectoryId>& offline,
                                                 image::RecordList& records) const {
  std::vector<DirectoryId> lost;
  std::vector<DirectoryId> online;
  for (const DirectoryId& dir : broker.log_dirs) {
    (contains_dir(offline, dir) ? lost : online).push_back(dir);
  }
  if (lost.empty()) return;
  Wave wave;
  wave.removed = broker.id;
  change_partitions(
      wave,
      [&](const image::PartitionState& state) {
        return state.replicas.contains(broker.id) &&
               contains_dir(lost, state.directory_of(broker.id));
      },
      records);
  records.broker_log_dirs(broker.id, broker.epoch, online);
}

Decision<wire::BrokerHeartbeatResponse> ControllerMachine::decide_broker_heartbeat(
    const wire::BrokerHeartbeatRequest& request, const RequestContext&) const {
  auto decision = new_decision<wire::BrokerHeartbeatResponse>();
  decision.atomic = false;
  const auto checked = check_broker_epoch(request.broker_id, request.broker_epoch);
  if (!checked.ok()) {
    decision.response.error_code = to_wire(checked.error().code);
    return decision;
  }
  const image::BrokerRegistration& broker = *image().broker(NodeId(request.broker_id));
  const BrokerControlState state = sessions_.state(broker.id);
  const BrokerControlState next = next_state(request);
  image::RecordList& records = decision.records;
  if (next != state) {
    if (next == BrokerControlState::kUnfenced) {
      unfence(broker, records);
    } else if (next == BrokerControlState::kControlledShutdown) {
      if (!broker.in_controlled_shutdown) {
        records.broker_in_controlled_shutdown(broker.id, broker.epoch);
      }
      take_out_of_every_isr(broker.id, records);
    } else {
      fence(broker, records);
    }
  }
  if (image().metadata_version().has_directory_assignment()) {
    take_directories_offline(broker, request.offline_log_dirs, records);
  }
  if (image().metadata_version().has_cordoned_directories() && request.cordoned_log_dirs &&
      broker.cordoned_log_dirs != request.cordoned_log_dirs) {
    records.broker_cordoned_log_dirs(broker.id, broker.epoch, *request.cordoned_log_dirs);
  }
  decision.response.is_caught_up =
      Offset(request.current_metadata_offset) >= registration_offset(broker.id);
  decision.response.is_fenced = is_fenced(next);
  decision.response.should_shut_down = next == BrokerControlState::kShutdownNow;
  return decision;
}

Decision<wire::BrokerHeartbeatResponse> ControllerMachine::broker_heartbeat(
    const wire::BrokerHeartbeatRequest& request, const RequestContext& context) {
  auto decision = decide_broker_heartbeat(request, context);
  if (decision.response.error_code == to_wire(ErrorCode::kNone)) {
    sessions_.touch(NodeId(request.broker_id), decision.response.is_fenced,
                    Offset(request.current_metadata_offset), context.now);
  }
  return decision;
}

Decision<wire::UnregisterBrokerResponse> ControllerMachine::decide_unregister_broker(
    const wire::UnregisterBrokerRequest& request) const {
  auto decision = new_decision<wire::UnregisterBrokerResponse>();
  decision.atomic = false;
  decision.response.error_message = wire::Text::null();
  const image::BrokerRegistration* broker = image().broker(NodeId(request.broker_id));
  if (broker == nullptr) {
    set_error(decision.response, ApiError(ErrorCode::kBrokerIdNotRegistered,
                                          "Broker ID " + std::to_string(request.broker_id) +
                                              " is not currently registered"));
    return decision;
  }
  Wave wave;
  wave.removed = broker->id;
  wave.unclean = broker->id;
  change_partitions(
      wave,
      [&](const image::PartitionState& state) {
        return state.isr.contains(broker->id) || state.elr.contains(broker->id);
      },
      decision.records);
  decision.records.unregister_broker(broker->id, broker->epoch);
  return decision;
}

Decision<wire::ControllerRegistrationResponse> ControllerMachine::decide_controller_registration(
    const wire::ControllerRegistrationRequest& request) const {
  auto decision = new_decision<wire::ControllerRegistrationResponse>();
  decision.response.error_message = wire::Text::null();
  if (!image().metadata_version().has_controller_registration()) {
    set_error(decision.response,
              ApiError(ErrorCode::kUnsupportedVersion,
                       "The current MetadataVersion is too old to support controller "
                       "registrations."));
    return decision;
  }
  image::ControllerRegistration controller;
  controller.id = NodeId(request.controller_id);
  controller.incarnation_id = request.incarnation_id;
  controller.listeners = endpoints_of(request.listeners);
  controller.features = ranges_of(request.features);
  decision.records.register_controller(controller);
  return decision;
}

}  // namespace moldau::controller
