// SPDX-License-Identifier: Apache-2.0
#include "loadgen_wire.h"

namespace moldau::loadgen {

Frame produce_frame(std::int32_t correlation, const std::string& topic, std::int16_t acks,
                    const std::vector<Portion>& portions) {
  Out out(0, 8, correlation);
  out.no_text();  // transactional id
  out.number(acks);
  out.number<std::int32_t>(30'000);
  out.number<std::int32_t>(1);
  out.text(topic);
  out.number(static_cast<std::int32_t>(portions.size()));
  for (const Portion& portion : portions) {
    out.number(portion.partition);
    out.number(static_cast<std::int32_t>(portion.records.size()));
    out.bytes(portion.records);
  }
  return out.finish();
}

Frame fetch_frame(std::int32_t correlation, const std::string& topic,
                  const std::vector<Cursor>& cursors, const FetchLimits& limits) {
  Out out(1, 11, correlation);
  out.number<std::int32_t>(-1);  // replica id
  out.number(limits.wait_ms);
  out.number(limits.bytes_min);
  out.number(limits.bytes_max);
  out.number<std::int8_t>(0);    // isolation level
  out.number<std::int32_t>(0);   // session id
  out.number<std::int32_t>(-1);  // session epoch: none
  out.number<std::int32_t>(1);
  out.text(topic);
  out.number(static_cast<std::int32_t>(cursors.size()));
  for (const Cursor& cursor : cursors) {
    out.number(cursor.partition);
    out.number<std::int32_t>(-1);  // current leader epoch
    out.number(cursor.offset);
    out.number<std::int64_t>(-1);  // log start offset
    out.number(limits.partition_bytes_max);
  }
  out.number<std::int32_t>(0);  // forgotten topics
  out.text("");                 // rack
  return out.finish();
}

Frame create_topic_frame(std::int32_t correlation, const std::string& topic,
                         std::int32_t partitions) {
  Out out(19, 4, correlation);
  out.number<std::int32_t>(1);
  out.text(topic);
  out.number(partitions);
  out.number<std::int16_t>(1);
  out.number<std::int32_t>(0);  // assignments
  out.number<std::int32_t>(0);  // configs
  out.number<std::int32_t>(30'000);
  out.number<std::int8_t>(0);
  return out.finish();
}

Frame delete_topic_frame(std::int32_t correlation, const std::string& topic) {
  Out out(20, 3, correlation);
  out.number<std::int32_t>(1);
  out.text(topic);
  out.number<std::int32_t>(30'000);
  return out.finish();
}

Frame api_versions_frame(std::int32_t correlation) {
  return Out(18, 0, correlation).finish();
}

std::vector<Produced> produced(ByteView answer) {
  In in(answer);
  (void)in.number<std::int32_t>();
  std::vector<Produced> all;
  for (auto topics = in.number<std::int32_t>(); topics > 0; --topics) {
    in.skip_text();
    for (auto partitions = in.number<std::int32_t>(); partitions > 0; --partitions) {
      Produced& one = all.emplace_back();
      one.partition = in.number<std::int32_t>();
      one.error = in.number<std::int16_t>();
      one.base_offset = in.number<std::int64_t>();
      (void)in.bytes(16);  // append time, log start offset
      for (auto records = in.number<std::int32_t>(); records > 0; --records) {
        (void)in.number<std::int32_t>();
        in.skip_text();
      }
      in.skip_text();
    }
  }
  return all;
}

std::int16_t produce_error(ByteView answer) {
  for (const Produced& one : produced(answer))
    if (one.error != 0) return one.error;
  return 0;
}

std::int16_t topic_error(ByteView answer) {
  In in(answer);
  (void)in.number<std::int32_t>();
  (void)in.number<std::int32_t>();  // throttle
  if (in.number<std::int32_t>() < 1) return -1;
  in.skip_text();
  return in.number<std::int16_t>();
}

std::vector<FetchedPartition> fetched(ByteView answer) {
  In in(answer);
  (void)in.number<std::int32_t>();
  (void)in.number<std::int32_t>();  // throttle
  std::vector<FetchedPartition> all;
  if (const auto error = in.number<std::int16_t>(); error != 0) {
    all.emplace_back().error = error;
    return all;
  }
  (void)in.number<std::int32_t>();  // session id
  for (auto topics = in.number<std::int32_t>(); topics > 0; --topics) {
    in.skip_text();
    for (auto partitions = in.number<std::int32_t>(); partitions > 0; --partitions) {
      FetchedPartition one;
      one.partition = in.number<std::int32_t>();
      one.error = in.number<std::int16_t>();
      one.high_watermark = in.number<std::int64_t>();
      (void)in.bytes(16);  // last stable offset, log start offset
      for (auto aborted = in.number<std::int32_t>(); aborted > 0; --aborted) (void)in.bytes(16);
      (void)in.number<std::int32_t>();  // preferred read replica
      one.records = in.bytes(in.number<std::int32_t>());
      all.push_back(one);
    }
  }
  return all;
}

Progress progress_of(ByteView records) {
  Progress progress;
  while (records.size() >= 61) {
    In in(records);
    const auto base = in.number<std::int64_t>();
    const auto length = static_cast<std::size_t>(in.number<std::int32_t>());
    if (length + 12 > records.size()) break;
    (void)in.bytes(11);
    progress.next_offset = base + in.number<std::int32_t>() + 1;
    (void)in.bytes(30);
    progress.records += in.number<std::int32_t>();
    records = records.subspan(length + 12);
  }
  return progress;
}

}  // namespace moldau::loadgen
