// SPDX-License-Identifier: Apache-2.0
#include "sim/state_probe.h"

#include "wire/describe_transactions_request.h"
#include "wire/describe_transactions_response.h"
#include "wire/offset_fetch_request.h"
#include "wire/offset_fetch_response.h"

namespace moldau::sim {
namespace {

constexpr std::int16_t kOffsetFetchVersion = 9;
constexpr std::int16_t kDescribeVersion = 0;
constexpr Millis kRetry{200};

}  // namespace

void StateProbe::begin() {
  ++round_;
  done_ = false;
  state_.clear();
  left_.clear();
  for (const std::string& group : model_.groups) left_.push_back({true, group});
  for (const std::string& id : model_.transactional_ids) left_.push_back({false, id});
  if (connection_) connection_->close("begins anew");
  connection_ = Connection::open(shard_, model_.node);
  go_on();
}

void StateProbe::go_on() {
  if (left_.empty()) {
    done_ = true;
    return;
  }
  if (left_.front().is_group)
    ask_offsets(left_.front().name);
  else
    ask_transaction(left_.front().name);
}

void StateProbe::again_later(const std::string& why) {
  waits_for_ = left_.front().name + " " + why;
  shard_.call_at(shard_.now() + kRetry, [this, round = round_] {
    if (round != round_) return;
    if (connection_->broken()) connection_ = Connection::open(shard_, model_.node);
    go_on();
  });
}

void StateProbe::answered(const std::string& text) {
  state_ += left_.front().name + text + "; ";
  left_.pop_front();
  go_on();
}

void StateProbe::ask_offsets(const std::string& group) {
  wire::OffsetFetchRequest request;
  request.require_stable = true;
  auto& one = request.groups.emplace_back();
  one.group_id = std::string_view(group);
  for (const auto& [name, topic] : model_.topics) {
    if (topic.state != ModelTopic::State::kThere) continue;
    auto& asked = one.topics->emplace_back();
    asked.name = std::string_view(name);
    for (std::int32_t p = 0; p < topic.partitions; ++p) asked.partition_indexes.push_back(p);
  }
  connection_->send(
      request, kOffsetFetchVersion,
      [this, group, round = round_, asked = model_.world.events()](const Result<Slice>& frame) {
        if (round == round_) on_offsets(group, asked, frame);
      });
}

void StateProbe::on_offsets(const std::string& group, std::uint64_t asked,
                            const Result<Slice>& frame) {
  if (!frame.ok()) return again_later(frame.error().detail);
  const auto answer = body_of<wire::OffsetFetchResponse>(*frame, kOffsetFetchVersion);
  if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
  const auto& found = answer->groups.at(0);
  if (found.error_code != 0)
    return again_later(std::string(error_name(error_from_wire(found.error_code))));
  std::string text;
  for (const auto& topic : found.topics) {
    for (const auto& one : topic.partitions) {
      if (one.error_code != 0)
        return again_later(std::string(error_name(error_from_wire(one.error_code))));
      text += " " + topic.name.str() + "-" + std::to_string(one.partition_index) + "=" +
              std::to_string(one.committed_offset);
    }
  }
  for (const auto& topic : found.topics) {
    for (const auto& one : topic.partitions) {
      const OffsetFetched fetched{{group, topic.name.str(), one.partition_index},
                                  one.committed_offset,
                                  asked,
                                  model_.world.events()};
      model_.checks.tell(&Invariant::on_offset_fetched, fetched);
    }
  }
  answered(text);
}

void StateProbe::ask_transaction(const std::string& transactional_id) {
  wire::DescribeTransactionsRequest request;
  request.transactional_ids.emplace_back(std::string_view(transactional_id));
  connection_->send(request, kDescribeVersion, [this, round = round_](const Result<Slice>& frame) {
    if (round == round_) on_transaction(frame);
  });
}

void StateProbe::on_transaction(const Result<Slice>& frame) {
  if (!frame.ok()) return again_later(frame.error().detail);
  const auto answer = body_of<wire::DescribeTransactionsResponse>(*frame, kDescribeVersion);
  if (!answer.ok()) return model_.checks.fail("Protocol", answer.error().text());
  const auto& found = answer->transaction_states.at(0);
  const ErrorCode code = error_from_wire(found.error_code);
  if (code == ErrorCode::kTransactionalIdNotFound) return answered(" unknown");
  if (code != ErrorCode::kNone) return again_later(std::string(error_name(code)));
  const std::string state = found.transaction_state.str();
  if (state == "Ongoing" || state.starts_with("Prepare")) return again_later(state);
  answered(" " + state + " " + std::to_string(found.producer_id) + " epoch " +
           std::to_string(found.producer_epoch) + " timeout " +
           std::to_string(found.transaction_timeout_ms) + " begun " +
           std::to_string(found.transaction_start_time_ms) + " partitions " +
           std::to_string(found.topics.size()));
}

}  // namespace moldau::sim
