// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/cluster.h"
#include "client/guard.h"
#include "client/turns.h"
#include "machine/client/producer_machine.h"

namespace moldau::client {

struct ProducerOptions {
  ProducerMachineOptions machine;
  Millis request_timeout{30'000};
  Millis max_block{60'000};
};

/// Hosts a ProducerMachine: asks for topics and the producer id, sends what is due, tells the
/// machine what became of it, and hands on completions.
///
/// Path     append() → turn → Cluster::call → ProducerMachine::answered → completed().
/// Owner    a tool, or the façade of the library; borrows the cluster and the guard. When it is
///          destroyed nothing is called any more; records that are under way have no fate then.
/// Thread   shard-bound, but for what the guard protects: machine().
/// Bounds   as ProducerMachine.
/// Source   Sender and KafkaProducer of Apache's clients.
class Producer {
 public:
  using Completed = UniqueFunction<void(std::vector<Completion>)>;

  Producer(Cluster& cluster, const ProducerOptions& options, Guard& guard, Completed completed);
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  /// Under the guard.
  ProducerMachine& machine() { return machine_; }
  /// Something was appended that is to be looked at; in this turn of the loop.
  void wake() { turns_.wake(); }

  /// Appends a record, waiting for its topic and for room up to max.block.ms.
  /// Errors   kRequestTimedOut, kInvalidTopicException, kTopicAuthorizationFailed, as
  ///          ProducerMachine::append.
  env::Task<Result<Appended>> append(OutgoingRecord record);
  /// The number of partitions, asked for if it is not known; up to max.block.ms.
  env::Task<Result<std::int32_t>> partitions_of(std::string topic);
  /// Returns when all that was appended before has been completed.
  env::Task<Result<void>> flush(MonoTime deadline);

 private:
  void turn();
  bool can_take(NodeId node);
  void learn(const std::vector<std::string>& topics);
  void take_leaders(const wire::ProduceResponse& answer);
  env::Task<void> connect(NodeId node);
  env::Task<void> send(ProducePlan plan);
  env::Task<void> ask_topics();
  env::Task<void> ask_identity();
  env::Task<Result<void>> wait_for_event(MonoTime deadline);

  Cluster& cluster_;
  const ProducerOptions options_;
  Guard& guard_;
  Completed completed_;
  ProducerMachine machine_;
  record::CompressionContext codecs_;
  std::map<NodeId, std::int32_t> in_flight_;
  std::set<NodeId> connecting_;
  std::set<std::string> wanted_topics_;
  bool asking_topics_ = false;
  bool asking_identity_ = false;
  std::uint32_t waiting_for_room_ = 0;
  MonoTime refreshed_at_;
  std::vector<env::Arrival<bool>::Setter> waiting_;
  Turns turns_;
  env::TaskScope scope_;
};

}  // namespace moldau::client
