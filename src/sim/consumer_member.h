// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "sim/epoch_member.h"
#include "wire/consumer_group_heartbeat_request.h"
#include "wire/consumer_group_heartbeat_response.h"

namespace moldau::sim {

/// A member of a consumer group (KIP-848), which changes its subscription, too.
///
/// Thread   one thread.
/// Bounds   one request at a time.
/// Source   ConsumerMembershipManager, ConsumerHeartbeatRequestManager; KIP-848, KIP-1251.
class ConsumerMember final : public EpochMember {
 public:
  /// It subscribes to `also` besides, now and then, unless that is empty.
  ConsumerMember(Model& model, env::fake::FakeShard& shard, EpochMemberOptions options,
                 std::string topic, std::string also)
      : EpochMember(model, shard, std::move(options)),
        topic_(std::move(topic)),
        also_(std::move(also)) {}

 protected:
  bool has_topics() const override;
  void change_its_mind() override;
  void heartbeat() override;
  void leave(std::int32_t epoch) override;
  bool reads(const Partition&) const override { return true; }
  const std::string& topic() const override { return topic_; }

 private:
  using Request = wire::ConsumerGroupHeartbeatRequest;
  using Response = wire::ConsumerGroupHeartbeatResponse;

  Request request_now();
  std::optional<Partitions> assignment_in(const Response& answer);

  const std::string topic_;
  const std::string also_;
  bool subscribes_to_both_ = false;
};

}  // namespace moldau::sim
