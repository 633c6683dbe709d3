// SPDX-License-Identifier: Apache-2.0
// Remembers every acknowledged record and looks later whether it is still there, unchanged.
//
//   moldau-witness write  --port P --topic T --partitions N --file JOURNAL --seconds S
//   moldau-witness verify --port P --topic T --partitions N --file JOURNAL
//
// write: one numbered record per request, acks=all, until the time is over or the broker goes
// away; each acknowledgement is a line "partition offset number" in the journal (appended).
// verify: reads all partitions and compares. Exit codes: 0 fine, 1 a record is lost or changed,
// 2 wrong options, 3 the broker could not be reached.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "loadgen_connection.h"
#include "loadgen_wire.h"
#include "record/batch_builder.h"
#include "record/record_iterator.h"

namespace moldau::loadgen {
namespace {

using Journal = std::map<std::pair<std::int32_t, std::int64_t>, std::int64_t>;

std::map<std::string, std::string> parse_options(int argc, char** argv) {
  std::map<std::string, std::string> values;
  for (int i = 2; i + 1 < argc; i += 2) values[argv[i]] = argv[i + 1];
  return values;
}

std::string payload_of(std::int64_t number) {
  std::string text = "record " + std::to_string(number) + " ";
  const std::size_t size = 20 + static_cast<std::size_t>(number * 7919 % 900);
  while (text.size() < size) text += static_cast<char>('a' + (number + text.size()) % 26);
  return text;
}

Journal read_journal(const std::string& file) {
  Journal journal;
  std::ifstream in(file);
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t number = 0;
  while (in >> partition >> offset >> number) journal[{partition, offset}] = number;
  return journal;
}

Slice batch_of(std::int64_t number) {
  record::BatchBuilder builder(record::BatchFields{});
  const std::string value = payload_of(number);
  record::RecordFields fields;
  fields.timestamp = Timestamp(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
  fields.value = as_view(value);
  (void)builder.append(fields);
  record::CompressionContext context;
  return builder.build(context).value();
}

int write(std::uint16_t port, const std::string& topic, std::int32_t partitions,
          const std::string& file, double seconds) {
  std::int64_t number = 0;
  for (const auto& [place, known] : read_journal(file)) number = std::max(number, known + 1);
  std::ofstream journal(file, std::ios::app);
  Line line(port);
  if (!line.good()) return 3;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::deque<std::int64_t> in_flight;
  while (line.good() && std::chrono::steady_clock::now() < end) {
    while (line.good() && in_flight.size() < 20) {
      const Slice batch = batch_of(number);
      line.send(produce_frame(1, topic, -1,
                              {{static_cast<std::int32_t>(number % partitions), batch.view()}}));
      in_flight.push_back(number++);
    }
    const auto answer = line.receive();
    if (!answer) break;
    for (const Produced& one : produced(*answer))
      if (one.error == 0)
        journal << one.partition << ' ' << one.base_offset << ' ' << in_flight.front() << '\n';
    in_flight.pop_front();
  }
  journal.flush();
  return 0;
}

/// Compares what stands at the journal's offsets of one partition; counts what is wrong.
std::size_t check_partition(Line& line, const std::string& topic, std::int32_t partition,
                            Journal& journal) {
  std::size_t wrong = 0;
  std::int64_t offset = 0;
  record::CompressionContext context;
  for (;;) {
    FetchLimits limits;
    limits.wait_ms = 0;
    line.send(fetch_frame(1, topic, {{partition, offset}}, limits));
    const auto answer = line.receive();
    if (!answer) std::exit(3);
    const auto parts = fetched(*answer);
    if (parts.empty() || parts[0].error != 0) {
      std::fprintf(stderr, "partition %d: fetch error %d\n", partition,
                   parts.empty() ? -1 : parts[0].error);
      return wrong + 1;
    }
    record::BatchIterator batches(parts[0].records);
    const std::int64_t before = offset;
    for (;;) {
      auto next = batches.next();
      if (!next.ok() || !*next) break;
      if (!(*next)->crc_is_valid()) ++wrong;
      record::RecordIterator records(**next, context);
      record::RecordView record;
      while (records.next(record)) {
        auto known = journal.find({partition, record.offset.value()});
        if (known == journal.end()) continue;
        if (!record.value || as_text(*record.value) != payload_of(known->second)) {
          std::fprintf(stderr, "partition %d offset %lld is changed\n", partition,
                       static_cast<long long>(record.offset.value()));
          ++wrong;
        }
        journal.erase(known);
      }
      offset = (*next)->next_offset().value();
    }
    if (offset == before) return wrong;
  }
}

int verify(std::uint16_t port, const std::string& topic, std::int32_t partitions,
           const std::string& file) {
  Journal journal = read_journal(file);
  const std::size_t known = journal.size();
  Line line(port);
  if (!line.good()) return 3;
  std::size_t wrong = 0;
  for (std::int32_t p = 0; p < partitions; ++p) wrong += check_partition(line, topic, p, journal);
  for (const auto& [place, number] : journal)
    std::fprintf(stderr, "partition %d offset %lld (record %lld) is lost\n", place.first,
                 static_cast<long long>(place.second), static_cast<long long>(number));
  std::printf("{\"acknowledged\": %zu, \"lost\": %zu, \"wrong\": %zu}\n", known, journal.size(),
              wrong);
  return journal.empty() && wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace moldau::loadgen

int main(int argc, char** argv) {
  using namespace moldau::loadgen;
  auto options = parse_options(argc, argv);
  const std::string what = argc > 1 ? argv[1] : "";
  const auto port = static_cast<std::uint16_t>(std::atoi(options["--port"].c_str()));
  const std::int32_t partitions = std::max(1, std::atoi(options["--partitions"].c_str()));
  if (what == "write")
    return write(port, options["--topic"], partitions, options["--file"],
                 std::atof(options["--seconds"].c_str()));
  if (what == "verify") return verify(port, options["--topic"], partitions, options["--file"]);
  std::fprintf(stderr, "usage: moldau-witness write|verify …\n");
  return 2;
}
