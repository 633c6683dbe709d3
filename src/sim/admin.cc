// SPDX-License-Identifier: Apache-2.0
#include "sim/admin.h"

#include <algorithm>
#include <map>
#include <utility>

#include "wire/alter_replica_log_dirs_request.h"
#include "wire/alter_replica_log_dirs_response.h"
#include "wire/create_topics_request.h"
#include "wire/create_topics_response.h"
#include "wire/delete_records_request.h"
#include "wire/delete_records_response.h"
#include "wire/delete_topics_request.h"
#include "wire/delete_topics_response.h"
#include "wire/metadata_request.h"
#include "wire/metadata_response.h"

namespace moldau::sim {
namespace {

using State = ModelTopic::State;
constexpr std::int16_t kAlterReplicaLogDirsVersion = 2;
constexpr std::int16_t kCreateVersion = 7;
constexpr std::int16_t kDeleteVersion = 6;
constexpr std::int16_t kDeleteRecordsVersion = 2;
constexpr std::int16_t kMetadataVersion = 12;
constexpr Millis kOnItsWay{10'000};

}  // namespace

bool Admin::all_there() const {
  return std::all_of(model_.topics.begin(), model_.topics.end(), [](const auto& item) {
    return item.second.churns || item.second.state == State::kThere;
  });
}

void Admin::work() {
  if (busy_) return;
  for (auto& [name, topic] : model_.topics) {
    const bool wanted =
        topic.state == State::kWanted ||
        (topic.churns && !model_.draining && topic.state == State::kGone && random_.chance(100));
    if (wanted) return create(topic);
    const bool may_go = topic.churns && topic.state == State::kThere && !model_.draining;
    if (may_go && random_.chance(30)) return remove(topic);
    const bool open = topic.state == State::kCreating || topic.state == State::kDeleting;
    if (open && random_.chance(300)) return compare_topics();
    const bool may_shrink = deletes_records_ && !topic.compacted && topic.state == State::kThere;
    if (may_shrink && random_.chance(topic.churns ? 20 : 5)) return delete_records(topic);
    if (!log_dirs_.empty() && topic.state == State::kThere && !model_.draining &&
        random_.chance(40))
      return move_replica(topic);
  }
  if (random_.chance(30)) compare_topics();
}

void Admin::move_between(const std::string& log_dirs) {
  for (std::size_t from = 0; from < log_dirs.size();) {
    const std::size_t comma = std::min(log_dirs.find(',', from), log_dirs.size());
    log_dirs_.push_back(log_dirs.substr(from, comma - from));
    from = comma + 1;
  }
}

/// It may fail, or move nothing: what counts is that no record is lost on the way.
void Admin::move_replica(const ModelTopic& topic) {
  wire::AlterReplicaLogDirsRequest request;
  auto& dir = request.dirs.emplace_back();
  dir.path = std::string_view(log_dirs_[random_.below(log_dirs_.size())]);
  auto& one = dir.topics.emplace_back();
  one.name = std::string_view(topic.name);
  one.partitions.push_back(
      static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(topic.partitions))));
  busy_ = true;
  connection_->send(
      request, kAlterReplicaLogDirsVersion,
      [this, from = connection_.get()](const Result<Slice>& frame) {
        if (from == connection_.get()) busy_ = false;
        if (!frame.ok()) return;
        const auto answer =
            body_of<wire::AlterReplicaLogDirsResponse>(*frame, kAlterReplicaLogDirsVersion);
        if (!answer.ok()) model_.checks.fail("Protocol", answer.error().text());
      });
}

void Admin::create(ModelTopic& topic) {
  wire::CreateTopicsRequest request;
  auto& one = request.topics.emplace_back();
  one.name = std::string_view(topic.name);
  one.num_partitions = topic.partitions;
  one.replication_factor = 1;
  for (const auto& [key, value] : topic.configs) {
    auto& config = one.configs.emplace_back();
    config.name = std::string_view(key);
    config.value = std::string_view(value);
  }
  request.timeout_ms = 5'000;
  topic.state = State::kCreating;  // from now on it may be there
  ++topic.changes;
  topic.unsure_until = shard_.now() + kOnItsWay;
  topic.id = TopicId();
  busy_ = true;
  connection_->send(
      request, kCreateVersion,
      [this, &topic, from = connection_.get()](const Result<Slice>& frame) {
        if (from == connection_.get()) busy_ = false;
        if (!frame.ok() || topic.state != State::kCreating) return;
        const auto answer = body_of<wire::CreateTopicsResponse>(*frame, kCreateVersion);
        if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
        const auto& result = answer->topics.at(0);
        const auto code = error_from_wire(result.error_code);
        if (code == ErrorCode::kNone) {
          topic.id = result.topic_id;
          topic.state = State::kThere;
          ++topic.changes;
        } else if (code == ErrorCode::kInvalidConfig || code == ErrorCode::kInvalidRequest) {
          model_.checks.fail("TopicsCanBeMade", result.error_message.str());
        }
      });
}

