// SPDX-License-Identifier: Apache-2.0
#include "client/ask.h"

#include <gtest/gtest.h>

#include "client/test_broker.h"
#include "client/test_tasks.h"
#include "wire/create_topics_request.h"
#include "wire/create_topics_response.h"
#include "wire/describe_groups_request.h"
#include "wire/describe_groups_response.h"
#include "wire/find_coordinator_response.h"
#include "wire/list_groups_request.h"
#include "wire/list_groups_response.h"

namespace moldau::client {
namespace {

class AskTest : public TaskTest {
 protected:
  AskTest() : TaskTest(3) {}
  template <class R, class Q, class F>
  Result<Answer<R>> finish(Target target, Q request, Millis patience, F error_of) {
    return TaskTest::finish(
        ask<R>(cluster_, std::move(target), std::move(request), world_.now() + patience, error_of));
  }
  static ClusterOptions options() {
    ClusterOptions out;
    out.bootstrap = {{"10.0.0.1", 9092, ""}};
    return out;
  }

  TestBroker broker_{world_, "10.0.0.1", 4};
  Cluster cluster_{env_, shard(), options()};
};

TEST_F(AskTest, AsksAgainWhileAnErrorCanPass) {
  int asked = 0;
  broker_.answering = [&](const wire::ReceivedHeader& header,
                          wire::Reader&) -> std::optional<Slice> {
    if (header.api->key != wire::ApiKey::kListGroups) return std::nullopt;
    wire::ListGroupsResponse body;
    if (++asked < 3) body.error_code = to_wire(ErrorCode::kCoordinatorLoadInProgress);
    return TestBroker::answer(body, header);
  };
  EXPECT_TRUE(finish<wire::ListGroupsResponse>(Target::node(NodeId(4)), wire::ListGroupsRequest(),
                                               Millis(30'000), TopError())
                  .ok());
  EXPECT_EQ(asked, 3);
}

TEST_F(AskTest, EndsWithTheErrorItMetWhenTheTimeIsOver) {
  broker_.answering = [&](const wire::ReceivedHeader& header,
                          wire::Reader&) -> std::optional<Slice> {
    if (header.api->key != wire::ApiKey::kListGroups) return std::nullopt;
    wire::ListGroupsResponse body;
    body.error_code = to_wire(ErrorCode::kCoordinatorLoadInProgress);
    return TestBroker::answer(body, header);
  };
  const MonoTime before = world_.now();
  const auto got = finish<wire::ListGroupsResponse>(Target::any(), wire::ListGroupsRequest(),
                                                    Millis(4'000), TopError());
  EXPECT_EQ(got.code(), ErrorCode::kRequestTimedOut);
  EXPECT_NE(got.error().detail.find("COORDINATOR_LOAD_IN_PROGRESS"), std::string::npos);
  EXPECT_LE(world_.now() - before, 4'100'000'000);
}

TEST_F(AskTest, ErrorsThatStayAreTheCallersToRead) {
  broker_.answering = [&](const wire::ReceivedHeader& header,
                          wire::Reader&) -> std::optional<Slice> {
    if (header.api->key != wire::ApiKey::kListGroups) return std::nullopt;
    wire::ListGroupsResponse body;
    body.error_code = to_wire(ErrorCode::kGroupAuthorizationFailed);
    return TestBroker::answer(body, header);
  };
  const auto got = finish<wire::ListGroupsResponse>(Target::any(), wire::ListGroupsRequest(),
                                                    Millis(4'000), TopError());
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(error_from_wire(got->body.error_code), ErrorCode::kGroupAuthorizationFailed);
}

TEST_F(AskTest, FindsTheCoordinatorOfAGroupByBothProtocols) {
  broker_.answering = [&](const wire::ReceivedHeader& header,
                          wire::Reader&) -> std::optional<Slice> {
    if (header.api->key == wire::ApiKey::kDescribeGroups)
      return TestBroker::answer(wire::DescribeGroupsResponse(), header);
    if (header.api->key != wire::ApiKey::kFindCoordinator) return std::nullopt;
    wire::FindCoordinatorResponse body;
    body.node_id = 9;
    body.host = "10.0.0.1";
    body.port = 9092;
    if (header.version >= 4) {
      auto& one = body.coordinators.emplace_back();
      one.key = "g";
      one.node_id = 9;
      one.host = "10.0.0.1";
      one.port = 9092;
    }
    return TestBroker::answer(body, header);
  };
  for (const std::int16_t newest : {6, 3}) {
    broker_.close_all();
    for (auto& api : broker_.versions.api_keys)
      if (api.api_key == wire::FindCoordinatorRequest::kApiKey) api.max_version = newest;
    const auto got = finish<wire::DescribeGroupsResponse>(
        Target::group("g"), wire::DescribeGroupsRequest(), Millis(10'000), NoTopError());
    ASSERT_TRUE(got.ok()) << got.error().text();
    EXPECT_EQ(got->from, NodeId(9));
  }
}

TEST_F(AskTest, AControllerThatMovedIsAskedForAgain) {
  int asked = 0;
  broker_.answering = [&](const wire::ReceivedHeader& header,
                          wire::Reader&) -> std::optional<Slice> {
    if (header.api->key != wire::ApiKey::kCreateTopics) return std::nullopt;
    wire::CreateTopicsResponse body;
    auto& topic = body.topics.emplace_back();
    if (++asked < 3) topic.error_code = to_wire(ErrorCode::kNotController);
    return TestBroker::answer(body, header);
  };
  const auto first = [](const wire::CreateTopicsResponse& body) {
    return error_from_wire(body.topics[0].error_code);
  };
  EXPECT_TRUE(finish<wire::CreateTopicsResponse>(Target::controller(), wire::CreateTopicsRequest(),
                                                 Millis(10'000), first)
                  .ok());
  EXPECT_EQ(asked, 3);
  EXPECT_GE(broker_.asked[wire::ApiKey::kMetadata], 3);
}

}  // namespace
}  // namespace moldau::client
