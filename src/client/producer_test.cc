// SPDX-License-Identifier: Apache-2.0
#include "client/producer.h"

#include <gtest/gtest.h>

#include "client/test_broker.h"
#include "client/test_tasks.h"
#include "record/record_iterator.h"
#include "wire/init_producer_id_response.h"
#include "wire/metadata_request.h"
#include "wire/produce_request.h"

namespace moldau::client {
namespace {

const Uuid kTopicId(11, 12);

class ProducerTest : public TaskTest {
 protected:
  ProducerTest() : TaskTest(9) {
    broker_.answering = [this](const wire::ReceivedHeader& header, wire::Reader& reader) {
      return answer(header, reader);
    };
    options_.machine.delivery_timeout = Millis(20'000);
    options_.request_timeout = Millis(3'000);
    options_.max_block = Millis(5'000);
  }

  void start() {
    producer_ = std::make_unique<Producer>(cluster_, options_, guard_,
                                           [this](std::vector<Completion> completions) {
                                             for (Completion& one : completions)
                                               completions_.push_back(std::move(one));
                                           });
  }

  std::optional<Slice> answer(const wire::ReceivedHeader& header, wire::Reader& reader) {
    if (header.api->key == wire::ApiKey::kInitProducerId) {
      wire::InitProducerIdResponse body;
      body.producer_id = 77;
      body.producer_epoch = 0;
      return TestBroker::answer(body, header);
    }
    if (header.api->key == wire::ApiKey::kMetadata) return metadata(header, reader);
    if (header.api->key != wire::ApiKey::kProduce) return std::nullopt;
    wire::ProduceRequest request;
    EXPECT_TRUE(request.decode(reader, header.version).ok());
    acks_ = request.acks;
    wire::ProduceResponse body;
    for (const auto& topic : request.topic_data) {
      auto& told = body.responses.emplace_back();
      told.name = wire::Text(topic.name.view());
      told.topic_id = topic.topic_id;
      for (const auto& data : topic.partition_data) {
        auto& partition = told.partition_responses.emplace_back();
        partition.index = data.index;
        partition.base_offset = store(data.records.view());
      }
    }
    if (request.acks == 0) return std::nullopt;
    return TestBroker::answer(body, header);
  }

  std::int64_t store(ByteView bytes) {
    const auto batch = record::BatchView::parse(bytes);
    EXPECT_TRUE(batch.ok() && batch->check_crc().ok());
    const auto key = std::pair(batch->producer_epoch().value(), batch->base_sequence());
    const auto known = offsets_.find(key);
    if (known != offsets_.end() && batch->base_sequence() >= 0) return known->second;
    const auto base = static_cast<std::int64_t>(stored_.size());
    offsets_[key] = base;
    record::RecordIterator records(*batch, codecs_);
    record::RecordView record;
    while (records.next(record)) stored_.emplace_back(as_text(*record.value));
    return base;
  }

  std::optional<Slice> metadata(const wire::ReceivedHeader& header, wire::Reader& reader) {
    wire::MetadataRequest request;
    EXPECT_TRUE(request.decode(reader, header.version).ok());
    wire::MetadataResponse body;
    auto& self = body.brokers.emplace_back();
    self.node_id = broker_.id();
    self.host = "10.0.0.1";
    self.port = 9092;
    if (request.topics) {
      for (const auto& asked : *request.topics) {
        auto& topic = body.topics.emplace_back();
        topic.name = wire::Text::copy_of(asked.name.view());
        if (asked.name.view() != "t") {
          topic.error_code =
              to_wire(asked.name.view() == "secret" ? ErrorCode::kTopicAuthorizationFailed
                                                    : ErrorCode::kUnknownTopicOrPartition);
          continue;
        }
        topic.topic_id = kTopicId;
        auto& partition = topic.partitions.emplace_back();
        partition.leader_id = broker_.id();
        partition.leader_epoch = 1;
      }
    }
    return TestBroker::answer(body, header);
  }

  Result<Appended> append(const std::string& value, std::string_view topic = "t",
                          std::optional<PartitionId> partition = {}) {
    OutgoingRecord record;
    record.topic = topic;
    record.partition = partition;
    record.timestamp = Timestamp(5);
    record.value = as_view(value);
    return finish(producer_->append(record));
  }
  static ClusterOptions cluster_options() {
    ClusterOptions out;
    out.bootstrap = {{"10.0.0.1", 9092, ""}};
    return out;
  }

  TestBroker broker_{world_, "10.0.0.1", 4};
  Cluster cluster_{env_, shard(), cluster_options()};
  Guard guard_;
  ProducerOptions options_;
  record::CompressionContext codecs_;
  std::vector<Completion> completions_;
  std::vector<std::string> stored_;
  std::map<std::pair<std::int16_t, std::int32_t>, std::int64_t> offsets_;
  std::int16_t acks_ = 5;
  std::unique_ptr<Producer> producer_;
};

TEST_F(ProducerTest, RecordsArriveInOrderAndAreAnsweredFor) {
  start();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(append(std::to_string(i)).ok());
  ASSERT_TRUE(finish(producer_->flush(in(10'000))).ok());
  ASSERT_EQ(stored_.size(), 50U);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(stored_[static_cast<std::size_t>(i)], std::to_string(i));
  std::int32_t answered = 0;
  for (const Completion& one : completions_) {
    EXPECT_TRUE(one.ok());
    EXPECT_EQ(one.base_offset, Offset(answered));
    answered += one.records;
  }
  EXPECT_EQ(answered, 50);
  EXPECT_EQ(acks_, -1);
}

TEST_F(ProducerTest, NothingIsDoubledWhenConnectionsBreak) {
  start();
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(append(std::to_string(i)).ok());
    if (world_.random().below(20) == 0) broker_.close_all();
    if (world_.random().below(4) == 0)
      world_.run_for(Millis(static_cast<std::int64_t>(world_.random().below(20))));
  }
  ASSERT_TRUE(finish(producer_->flush(in(60'000))).ok());
  ASSERT_EQ(stored_.size(), 400U);
  for (int i = 0; i < 400; ++i) EXPECT_EQ(stored_[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST_F(ProducerTest, WithoutAnswersRecordsAreDoneWhenTheyAreSent) {
  options_.machine.acks = 0;
  options_.machine.idempotent = false;
  start();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(append(std::to_string(i)).ok());
  ASSERT_TRUE(finish(producer_->flush(in(10'000))).ok());
  world_.run_for(Millis(100));
  EXPECT_EQ(stored_.size(), 5U);
  ASSERT_FALSE(completions_.empty());
  EXPECT_EQ(completions_[0].base_offset, Offset(-1));
  EXPECT_EQ(acks_, 0);
}

TEST_F(ProducerTest, SaysWhyARecordCannotBeTaken) {
  start();
  EXPECT_EQ(append("x", "unknown").error().detail,
            "Topic unknown not present in metadata after 5000 ms.");
  EXPECT_EQ(append("x", "secret").code(), ErrorCode::kTopicAuthorizationFailed);
  EXPECT_EQ(append("x", "t", PartitionId(3)).error().detail,
            "Partition 3 of topic t with partition count 1 is not present in metadata after 5000 "
            "ms.");
  EXPECT_EQ(append(std::string(2'000'000, 'x')).code(), ErrorCode::kMessageTooLarge);
}

TEST_F(ProducerTest, ADeafBrokerCostsTheDeliveryTimeoutAndNoMore) {
  options_.machine.delivery_timeout = Millis(4'000);
  options_.request_timeout = Millis(1'500);
  start();
  ASSERT_TRUE(append("first").ok());
  ASSERT_TRUE(finish(producer_->flush(in(10'000))).ok());
  broker_.deaf = true;
  completions_.clear();
  const MonoTime before = world_.now();
  ASSERT_TRUE(append("second").ok());
  ASSERT_TRUE(finish(producer_->flush(in(30'000))).ok());
  ASSERT_EQ(completions_.size(), 1U);
  EXPECT_EQ(completions_[0].error.code, ErrorCode::kRequestTimedOut);
  EXPECT_LE((world_.now() - before) / 1'000'000, 4'100);
  EXPECT_EQ(finish(producer_->flush(in(0))).ok(), true);
}

TEST_F(ProducerTest, WaitsForRoom) {
  options_.machine.buffer_memory = 40'000;
  options_.machine.linger = Millis(60'000);
  start();
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(append(std::string(3'000, 'y')).ok()) << i;
  ASSERT_TRUE(finish(producer_->flush(in(10'000))).ok());
  EXPECT_EQ(stored_.size(), 60U);
  broker_.deaf = true;
  Result<Appended> last = append(std::string(3'000, 'y'));
  for (int i = 0; i < 20 && last.ok(); ++i) last = append(std::string(3'000, 'y'));
  EXPECT_EQ(last.error().detail,
            "Failed to allocate 16384 bytes within the configured max blocking time 5000 ms.");
}

TEST_F(ProducerTest, MayBeDestroyedWithRecordsUnderWay) {
  start();
  ASSERT_TRUE(append("first").ok());
  world_.run_for(Millis(6));
  producer_.reset();
  world_.run_for(Millis(60'000));
}

}  // namespace
}  // namespace moldau::client
