// SPDX-License-Identifier: Apache-2.0
#include <moldau/producer.h>

#include <future>
#include <unordered_map>
#include <utility>

#include "client/producer.h"
#include "lib/batch_fate.h"
#include "lib/cluster_options.h"
#include "os/running_env.h"

namespace moldau {
namespace {

using lib::millis;

Result<client::ProducerOptions> options_of(const ProducerConfig& config) {
  const auto refuse = [](std::string why) {
    return Error(ErrorCode::kInvalidConfig, std::move(why));
  };
  if (config.enable_idempotence && config.acks != Acks::kAll)
    return refuse(
        "Must set acks to all in order to use the idempotent producer. Otherwise we "
        "cannot guarantee idempotence.");
  const std::int32_t in_flight = config.max_in_flight_requests_per_connection;
  if (in_flight < 1 || (config.enable_idempotence && in_flight > 5))
    return refuse(
        "max.in.flight.requests.per.connection must be at least 1, and at most 5 with "
        "the idempotent producer");
  if (config.delivery_timeout < config.linger + config.request_timeout)
    return refuse(
        "delivery.timeout.ms should be equal to or larger than linger.ms + "
        "request.timeout.ms");
  client::ProducerOptions options;
  options.request_timeout = millis(config.request_timeout);
  options.max_block = millis(config.max_block);
  client::ProducerMachineOptions& machine = options.machine;
  machine.acks = static_cast<std::int16_t>(config.acks);
  machine.idempotent = config.enable_idempotence;
  machine.batch_size = config.batch_size;
  machine.buffer_memory = config.buffer_memory;
  machine.linger = millis(config.linger);
  machine.compression.type = static_cast<record::CompressionType>(config.compression_type);
  machine.compression.level = config.compression_level;
  machine.delivery_timeout = millis(config.delivery_timeout);
  machine.max_in_flight = in_flight;
  machine.max_request_size = config.max_request_size;
  machine.retries = config.retries;
  machine.retry = {millis(config.retry_backoff), millis(config.retry_backoff_max)};
  machine.ignore_keys = config.partitioner_ignore_keys;
  machine.adaptive = config.partitioner_adaptive_partitioning;
  return options;
}

client::OutgoingRecord outgoing(const ProducerRecord& record,
                                const std::vector<record::HeaderView>& headers, Timestamp now) {
  client::OutgoingRecord out;
  out.topic = record.topic;
  if (record.partition) out.partition = PartitionId(*record.partition);
  out.timestamp = record.timestamp_ms ? Timestamp(*record.timestamp_ms) : now;
  if (record.key) out.key = as_view(*record.key);
  if (record.value) out.value = as_view(*record.value);
  out.headers = headers;
  return out;
}

}  // namespace

/// The client's thread with what lives on it, and the guard between it and those who send.
class Producer::State final : public client::Guard {
 public:
  State(client::ClusterOptions cluster, const client::ProducerOptions& options) {
    running_.call(0, [&] {
      cluster_ = std::make_unique<client::Cluster>(running_.env(), shard(), std::move(cluster));
      producer_ = std::make_unique<client::Producer>(
          *cluster_, options, *this,
          [this](std::vector<client::Completion> done) { complete(std::move(done)); });
    });
  }
  ~State() override {
    give_up(Error(ErrorCode::kRequestTimedOut, "the producer was closed before it was sent"));
    running_.call(0, [&] {
      scope_.destroy_all();
      producer_.reset();
      cluster_.reset();
    });
    running_.stop();
  }

  PendingSend send(const ProducerRecord& record);
  Result<void> flush(std::chrono::milliseconds patience);
  Result<std::int32_t> partitions_for(const std::string& topic);
  void give_up(const Error& why);
  void close() {
    const std::lock_guard lock(gate_->mutex);
    closed_ = true;
  }

 private:
  void lock() override { gate_->mutex.lock(); }
  void unlock() override { gate_->mutex.unlock(); }
  env::Shard& shard() { return running_.shard(0); }

  /// Runs a task of the client on its thread and waits for what it gives.
  template <class T, class Make>
  Result<T> run(Make make);
  template <class T>
  static env::Task<void> keep(env::Task<Result<T>> task, std::promise<Result<T>>* out) {
    auto got = co_await task;
    out->set_value(std::move(got));
  }
  void wake();
  PendingSend register_record(const client::Appended& where);
  PendingSend failed(const Error& why);
  PendingSend send_slowly(const client::OutgoingRecord& record);
  env::Task<Result<PendingSend>> append_and_register(client::OutgoingRecord record);
  void complete(std::vector<client::Completion> completions);

  const std::shared_ptr<FateGate> gate_ = std::make_shared<FateGate>();
  // Guarded by the gate's mutex, as the machine is:
  std::unordered_map<std::uint64_t, std::shared_ptr<BatchFate>> fates_;
  std::uint64_t random_ = 0x9E3779B97F4A7C15ULL;
  bool closed_ = false;
  bool waking_ = false;

