// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <moldau/producer.h>

#include <atomic>
#include <thread>

#include "lib/batch_fate.h"

namespace moldau {
namespace {

using std::chrono::milliseconds;

ProducerConfig nobody_listens() {
  ProducerConfig config;
  config.bootstrap_servers = {"127.0.0.1:1"};
  config.max_block = milliseconds(200);
  return config;
}

ProducerRecord record_of(std::string_view value) {
  ProducerRecord record;
  record.topic = "t";
  record.value = value;
  return record;
}

TEST(ProducerTest, RefusesSettingsThatContradictEachOther) {
  ProducerConfig config = nobody_listens();
  config.acks = Acks::kLeader;
  EXPECT_EQ(Producer::open(config).code(), ErrorCode::kInvalidConfig);
  config.enable_idempotence = false;
  EXPECT_TRUE(Producer::open(config).ok());
  config = nobody_listens();
  config.max_in_flight_requests_per_connection = 6;
  EXPECT_EQ(Producer::open(config).code(), ErrorCode::kInvalidConfig);
  config = nobody_listens();
  config.delivery_timeout = milliseconds(1'000);
  EXPECT_EQ(Producer::open(config).code(), ErrorCode::kInvalidConfig);
  config = nobody_listens();
  config.bootstrap_servers = {"localhost"};
  EXPECT_EQ(Producer::open(config).error().detail, "Invalid url in bootstrap.servers: localhost");
  config.bootstrap_servers = {};
  EXPECT_EQ(Producer::open(config).code(), ErrorCode::kInvalidConfig);
}

TEST(ProducerTest, SendsFailInTimeWhenNobodyListens) {
  auto producer = Producer::open(nobody_listens()).value();
  const auto sent = producer->send(record_of("x"));
  EXPECT_EQ(sent.wait().code(), ErrorCode::kRequestTimedOut);
  EXPECT_FALSE(producer->partitions_for("t").ok());
  bool told = false;
  sent.then([&](const Result<RecordMetadata>& outcome) { told = !outcome.ok(); });
  EXPECT_TRUE(told);
  EXPECT_TRUE(producer->close(milliseconds(100)).ok());
  EXPECT_EQ(producer->send(record_of("x")).wait().code(), ErrorCode::kInvalidRequest);
}

TEST(ProducerTest, ManyThreadsMayOpenSendAndClose) {
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&failed] {
      for (int round = 0; round < 5; ++round) {
        ProducerConfig config = nobody_listens();
        config.max_block = milliseconds(5);
        auto producer = Producer::open(config).value();
        std::thread other([&] { failed += producer->send(record_of("a")).wait().ok() ? 0 : 1; });
        failed += producer->send(record_of("b")).wait().ok() ? 0 : 1;
        other.join();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 40);
}

TEST(BatchFateTest, RecordsLearnTheirOwnPartOfTheOutcome) {
  auto gate = std::make_shared<FateGate>();
  auto fate = std::make_shared<BatchFate>(gate);
  const PendingSend first(fate, 0, 3);
  const PendingSend third(fate, 2, 3);
  EXPECT_FALSE(first.ready());
  EXPECT_EQ(first.wait(milliseconds(1)).code(), ErrorCode::kRequestTimedOut);
  client::Completion half;
  half.records = 2;
  half.base_offset = Offset(40);
  fate->add(half);
  EXPECT_EQ(first.wait()->offset, 40);
  EXPECT_EQ(first.wait()->partition, 3);
  EXPECT_FALSE(third.ready());
  client::Completion rest;
  rest.first_record = 2;
  rest.records = 2;
  rest.error = Error(ErrorCode::kInvalidRecord, "no");
  rest.culprits.emplace_back(1, "a null key");
  fate->add(rest);
  EXPECT_EQ(third.wait().error().detail,
            "it was part of a batch which had one more more invalid records");
  EXPECT_EQ(PendingSend(fate, 3, 3).wait().error().detail, "a null key");
}

}  // namespace
}  // namespace moldau
