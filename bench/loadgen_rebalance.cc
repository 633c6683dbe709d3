// SPDX-License-Identifier: Apache-2.0
// How long groups need to settle: members of the classic and of the consumer protocol. The members
// speak again as soon as they have been answered, so that the broker's part is what is measured.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "loadgen_ask.h"
#include "loadgen_wire.h"
#include "loadgen_work.h"

namespace moldau::loadgen {
namespace {

constexpr std::chrono::seconds kPatience{120};
constexpr std::int16_t kRebalanceInProgress = 27;
constexpr std::int16_t kUnknownMemberId = 25;
constexpr std::int16_t kFencedMemberEpoch = 110;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

std::vector<std::unique_ptr<Line>> open_lines(const Options& options, std::size_t count) {
  std::vector<std::unique_ptr<Line>> lines;
  for (std::size_t n = 0; n < count; ++n) {
    lines.push_back(std::make_unique<Line>(options.port()));
    if (!lines.back()->good()) fail("refused");
  }
  return lines;
}

Frame receive(Line& line) {
  auto answer = line.receive();
  if (!answer) fail("the connection broke");
  return std::move(*answer);
}

/// Members of the classic protocol, each on a connection of its own.
class ClassicMembers {
 public:
  explicit ClassicMembers(const Options& options)
      : lines_(open_lines(options, static_cast<std::size_t>(options.number("members", 100)))),
        ids_(lines_.size()),
        topic_(options.topic()) {
    find_coordinator(*lines_.front(), group_, 0);
    // It may have to load first.
    (void)ask_until(
        *lines_.front(), heartbeat_frame(0),
        [](ByteView view) {
          In in(view);
          (void)in.bytes(8);  // correlation, throttle
          const auto error = in.number<std::int16_t>();
          return error == kUnknownMemberId ? std::int16_t{0} : error;
        },
        std::chrono::milliseconds(20));
  }

  void form() {
    for (std::size_t n = 0; n < lines_.size(); ++n) lines_[n]->send(join_frame(n));
    take_joins();
    sync();
  }
  /// From the moment that the leader joins anew until everybody is synced.
  double rebalance() {
    const Clock::time_point begin = Clock::now();
    lines_[leader_]->send(join_frame(leader_));
    std::vector<std::size_t> unaware;
    for (std::size_t n = 0; n < lines_.size(); ++n)
      if (n != leader_) unaware.push_back(n);
    while (!unaware.empty()) {
      if (Clock::now() - begin > kPatience) fail("the group does not rebalance");
      for (const std::size_t n : unaware) lines_[n]->send(heartbeat_frame(n));
      std::erase_if(unaware, [&](std::size_t n) {
        if (error_of(receive(*lines_[n])) != kRebalanceInProgress) return false;
        lines_[n]->send(join_frame(n));
        return true;
      });
    }
    take_joins();
    sync();
    return seconds_since(begin);
  }

