// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/error_code.h"
#include "sim/model.h"
#include "wire/fetch_request.h"
#include "wire/fetch_response.h"
#include "wire/offset_commit_request.h"
#include "wire/offset_fetch_request.h"
#include "wire/offset_fetch_response.h"

namespace moldau::sim {

/// The topic if it is there, else null.
const ModelTopic* there(const Model& model, const std::string& name);

/// The only partition of an answer to a request for one group's offset in it.
struct FoundOffset {
  ErrorCode error = ErrorCode::kNone;
  std::int64_t offset = -1;
};
FoundOffset only_offset(const wire::OffsetFetchResponse& answer, std::int16_t version);
/// Both for the name based versions. They borrow the names.
wire::OffsetFetchRequest ask_for(const GroupPartition& where, std::int16_t version);
wire::OffsetCommitRequest set_to(const GroupPartition& where, Offset offset);
/// Nothing of the request was done, and nothing will be.
bool is_refusal(ErrorCode code);

inline constexpr std::int16_t kFetchVersion = 12;
/// A little of one partition; borrows the name.
wire::FetchRequest read_from(const std::string& topic, std::int32_t partition, Offset offset);
/// Where to go on behind what it gave; -1 if it gave nothing.
std::int64_t end_of(const wire::FetchResponse& answer, Model& model);

}  // namespace moldau::sim
