// SPDX-License-Identifier: Apache-2.0
#include "machine/controller/controller_machine.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "machine/controller/topic_name.h"

namespace moldau::controller {
namespace {

using image::ResourceType;

constexpr MonoTime kNever{std::numeric_limits<std::int64_t>::max()};

/// How soon a run that stopped at its limit is followed by the next.
constexpr Millis kAgainSoon{1};

MonoTime after(MonoTime now, Millis span) {
  return span.value() > 0 ? now + span : kNever;
}

bool is_broker_config(const image::MetadataRecord& record) {
  const auto* config = record.as<wire::ConfigRecord>();
  return config != nullptr &&
         config->resource_type == static_cast<std::int8_t>(ResourceType::kBroker);
}

}  // namespace

std::vector<NodeId> to_node_ids(const std::vector<std::int32_t>& ids) {
  std::vector<NodeId> out;
  out.reserve(ids.size());
  for (std::int32_t id : ids) out.emplace_back(id);
  return out;
}

std::vector<std::int32_t> to_wire_ids(const std::vector<NodeId>& ids) {
  std::vector<std::int32_t> out;
  out.reserve(ids.size());
  for (NodeId id : ids) out.push_back(id.value());
  return out;
}

ControllerMachine::ControllerMachine(ControllerSettings settings, image::ImageLoader log,
                                     MonoTime now)
    : settings_(std::move(settings)),
      log_(std::move(log)),
      sessions_(settings_.broker_session_timeout),
      next_no_op_(after(now, settings_.max_idle_interval)),
      next_preferred_elections_(after(now, settings_.leader_imbalance_check_interval)),
      next_unclean_elections_(after(now, settings_.unclean_leader_election_interval)) {
  derive(now);
  // Nobody can tell where the registrations lie that a predecessor wrote: not after the end.
  for (const auto& [id, broker] : image().brokers()) registration_offsets_[id] = log_.end().offset;
}

void ControllerMachine::configure(std::shared_ptr<const config::BrokerConfig> broker_config) {
  settings_.broker_config = std::move(broker_config);
}

void ControllerMachine::derive(MonoTime now) {
  refresh_config_sources();
  colliding_names_.clear();
  for (const auto& [name, id] : image().topic_ids()) {
    if (has_collision_characters(name)) {
      colliding_names_[unify_collision_characters(name)].insert(name);
    }
  }
  for (const auto& [id, broker] : image().brokers()) sessions_.registered(broker, now);
}

void ControllerMachine::refresh_config_sources() {
  sources_.static_broker = settings_.static_config;
  sources_.dynamic_default = image().broker_default_config();
  sources_.dynamic_broker = image().broker_config(settings_.node_id);
}

Result<void> ControllerMachine::replay(std::span<const image::MetadataRecord> records,
                                       Offset base_offset, MonoTime now) {
  bool config_changed = false;
  bool aborted = false;
  for (const image::MetadataRecord& record : records) {
    if (const auto* removed = record.as<wire::RemoveTopicRecord>()) {
      note_removed_topic(removed->topic_id);
    }
    config_changed = config_changed || is_broker_config(record);
    aborted = aborted || record.as<wire::AbortTransactionRecord>() != nullptr;
  }
  MOLDAU_TRY(log_.replay(records, base_offset, LeaderEpoch(0), Timestamp(0)));
  const Offset end = base_offset + static_cast<std::int64_t>(records.size()) - 1;
  Offset offset = base_offset;
  for (const image::MetadataRecord& record : records) {
    note(record, offset, end, now);
    ++offset;
  }
  if (aborted) derive(now);
  if (config_changed) refresh_config_sources();
  return {};
}

void ControllerMachine::note(const image::MetadataRecord& record, Offset offset, Offset batch_end,
                             MonoTime now) {
  if (const auto* topic = record.as<wire::TopicRecord>()) {
    if (has_collision_characters(topic->name.view())) {
      colliding_names_[unify_collision_characters(topic->name.view())].insert(topic->name.str());
    }
  } else if (const auto* broker = record.as<wire::RegisterBrokerRecord>()) {
    const NodeId id(broker->broker_id);
    registration_offsets_[id] = offset;
    if (const auto* registration = image().broker(id)) sessions_.registered(*registration, now);
  } else if (const auto* gone = record.as<wire::UnregisterBrokerRecord>()) {
    registration_offsets_.erase(NodeId(gone->broker_id));
    sessions_.removed(NodeId(gone->broker_id));
  } else if (const auto* change = record.as<wire::BrokerRegistrationChangeRecord>()) {
    const NodeId id(change->broker_id);
    if (const auto* registration = image().broker(id)) sessions_.registered(*registration, now);
    // Its partitions move with this batch: others must have seen all of it.
    if (change->in_controlled_shutdown == 1) sessions_.begin_controlled_shutdown(id, batch_end);
  }
}

void ControllerMachine::note_removed_topic(const TopicId& id) {
  const image::TopicImage* topic = image().topic(id);
  if (topic == nullptr || !has_collision_characters(topic->name)) return;
  const auto it = colliding_names_.find(unify_collision_characters(topic->name));
  if (it == colliding_names_.end()) return;
  it->second.erase(topic->name);
  if (it->second.empty()) colliding_names_.erase(it);
}

Decision<Nothing> ControllerMachine::decide_activation(
    const image::MetadataImage& bootstrap) const {
  auto decision = new_decision<Nothing>();
  image::RecordList& records = decision.records;
  if (log_.transaction_start()) records.abort_transaction("Controller failover");
  if (!log_.is_empty()) return decision;
  records.set_metadata_version(bootstrap.metadata_version());
  const bool transaction = bootstrap.metadata_version().has_transactions();
  if (transaction) records.begin_transaction("Bootstrap records");
  records.append(image::write_records(bootstrap));
  if (bootstrap.elr_enabled()) make_elr_safe(records);
  if (transaction) records.end_transaction();
  // Without transactions one batch must hold it all; with them the end makes it visible.
  decision.atomic = !transaction;
  return decision;
}

std::optional<Decision<Nothing>> ControllerMachine::tick(const RequestContext& context) {
  if (const auto stale = sessions_.find_stale(context.now)) {
    sessions_.fence(*stale);
    auto decision = new_decision<Nothing>();
    decision.atomic = false;
    const image::BrokerRegistration* broker = image().broker(*stale);
    if (broker != nullptr && !broker->fenced) fence(*broker, decision.records);
    return decision;
  }
  if (context.now >= next_no_op_) {
    next_no_op_ = after(context.now, settings_.max_idle_interval);
    auto decision = new_decision<Nothing>();
    decision.records.no_op();
    return decision;
  }
  const auto run = [&](MonoTime& next, Millis interval, Decision<Nothing> decision) {
    const bool full = decision.records.size() >= kElectionsPerRunMax;
    next = after(context.now, full ? kAgainSoon : interval);
    return decision;
  };
  if (context.now >= next_preferred_elections_) {
    return run(next_preferred_elections_, settings_.leader_imbalance_check_interval,
               decide_preferred_elections());
  }
  if (context.now >= next_unclean_elections_) {
    return run(next_unclean_elections_, settings_.unclean_leader_election_interval,
               decide_unclean_elections());
  }
  return std::nullopt;
}

MonoTime ControllerMachine::next_tick() const {
  const MonoTime duties =
      std::min({next_no_op_, next_preferred_elections_, next_unclean_elections_});
  return std::min(duties, sessions_.next_expiry().value_or(kNever));
}

bool ControllerMachine::is_active(NodeId broker) const {
  const image::BrokerRegistration* registration = image().broker(broker);
  return registration != nullptr && registration->active();
}

std::vector<UsableBroker> ControllerMachine::usable_brokers() const {
  std::vector<UsableBroker> usable;
  for (const auto& [id, broker] : image().brokers()) {
    const BrokerSessions::Session* session = sessions_.find(id);
    if (broker.in_controlled_shutdown || (session != nullptr && session->shutting_down())) continue;
    const auto& cordoned = broker.cordoned_log_dirs;
    const bool all_cordoned =
        cordoned && !broker.log_dirs.empty() &&
        std::all_of(broker.log_dirs.begin(), broker.log_dirs.end(), [&](const DirectoryId& dir) {
          return std::find(cordoned->begin(), cordoned->end(), dir) != cordoned->end();
        });
    if (!all_cordoned) usable.emplace_back(id, broker.rack, broker.fenced);
  }
  return usable;
}

DirectoryId ControllerMachine::default_directory(NodeId broker) const {
  if (!image().metadata_version().has_directory_assignment()) return kDirectoryMigrating;
  const image::BrokerRegistration* registration = image().broker(broker);
  if (registration == nullptr) return kDirectoryUnassigned;
  if (registration->log_dirs.empty()) return kDirectoryMigrating;
  return registration->log_dirs.size() == 1 ? registration->log_dirs.front() : kDirectoryUnassigned;
}

Result<void> ControllerMachine::check_broker_epoch(std::int32_t broker, std::int64_t epoch) const {
  const image::BrokerRegistration* registration = image().broker(NodeId(broker));
  if (registration == nullptr) {
    return Error(ErrorCode::kStaleBrokerEpoch,
                 "No broker registration found for broker id " + std::to_string(broker));
  }
  if (registration->epoch.value() != epoch) {
    return Error(ErrorCode::kStaleBrokerEpoch,
                 "Expected broker epoch " + std::to_string(registration->epoch.value()) +
                     ", but got broker epoch " + std::to_string(epoch));
  }
  return {};
}

Offset ControllerMachine::registration_offset(NodeId broker) const {
  const auto it = registration_offsets_.find(broker);
  return it == registration_offsets_.end() ? Offset(std::numeric_limits<std::int64_t>::max())
                                           : it->second;
}

std::string ControllerMachine::effective_topic_value(std::string_view topic, std::string_view key,
                                                     std::string_view fallback) const {
  const config::ConfigMap& own = image().topic_config(topic);
  for (const config::ConfigMap* map :
       {&own, &sources_.dynamic_broker, &sources_.dynamic_default, &sources_.static_broker}) {
    const auto it = map->find(key);
    if (it != map->end()) return it->second;
  }
  return std::string(fallback);
}

std::size_t ControllerMachine::effective_min_isr(const image::TopicImage& topic) const {
  const std::string value = effective_topic_value(topic.name, "min.insync.replicas", "1");
  const std::string_view text = config::trim(value);
  std::size_t min_isr = 1;
  std::from_chars(text.data(), text.data() + text.size(), min_isr);
  const image::PartitionState* first = topic.partition(PartitionId(0));
  return first == nullptr ? min_isr : std::min(min_isr, first->replicas.size());
}

bool ControllerMachine::unclean_election_enabled(std::string_view topic) const {
  const std::string value = effective_topic_value(topic, "unclean.leader.election.enable", "false");
  const std::string_view text = config::trim(value);
  constexpr std::string_view kTrue = "true";
  return std::equal(text.begin(), text.end(), kTrue.begin(), kTrue.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

}  // namespace moldau::controller
