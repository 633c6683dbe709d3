// SPDX-License-Identifier: Apache-2.0
#include "machine/security/authorizer.h"

#include <gtest/gtest.h>

#include "machine/image/delta.h"
#include "machine/image/record_list.h"

namespace moldau::security {
namespace {

/// "ALLOW READ User:a@host TOPIC LITERAL name", in that order.
image::Acl acl(AclPermission permission, AclOperation operation, std::string principal,
               std::string host, AclPatternType pattern, std::string name) {
  image::Acl acl;
  acl.resource_type = static_cast<std::int8_t>(AclResourceType::kTopic);
  acl.pattern_type = static_cast<std::int8_t>(pattern);
  acl.resource_name = std::move(name);
  acl.principal = std::move(principal);
  acl.host = std::move(host);
  acl.operation = static_cast<std::int8_t>(operation);
  acl.permission_type = static_cast<std::int8_t>(permission);
  return acl;
}

class AuthorizerTest : public testing::Test {
 protected:
  void add(AclPermission permission, AclOperation operation, const std::string& principal,
           AclPatternType pattern, const std::string& name, const std::string& host = "*") {
    image::RecordList list(image::MetadataVersion{});
    list.acl(Uuid(1, ++ids_), acl(permission, operation, principal, host, pattern, name));
    replay(list);
  }
  void remove(std::uint64_t id) {
    image::RecordList list(image::MetadataVersion{});
    list.remove_acl(Uuid(1, id));
    replay(list);
  }
  void replay(const image::RecordList& list) {
    image::MetadataDelta delta(image_);
    for (const auto& record : list.records()) ASSERT_TRUE(delta.replay(record).ok());
    image_ = delta.publish(image::Provenance(Offset(1), LeaderEpoch(0), Timestamp(0)));
  }
  Verdict ask(AclOperation operation, std::string_view name) const {
    return judge(image_, settings_, Subject("User:a", "10.0.0.1"),
                 Action(operation, AclResourceType::kTopic, name));
  }
  bool may(AclOperation operation, std::string_view name) const {
    return ask(operation, name).allowed;
  }
  bool may_some(AclOperation operation) const {
    return judge_by_resource_type(image_, settings_, Subject("User:a", "10.0.0.1"), operation,
                                  AclResourceType::kTopic);
  }

