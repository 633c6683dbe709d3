// SPDX-License-Identifier: Apache-2.0
// KIP-848, KIP-932: what Apache Kafka 4.3.1's own assignors gave generated groups through several
// changes (tests/interop/java/ConsumerAssignments.java). MOLDAU_ASSIGNMENTS names a file of more
// groups.
#include "machine/assignor/consumer_assignors.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "machine/assignor/simple_assignor.h"

namespace moldau::assignor {
namespace {

constexpr const char* kGolden = "src/machine/assignor/testdata/consumer_assignments.txt";
constexpr const char* kShareGolden = "src/machine/assignor/testdata/share_assignments.txt";

struct Member {
  std::string instance;
  std::vector<std::size_t> topics;
  Assignment target;
  Assignment expected;
};

struct Case {
  std::string assignor;
  std::string type;
  std::vector<std::pair<TopicId, std::int32_t>> topics;
  std::map<std::string, Member> members;
};

Assignment parse_assignment(const std::string& text, const Case& of) {
  Assignment out;
  if (text == "-") return out;
  std::istringstream topics(text);
  for (std::string topic; std::getline(topics, topic, ';');) {
    const std::size_t colon = topic.find(':');
    PartitionIds& to = out[of.topics[std::stoul(topic.substr(0, colon))].first];
    std::istringstream partitions(topic.substr(colon + 1));
    for (std::string one; std::getline(partitions, one, '.');) to.emplace_back(std::stoi(one));
  }
  return out;
}

void parse_member(std::istringstream& line, Case& to) {
  std::string id;
  std::string topics;
  std::string target;
  std::string expected;
  Member member;
  line >> id >> member.instance >> topics >> target >> expected;
  std::istringstream each(topics == "-" ? "" : topics);
  for (std::string one; std::getline(each, one, ',');) member.topics.push_back(std::stoul(one));
  member.target = parse_assignment(target, to);
  member.expected = parse_assignment(expected, to);
  to.members.emplace(id, std::move(member));
}

GroupSpec spec_of(const Case& from) {
  GroupSpec spec;
  spec.subscription_type = from.type == "homogeneous" ? SubscriptionType::kHomogeneous
                                                      : SubscriptionType::kHeterogeneous;
  for (const auto& [topic, count] : from.topics) {
    spec.partition_counts[topic] = count;
    spec.assigned[topic].assign(static_cast<std::size_t>(count), false);
  }
  for (const auto& [id, member] : from.members) {
    MemberSpec& to = spec.members[id];
    if (member.instance != "-") to.instance_id = member.instance;
    for (const std::size_t topic : member.topics) to.topics.push_back(from.topics[topic].first);
    std::sort(to.topics.begin(), to.topics.end());
    to.target = &member.target;
    for (const auto& [topic, partitions] : member.target) {
      for (const PartitionId partition : partitions) {
        spec.assigned[topic][static_cast<std::size_t>(partition.value())] = true;
      }
    }
  }
  return spec;
}

/// How many assignments there were.
int compare(std::istream& in) {
  int count = 0;
  Case current;
  for (std::string text; std::getline(in, text);) {
    std::istringstream line(text);
    std::string word;
    line >> word;
    if (word == "group") {
      current = Case();
      line >> current.assignor >> current.type;
    } else if (word == "topic") {
      std::int64_t high = 0;
      std::int64_t low = 0;
      std::int32_t partitions = 0;
      line >> high >> low >> partitions;
      current.topics.emplace_back(TopicId(high, low), partitions);
    } else if (word == "member") {
      parse_member(line, current);
    } else if (word == "end") {
      ++count;
      const GroupSpec spec = spec_of(current);
      const auto made = current.assignor == "simple" ? assign_simple(spec)
                                                     : consumer_assignor(current.assignor)(spec);
      if (!made.ok()) {
        ADD_FAILURE() << made.error().detail;
        return count;
      }
      for (const auto& [id, member] : current.members) {
        const auto at = made->find(id);
        const Assignment got = at == made->end() ? Assignment() : at->second;
        EXPECT_EQ(got, member.expected) << "assignment " << count << " of " << id;
        if (got != member.expected) return count;
      }
    }
  }
  return count;
}

TEST(ConsumerAssignorsTest, EqualApaches) {
  std::ifstream golden(kGolden);
  ASSERT_TRUE(golden.good());
  EXPECT_GT(compare(golden), 250);
  if (const char* more = std::getenv("MOLDAU_ASSIGNMENTS")) {
    std::ifstream file(more);
    ASSERT_TRUE(file.good());
    EXPECT_GT(compare(file), 0);
  }
}

TEST(ConsumerAssignorsTest, ThoseOfShareGroupsEqualApaches) {
  std::ifstream golden(kShareGolden);
  ASSERT_TRUE(golden.good());
  EXPECT_GT(compare(golden), 250);
}

TEST(ConsumerAssignorsTest, AMissingTopicIsAnError) {
  GroupSpec spec;
  spec.members["a"].topics = {TopicId(1, 1)};
  EXPECT_FALSE(assign_uniform(spec).ok());
  EXPECT_FALSE(assign_range(spec).ok());
  spec.subscription_type = SubscriptionType::kHeterogeneous;
  EXPECT_FALSE(assign_uniform(spec).ok());
  EXPECT_EQ(consumer_assignor("sticky"), nullptr);
}

}  // namespace
}  // namespace moldau::assignor
