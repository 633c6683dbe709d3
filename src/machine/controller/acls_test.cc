// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "machine/controller/test_cluster.h"

namespace moldau::controller {
namespace {

using Creation = wire::CreateAclsRequest::AclCreation;

Creation creation(std::string_view name, std::int8_t pattern = 3, std::int8_t operation = 3,
                  std::string_view principal = "User:a") {
  Creation acl;
  acl.resource_type = 2;
  acl.resource_name = name;
  acl.resource_pattern_type = pattern;
  acl.principal = principal;
  acl.host = "*";
  acl.operation = operation;
  acl.permission_type = 3;
  return acl;
}

wire::DeleteAclsRequest::DeleteAclsFilter filter(std::int8_t pattern) {
  wire::DeleteAclsRequest::DeleteAclsFilter fields;
  fields.resource_type_filter = 1;
  fields.resource_name_filter = wire::Text::null();
  fields.pattern_type_filter = pattern;
  fields.principal_filter = wire::Text::null();
  fields.host_filter = wire::Text::null();
  fields.operation = 1;
  fields.permission_type = 1;
  return fields;
}

class AclsTest : public testing::Test {
 protected:
  std::vector<std::string> create(std::vector<Creation> creations) {
    wire::CreateAclsRequest request;
    request.creations = std::move(creations);
    const auto response =
        cluster_.write(cluster_.machine->decide_create_acls(request, cluster_.context()));
    std::vector<std::string> told;
    for (const auto& result : response.results)
      told.push_back(result.error_code == 0 ? "" : result.error_message.str());
    cluster_.check();
    return told;
  }
  std::size_t count() const { return cluster_.machine->image().acls().size(); }

  TestCluster cluster_;
};

TEST_F(AclsTest, CreatesEachOnce) {
  EXPECT_EQ(create({creation("t"), creation("t"), creation("u", 4)}),
            (std::vector<std::string>{"", "", ""}));
  EXPECT_EQ(count(), 2u);
  EXPECT_EQ(create({creation("t")}), std::vector<std::string>{""});
  EXPECT_EQ(count(), 2u);
}

TEST_F(AclsTest, RefusesWhatMeansNothing) {
  Creation cluster = creation("other");
  cluster.resource_type = 4;
  Creation any_type = creation("t");
  any_type.resource_type = 1;
  Creation later_type = creation("t");
  later_type.resource_type = 99;
  Creation any_permission = creation("t");
  any_permission.permission_type = 1;
  EXPECT_EQ(
      create({cluster, any_type, later_type, any_permission, creation(""), creation("t", 2),
              creation("t", 3, 1), creation("t", 3, 3, "a"), creation("t")}),
      (std::vector<std::string>{
          "The only valid name for the CLUSTER resource is kafka-cluster",
          "Invalid resourceType ANY", "Invalid resourceType UNKNOWN", "Invalid permissionType ANY",
          "Invalid empty resource name", "Invalid patternType MATCH", "Invalid operation ANY",
          "Could not parse principal from `a` (no colon is present separating the principal type "
          "from the principal name)",
          ""}));
  EXPECT_EQ(count(), 1u);
}

TEST_F(AclsTest, WritesAllOrNothing) {
  std::vector<Creation> many;
  std::vector<std::string> names;
  for (int n = 0; n <= 10'000; ++n) names.push_back("t" + std::to_string(n));
  for (const std::string& name : names) many.push_back(creation(name));
  EXPECT_EQ(create(many)[0], "Unable to perform excessively large batch operation.");
  EXPECT_EQ(count(), 0u);
  many.pop_back();
  EXPECT_EQ(create(many)[0], "");
  EXPECT_EQ(count(), 10'000u);
}

TEST_F(AclsTest, FiltersMatchAsTheirPatternSays) {
  create({creation("team.a"), creation("team.", 4), creation("*"), creation("x")});
  const auto described = [&](std::int8_t pattern, const wire::Text& name) {
    wire::DescribeAclsRequest request;
    request.resource_type_filter = 1;
    request.resource_name_filter = name;
    request.pattern_type_filter = pattern;
    request.principal_filter = wire::Text::null();
    request.host_filter = wire::Text::null();
    request.operation = 1;
    request.permission_type = 1;
    std::set<std::string> names;
    for (const auto& resource : describe_acls(cluster_.machine->image(), request).resources)
      names.insert(resource.resource_name.str());
    return names;
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(described(2, wire::Text("team.a")), (Names{"team.a", "team.", "*"}));
  EXPECT_EQ(described(1, wire::Text("team.a")), Names{"team.a"});
  EXPECT_EQ(described(4, wire::Text("team.a")), Names{});
  EXPECT_EQ(described(4, wire::Text::null()), Names{"team."});
  EXPECT_EQ(described(3, wire::Text("*")), Names{"*"});
  EXPECT_EQ(described(99, wire::Text::null()), Names{});
}

TEST_F(AclsTest, DeletesWhatAnyFilterMatches) {
  create({creation("a"), creation("b", 4), creation("c")});
  wire::DeleteAclsRequest request;
  request.filters = {filter(3), filter(1), filter(99)};
  const auto response = cluster_.write(cluster_.machine->decide_delete_acls(request));
  cluster_.check();
  ASSERT_EQ(response.filter_results.size(), 3u);
  EXPECT_EQ(response.filter_results[0].matching_acls.size(), 2u);
  EXPECT_EQ(response.filter_results[1].matching_acls.size(), 3u);
  EXPECT_EQ(response.filter_results[2].error_message.view(), "Unknown patternFilter.");
  EXPECT_EQ(count(), 0u);
  EXPECT_TRUE(cluster_.machine->image().acl_index().map().empty());
}

}  // namespace
}  // namespace moldau::controller
