// SPDX-License-Identifier: Apache-2.0
#include <moldau/consumer.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

#include "client/consumer.h"
#include "lib/cluster_options.h"
#include "os/running_env.h"

namespace moldau {
namespace {

constexpr std::size_t kBlockBytes = 64 << 10;

using lib::millis;

client::OffsetReset reset_of(AutoOffsetReset reset) {
  client::OffsetReset out;
  switch (reset) {
    case AutoOffsetReset::kEarliest:
      out.kind = client::OffsetReset::Kind::kEarliest;
      break;
    case AutoOffsetReset::kLatest:
      out.kind = client::OffsetReset::Kind::kLatest;
      break;
    case AutoOffsetReset::kNone:
      out.kind = client::OffsetReset::Kind::kNone;
      break;
  }
  return out;
}

Result<client::ConsumerOptions> options_of(const ConsumerConfig& config) {
  const auto refuse = [](const char* why) { return Error(ErrorCode::kInvalidConfig, why); };
  if (config.max_poll_records < 1) return refuse("max.poll.records must be at least 1");
  if (config.fetch_min_bytes < 0 || config.fetch_max_bytes < 0 ||
      config.max_partition_fetch_bytes < 0)
    return refuse(
        "fetch.min.bytes, fetch.max.bytes and max.partition.fetch.bytes must not be "
        "negative");
  client::ConsumerOptions options;
  options.fetch.max_partition_bytes = config.max_partition_fetch_bytes;
  options.fetch.metadata_max_age = millis(config.metadata_max_age);
  options.fetch.retry = {millis(config.retry_backoff), millis(config.retry_backoff_max)};
  options.fetch.read_committed = config.read_committed;
  options.fetch.check_crcs = config.check_crcs;
  options.reset = reset_of(config.auto_offset_reset);
  options.min_bytes = config.fetch_min_bytes;
  options.max_bytes = config.fetch_max_bytes;
  options.max_wait = millis(config.fetch_max_wait);
  options.request_timeout = millis(config.request_timeout);
  options.rack = config.client_rack;
  return options;
}

}  // namespace

std::string_view ConsumerRecords::keep(std::string_view bytes) {
  if (bytes.size() > left_) {
    left_ = std::max(kBlockBytes, bytes.size());
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    at_ = blocks_.back().get();
  }
  char* place = at_;
  if (!bytes.empty()) std::memcpy(place, bytes.data(), bytes.size());
  at_ += bytes.size();
  left_ -= bytes.size();
  return {place, bytes.size()};
}

/// The client's thread with what lives on it, and the guard between it and the application.
class Consumer::State final : public client::Guard {
 public:
  State(client::ClusterOptions cluster, client::ConsumerOptions options, std::size_t records_max)
      : records_max_(records_max) {
    running_.call(0, [&] {
      cluster_ =
          std::make_unique<client::Cluster>(running_.env(), running_.shard(0), std::move(cluster));
      consumer_ = std::make_unique<client::Consumer>(*cluster_, std::move(options), *this,
                                                     [this] { changed_.notify_all(); });
    });
  }
  ~State() override {
    running_.call(0, [&] {
      consumer_.reset();
      cluster_.reset();
    });
    running_.stop();
  }

  void lock() override { mutex_.lock(); }
  void unlock() override { mutex_.unlock(); }

  /// Changes the machine, and lets the client's thread look at it.
  template <class F>
  void change(F f) {
    {
      const std::lock_guard lock(mutex_);
      f(consumer_->machine());
    }
    wake();
  }
  template <class F>
  auto look(F f) {
    const std::lock_guard lock(mutex_);
    return f(consumer_->machine());
  }
  Result<ConsumerRecords> poll(std::chrono::milliseconds patience);

 private:
  void wake() {
    running_.shard(0).post([this] { consumer_->wake(); });
  }
  ConsumerRecords read();

  const std::size_t records_max_;
  std::mutex mutex_;  // guards the machine
  std::condition_variable changed_;
  record::CompressionContext codecs_;  // of whoever polls
  std::set<std::string> names_;        // topics that records view