  os::RunningEnv running_;
  // The client's thread's:
  std::unique_ptr<client::Cluster> cluster_;
  std::unique_ptr<client::Producer> producer_;
  env::TaskScope scope_;
};

PendingSend Producer::State::failed(const Error& why) {
  auto fate = std::make_shared<BatchFate>(gate_);
  client::Completion completion;
  completion.records = 1;
  completion.error = why;
  fate->add(std::move(completion));
  return {std::move(fate), 0, -1};
}

PendingSend Producer::State::register_record(const client::Appended& where) {
  std::shared_ptr<BatchFate>& fate = fates_[where.batch];
  if (!fate) fate = std::make_shared<BatchFate>(gate_);
  return {fate, where.index, where.partition.value()};
}

PendingSend Producer::State::send(const ProducerRecord& record) {
  std::vector<record::HeaderView> headers;
  for (const Header& header : record.headers) {
    record::NullableBytes value;
    if (header.value) value = as_view(*header.value);
    headers.push_back({header.key, value});
  }
  const client::OutgoingRecord out = outgoing(record, headers, running_.env().clock().wall());
  {
    const std::lock_guard lock(gate_->mutex);
    if (closed_)
      return failed(Error(ErrorCode::kInvalidRequest,
                          "Cannot perform operation after producer has been closed"));
    // Where records without a key go need not be unforeseeable.
    random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
    auto got = producer_->machine().append(out, running_.env().clock().mono(), random_ >> 16);
    if (!got.ok()) return failed(got.error());
    if (*got) {
      if ((*got)->wake) wake();
      return register_record(**got);
    }
  }
  return send_slowly(out);
}

/// Under the gate's mutex.
void Producer::State::wake() {
  if (std::exchange(waking_, true)) return;
  shard().post([this] {
    {
      const std::lock_guard lock(gate_->mutex);
      waking_ = false;
    }
    producer_->wake();
  });
}

env::Task<Result<PendingSend>> Producer::State::append_and_register(client::OutgoingRecord record) {
  auto got = co_await producer_->append(record);
  if (!got.ok()) co_return std::move(got).error();
  const std::lock_guard lock(gate_->mutex);
  co_return register_record(*got);
}

PendingSend Producer::State::send_slowly(const client::OutgoingRecord& record) {
  auto got = run<PendingSend>([&] { return append_and_register(record); });
  if (!got.ok()) return failed(got.error());
  return std::move(got).value();
}

template <class T, class Make>
Result<T> Producer::State::run(Make make) {
  if (shard().is_current())
    return Error(ErrorCode::kInvalidRequest,
                 "this would wait, and a callback on the client's thread must not");
  std::promise<Result<T>> answer;
  auto value = answer.get_future();
  shard().post([&] { scope_.spawn(keep<T>(make(), &answer)); });
  return value.get();
}

Result<void> Producer::State::flush(std::chrono::milliseconds patience) {
  return run<void>([&] { return producer_->flush(shard().now() + millis(patience)); });
}

Result<std::int32_t> Producer::State::partitions_for(const std::string& topic) {
  return run<std::int32_t>([&] { return producer_->partitions_of(topic); });
}

void Producer::State::give_up(const Error& why) {
  running_.call(0, [&] {
    {
      const std::lock_guard lock(gate_->mutex);
      closed_ = true;
      producer_->machine().abort(why);
    }
    std::vector<client::Completion> completions;
    {
      const std::lock_guard lock(gate_->mutex);
      completions = producer_->machine().take_completions();
    }
    complete(std::move(completions));
  });
}

void Producer::State::complete(std::vector<client::Completion> completions) {
  std::vector<std::pair<BatchFate::Waiter, Result<RecordMetadata>>> ready;
  {
    const std::lock_guard lock(gate_->mutex);
    for (client::Completion& one : completions) {
      const auto found = fates_.find(one.batch);
      if (found == fates_.end()) continue;
      const bool last = one.last;
      found->second->add(std::move(one));
      for (auto& waiter : found->second->take_ready()) ready.push_back(std::move(waiter));
      if (last) fates_.erase(found);
    }
  }
  gate_->changed.notify_all();
  for (auto& [waiter, outcome] : ready) waiter.callback(outcome);
}

Producer::Producer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Producer::~Producer() = default;

Result<std::unique_ptr<Producer>> Producer::open(const ProducerConfig& config) {
  MOLDAU_ASSIGN_OR_RETURN(client::ProducerOptions options, options_of(config));
  MOLDAU_ASSIGN_OR_RETURN(client::ClusterOptions cluster, lib::cluster_options(config));
  return std::unique_ptr<Producer>(
      new Producer(std::make_unique<State>(std::move(cluster), options)));
}

PendingSend Producer::send(const ProducerRecord& record) {
  return state_->send(record);
}
Result<void> Producer::flush(std::chrono::milliseconds patience) {
  return state_->flush(patience);
}
Result<std::int32_t> Producer::partitions_for(const std::string& topic) {
  return state_->partitions_for(topic);
}
Result<void> Producer::close(std::chrono::milliseconds patience) {
  state_->close();
  auto flushed = state_->flush(patience);
  if (!flushed.ok() && flushed.code() != ErrorCode::kInvalidRequest)
    state_->give_up(Error(ErrorCode::kRequestTimedOut, "the producer was closed before"));
  return flushed;
}

}  // namespace moldau