  image::MetadataImage image_;
  AuthorizerSettings settings_;
  std::uint64_t ids_ = 0;
};

constexpr auto kAllow = AclPermission::kAllow;
constexpr auto kDeny = AclPermission::kDeny;
constexpr auto kLiteral = AclPatternType::kLiteral;
constexpr auto kPrefixed = AclPatternType::kPrefixed;

TEST_F(AuthorizerTest, WithoutAclsTheSettingDecides) {
  EXPECT_FALSE(may(AclOperation::kRead, "t"));
  settings_.allow_if_no_acl = true;
  EXPECT_TRUE(may(AclOperation::kRead, "t"));
  // An ACL of somebody else is one about the resource.
  add(kAllow, AclOperation::kRead, "User:b", kLiteral, "t");
  EXPECT_FALSE(may(AclOperation::kRead, "t"));
  EXPECT_TRUE(may(AclOperation::kRead, "t2"));
}

TEST_F(AuthorizerTest, SuperUsersNeedNoAclAndMindNoDeny) {
  add(kDeny, AclOperation::kAll, "User:*", kLiteral, "*");
  EXPECT_FALSE(may(AclOperation::kRead, "t"));
  settings_.super_users.insert("User:a");
  EXPECT_TRUE(may(AclOperation::kRead, "t"));
  EXPECT_TRUE(may_some(AclOperation::kWrite));
}

TEST_F(AuthorizerTest, DenyWinsWhateverThePatternIs) {
  add(kAllow, AclOperation::kRead, "User:a", kLiteral, "team.orders");
  EXPECT_TRUE(may(AclOperation::kRead, "team.orders"));
  add(kDeny, AclOperation::kRead, "User:*", kPrefixed, "team.");
  EXPECT_FALSE(may(AclOperation::kRead, "team.orders"));
  remove(2);
  EXPECT_TRUE(may(AclOperation::kRead, "team.orders"));
  add(kDeny, AclOperation::kAll, "User:a", kLiteral, "*");
  EXPECT_FALSE(may(AclOperation::kRead, "team.orders"));
}

TEST_F(AuthorizerTest, PrefixesBetweenOtherNamesAreFound) {
  for (const char* name : {"f", "fa", "fob", "foobaz", "fooc", "g"})
    add(kAllow, AclOperation::kRead, "User:b", kPrefixed, name);
  add(kAllow, AclOperation::kWrite, "User:a", kPrefixed, "fo");
  EXPECT_TRUE(may(AclOperation::kWrite, "foobar"));
  EXPECT_TRUE(may(AclOperation::kWrite, "fo"));
  EXPECT_FALSE(may(AclOperation::kWrite, "f"));
  EXPECT_FALSE(may(AclOperation::kWrite, "fa"));
}

TEST_F(AuthorizerTest, OnlyAllowImplies) {
  add(kAllow, AclOperation::kAlter, "User:a", kLiteral, "t");
  EXPECT_TRUE(may(AclOperation::kDescribe, "t"));
  EXPECT_FALSE(may(AclOperation::kDescribeConfigs, "t"));
  add(kDeny, AclOperation::kRead, "User:a", kLiteral, "t");
  EXPECT_TRUE(may(AclOperation::kDescribe, "t"));
  add(kAllow, AclOperation::kAlterConfigs, "User:a", kLiteral, "t");
  EXPECT_TRUE(may(AclOperation::kDescribeConfigs, "t"));
}

TEST_F(AuthorizerTest, HostsAreCompared) {
  add(kAllow, AclOperation::kRead, "User:a", kLiteral, "t", "10.0.0.2");
  EXPECT_FALSE(may(AclOperation::kRead, "t"));
  add(kAllow, AclOperation::kRead, "User:a", kLiteral, "t", "10.0.0.1");
  EXPECT_TRUE(may(AclOperation::kRead, "t"));
}

TEST_F(AuthorizerTest, RepeatedAclsStayUntilTheLastIsGone) {
  add(kAllow, AclOperation::kRead, "User:a", kLiteral, "t");
  add(kAllow, AclOperation::kRead, "User:a", kLiteral, "t");
  remove(1);
  EXPECT_TRUE(may(AclOperation::kRead, "t"));
  remove(2);
  EXPECT_FALSE(may(AclOperation::kRead, "t"));
  EXPECT_TRUE(image_.acl_index().map().empty());
}

TEST_F(AuthorizerTest, SomeResourceOfATypeIsEnough) {
  EXPECT_FALSE(may_some(AclOperation::kWrite));
  add(kAllow, AclOperation::kWrite, "User:a", kLiteral, "t");
  EXPECT_TRUE(may_some(AclOperation::kWrite));
  EXPECT_FALSE(may_some(AclOperation::kRead));
  add(kDeny, AclOperation::kAll, "User:*", kPrefixed, "t");
  EXPECT_FALSE(may_some(AclOperation::kWrite));
  add(kAllow, AclOperation::kWrite, "User:a", kPrefixed, "s");
  EXPECT_TRUE(may_some(AclOperation::kWrite));
  add(kDeny, AclOperation::kWrite, "User:a", kLiteral, "*");
  EXPECT_FALSE(may_some(AclOperation::kWrite));
}

TEST_F(AuthorizerTest, TheAuditLogNamesTheRule) {
  add(kAllow, AclOperation::kRead, "User:*", kPrefixed, "t");
  const Subject subject("User:a", "10.0.0.1");
  const Action action(AclOperation::kDescribe, AclResourceType::kTopic, "tt");
  EXPECT_EQ(audit_line(ask(AclOperation::kDescribe, "tt"), subject, action, "Metadata", 2),
            "Principal = User:a is Allowed operation = DESCRIBE from host = 10.0.0.1 on resource ="
            " Topic:LITERAL:tt for request = Metadata with resourceRefCount = 2 based on rule "
            "MatchingAcl(acl=StandardAcl[resourceType=TOPIC, resourceName=t, patternType=PREFIXED, "
            "principal=User:*, host=*, operation=READ, permissionType=ALLOW])");
  const Action other(AclOperation::kWrite, AclResourceType::kTopic, "x");
  EXPECT_EQ(audit_line(ask(AclOperation::kWrite, "x"), subject, other, "Produce", 1),
            "Principal = User:a is Denied operation = WRITE from host = 10.0.0.1 on resource = "
            "Topic:LITERAL:x for request = Produce with resourceRefCount = 1 based on rule "
            "DefaultDeny");
}

}  // namespace
}  // namespace moldau::security
