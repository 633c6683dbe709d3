// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/offset_reset.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <utility>

namespace moldau::coordinator {
namespace {

constexpr std::string_view kByDuration = "by_duration:";
constexpr int kTriesMax = 100;
constexpr Millis kPause{5};
constexpr std::int64_t kMillisMax = INT64_MAX / 4;

std::int64_t add(std::int64_t sum, std::int64_t number, std::int64_t unit) {
  if (number > (kMillisMax - sum) / unit) return kMillisMax;
  return sum + number * unit;
}

struct Search {
  Search() = default;
  ErrorCode error = ErrorCode::kNone;
  std::shared_ptr<const log::LogView> view;
  env::PoolId pool;
  Offset end{0};
};

Search begin(replica::ReplicaHost& host, const TopicIdPartition& id, LeaderEpoch epoch) {
  Search search;
  replica::HostedPartition* hosted = host.find(id);
  search.error = hosted ? hosted->check_leader(epoch) : host.error_of_absent(id);
  if (search.error != ErrorCode::kNone) return search;
  search.end = hosted->machine().high_watermark();
  search.pool = hosted->identity().pool;
  if (!hosted->renaming()) search.view = std::make_shared<const log::LogView>(hosted->log().view());
  return search;
}

}  // namespace

Millis parse_duration(std::string_view text) {
  std::int64_t sum = 0;
  std::int64_t number = 0;
  std::int64_t fraction = 0;
  std::int64_t scale = 0;  // of the fraction; 0 outside of one
  for (const char c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      const int digit = c - '0';
      if (scale == 0) number = std::min(kMillisMax / 20, number) * 10 + digit;
      if (scale > 0) fraction += digit * scale;
      if (scale > 0) scale /= 10;
      continue;
    }
    switch (std::toupper(static_cast<unsigned char>(c))) {
      case '.':
      case ',':
        scale = 100;
        continue;
      case 'D':
        sum = add(sum, number, 86'400'000);
        break;
      case 'H':
        sum = add(sum, number, 3'600'000);
        break;
      case 'M':
        sum = add(sum, number, 60'000);
        break;
      case 'S':
        sum = add(sum, number, 1'000) + fraction;
        break;
      default:
        break;
    }
    number = 0;
  }
  return Millis(std::min(sum, kMillisMax));
}

env::Task<Result<Offset>> reset_offset(replica::ReplicaHost* host, TopicIdPartition id,
                                       LeaderEpoch epoch, std::string reset) {
  using Searched = Result<std::optional<log::FoundOffset>>;
  env::Shard& shard = host->shard();
  Timestamp since(0);
  const bool by_time = reset.starts_with(kByDuration);
  if (by_time)
    since = Timestamp(std::max<std::int64_t>(
        0, shard.wall_now().value() -
               parse_duration(std::string_view(reset).substr(kByDuration.size())).value()));
  for (int i = 0; i < kTriesMax; ++i) {
    const Search search = begin(*host, id, epoch);
    if (search.error != ErrorCode::kNone) co_return Error(search.error);
    if (reset == "latest") co_return search.end;
    if (search.view && !by_time) co_return search.view->log_start_offset;
    if (search.view) {
      auto look = [view = search.view, since]() -> Searched {
        record::CompressionContext context;
        return view->offset_for_timestamp(since, context);
      };
      const Searched found = co_await env::blocking(shard, search.pool, std::move(look));
      replica::HostedPartition* hosted = host->find(id);
      const bool unchanged =
          hosted && !hosted->renaming() && hosted->log().generation() == search.view->generation;
      if (found.ok() && unchanged) {
        if (*found && (*found)->offset < search.end) co_return (*found)->offset;
        // Nothing is that new. Apache gives up here, and the group could never begin.
        co_return search.end;
      }
    }
    const MonoTime again = shard.now() + kPause;
    co_await env::sleep_until(shard, again);
  }
  co_return Error(ErrorCode::kOffsetNotAvailable, "the start of a share group is not known yet");
}

}  // namespace moldau::coordinator
