// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "machine/controller/test_cluster.h"
#include "wire/reader.h"
#include "wire/writer.h"

// KIP-4, KIP-195, KIP-339, KIP-455, KIP-460, KIP-546, KIP-584: answers and records of 4.3.1.

namespace moldau::controller {
namespace {

std::string bytes_of(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

/// Apache answers many lists in the order of a hash map, and topic ids are random.
template <class Response>
void normalize(Response&) {}

template <class List, class Name>
void sort_by(List& list, Name name) {
  std::sort(list.begin(), list.end(),
            [&](const auto& a, const auto& b) { return name(a) < name(b); });
}

void normalize(wire::CreateTopicsResponse& response) {
  for (auto& topic : response.topics) {
    topic.topic_id = TopicId(0, topic.topic_id.is_zero() ? 0 : 1);
    if (topic.configs) sort_by(*topic.configs, [](const auto& c) { return c.name; });
  }
  sort_by(response.topics, [](const auto& t) { return t.name; });
}
void normalize(wire::DeleteTopicsResponse& response) {
  for (auto& topic : response.responses) {
    if (topic.error_code == 0) topic.topic_id = TopicId();
  }
  sort_by(response.responses, [](const auto& t) { return t.name; });
}
void normalize(wire::ElectLeadersResponse& response) {
  sort_by(response.replica_election_results, [](const auto& t) { return t.topic; });
}
void normalize(wire::AlterClientQuotasResponse& response) {
  for (auto& entry : response.entries) {
    sort_by(entry.entity, [](const auto& e) { return e.entity_type; });
  }
}
void normalize(wire::DescribeClientQuotasResponse& response) {
  if (!response.entries) return;
  for (auto& entry : *response.entries) {
    sort_by(entry.entity, [](const auto& e) { return e.entity_type; });
    sort_by(entry.values, [](const auto& v) { return v.key; });
  }
  sort_by(*response.entries, [](const auto& e) {
    return std::make_pair(e.entity.size(), e.entity.front().entity_type);
  });
}

/// Topic ids by the order in which they appear; the broker's only directory.
class Masks {
 public:
  std::vector<std::byte> apply(image::MetadataRecord record) {
    if (auto* topic = std::get_if<wire::TopicRecord>(&record.body)) mask(topic->topic_id);
    if (auto* gone = std::get_if<wire::RemoveTopicRecord>(&record.body)) mask(gone->topic_id);
    if (auto* partition = std::get_if<wire::PartitionRecord>(&record.body)) {
      mask(partition->topic_id);
      for (DirectoryId& dir : partition->directories) dir = TestCluster::dir(1);
    }
    return image::serialize_record(record);
  }

 private:
  void mask(TopicId& id) {
    id = TopicId(1, ids_.emplace(id, static_cast<std::int64_t>(ids_.size())).first->second);
  }
  std::map<TopicId, std::int64_t> ids_;
};

class AdminGolden : public testing::Test {
 protected:
  // The node that was asked, as it was after its start.
  AdminGolden() {
    cluster_.settings.node_id = NodeId(1);
    cluster_.start();
    cluster_.add_broker(1);
  }

  template <class Request, class Decide>
  void run(Decide decide) {
    wire::Reader body(as_view(request_));
    Request request;
    ASSERT_TRUE(request.decode(body, version_).ok());
    // Through the bytes: not every version says everything.
    const auto decided = decide(request);
    std::vector<std::byte> bytes(decided.size(version_));
    wire::Writer writer{MutableBytes(bytes)};
    decided.encode(writer, version_);
    std::decay_t<decltype(decided)> ours, theirs;
    wire::Reader back{ByteView(bytes)};
    ASSERT_TRUE(ours.decode(back, version_).ok());
    wire::Reader answer(as_view(answer_));
    ASSERT_TRUE(theirs.decode(answer, version_).ok());
    normalize(ours);
    normalize(theirs);
    EXPECT_TRUE(differs_ || ours == theirs) << "request " << number_ << ", API " << api_;
    EXPECT_TRUE(!differs_ || !(ours == theirs)) << "request " << number_ << " differs no more";
  }
  template <class Request, class Decide>
  void run_decision(Decide decide) {
    run<Request>([&](const Request& request) {
      auto response = cluster_.write(decide(*cluster_.machine, request));
      for (const auto& record : cluster_.last) records_.push_back(ours_.apply(record));
      return response;
    });
  }

  void serve() {
    using M = const ControllerMachine&;
    const RequestContext c = cluster_.context(version_);
    switch (api_) {
      case 19:
        return run_decision<wire::CreateTopicsRequest>(
            [&](M m, const auto& r) { return m.decide_create_topics(r, c); });
      case 20:
        return run_decision<wire::DeleteTopicsRequest>(
            [&](M m, const auto& r) { return m.decide_delete_topics(r, c); });
      case 33:
        return run_decision<wire::AlterConfigsRequest>(
            [&](M m, const auto& r) { return m.decide_alter_configs(r); });
      case 37:
        return run_decision<wire::CreatePartitionsRequest>(
            [&](M m, const auto& r) { return m.decide_create_partitions(r, c); });
      case 43:
        return run_decision<wire::ElectLeadersRequest>(
            [&](M m, const auto& r) { return m.decide_elect_leaders(r, c); });
      case 44:
        return run_decision<wire::IncrementalAlterConfigsRequest>(
            [&](M m, const auto& r) { return m.decide_incremental_alter_configs(r); });
      case 45:
        return run_decision<wire::AlterPartitionReassignmentsRequest>(
            [&](M m, const auto& r) { return m.decide_alter_partition_reassignments(r); });
      case 46:
        return run<wire::ListPartitionReassignmentsRequest>(
            [&](const auto& r) { return cluster_.machine->list_partition_reassignments(r); });
      case 48:
        return run<wire::DescribeClientQuotasRequest>(
            [&](const auto& r) { return describe_client_quotas(cluster_.machine->image(), r); });
      case 49:
        return run_decision<wire::AlterClientQuotasRequest>(
            [&](M m, const auto& r) { return m.decide_alter_client_quotas(r); });
      case 57:
        return run_decision<wire::UpdateFeaturesRequest>(
            [&](M m, const auto& r) { return m.decide_update_features(r, c); });
      case 64:
        return run_decision<wire::UnregisterBrokerRequest>(
            [&](M m, const auto& r) { return m.decide_unregister_broker(r); });
      default:
        FAIL() << "API " << api_;
    }
  }

  void read_line(const std::string& line) {
    std::istringstream in(line);
    std::string kind;
    in >> kind;
    if (kind == "record") {
      std::string hex;
      in >> hex;
      const std::string value = bytes_of(hex);
      const auto record = image::parse_record(as_view(value));
      ASSERT_TRUE(record.ok());
      ASSERT_LT(compared_, records_.size());
      EXPECT_EQ(theirs_.apply(*record), records_[compared_])
          << "record " << compared_ << ", " << image::record_name(*record);
      ++compared_;
      return;
    }
    std::string request, answer;
    in >> api_ >> version_ >> request >> answer;
    request_ = request == "-" ? std::string() : bytes_of(request);
    answer_ = bytes_of(answer);
    differs_ = kind == "differs";
    ++number_;
    serve();
  }

  TestCluster cluster_;
  std::int16_t api_ = 0;
  std::int16_t version_ = 0;
  std::string request_;
  std::string answer_;
  bool differs_ = false;
  int number_ = 0;
  Masks ours_;
  Masks theirs_;
  std::vector<std::vector<std::byte>> records_;
  std::size_t compared_ = 0;
};

TEST_F(AdminGolden, AnswersAndRecordsAreApaches) {
  std::ifstream file("tests/golden/controller/admin_requests.txt");
  ASSERT_TRUE(file.is_open());
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.front() != '#') read_line(line);
  }
  EXPECT_GT(number_, 150);
  EXPECT_EQ(compared_, records_.size());
  cluster_.check();
}

}  // namespace
}  // namespace moldau::controller
