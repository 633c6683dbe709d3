// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "sim/epoch_member.h"
#include "wire/streams_group_heartbeat_request.h"
#include "wire/streams_group_heartbeat_response.h"

namespace moldau::sim {

/// Tasks behind the repartition topic of the model's applications, in subtopology "1"; "0" has one
/// for each partition of its input.
inline constexpr std::int32_t kStreamsRepartitions = 3;

/// A thread of a streams application (KIP-1071): input → repartition topic → counts with a
/// changelog. Joins with an older topology now and then, or with a newer one, which is refused.
///
/// Thread   one thread.
/// Bounds   one request at a time.
/// Source   StreamsGroupHeartbeatRequestManager, StreamsMembershipManager.
class StreamsMember final : public EpochMember {
 public:
  StreamsMember(Model& model, env::fake::FakeShard& shard, EpochMemberOptions options,
                std::string topic, std::string process)
      : EpochMember(model, shard, std::move(options)),
        topic_(std::move(topic)),
        process_(std::move(process)),
        repartition_(options_.group + "-words-repartition"),
        changelog_(options_.group + "-counts-changelog") {}

 protected:
  bool has_topics() const override;
  void change_its_mind() override;
  void heartbeat() override;
  void leave(std::int32_t epoch) override;
  void judge(ErrorCode code) override;
  bool reads(const Partition& partition) const override { return partition.first == topic_; }
  const std::string& topic() const override { return topic_; }

 private:
  using Request = wire::StreamsGroupHeartbeatRequest;
  using Response = wire::StreamsGroupHeartbeatResponse;

  Request request_now();
  Request::Topology topology() const;
  std::optional<Partitions> tasks_in(const Response& answer) const;
  void on_heartbeat(const Response& answer, MonoTime sent, bool names_all);
  void check_status(const Response& answer);

  const std::string topic_;
  const std::string process_;
  const std::string repartition_;
  const std::string changelog_;
  std::int32_t topology_epoch_ = 1;
  /// The group has its topology for certain.
  bool has_joined_ = false;
  std::set<std::pair<std::string, std::int32_t>> standby_;
  std::optional<std::set<std::pair<std::string, std::int32_t>>> told_standby_;
};

}  // namespace moldau::sim
