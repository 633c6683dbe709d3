// SPDX-License-Identifier: Apache-2.0
// Directories that an Apache Kafka 4.3.1 wrote (tests/golden/log/make.py): they open here with
// the same offsets, and what we build from their records has the bytes Apache built.
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "log/log_directory.h"
#include "log/test_log_fixture.h"
#include "record/compression.h"
#include "record/record_iterator.h"

namespace moldau::log {
namespace {

const std::string kGolden = "tests/golden/log/";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

/// Unpacks a ustar archive.
void unpack(const std::string& tar, MemoryDisk& disk) {
  for (std::size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
    const std::string name = tar.substr(at, 100).c_str();
    const std::size_t size = std::stoul(tar.substr(at + 124, 12), nullptr, 8);
    disk.now = Timestamp(1000 * std::stoll(tar.substr(at + 136, 12), nullptr, 8));
    disk.put_file("data/" + name, tar.substr(at + 512, size));
    at += 512 + (size + 511) / 512 * 512;
  }
}

struct ApacheGoldenTest : testing::TestWithParam<const char*>, LogFixture {
  MemoryDisk disk;
  std::unique_ptr<LogDirectory> directory;
  Millis producer_id_expiration{INT64_MAX};  // the load has old timestamps

  void SetUp() override {
    context.limits.output_bytes_max = std::size_t{512} << 20;
    const std::string packed = read_file(kGolden + GetParam() + ".tar.gz");
    ASSERT_FALSE(packed.empty());
    const auto tar = record::decompress(context, record::CompressionType::kGzip, as_view(packed));
    ASSERT_TRUE(tar.ok());
    unpack(std::string(as_text(tar->view())), disk);
    now = disk.now;
    auto opened = LogDirectory::open(disk, "data");
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    directory = std::move(*opened);
    EXPECT_TRUE(directory->warnings().empty());
  }

  std::unique_ptr<PartitionLog> open_topic(const FoundReplica& replica, bool clean,
                                           Offset recovery_point) {
    config = LogConfig();
    config.index_interval_bytes = replica.topic_partition.topic == "codecs" ? 200 : 4096;
    config.segment_bytes = 1 << 20;
    config.producer_id_expiration_ms = producer_id_expiration;
    PartitionLog::OpenOptions options(directory->path_of(replica.name), replica.topic_partition,
                                      config);
    options.was_clean = clean;
    options.recovery_point = recovery_point;
    options.log_start_offset =
        directory->find_log_start_offset(replica.topic_partition).value_or(Offset(0));
    options.topic_id = replica.topic_id;
    options.now = now;
    auto log = PartitionLog::open(disk, std::move(options));
    EXPECT_TRUE(log.ok()) << log.error().text();
    log->get()->set_high_watermark(log->get()->log_end_offset());
    return std::move(log).value();
  }
  std::unique_ptr<PartitionLog> open_topic(const FoundReplica& replica) {
    return open_topic(replica, directory->was_clean(),
                      directory->find_recovery_point(replica.topic_partition).value_or(Offset(0)));
  }
};

TEST_P(ApacheGoldenTest, AnswersAsApacheDid) {
  EXPECT_EQ(directory->was_clean(), std::string(GetParam()) == "stopped");
  std::map<std::string, std::unique_ptr<PartitionLog>> logs;
  for (const FoundReplica& replica : directory->replicas()) {
    logs[replica.topic_partition.topic] = open_topic(replica);
    EXPECT_FALSE(replica.topic_id.is_zero());
  }
  ASSERT_EQ(logs.size(), 5U);
  std::istringstream expected(read_file(kGolden + GetParam() + ".txt"));
  std::string topic;
  std::string what;
  std::int64_t one = 0;
  std::int64_t two = 0;
  int answers = 0;
  while (expected >> topic >> what >> one >> two) {
    const PartitionLog& log = *logs.at(topic);
    if (what == "offsets") {
      EXPECT_EQ(log.log_start_offset(), Offset(one)) << topic;
      EXPECT_EQ(log.log_end_offset(), Offset(two)) << topic;
    } else {
      const auto found = log.view().offset_for_timestamp(Timestamp(one), context);
      ASSERT_TRUE(found.ok()) << found.error().text();
      EXPECT_EQ(*found ? (*found)->offset.value() : -1, two) << topic << " at " << one;
    }
    ++answers;
  }
  EXPECT_EQ(answers, 30);
  for (const auto& [name, log] : logs) {
    EXPECT_EQ(log->recovery_report().bytes_truncated, 0U) << name;
    EXPECT_FALSE(read_all(*log, log->log_start_offset()).empty()) << name;
    EXPECT_GE(log->leader_epochs().entries().size(), 1U) << name;
    // And it goes on: append, stop, start.
    append(*log, {.epoch = LeaderEpoch(9), .key = "ours"});
  }
}

TEST_P(ApacheGoldenTest, TellsTheAbortedTransactions) {
  for (const FoundReplica& replica : directory->replicas()) {
    if (replica.topic_partition.topic != "transactions") continue;
    auto log = open_topic(replica);
    const auto first = log->view().aborted_transactions(Offset(0), log->log_end_offset());
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(first->size(), log->log_end_offset().value() / 12U);
    EXPECT_EQ(log->last_stable_offset(), log->log_end_offset());
    EXPECT_EQ(log->producers().size(), 1U);
  }
}

/// Everything that recovery derives from the records, deleted and derived again.
TEST_P(ApacheGoldenTest, RebuildsTheBytesOfEveryIndexAndSnapshot) {
  if (!directory->was_clean()) GTEST_SKIP() << "Apache has not closed its indexes";
  for (const FoundReplica& replica : directory->replicas()) {
    if (replica.topic_partition.topic == "compacted") continue;  // cleaned by other intervals
    const std::string folder = directory->path_of(replica.name) + "/";
    std::map<std::string, std::string> theirs;
    for (const std::string& name : disk.names()) {
      if (!name.starts_with(folder)) continue;
      if (name.ends_with("index") || name.ends_with(".snapshot")) {
        theirs[name] = disk.content(name);
        ASSERT_TRUE(disk.remove_file(name).ok());
      }
    }
    auto log = open_topic(replica, false, Offset(0));
    ASSERT_TRUE(log->close().ok());
    log.reset();
    std::size_t compared = 0;
    for (const auto& [name, bytes] : theirs) {
      // Only the last snapshot is written at a stop; older ones came with their rolls.
      if (name.ends_with(".snapshot") && !disk.has(name)) continue;
      ASSERT_TRUE(disk.has(name)) << name;
      EXPECT_EQ(disk.content(name).size(), bytes.size()) << name;
      EXPECT_TRUE(disk.content(name) == bytes) << name;
      ++compared;
    }
    EXPECT_GE(compared, 3U) << folder;
  }
}

TEST_P(ApacheGoldenTest, ReadsEveryRecordOfEveryCodec) {
  for (const FoundReplica& replica : directory->replicas()) {
    if (replica.topic_partition.topic != "codecs") continue;
    auto log = open_topic(replica);
    const std::string bytes = read_all(*log, Offset(0));
    record::BatchIterator batches(as_view(bytes));
    std::map<int, int> by_codec;
    for (;;) {
      const auto batch = batches.next();
      ASSERT_TRUE(batch.ok());
      if (!*batch) break;
      record::RecordIterator records(**batch, context);
      record::RecordView record;
      while (records.next(record)) ++by_codec[static_cast<int>((*batch)->compression_type())];
      ASSERT_TRUE(records.status().ok());
    }
    ASSERT_EQ(by_codec.size(), 5U);
    for (const auto& [codec, count] : by_codec)
      EXPECT_EQ(count, log->log_end_offset().value() / 5) << codec;
  }
}

/// Directories after a kill and further damage (tests/golden/log/damage.py); what Apache answered
/// when it had opened them.
struct DamagedGoldenTest : ApacheGoldenTest {
  using Answers = std::multiset<std::string>;

