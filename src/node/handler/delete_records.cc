// SPDX-License-Identifier: Apache-2.0
#include "node/broker/log_directories.h"
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "node/handler/on_partition.h"
#include "wire/delete_records_request.h"
#include "wire/delete_records_response.h"

namespace moldau::handler {
namespace {

struct Deleted {
  Deleted() = default;
  ErrorCode error = ErrorCode::kNone;
  Offset low_watermark{-1};
};

Deleted delete_in(replica::HostedPartition* partition, ErrorCode absent, Offset offset) {
  Deleted deleted;
  deleted.error = absent;
  if (!partition) return deleted;
  auto start = partition->delete_records(offset);
  deleted.error = start.code();
  if (start.ok()) deleted.low_watermark = *start;
  return deleted;
}

/// The records are gone for readers, but may come back: the client is to ask again.
void refuse_deleted(wire::DeleteRecordsResponse& response) {
  for (auto& topic : response.topics) {
    for (auto& partition : topic.partitions) {
      if (partition.error_code != 0) continue;
      partition.error_code = to_wire(ErrorCode::kKafkaStorageError);
      partition.low_watermark = -1;
    }
  }
}

/// What is acknowledged stays deleted: a crash must not bring it back.
env::Task<Result<void>> save_log_starts(Services& node) {
  env::OneShot<Result<void>> answer(node.shard);
  env::OneShot<Result<void>>* slot = &answer;
  env::Shard* home = &node.shard;
  broker::LogDirectories* directories = node.directories;
  node.env.shard(env::ShardId(0)).post([slot, home, directories] {
    directories->save_log_starts([slot, home](const Result<void>& saved) {
      home->post([slot, saved] { slot->set(saved); });
    });
  });
  Result<void> saved = co_await answer;
  co_return saved;
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
  bool some_deleted = false;
  AuthorizedNames deletable(node, *request, AclOperation::kDelete, AclResourceType::kTopic);
  for (const auto& topic : message.topics) deletable.count(topic.name.view());
  for (std::size_t t = 0; t < message.topics.size(); ++t) {
    auto& results = response.topics.emplace_back();
    results.name = message.topics[t].name;
    for (std::size_t p = 0; p < message.topics[t].partitions.size(); ++p) {
      const auto& asked = message.topics[t].partitions[p];
      Deleted deleted;
      const auto id =
          find_partition(*node.image, message.topics[t].name.view(), asked.partition_index);
      if (!deletable.contains(message.topics[t].name.view())) {
        deleted.error = ErrorCode::kTopicAuthorizationFailed;
      } else if (!id) {
        deleted.error = ErrorCode::kUnknownTopicOrPartition;
      } else if (is_internal_topic(message.topics[t].name.view())) {
        deleted.error = ErrorCode::kInvalidTopicException;
      } else {
        auto work = [offset = Offset(asked.offset)](replica::HostedPartition* partition,
                                                    ErrorCode absent) {
          return delete_in(partition, absent, offset);
        };
        deleted = co_await on_partition_or_error(node, *id, std::move(work));
      }
      some_deleted = some_deleted || deleted.error == ErrorCode::kNone;
      auto& one = results.partitions.emplace_back();
      one.partition_index = asked.partition_index;
      one.error_code = to_wire(deleted.error);
      one.low_watermark = deleted.low_watermark.value();
    }
  }
  if (some_deleted) {
    const Result<void> saved = co_await save_log_starts(node);
    if (!saved.ok()) refuse_deleted(response);
  }
  request->answer(response);
}

}  // namespace moldau::handler