  os::RunningEnv running_;
  // The client's thread's:
  std::unique_ptr<client::Cluster> cluster_;
  std::unique_ptr<client::Consumer> consumer_;
};

/// Under the mutex.
ConsumerRecords Consumer::State::read() {
  ConsumerRecords out;
  const auto take = [&](const TopicPartition& partition, const record::RecordView& record,
                        LeaderEpoch epoch) {
    ConsumerRecord& one = out.records_.emplace_back();
    one.topic = *names_.insert(partition.topic).first;
    one.partition = partition.partition.value();
    one.offset = record.offset.value();
    one.timestamp_ms = record.timestamp.value();
    one.leader_epoch = epoch.value();
    if (record.key) one.key = out.keep(as_text(*record.key));
    if (record.value) one.value = out.keep(as_text(*record.value));
    auto headers = record.headers();
    while (const auto header = headers.next()) {
      auto& to = one.headers.emplace_back();
      to.key = out.keep(header->key);
      if (header->value) to.value = out.keep(as_text(*header->value));
    }
  };
  out.records_.reserve(std::min<std::size_t>(records_max_, 1024));
  consumer_->machine().read(records_max_, codecs_, take);
  return out;
}

Result<ConsumerRecords> Consumer::State::poll(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::duration(patience);
  std::unique_lock lock(mutex_);
  ConsumerRecords out;
  std::optional<Error> trouble;
  changed_.wait_for(lock, deadline, [&] {
    for (const client::FetchTrouble& one : consumer_->machine().take_troubles())
      if (!trouble) trouble = one.error;
    if (!trouble && consumer_->machine().has_records()) out = read();
    return trouble || !out.empty();
  });
  const bool fetch_more = !consumer_->machine().has_records();
  lock.unlock();
  if (fetch_more) wake();
  if (trouble && out.empty()) return std::move(*trouble);
  return out;
}

Consumer::Consumer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Consumer::~Consumer() = default;

Result<std::unique_ptr<Consumer>> Consumer::open(const ConsumerConfig& config) {
  MOLDAU_ASSIGN_OR_RETURN(client::ConsumerOptions options, options_of(config));
  MOLDAU_ASSIGN_OR_RETURN(client::ClusterOptions cluster, lib::cluster_options(config));
  cluster.metadata_max_age = options.fetch.metadata_max_age;
  return std::unique_ptr<Consumer>(new Consumer(std::make_unique<State>(
      std::move(cluster), std::move(options), static_cast<std::size_t>(config.max_poll_records))));
}

void Consumer::assign(const std::vector<TopicPartition>& partitions) {
  state_->change([&](client::FetchMachine& machine) {
    machine.assign({partitions.begin(), partitions.end()});
  });
}

Result<ConsumerRecords> Consumer::poll(std::chrono::milliseconds patience) {
  return state_->poll(patience);
}

void Consumer::seek(const TopicPartition& partition, Offset offset) {
  state_->change([&](client::FetchMachine& machine) { machine.seek(partition, offset); });
}

void Consumer::seek_to_beginning(const std::vector<TopicPartition>& partitions) {
  state_->change([&](client::FetchMachine& machine) {
    for (const TopicPartition& one : partitions)
      machine.seek_to(one, reset_of(AutoOffsetReset::kEarliest));
  });
}

void Consumer::seek_to_end(const std::vector<TopicPartition>& partitions) {
  state_->change([&](client::FetchMachine& machine) {
    for (const TopicPartition& one : partitions)
      machine.seek_to(one, reset_of(AutoOffsetReset::kLatest));
  });
}

void Consumer::pause(const std::vector<TopicPartition>& partitions) {
  state_->change([&](client::FetchMachine& machine) {
    for (const TopicPartition& one : partitions) machine.pause(one, true);
  });
}

void Consumer::resume(const std::vector<TopicPartition>& partitions) {
  state_->change([&](client::FetchMachine& machine) {
    for (const TopicPartition& one : partitions) machine.pause(one, false);
  });
}

std::optional<Offset> Consumer::position(const TopicPartition& partition) const {
  return state_->look([&](client::FetchMachine& machine) { return machine.position(partition); });
}

std::optional<std::int64_t> Consumer::current_lag(const TopicPartition& partition) const {
  return state_->look([&](client::FetchMachine& machine) { return machine.lag(partition); });
}

}  // namespace moldau