  DamagedGoldenTest() { producer_id_expiration = LogConfig().producer_id_expiration_ms; }

  /// All that `log` answers, in the words of damaged.txt; times as they are asked there.
  Answers answers_of(const PartitionLog& log, const Answers& expected) {
    Answers out;
    const auto tell = [&out](const char* what, std::int64_t a, std::int64_t b, std::int64_t c) {
      std::ostringstream line;
      line << what << ' ' << a << ' ' << b << ' ' << c;
      out.insert(line.str());
    };
    tell("offsets", log.log_start_offset().value(), log.log_end_offset().value(),
         log.last_stable_offset().value());
    for (const std::string& line : expected) {
      if (!line.starts_with("time ")) continue;
      const std::int64_t at = std::stoll(line.substr(5));
      const auto found = log.view().offset_for_timestamp(Timestamp(at), context);
      EXPECT_TRUE(found.ok());
      const FoundOffset none;
      const FoundOffset& one = found.ok() && *found ? **found : none;
      tell("time", at, one.timestamp.value(), one.offset.value());
    }
    for (int epoch = 0; epoch < 2; ++epoch) {
      const auto end = log.end_offset_for_epoch(LeaderEpoch(epoch));
      tell("epoch", epoch, end.epoch.value(), end.end_offset.value());
    }
    const auto aborted =
        log.view().aborted_transactions(log.log_start_offset(), log.last_stable_offset());
    EXPECT_TRUE(aborted.ok());
    for (const AbortedTransaction& one : *aborted)
      tell("aborted", one.producer_id.value(), one.first_offset.value(), 0);
    for (const auto& [id, entry] : log.producers().producers())
      tell("producer", id, entry.last_sequence(), entry.current_txn_first_offset.value());
    const std::string bytes = read_all(log, log.log_start_offset());
    record::BatchIterator batches(as_view(bytes));
    std::int64_t count = 0;
    std::uint32_t sum = 0;
    for (auto batch = batches.next(); batch.ok() && *batch; batch = batches.next(), ++count)
      sum += (*batch)->crc();
    tell("batches", count, static_cast<std::int64_t>(bytes.size()), sum);
    return out;
  }
};

TEST_P(DamagedGoldenTest, AnswersAsApacheDid) {
  std::map<std::string, Answers> expected;
  std::ifstream lines(kGolden + "damaged.txt");
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.find(' ');
    expected[line.substr(0, space)].insert(line.substr(space + 1));
  }
  EXPECT_FALSE(directory->was_clean());
  std::size_t compared = 0;
  for (const FoundReplica& replica : directory->replicas()) {
    SCOPED_TRACE(replica.name);
    auto log = open_topic(replica);
    const Answers& theirs = expected[std::string(replica.topic_partition.topic)];
    EXPECT_EQ(answers_of(*log, theirs), theirs);
    ++compared;
  }
  EXPECT_EQ(compared, expected.size());
  EXPECT_GE(compared, 20U);
}

INSTANTIATE_TEST_SUITE_P(, DamagedGoldenTest, testing::Values("damaged"));
INSTANTIATE_TEST_SUITE_P(, ApacheGoldenTest, testing::Values("stopped", "killed"),
                         [](const auto& which) { return which.param; });

}  // namespace
}  // namespace moldau::log
