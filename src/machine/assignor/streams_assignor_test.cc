// SPDX-License-Identifier: Apache-2.0
// KIP-1071
#include "machine/assignor/streams_assignor.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace moldau::assignor {
namespace {

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> out;
  std::istringstream in{std::string(text)};
  for (std::string part; std::getline(in, part, by);) out.push_back(part);
  return out;
}

StreamsTasks tasks_of(const std::string& text) {
  StreamsTasks out;
  if (text == "-") return out;
  for (const std::string& one : split(text, ';')) {
    const auto parts = split(one, ':');
    for (const std::string& number : split(parts.at(1), ',')) {
      out[parts.at(0)].insert(std::stoi(number));
    }
  }
  return out;
}

struct GoldenMember {
  std::string id;
  std::string process;
  StreamsMemberTasks before;
  StreamsMemberTasks after;
};

struct GoldenRound {
  std::vector<std::vector<std::string>> parts;
  std::int32_t standbys = 0;
  std::vector<GoldenMember> members;
};

void check(const GoldenRound& round, std::size_t line) {
  std::vector<StreamsSubtopologyTasks> parts;
  for (const auto& part : round.parts) {
    parts.emplace_back(part.at(1), std::stoi(part.at(2)), part.at(3) == "true");
  }
  std::vector<StreamsMemberSpec> specs;
  for (const GoldenMember& member : round.members) {
    specs.emplace_back(member.id, member.process, member.before.active, member.before.standby);
  }
  const auto got = assign_streams_tasks(specs, parts, round.standbys);
  ASSERT_EQ(got.size(), round.members.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].active, round.members[i].after.active) << "round before line " << line;
    ASSERT_EQ(got[i].standby, round.members[i].after.standby) << "round before line " << line;
  }
}

/// Rounds of all groups of a file that StreamsAssignments.java wrote; how many they were.
std::size_t check_all(std::istream& file) {
  GoldenRound round;
  std::size_t rounds = 0;
  std::size_t given = 0;
  std::size_t number = 0;
  const auto end_round = [&] {
    if (round.members.empty()) return;
    EXPECT_EQ(given, round.members.size());
    check(round, number);
    ++rounds;
    round.members.clear();
    given = 0;
  };
  for (std::string line; std::getline(file, line) && !testing::Test::HasFatalFailure();) {
    ++number;
    const auto words = split(line, ' ');
    if (words[0] == "group") {
      end_round();
      round.parts.clear();
    } else if (words[0] == "part") {
      round.parts.push_back(words);
    } else if (words[0] == "round") {
      end_round();
      round.standbys = std::stoi(words.at(1));
    } else if (words[0] == "member") {
      GoldenMember& member = round.members.emplace_back();
      member.id = words.at(1);
      member.process = words.at(2);
      member.before.active = tasks_of(words.at(3));
      member.before.standby = tasks_of(words.at(4));
    } else {
      StreamsMemberTasks& after = round.members.at(given++).after;
      after.active = tasks_of(words.at(1));
      after.standby = tasks_of(words.at(2));
    }
  }
  end_round();
  return rounds;
}

TEST(StreamsAssignorTest, GivesWhatApachesStickyTaskAssignorGives) {
  std::ifstream file("tests/golden/group/streams_assignments.txt");
  ASSERT_TRUE(file.good());
  EXPECT_GT(check_all(file), 100U);
}

TEST(StreamsAssignorTest, AssignsNothingWithoutMembers) {
  const std::vector<StreamsSubtopologyTasks> parts{{"0", 4, true}};
  EXPECT_TRUE(assign_streams_tasks({}, parts, 1).empty());
}

TEST(StreamsAssignorTest, ForgetsTasksThatAreNoMore) {
  const StreamsTasks had{{"0", {-1, 0, 7}}, {"9", {0}}};
  const StreamsTasks none;
  const std::vector<StreamsMemberSpec> members{{"a", "p", had, had}};
  const std::vector<StreamsSubtopologyTasks> parts{{"0", 2, true}};
  const auto got = assign_streams_tasks(members, parts, 1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].active, (StreamsTasks{{"0", {0, 1}}}));
  EXPECT_EQ(got[0].standby, none) << "a process is no standby of its own";
}

}  // namespace
}  // namespace moldau::assignor
