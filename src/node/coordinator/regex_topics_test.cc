// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/regex_topics.h"

#include <gtest/gtest.h>

#include "machine/image/delta.h"
#include "machine/image/record_list.h"

namespace moldau::coordinator {
namespace {

// KIP-848: who subscribes by an expression sees what he may describe.

image::Acl acl(image::AclPermission permission, std::string principal, std::string host,
               std::string name) {
  image::Acl acl;
  acl.resource_type = static_cast<std::int8_t>(image::AclResourceType::kTopic);
  acl.pattern_type = static_cast<std::int8_t>(image::AclPatternType::kLiteral);
  acl.resource_name = std::move(name);
  acl.principal = std::move(principal);
  acl.host = std::move(host);
  acl.operation = static_cast<std::int8_t>(image::AclOperation::kRead);
  acl.permission_type = static_cast<std::int8_t>(permission);
  return acl;
}

image::MetadataImage image_with(const std::vector<image::Acl>& acls) {
  image::RecordList list;
  std::uint64_t id = 0;
  for (const char* name : {"log-a", "log-b", "log-c", "other"}) list.topic(name, Uuid(1, ++id));
  for (const image::Acl& acl : acls) list.acl(Uuid(2, ++id), acl);
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) EXPECT_TRUE(delta.replay(record).ok());
  return delta.publish(image::Provenance(Offset(7), LeaderEpoch(0), Timestamp(0)));
}

/// Keeps what is said on the level of allowed access.
class AuditLog final : public env::Logger {
 public:
  bool enabled(env::LogLevel level, std::string_view) const override {
    return level >= env::LogLevel::kDebug;
  }
  void write(env::LogLevel, std::string_view, std::string_view text) override {
    lines.emplace_back(text);
  }
  std::vector<std::string> lines;
};

using Topics = std::vector<std::string>;

class RegexTopicsTest : public testing::Test {
 protected:
  RegexTopicsTest() {
    question_.group_id = "g";
    question_.regexes = {"log-.*", ".*[bc]"};
    question_.principal = "User:a";
    question_.client_host = "/10.0.0.1";
  }
  group::ResolvedRegexes ask(const security::AuthorizerSettings* authorizer) {
    return visible_regexes(question_, image_, Timestamp(5), authorizer, log_);
  }

  const image::MetadataImage image_ =
      image_with({acl(image::AclPermission::kAllow, "User:a", "*", "log-a"),
                  acl(image::AclPermission::kAllow, "User:a", "10.0.0.1", "log-b"),
                  acl(image::AclPermission::kAllow, "User:b", "*", "log-c")});
  group::RegexQuestion question_;
  security::AuthorizerSettings settings_;
  AuditLog log_;
};

TEST_F(RegexTopicsTest, EverythingMatchesWithoutAnAuthorizer) {
  const auto resolved = ask(nullptr);
  EXPECT_EQ(resolved.at("log-.*").topics, (Topics{"log-a", "log-b", "log-c"}));
  EXPECT_EQ(resolved.at(".*[bc]").topics, (Topics{"log-b", "log-c"}));
  EXPECT_TRUE(log_.lines.empty());
}

TEST_F(RegexTopicsTest, LeavesOutWhatTheMemberMayNotDescribe) {
  auto resolved = ask(&settings_);
  EXPECT_EQ(resolved.at("log-.*").topics, (Topics{"log-a", "log-b"}));
  EXPECT_EQ(resolved.at(".*[bc]").topics, (Topics{"log-b"}));
  EXPECT_EQ(resolved.at("log-.*").version, 7);
  EXPECT_EQ(resolved.at("log-.*").timestamp, Timestamp(5));
  question_.client_host = "/10.0.0.2";
  resolved = ask(&settings_);
  EXPECT_EQ(resolved.at("log-.*").topics, (Topics{"log-a"}));
  EXPECT_EQ(resolved.at(".*[bc]").topics, Topics());
  question_.principal = "";
  EXPECT_EQ(ask(&settings_).at("log-.*").topics, Topics());
}

TEST_F(RegexTopicsTest, TheAuditLogTellsWhatWasAllowed) {
  question_.api = wire::ApiKey::kJoinGroup;
  ask(&settings_);
  ASSERT_EQ(log_.lines.size(), 2U);
  EXPECT_NE(log_.lines[1].find("log-b"), std::string::npos) << log_.lines[1];
  EXPECT_NE(log_.lines[1].find("for request = JoinGroup with resourceRefCount = 2"),
            std::string::npos)
      << log_.lines[1];
}

}  // namespace
}  // namespace moldau::coordinator
