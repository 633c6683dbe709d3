// SPDX-License-Identifier: Apache-2.0
#include "node/assembly/node.h"

#include <algorithm>
#include <set>

#include "node/assembly/quorum_settings.h"
#include "node/assembly/server_settings.h"
#include "node/handler/bind_address.h"
#include "node/handler/topic_creation.h"
#include "wire/controller_registration_request.h"
#include "wire/controller_registration_response.h"

namespace moldau::assembly {
namespace {

std::uint32_t directory_count(const config::BrokerConfig& config) {
  const auto& dirs = config.log_dirs;
  const bool own = std::find(dirs.begin(), dirs.end(), config.metadata_log_dir) == dirs.end();
  return static_cast<std::uint32_t>(dirs.size() + (own ? 1 : 0));
}

constexpr Millis kStopPatience{30'000};
/// Requests that came over a connection that is to be closed are answered for so long.
constexpr Millis kClosePatience{2'000};

}  // namespace

Node::Node(env::Env& env, std::shared_ptr<const config::BrokerConfig> config, NodeEvents events)
    : env_(env),
      shard_(env.shard(env::ShardId(0))),
      config_(std::move(config)),
      dynamic_(env.logger(), config_),
      events_(std::move(events)),
      advertised_(config_->advertised_listeners),
      listeners_(config_->listeners),
      incarnation_(Uuid::random([this] { return shard_.random().next(); })),
      replicas_(env, config_->node_id, directory_count(*config_)),
      directories_(env, replicas_,
                   static_cast<std::uint64_t>(config_->values.moldau_log_dir_reserve_bytes)),
      alive_(std::make_shared<Node*>(this)) {}

Node::~Node() {
  *alive_ = nullptr;
}

void Node::start() {
  if (config_->is_broker) limit_start();
  tasks_.spawn(run_start());
}

void Node::fail(int exit_code, const std::string& why) {
  if (failed_) return;
  failed_ = true;
  env_.logger().write(env::LogLevel::kError, "node", why);
  if (events_.fatal) events_.fatal(exit_code);
}

env::Task<void> Node::run_start() {
  auto open = [this] { return directories_.open(config_->log_dirs, config_->metadata_log_dir); };
  Result<void> opened = co_await env::blocking(shard_, env::kGeneralPool, std::move(open));
  if (opened.ok()) opened = check_directories();
  if (!opened.ok()) {
    fail(kExitFailed, opened.error().detail);
    co_return;
  }
  build_quorum();
  build_broker();
  build_server();
  const Result<void> listening = start_early_listeners();
  if (!listening.ok()) {
    fail(kExitFailed, listening.error().detail);
    co_return;
  }
  const Result<void> started = co_await quorum_->start();
  if (!started.ok()) {
    fail(kExitFailed, "the metadata log cannot be used: " + started.error().text());
    co_return;
  }
  tasks_.spawn(register_controller());
  if (config_->is_broker) lifecycle_->start();
}

/// Tells the active controller (maybe ourselves) how this controller is reached (KIP-919).
env::Task<void> Node::register_controller() {
  auto message = std::make_shared<wire::ControllerRegistrationRequest>();
  message->controller_id = config_->node_id.value();
  message->incarnation_id = incarnation_;
  for (const config::Listener& listener : config_->advertised_controller_listeners) {
    auto& one = message->listeners.emplace_back();
    one.name = listener.name;
    one.host = listener.host;
    one.port = server_->address(listener.name).port;
    one.security_protocol = static_cast<std::int16_t>(listener.protocol);
  }
  for (const image::FeatureSupport& feature : image::supported_features()) {
    auto& one = message->features.emplace_back();
    one.name = feature.name;
    one.min_supported_version = feature.min_level;
    one.max_supported_version = feature.max_level;
  }
  using Response = wire::ControllerRegistrationResponse;
  Millis pause(100);
  while (!stopping_) {
    quorum::DecideFn<Response> decide = [message](controller::ControllerMachine& machine,
                                                  const controller::RequestContext&) {
      return machine.decide_controller_registration(*message);
    };
    const MonoTime deadline = shard_.now() + Millis(config_->values.request_timeout_ms);
    Result<Response> answer =
        co_await quorum_->submit<Response>(shard_, std::move(decide), deadline);
    const ErrorCode code = answer.ok() ? error_from_wire(answer->error_code) : answer.error().code;
    if (code == ErrorCode::kNone) co_return;
    env_.logger().warn("controller", "the controller is not registered yet: {}", error_name(code));
    const MonoTime again = shard_.now() + pause;
    co_await env::sleep_until(shard_, again);
    pause = std::min(Millis(pause.value() * 2), Millis(60'000));
  }
}

Result<void> Node::check_directories() {
  for (std::uint32_t i = 0; i < directories_.size(); ++i) {
    const broker::LogDirectories::Entry& entry = directories_.entry(i);
    if (entry.path == config_->metadata_log_dir) {
      metadata_directory_ = i;
      if (!entry.directory)
        return Error(ErrorCode::kKafkaStorageError,
                     "the metadata log directory " + entry.path + " is offline");
    }
    if (!entry.directory) continue;
    const auto& meta = entry.directory->meta();
    if (cluster_id_.empty()) cluster_id_ = meta.cluster_id;
    if (meta.cluster_id != cluster_id_)
      return Error(ErrorCode::kInvalidConfig,
                   "the log directories belong to different clusters: " + entry.path +
                       " has cluster.id " + meta.cluster_id + ", others " + cluster_id_);
    if (meta.node_id != config_->node_id)
      return Error(ErrorCode::kInvalidConfig,
                   entry.path + " belongs to node " + std::to_string(meta.node_id.value()) +
                       ", this is node " + std::to_string(config_->node_id.value()));
  }
  return {};
}

void Node::build_quorum() {
  quorum::QuorumConfig settings = quorum_config_of(config_, cluster_id_);
  const log::LogDirectory& directory = *directories_.entry(metadata_directory_).directory;
  settings.metadata_log_dir = directory.path();
  settings.directory_id = directory.directory_id();
  settings.pool = directories_.pool(metadata_directory_);
  settings.was_clean = directory.was_clean();
  if (config_->is_broker) settings.controller.own_incarnation_id = incarnation_;
  quorum_ = std::make_unique<quorum::Quorum>(env_, std::move(settings));
}

void Node::build_broker() {
  replica::FetchSessionLimits limits;
  limits.sessions_max = static_cast<std::size_t>(
      std::max(1, config_->values.max_incremental_fetch_session_cache_slots /
                      static_cast<int>(env_.shard_count())));
  for (std::uint32_t s = 0; s < env_.shard_count(); ++s) {
    parts_.push_back(std::make_unique<ShardParts>(env_, env_.shard(env::ShardId(s)), replicas_,
                                                  *quorum_, config_, limits));
    parts_.back()->services().image = std::make_shared<const image::MetadataImage>();
  }
  dynamic_.on_change([this](const broker::DynamicConfig::Value& config) { follow_config(config); });
  build_coordinators();
  applier_ = std::make_unique<broker::MetadataApplier>(
      env_, config_->node_id, dynamic_, directories_, replicas_,
      [this](std::uint32_t s, const image::ImagePtr& image, const image::MetadataChanges& changes,
             const broker::DynamicConfig::Value& config) {
        show(s, image, changes, config);
        groups_->show(s, image, changes, config);
        transactions_->show(s, image);
        share_states_->show(s, image, changes);
        share_->show(s, image, config);
      },
      [this](const image::ImagePtr& image) { on_image_applied(image); });
  quorum_->on_failure([this](const Error& error) {
    fail(kExitFailed, "the metadata log has failed: " + error.text());
  });
  quorum_->subscribe(env::ShardId(0),
                     [this](const image::PublishedImage& published) { follow_image(published); });
  for (std::uint32_t s = 0; s < replicas_.size(); ++s)
    replicas_.host(s).set_slow_append(Millis(config_->values.moldau_log_append_slow_ms));
  for (std::uint32_t s = 0; s < replicas_.size(); ++s)
    replicas_.host(s).on_directory_failure(
        [this, alive = alive_](std::uint32_t directory, Error why) {
          shard_.post([this, alive, directory, why = std::move(why)] {
            if (!*alive) return;
            on_directory_failure(directory, why);
          });
        });
  broker::LifecycleHost::Events events;
  events.entered = [this](broker::BrokerState state) { on_state(state); };
  events.gave_up = [this] { fail(kExitFailed, "the controller did not register this broker"); };
  events.cannot_tell = [this] {
    fail(kExitFailed, "the controller could not be told of a failed log directory in time");
  };
  events.may_stop = [this] {
    if (may_stop_) std::exchange(may_stop_, nullptr)();
  };
  lifecycle_ =
      std::make_unique<broker::LifecycleHost>(env_, config_, advertised_, cluster_id_, incarnation_,
                                              directories_, *quorum_, std::move(events));
  producer_ids_ = std::make_unique<broker::ProducerIds>(
      env_, config_->node_id, *lifecycle_, *quorum_, Millis(config_->values.request_timeout_ms));
  build_log_keepers();
  for (auto& parts : parts_) {
    parts->services().directories = &directories_;
    parts->services().applier = applier_.get();
    parts->services().producer_ids = producer_ids_.get();
    parts->services().alter_log_dirs = alter_log_dirs_.get();
    parts->services().groups = groups_.get();
    parts->services().transactions = transactions_.get();
    parts->services().markers = markers_.get();
    parts->services().share_states = share_states_.get();
    parts->services().share = share_.get();
  }
  env_.metrics().gauge_of(
      "kafka_controller_kafkacontroller_activecontrollercount", {},
      [quorum = quorum_.get()] { return quorum->is_active_controller() ? 1.0 : 0.0; });
  start_log_tasks();
}

void Node::build_coordinators() {
  groups_ = std::make_unique<coordinator::GroupCoordinators>(
      env_, replicas_, *config_, security::AuthorizerSettings::from(*config_));
  markers_ = std::make_unique<coordinator::MarkerWriter>(replicas_, *groups_);
  transactions_ = std::make_unique<coordinator::TxnCoordinators>(
      env_, replicas_, *markers_, *config_, [this](UniqueFunction<void(Result<ProducerId>)> taken) {
        producer_ids_->take(std::move(taken));
      });
  share_states_ = std::make_unique<coordinator::ShareCoordinators>(env_, replicas_, *config_);
  share_ = std::make_unique<coordinator::ShareHosts>(env_, replicas_, *share_states_, config_,
                                                     [this, alive = alive_] {
                                                       shard_.post([this, alive] {
                                                         if (*alive) create_share_topic();
                                                       });
                                                     });
}

/// Who looks after logs besides serving them.
void Node::build_log_keepers() {
  assigner_ =
      std::make_unique<broker::DirectoryAssigner>(env_, config_->node_id, *lifecycle_, *quorum_);
  cleaner_ = std::make_unique<broker::LogCleaner>(env_, directories_, replicas_,
                                                  [this] { return dynamic_.current(); });
  alter_log_dirs_ =
      std::make_unique<broker::ReplicaAlterLogDirs>(broker::ReplicaAlterLogDirs::Parts(
          env_, directories_, replicas_, *applier_, *cleaner_, *assigner_));
}

void Node::on_directory_failure(std::uint32_t directory, const Error& why) {
  broker::LogDirectories::Entry& entry = directories_.entry(directory);
  if (entry.offline) return;
  const bool some_left = directories_.set_offline(directory, why);
  if (directory == metadata_directory_)
    return fail(kExitFailed, "the directory of the metadata log has failed: " + why.detail);
  if (!some_left) return fail(kExitFailed, "all log directories have failed: " + why.detail);
  if (entry.directory) lifecycle_->directory_failed(entry.directory->directory_id());
}

void Node::build_server() {
  build_quotas();
  build_telemetry();
  std::vector<net::RequestSink*> sinks;
  for (auto& parts : parts_) sinks.push_back(parts.get());
  server_ = std::make_unique<net::SocketServer>(
      env_, server_options_of(*config_, env_.memory_bytes()), std::move(sinks));
}

bool Node::is_early(const std::string& listener) const {
  const auto& early = config_->values.early_start_listeners;
  return early && std::any_of(early->begin(), early->end(), [&](const std::string& name) {
           return config::listener_name_of(name) == listener;
         });
}

Result<void> Node::start_early_listeners() {
  for (const config::Listener& listener : config_->listeners) {
    const bool controller = config_->is_controller_listener(listener.name);
    // A port that the kernel chooses must be known before it is advertised.
    if (!controller && listener.port != 0 && !is_early(listener.name)) continue;
    MOLDAU_TRY(server_->start(listener.name));
  }
  show_identity();
  return {};
}

void Node::show_identity() {
  for (config::Listener& listener : advertised_)
    if (listener.port == 0) listener.port = server_->address(listener.name).port;
  auto identity = std::make_shared<handler::NodeIdentity>();
  identity->id = config_->node_id;
  identity->cluster_id = cluster_id_;
  identity->advertised = advertised_;
  lifecycle_->set_advertised(advertised_);
  for (auto& parts : parts_) parts->services().identity = identity;
}

Result<void> Node::start_client_listeners() {
  for (const net::Listener& listener : server_->listeners()) {
    // One that was added later must not keep the node from the start that lets it be removed.
    if (config_->find_listener(listener.name) == nullptr) {
      start_added_listener(listener.name);
      continue;
    }
    if (!server_->started(listener.name)) MOLDAU_TRY(server_->start(listener.name));
    env_.logger().info("node", "listening on {} {}", listener.name,
                       server_->address(listener.name).text());
  }
  return {};
}

void Node::start_added_listener(const std::string& name) {
  const Result<void> started = server_->start(name);
  if (started.ok()) {
    env_.logger().info("node", "listening on {} {}", name, server_->address(name).text());
    return;
  }
  env_.logger().error("node", "listener {} is left out: {}", name, started.error().text());
  server_->remove(name, shard_.now());
}

void Node::build_telemetry() {
  telemetry_ =
      std::make_unique<handler::TelemetryHost>(env_, shard_, config_->values.telemetry_max_bytes);
  for (auto& parts : parts_) parts->services().telemetry = telemetry_.get();
}

/// What one shard has counted, all know.
void Node::build_quotas() {
  for (auto& parts : parts_) {
    std::vector<request::ClientQuotaHost*> others;
    for (auto& other : parts_)
      if (other != parts) others.push_back(&other->quotas());
    parts->quotas().connect(std::move(others));
    parts->services().mutation_quotas = &parts_.front()->quotas();
  }
}

void Node::show(std::uint32_t s, const image::ImagePtr& image,
                const image::MetadataChanges& changes, const broker::DynamicConfig::Value& config) {
  parts_[s]->services().image = image;
  if (!changes.client_quotas.empty()) parts_[s]->quotas().show(*image);
  const bool subscribed = std::any_of(changes.configs.begin(), changes.configs.end(),
                                      [](const image::ConfigResource& resource) {
                                        return resource.type == image::ResourceType::kClientMetrics;
                                      });
  if (s == 0 && subscribed) telemetry_->show(*image);
  parts_[s]->services().config = config;
}

void Node::follow_image(const image::PublishedImage& published) {
  if (!published.changes.client_quotas.empty())
    server_->update_ip_rates(ip_creation_rates_of(*published.image));
  if (config_->is_broker) return applier_->enqueue(published);
  // A controller alone has no replicas to wait for.
  dynamic_.apply(published);
  for (std::uint32_t s = 0; s < env_.shard_count(); ++s)
    env_.shard(env::ShardId(s))
        .post([this, s, image = published.image, changes = published.changes,
               config = dynamic_.current()] { show(s, image, changes, config); });
}

void Node::follow_config(const broker::DynamicConfig::Value& config) {
  follow_listeners(*config);
  server_->update_limits(connection_limits_of(*config));
  quorum_->configure(config);
  cleaner_->configure();
}

/// Listeners come and go by name, as in Apache; the registration stays as it was at the start.
void Node::follow_listeners(const config::BrokerConfig& config) {
  if (stopping_ || config.listeners == listeners_) return;
  listeners_ = config.listeners;
  std::set<std::string> there;
  for (const net::Listener& listener : server_->listeners()) {
    const config::Listener* wanted = config.find_listener(listener.name);
    if (wanted == nullptr) {
      server_->remove(listener.name, shard_.now() + kClosePatience);
      continue;
    }
    there.insert(listener.name);
    const env::SocketAddress address = handler::bind_address_of(*wanted);
    if (address.text() != listener.address.text())
      env_.logger().warn("node", "listener {} stays at {}: only another name has another address",
                         listener.name, listener.address.text());
  }
  for (const config::Listener& listener : config.listeners) {
    if (there.contains(listener.name)) continue;
    const Result<void> added = server_->add(net_listener_of(listener, config));
    if (!added.ok()) {
      env_.logger().error("node", "listener {} is left out: {}", listener.name,
                          added.error().text());
    } else if (is_running()) {
      start_added_listener(listener.name);
    }
  }
}

void Node::on_image_applied(const image::ImagePtr& image) {
  lifecycle_->metadata_applied(image->provenance().offset);
  assigner_->assign_all(applier_->take_assignments());
  directories_.set_cordoned(dynamic_.current()->cordoned_log_dirs);
  alter_log_dirs_->configure(*dynamic_.current());
  if (!std::exchange(image_applied_, true)) alter_log_dirs_->resume();
  maybe_ready();
}

void Node::maybe_ready() {
  if (image_applied_ && lifecycle_->state() == broker::BrokerState::kRecovery) lifecycle_->ready();
}

void Node::on_state(broker::BrokerState state) {
  switch (state) {
    case broker::BrokerState::kRecovery:
      env_.logger().info("broker",
                         "The broker has caught up. Transitioning from STARTING to RECOVERY.");
      shard_.post([this, alive = alive_] {
        if (*alive) maybe_ready();
      });
      break;
    case broker::BrokerState::kRunning: {
      const Result<void> listening = start_client_listeners();
      if (!listening.ok()) return fail(kExitFailed, listening.error().detail);
      env_.logger().info("broker",
                         "The broker has been unfenced. Transitioning from RECOVERY to RUNNING.");
      running_.store(true, std::memory_order_release);
      if (events_.running) events_.running();
      break;
    }
    default:
      break;
  }
}

void Node::maintain_later(Millis delay) {
  shard_.call_at(shard_.now() + delay, [this, alive = alive_] {
    if (!*alive || stopping_) return;
    applier_->maintain_all();
    maintain_later(Millis(config_->values.log_retention_check_interval_ms));
  });
}

void Node::expire_producers_later() {
  const Millis pause(config_->values.producer_id_expiration_check_interval_ms);
  shard_.call_at(shard_.now() + pause, [this, alive = alive_] {
    if (!*alive || stopping_) return;
    applier_->expire_producers_of_all();
    expire_producers_later();
  });
}

void Node::start_log_tasks() {
  const Millis delay(config_->values.log_initial_task_delay_ms);
  directories_.start(tasks_, *config_);
  cleaner_->start(tasks_);
  maintain_later(delay);
  expire_producers_later();
  const Millis flush_interval(config_->values.log_flush_scheduler_interval_ms);
  for (std::uint32_t s = 0; s < replicas_.size(); ++s) {
    replica::ReplicaHost& host = replicas_.host(s);
    host.shard().post(
        [&host, delay, flush_interval] { host.start_flushing(delay, flush_interval); });
  }
}

void Node::limit_start() {
  // The longest time there is, in nanoseconds, would not fit.
  constexpr std::int64_t kForEver = std::int64_t{1000} * 24 * 3600 * 1000;
  const std::int64_t limit = config_->values.server_max_startup_time_ms;
  if (limit >= kForEver) return;
  shard_.call_at(shard_.now() + Millis(limit), [this, alive = alive_, limit] {
    if (!*alive || stopping_ || is_running()) return;
    fail(kExitFailed,
         "the start took longer than server.max.startup.time.ms=" + std::to_string(limit));
  });
}

void Node::stop(Callback done) {
  if (stopping_) return;
  stopping_ = true;
  running_.store(false, std::memory_order_release);
  tasks_.spawn(run_stop(std::move(done)));
}

/// The state of share groups has no place yet.
void Node::create_share_topic() {
  if (creates_share_topic_) return;
  creates_share_topic_ = true;
  tasks_.spawn(run_share_topic_creation());
}

env::Task<void> Node::run_share_topic_creation() {
  std::vector<std::string> names;
  names.emplace_back(coordinator::kShareTopic);
  (void)co_await handler::auto_create_topics(parts_[0]->services(), std::move(names), nullptr);
  creates_share_topic_ = false;
}

/// Members that wait for others are told to look for another coordinator.
env::Task<void> Node::stop_coordinators() {
  for (std::uint32_t s = 0; s < groups_->size(); ++s) {
    auto stop = [this, s] {
      groups_->stop(s);
      transactions_->stop(s);
      share_states_->stop(s);
      share_->stop(s);
      return true;
    };
    env::Shard& there = env_.shard(env::ShardId(s));
    (void)co_await env::call_on(shard_, there, std::move(stop));
  }
}

env::Task<void> Node::run_stop(Callback done) {
  env_.logger().info("node", "shutting down");
  if (server_) server_->stop_accepting();
  const bool controlled = config_->values.controlled_shutdown_enable;
  if (controlled && lifecycle_ && quorum_->is_active_controller() && !failed_) {
    env::OneShot<bool> let_go(shard_);
    env::OneShot<bool>* slot = &let_go;
    may_stop_ = [slot] { slot->set(true); };
    shard_.call_at(shard_.now() + kStopPatience, [this, alive = alive_] {
      if (*alive && may_stop_) std::exchange(may_stop_, nullptr)();
    });
    lifecycle_->begin_shutdown();
    (void)co_await let_go;
  }
  if (lifecycle_) lifecycle_->stop();
  if (cleaner_) cleaner_->stop();
  if (alter_log_dirs_) co_await alter_log_dirs_->stop();
  if (assigner_) assigner_->stop();
  if (groups_) co_await stop_coordinators();
  if (server_) {
    env::OneShot<bool> closed(shard_);
    env::OneShot<bool>* slot = &closed;
    const MonoTime deadline = shard_.now() + kClosePatience;
    server_->close_all(deadline, [slot] { slot->set(true); });
    (void)co_await closed;
  }
  if (quorum_ && quorum_->is_active_controller()) {
    const Result<void> stopped = co_await quorum_->stop();
    if (!stopped.ok())
      env_.logger().error("node", "the metadata log did not close: {}", stopped.error().text());
  }
  if (applier_) {
    const BrokerEpoch epoch = lifecycle_->broker_epoch();
    co_await applier_->close_all(epoch);
  }
  env_.logger().info("node", "shut down completed");
  done();
}

}  // namespace moldau::assembly
