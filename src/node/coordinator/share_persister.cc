// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/share_persister.h"

#include <algorithm>
#include <string>
#include <utility>

namespace moldau::coordinator {
namespace {

/// A coordinator that is loading, or whose topic is being created, is asked again: after 20 ms, 40
/// and so on, for about five seconds.
constexpr int kTriesMax = 12;
constexpr std::int64_t kPauseMs = 20;
constexpr std::int64_t kPauseMsMax = 640;

bool is_passing(ErrorCode code) {
  return code == ErrorCode::kCoordinatorNotAvailable || code == ErrorCode::kNotCoordinator ||
         code == ErrorCode::kCoordinatorLoadInProgress;
}

Millis pause_after(int tries) {
  return Millis(std::min(kPauseMs << std::min(tries, 10), kPauseMsMax));
}

}  // namespace

template <class Outcome, class Asked, class Method>
env::Task<Outcome> LocalSharePersister::call(env::Shard* here, const Asked* asked, Method method) {
  Outcome outcome;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (tries > 0) {
      const MonoTime again = here->now() + pause_after(tries);
      co_await env::sleep_until(*here, again);
    }
    image::ImagePtr image = coordinators_.image(here->id().value());
    if (!image || !image->topic(kShareTopic)) create_topic_();
    if (!image) {
      outcome.error = ErrorCode::kCoordinatorNotAvailable;
      continue;
    }
    Result<Outcome> answer =
        co_await coordinators_.template call_state<Outcome>(here, std::move(image), asked, method);
    if (answer.ok()) co_return std::move(answer).value();
    outcome = Outcome(answer.error().code, answer.error().detail);
    if (!is_passing(outcome.error)) break;
  }
  co_return outcome;
}

env::Task<share::StateOutcome> LocalSharePersister::initialize(env::Shard* here,
                                                               share::InitializeState asked) {
  share::StateOutcome outcome =
      co_await call<share::StateOutcome>(here, &asked, &share::ShareMachine::initialize);
  co_return outcome;
}

env::Task<share::ReadOutcome> LocalSharePersister::read(env::Shard* here, share::ReadState asked) {
  share::ReadOutcome outcome =
      co_await call<share::ReadOutcome>(here, &asked, &share::ShareMachine::read);
  co_return outcome;
}

env::Task<share::StateOutcome> LocalSharePersister::write(env::Shard* here,
                                                          share::WriteState asked) {
  share::StateOutcome outcome =
      co_await call<share::StateOutcome>(here, &asked, &share::ShareMachine::write);
  co_return outcome;
}

env::Task<share::StateOutcome> LocalSharePersister::remove(env::Shard* here,
                                                           share::DeleteState asked) {
  share::StateOutcome outcome =
      co_await call<share::StateOutcome>(here, &asked, &share::ShareMachine::remove);
  co_return outcome;
}

env::Task<share::SummaryOutcome> LocalSharePersister::summary(env::Shard* here,
                                                              share::SharePartitionKey key) {
  share::SummaryOutcome outcome(ErrorCode::kCoordinatorNotAvailable);
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (tries > 0) {
      const MonoTime again = here->now() + pause_after(tries);
      co_await env::sleep_until(*here, again);
    }
    image::ImagePtr image = coordinators_.image(here->id().value());
    if (!image || !image->topic(kShareTopic)) create_topic_();
    if (!image) continue;
    auto look = [&key](const share::ShareMachine& machine, const image::MetadataImage& at) {
      return machine.summary(key, at);
    };
    std::string text = key.text();
    Result<share::SummaryOutcome> answer = co_await coordinators_.read<share::SummaryOutcome>(
        *here, std::move(image), std::move(text), std::move(look));
    if (answer.ok()) co_return std::move(answer).value();
    outcome = share::SummaryOutcome(answer.error().code, answer.error().detail);
    if (!is_passing(outcome.error)) break;
  }
  co_return outcome;
}

}  // namespace moldau::coordinator
