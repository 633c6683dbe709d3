// SPDX-License-Identifier: Apache-2.0
#include "node/quorum/quorum.h"

#include "node/quorum/quorum_host.h"

namespace moldau::quorum {
namespace {

constexpr env::ShardId kHome{0};

std::int64_t pack(LeaderAndEpoch leader) {
  return static_cast<std::int64_t>(leader.leader_id.value()) << 32 |
         static_cast<std::int64_t>(static_cast<std::uint32_t>(leader.epoch.value()));
}

}  // namespace

Quorum::Quorum(env::Env& env, QuorumConfig config)
    : env_(env),
      images_(env.shard_count(), std::make_shared<const image::MetadataImage>()),
      subscribers_(env.shard_count()) {
  set_leader(LeaderAndEpoch(), false);
  host_ = std::make_unique<QuorumHost>(*this, env, std::move(config));
}

Quorum::~Quorum() = default;

void Quorum::subscribe(env::ShardId shard, ImageSubscriber subscriber) {
  subscribers_[shard.value()].push_back(std::move(subscriber));
}

void Quorum::on_failure(UniqueFunction<void(const Error&)> callback) {
  on_failure_ = std::move(callback);
}

env::Task<Result<void>> Quorum::start() {
  return host_->start();
}

env::Task<Result<void>> Quorum::stop() {
  return host_->stop();
}

LeaderAndEpoch Quorum::leader() const {
  const std::int64_t packed = leader_.load(std::memory_order_acquire);
  LeaderAndEpoch leader;
  leader.leader_id = NodeId(static_cast<std::int32_t>(packed >> 32));
  leader.epoch = LeaderEpoch(static_cast<std::int32_t>(packed & 0xFFFFFFFF));
  return leader;
}

env::Task<raft::QuorumDescription> Quorum::describe(env::Shard& here) {
  env::Shard& home = env_.shard(kHome);
  auto ask = [host = host_.get()] { return host->describe(); };
  co_return co_await env::call_on(here, home, std::move(ask));
}

void Quorum::configure(std::shared_ptr<const config::BrokerConfig> broker_config) {
  env_.shard(kHome).post([this, alive = std::weak_ptr(alive_), broker_config] {
    if (!alive.expired()) host_->configure(broker_config);
  });
}

void Quorum::propose(Propose decide, std::shared_ptr<Answer> answer) {
  env_.shard(kHome).post([this, alive = std::weak_ptr(alive_), decide = std::move(decide),
                          answer = std::move(answer)]() mutable {
    if (!alive.expired()) host_->propose(std::move(decide), std::move(answer));
  });
}

void Quorum::publish(std::shared_ptr<const image::PublishedImage> published) {
  published_offset_.store(published->image->provenance().offset.value(), std::memory_order_release);
  for (std::uint32_t i = 0; i < env_.shard_count(); ++i) {
    const env::ShardId id(i);
    env_.shard(id).post([this, alive = std::weak_ptr(alive_), id, published] {
      if (!alive.expired()) set_image(id, *published);
    });
  }
}

void Quorum::set_image(env::ShardId shard, const image::PublishedImage& published) {
  images_[shard.value()] = published.image;
  for (ImageSubscriber& subscriber : subscribers_[shard.value()]) subscriber(published);
}

void Quorum::set_leader(LeaderAndEpoch leader, bool active) {
  leader_.store(pack(leader), std::memory_order_release);
  active_.store(active, std::memory_order_release);
}

}  // namespace moldau::quorum
