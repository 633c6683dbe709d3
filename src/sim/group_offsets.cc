// SPDX-License-Identifier: Apache-2.0
#include "sim/group_offsets.h"

#include <algorithm>

#include "sim/consumer.h"

namespace moldau::sim {

const ModelTopic* there(const Model& model, const std::string& name) {
  const auto found = model.topics.find(name);
  const bool is_there =
      found != model.topics.end() && found->second.state == ModelTopic::State::kThere;
  return is_there ? &found->second : nullptr;
}

FoundOffset only_offset(const wire::OffsetFetchResponse& answer, std::int16_t version) {
  if (version < 8) {
    if (answer.error_code != 0) return {error_from_wire(answer.error_code), -1};
    const auto& one = answer.topics.at(0).partitions.at(0);
    return {error_from_wire(one.error_code), one.committed_offset};
  }
  const auto& group = answer.groups.at(0);
  if (group.error_code != 0) return {error_from_wire(group.error_code), -1};
  const auto& one = group.topics.at(0).partitions.at(0);
  return {error_from_wire(one.error_code), one.committed_offset};
}

wire::OffsetFetchRequest ask_for(const GroupPartition& where, std::int16_t version) {
  wire::OffsetFetchRequest request;
  request.require_stable = version >= 7;
  if (version < 8) {
    request.group_id = std::string_view(where.group);
    auto& topic = request.topics->emplace_back();
    topic.name = std::string_view(where.topic);
    topic.partition_indexes.push_back(where.partition);
    return request;
  }
  auto& group = request.groups.emplace_back();
  group.group_id = std::string_view(where.group);
  auto& topic = group.topics->emplace_back();
  topic.name = std::string_view(where.topic);
  topic.partition_indexes.push_back(where.partition);
  return request;
}

wire::OffsetCommitRequest set_to(const GroupPartition& where, Offset offset) {
  wire::OffsetCommitRequest request;
  request.group_id = std::string_view(where.group);
  auto& topic = request.topics.emplace_back();
  topic.name = std::string_view(where.topic);
  auto& part = topic.partitions.emplace_back();
  part.partition_index = where.partition;
  part.committed_offset = offset.value();
  return request;
}

/// Nothing of the request was done, and nothing will be.
bool is_refusal(ErrorCode code) {
  switch (code) {
    case ErrorCode::kIllegalGeneration:
    case ErrorCode::kUnknownMemberId:
    case ErrorCode::kRebalanceInProgress:
    case ErrorCode::kFencedInstanceId:
    case ErrorCode::kStaleMemberEpoch:
    case ErrorCode::kFencedMemberEpoch:
    case ErrorCode::kGroupIdNotFound:
    case ErrorCode::kCoordinatorLoadInProgress:
      return true;
    default:
      return false;
  }
}

wire::FetchRequest read_from(const std::string& topic, std::int32_t partition, Offset offset) {
  wire::FetchRequest request;
  request.max_wait_ms = 50;
  request.min_bytes = 1;
  auto& data = request.topics.emplace_back();
  data.topic = std::string_view(topic);
  auto& part = data.partitions.emplace_back();
  part.partition = partition;
  part.fetch_offset = offset.value();
  part.partition_max_bytes = 2'000;
  return request;
}

std::int64_t end_of(const wire::FetchResponse& answer, Model& model) {
  if (answer.responses.empty()) return -1;
  const auto& found = answer.responses.at(0).partitions.at(0);
  if (found.error_code != 0 || found.records.size() == 0) return -1;
  const auto batches = read_batches(found.records.view(), model.compression);
  if (!batches.ok()) {
    model.checks.fail("RecordsAreWhole", batches.error().text());
    return -1;
  }
  std::int64_t end = -1;
  for (const ReadBatch& batch : *batches) {
    end = std::max(end, batch.last_offset.value() + 1);
    model.read += batch.records.size();
  }
  return end;
}

}  // namespace moldau::sim
