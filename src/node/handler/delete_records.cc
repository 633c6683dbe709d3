// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/on_partition.h"
#include "wire/delete_records_request.h"
#include "wire/delete_records_response.h"

namespace moldau::handler {
namespace {

struct Deleted {
  Deleted() = default;
  ErrorCode error = ErrorCode::kNotLeaderOrFollower;
  Offset low_watermark{-1};
};

Deleted delete_in(replica::HostedPartition* partition, Offset offset) {
  Deleted deleted;
  if (!partition) return deleted;
  auto start = partition->delete_records(offset);
  deleted.error = start.code();
  if (start.ok()) deleted.low_watermark = *start;
  return deleted;
}

}  // namespace

env::Task<void> handle_delete_records(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::DeleteRecordsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::DeleteRecordsRequest message = std::move(decoded).value();
  wire::DeleteRecordsResponse response;
  for (std::size_t t = 0; t < message.topics.size(); ++t) {
    auto& results = response.topics.emplace_back();
    results.name = message.topics[t].name;
    for (std::size_t p = 0; p < message.topics[t].partitions.size(); ++p) {
      const auto& asked = message.topics[t].partitions[p];
      Deleted deleted;
      const auto id =
          find_partition(*node.image, message.topics[t].name.view(), asked.partition_index);
      if (!id) {
        deleted.error = ErrorCode::kUnknownTopicOrPartition;
      } else if (is_internal_topic(message.topics[t].name.view())) {
        deleted.error = ErrorCode::kInvalidTopicException;
      } else {
        auto work = [offset = Offset(asked.offset)](replica::HostedPartition* partition) {
          return delete_in(partition, offset);
        };
        deleted = co_await on_partition(node, *id, std::move(work));
      }
      auto& one = results.partitions.emplace_back();
      one.partition_index = asked.partition_index;
      one.error_code = to_wire(deleted.error);
      one.low_watermark = deleted.low_watermark.value();
    }
  }
  request->answer(response);
}

}  // namespace moldau::handler