 private:
  static std::int16_t error_of(const Frame& answer) {
    In in(answer);
    (void)in.bytes(8);  // correlation, throttle
    return in.number<std::int16_t>();
  }
  /// JoinGroup v3.
  Frame join_frame(std::size_t n) const {
    Out out(11, 3, 1);
    out.text(group_);
    out.number<std::int32_t>(45'000);
    out.number<std::int32_t>(60'000);
    out.text(ids_[n]);
    out.text("consumer");
    out.number<std::int32_t>(1);
    out.text("range");
    // A subscription of version 0: Apache Kafka reads it.
    out.number(static_cast<std::int32_t>(2 + 4 + 2 + topic_.size() + 4));
    out.number<std::int16_t>(0);
    out.number<std::int32_t>(1);
    out.text(topic_);
    out.number<std::int32_t>(-1);
    return out.finish();
  }
  /// Heartbeat v2.
  Frame heartbeat_frame(std::size_t n) const {
    Out out(12, 2, 1);
    out.text(group_);
    out.number(generation_);
    out.text(ids_[n]);
    return out.finish();
  }
  /// SyncGroup v2.
  Frame sync_frame(std::size_t n) const {
    Out out(14, 2, 1);
    out.text(group_);
    out.number(generation_);
    out.text(ids_[n]);
    if (n != leader_) {
      out.number<std::int32_t>(0);
      return out.finish();
    }
    out.number(static_cast<std::int32_t>(ids_.size()));
    for (const std::string& id : ids_) {
      out.text(id);
      out.number<std::int32_t>(100);
      out.bytes(as_view(std::string(100, 'a')));
    }
    return out.finish();
  }
  void take_joins() {
    for (std::size_t n = 0; n < lines_.size(); ++n) {
      const Frame answer = receive(*lines_[n]);
      if (const auto error = error_of(answer); error != 0)
        fail("a join was answered " + std::to_string(error));
      In in(answer);
      (void)in.bytes(10);
      generation_ = in.number<std::int32_t>();
      in.skip_text();  // protocol
      const std::string leader = in.text();
      ids_[n] = in.text();
      if (leader == ids_[n]) leader_ = n;
      if (leader == ids_[n] && in.number<std::int32_t>() != static_cast<std::int32_t>(ids_.size()))
        fail("a generation without all members");
    }
  }
  void sync() {
    for (std::size_t n = 0; n < lines_.size(); ++n) lines_[n]->send(sync_frame(n));
    for (const auto& line : lines_)
      if (const auto error = error_of(receive(*line)); error != 0)
        fail("a sync was answered " + std::to_string(error));
  }

  std::string group_ = "bench-classic";
  std::vector<std::unique_ptr<Line>> lines_;
  std::vector<std::string> ids_;
  std::string topic_;
  std::size_t leader_ = 0;
  std::int32_t generation_ = -1;
};

/// A member of the consumer protocol, as far as it knows.
struct Member {
  std::string id;
  std::int32_t epoch = 0;
  std::vector<std::int32_t> owned;
  /// The broker does not know yet that it owns just these.
  bool tells = true;
};

/// Members of the consumer protocol; some connections carry many of them each.
class ConsumerMembers {
 public:
  explicit ConsumerMembers(const Options& options)
      : lines_(open_lines(options, static_cast<std::size_t>(options.number("connections", 50)))),
        topic_(options.topic()),
        partitions_(options.partitions()) {
    find_coordinator(*lines_.front(), group_, 0);
  }

  void join(std::size_t count) {
    for (std::size_t n = 0; n < count; ++n) {
      Member& member = members_.emplace_back();
      member.id = "member-" + std::to_string(next_++);
    }
  }
  void leave(std::size_t count) {
    for (std::size_t n = 0; n < count; ++n) {
      members_.front().epoch = -1;
      members_.front().tells = false;
      (void)ask(*lines_.front(), beat_frame(members_.front()));
      members_.erase(members_.begin());
    }
  }
  /// Everybody beats, round and round, until each partition has its member. Seconds.
  double settle() {
    const Clock::time_point begin = Clock::now();
    while (!is_settled()) {
      if (Clock::now() - begin > kPatience) fail("the group does not settle");
      round();
    }
    return seconds_since(begin);
  }
  /// Partitions that were taken from members so far.
  std::size_t lost() const { return lost_; }
  std::vector<std::uint32_t>& beats_us() { return us_; }

 private:
  /// ConsumerGroupHeartbeat v1.
  Frame beat_frame(const Member& member) const {
    const bool full = member.epoch == 0;
    Out out(68, 1, 1);
    out.no_tags();
    out.compact_text(group_);
    out.compact_text(member.id);
    out.number(member.epoch);
    out.size_plus_one(-1);  // instance
    out.size_plus_one(-1);  // rack
    out.number<std::int32_t>(full ? 60'000 : -1);
    out.size_plus_one(full ? 1 : -1);
    if (full) out.compact_text(topic_);
    out.size_plus_one(-1);  // expression
    out.size_plus_one(-1);  // assignor
    if (!full && !member.tells) {
      out.size_plus_one(-1);
    } else if (member.owned.empty()) {
      out.size_plus_one(0);
    } else {
      out.size_plus_one(1);
      out.bytes(topic_id_);
      out.size_plus_one(static_cast<std::int64_t>(member.owned.size()));
      for (const std::int32_t partition : member.owned) out.number(partition);
      out.no_tags();
    }
    out.no_tags();
    return out.finish();
  }
  void round() {
    std::vector<Clock::time_point> sent;
    for (std::size_t n = 0; n < members_.size(); ++n) {
      sent.push_back(Clock::now());
      lines_[n % lines_.size()]->send(beat_frame(members_[n]));
      members_[n].tells = false;
    }
    for (std::size_t n = 0; n < members_.size(); ++n) {
      take(members_[n], receive(*lines_[n % lines_.size()]));
      us_.push_back(static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - sent[n]).count()));
    }
  }
  void take(Member& member, const Frame& answer) {
    In in(answer);
    (void)in.bytes(9);  // correlation, tags, throttle
    const auto error = in.number<std::int16_t>();
    if (error == 14 || error == 15 || error == 16) return;  // again
    if (error == kFencedMemberEpoch) fail("a member was fenced");
    if (error != 0) fail("a heartbeat was answered " + std::to_string(error));
    (void)in.bytes(in.size_less_one());  // message
    (void)in.bytes(in.size_less_one());  // member
    member.epoch = in.number<std::int32_t>();
    (void)in.number<std::int32_t>();  // interval
    if (in.number<std::int8_t>() < 0) return;
    std::vector<std::int32_t> assigned;
    for (std::int64_t topics = in.size_less_one(); topics > 0; --topics) {
      const ByteView id = in.bytes(16);
      topic_id_.assign(id.begin(), id.end());
      for (std::int64_t left = in.size_less_one(); left > 0; --left)
        assigned.push_back(in.number<std::int32_t>());
      in.skip_tags();
    }
    std::sort(assigned.begin(), assigned.end());
    if (assigned == member.owned) return;
    for (const std::int32_t partition : member.owned)
      if (!std::binary_search(assigned.begin(), assigned.end(), partition)) ++lost_;
    member.owned = std::move(assigned);
    member.tells = true;
  }
  bool is_settled() const {
    std::size_t all = 0;
    std::size_t least = static_cast<std::size_t>(partitions_);
    std::size_t most = 0;
    for (const Member& member : members_) {
      if (member.tells || member.epoch != members_.front().epoch) return false;
      all += member.owned.size();
      least = std::min(least, member.owned.size());
      most = std::max(most, member.owned.size());
    }
    return all == static_cast<std::size_t>(partitions_) && most - least <= 1;
  }

  std::string group_ = "bench-consumer";
  std::vector<std::unique_ptr<Line>> lines_;
  std::string topic_;
  std::int32_t partitions_;
  std::vector<Member> members_;
  std::vector<std::byte> topic_id_ = std::vector<std::byte>(16);
  std::size_t next_ = 0;
  std::size_t lost_ = 0;
  std::vector<std::uint32_t> us_;
};

}  // namespace

void rebalance_classic(const Options& options) {
  ClassicMembers members(options);
  members.form();
  std::vector<double> seconds;
  for (std::int64_t n = options.number("rounds", 10); n > 0; --n)
    seconds.push_back(members.rebalance());
  std::printf("{\"settle_ms\": %.3f, \"worst_ms\": %.3f}\n", 1000 * median(seconds),
              1000 * *std::max_element(seconds.begin(), seconds.end()));
}

void rebalance_consumers(const Options& options) {
  const auto count = static_cast<std::size_t>(options.number("members", 1'000));
  ConsumerMembers members(options);
  members.join(count);
  const double join_s = members.settle();
  // The group has been quiet for longer than the interval of assignments.
  const std::chrono::milliseconds rest(options.number("rest-ms", 1'500));
  std::vector<double> deaths;
  std::vector<double> changes;
  std::size_t lost = 0;
  for (std::int64_t n = options.number("rounds", 3); n > 0; --n) {
    std::this_thread::sleep_for(rest);
    const std::size_t before = members.lost();
    Clock::time_point begin = Clock::now();
    members.leave(1);
    (void)members.settle();
    deaths.push_back(seconds_since(begin));
    lost += members.lost() - before;
    std::this_thread::sleep_for(rest);
    begin = Clock::now();
    members.leave(count / 10);
    members.join(count / 10 + 1);
    (void)members.settle();
    changes.push_back(seconds_since(begin));
  }
  std::printf(
      "{\"join_s\": %.3f, \"death_s\": %.3f, \"worst_death_s\": %.3f, \"change_s\": %.3f, "
      "\"taken_from_survivors\": %zu, %s}\n",
      join_s, median(deaths), *std::max_element(deaths.begin(), deaths.end()), median(changes),
      lost, latencies_text(members.beats_us()).c_str());
}

}  // namespace moldau::loadgen