void Admin::remove(ModelTopic& topic) {
  wire::DeleteTopicsRequest request;
  auto& one = request.topics.emplace_back();
  one.name = wire::Text::null();
  one.topic_id = topic.id;
  request.timeout_ms = 5'000;
  topic.state = State::kDeleting;
  ++topic.changes;
  topic.unsure_until = shard_.now() + kOnItsWay;
  busy_ = true;
  connection_->send(request, kDeleteVersion,
                    [this, &topic, from = connection_.get()](const Result<Slice>& frame) {
                      if (from == connection_.get()) busy_ = false;
                      if (!frame.ok() || topic.state != State::kDeleting) return;
                      const auto answer =
                          body_of<wire::DeleteTopicsResponse>(*frame, kDeleteVersion);
                      if (!answer.ok())
                        return model_.checks.fail("Protocol", answer.error().text());
                      if (answer->responses.at(0).error_code != 0) return;
                      topic.state = State::kGone;
                      ++topic.changes;
                    });
}

void Admin::delete_records(const ModelTopic& topic) {
  const auto partition =
      static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(topic.partitions)));
  const PartitionKey key{topic.id, PartitionId(partition)};
  const Offset below(random_.between(0, 100));
  // Once it is asked for, the records may be gone.
  model_.checks.tell(&Invariant::on_records_deleted, key, below);
  wire::DeleteRecordsRequest request;
  auto& one = request.topics.emplace_back();
  one.name = std::string_view(topic.name);
  auto& part = one.partitions.emplace_back();
  part.partition_index = partition;
  part.offset = below.value();
  request.timeout_ms = 5'000;
  busy_ = true;
  connection_->send(
      request, kDeleteRecordsVersion,
      [this, key, from = connection_.get()](const Result<Slice>& frame) {
        if (from == connection_.get()) busy_ = false;
        if (!frame.ok()) return;
        const auto answer = body_of<wire::DeleteRecordsResponse>(*frame, kDeleteRecordsVersion);
        if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
        const auto& result = answer->topics.at(0).partitions.at(0);
        if (result.error_code != 0) return;
        const DeletionAcked acked{key, Offset(result.low_watermark), model_.world.events()};
        model_.checks.tell(&Invariant::on_deletion_acked, acked);
      });
}

void Admin::compare_topics() {
  wire::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  request.topics.emplace();
  std::map<std::string, std::uint64_t> asked;
  for (const auto& [name, topic] : model_.topics) {
    const bool open = topic.state == State::kCreating || topic.state == State::kDeleting;
    if (topic.state == State::kWanted || (open && shard_.now() < topic.unsure_until)) continue;
    request.topics->emplace_back().name = std::string_view(name);
    asked[name] = topic.changes;
  }
  if (asked.empty()) return;
  busy_ = true;
  connection_->send(
      request, kMetadataVersion,
      [this, asked = std::move(asked), from = connection_.get()](const Result<Slice>& frame) {
        if (from != connection_.get()) return;
        busy_ = false;
        if (!frame.ok()) return;
        const auto answer = body_of<wire::MetadataResponse>(*frame, kMetadataVersion);
        if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
        for (const auto& one : answer->topics) {
          const auto found = model_.topics.find(one.name.str());
          const auto then = asked.find(one.name.str());
          if (found != model_.topics.end() && then != asked.end() &&
              then->second == found->second.changes)
            compare(found->second, error_from_wire(one.error_code), one.topic_id,
                    one.partitions.size());
        }
      });
}

void Admin::compare(ModelTopic& topic, ErrorCode code, const TopicId& id, std::size_t partitions) {
  constexpr std::string_view kName = "AcknowledgedTopicsStay";
  const bool is_there = code == ErrorCode::kNone;
  switch (topic.state) {
    case State::kThere:
      if (!is_there)
        model_.checks.fail(kName, topic.name + " is gone: " + std::string(error_name(code)));
      else if (id != topic.id)
        model_.checks.fail(kName, topic.name + " is another topic");
      else if (partitions != static_cast<std::size_t>(topic.partitions))
        model_.checks.fail(kName, topic.name + " has another number of partitions");
      break;
    case State::kGone:
      if (is_there) model_.checks.fail(kName, topic.name + " is back");
      break;
    case State::kCreating:
      topic.id = id;
      topic.state = is_there ? State::kThere : State::kWanted;
      ++topic.changes;
      break;
    case State::kDeleting:
      topic.state = is_there ? State::kThere : State::kGone;
      ++topic.changes;
      break;
    default:
      break;
  }
}

}  // namespace moldau::sim
