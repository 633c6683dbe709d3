// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "base/buffer.h"

namespace moldau::loadgen {

using Clock = std::chrono::steady_clock;

/// Says why and ends the program: 2 wrong options, 3 the broker failed.
[[noreturn]] void fail(const std::string& why, int code = 3);

/// `--name value` pairs behind the name of the work.
class Options {
 public:
  Options(int argc, char** argv) {
    for (int i = 2; i + 1 < argc; i += 2) values_[argv[i]] = argv[i + 1];
  }
  std::string text(const std::string& name, const std::string& otherwise) const {
    auto found = values_.find("--" + name);
    return found == values_.end() ? otherwise : found->second;
  }
  std::int64_t number(const std::string& name, std::int64_t otherwise) const {
    return std::atoll(text(name, std::to_string(otherwise)).c_str());
  }
  std::uint16_t port() const { return static_cast<std::uint16_t>(number("port", 9092)); }
  std::string topic() const { return text("topic", "bench"); }
  std::int32_t partitions() const {
    return static_cast<std::int32_t>(std::max<std::int64_t>(1, number("partitions", 6)));
  }

 private:
  std::map<std::string, std::string> values_;
};

/// A batch of equal records that fill `batch_bytes` (one record at least); half of each value
/// repeats, so that it compresses about two to one.
Slice build_batch(std::int64_t record_bytes, std::int64_t batch_bytes, const std::string& codec);

/// `"p50_ms": …, "p99_ms": …, "p999_ms": …, "max_ms": …` of microseconds, which get sorted.
std::string latencies_text(std::vector<std::uint32_t>& us, const std::string& prefix = "");

/// The works, each printing one JSON object.
void produce(const Options& options);   // closed loop: as fast as the answers allow
void pace(const Options& options);      // open loop: records at a rate, like producers of linger 0
void fetch(const Options& options);     // consumers that read round and round
void drain(const Options& options);     // everything once, each record looked at
void commit(const Options& options);    // offsets of groups without members
void transact(const Options& options);  // one producer, one transaction after the other
void fill_groups(const Options& options);          // an offset for each of many groups
void find_groups(const Options& options);          // when the last of them is known (again)
void many_producers(const Options& options);       // a batch of each of many producer ids
void rebalance_classic(const Options& options);    // a generation after the other
void rebalance_consumers(const Options& options);  // members of the consumer protocol go and come
void create_topic(const Options& options);
void delete_topic(const Options& options);
void wait_until_ready(const Options& options);

}  // namespace moldau::loadgen
