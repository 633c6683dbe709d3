// SPDX-License-Identifier: Apache-2.0
#include "config/properties.h"

#include <gtest/gtest.h>

namespace moldau::config {
namespace {

ConfigMap parsed(std::string_view text) {
  Result<PropertySet> set = parse_properties(text, "f");
  EXPECT_TRUE(set.ok());
  return values_of(*set);
}

TEST(PropertiesTest, KnowsTheThreeSeparators) {
  EXPECT_EQ(
      parsed("a=1\nb:2\nc 3\nd = 4\ne : 5\nf\t6\ng"),
      (ConfigMap{
          {"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}, {"f", "6"}, {"g", ""}}));
}

TEST(PropertiesTest, ASecondSeparatorBelongsToTheValue) {
  EXPECT_EQ(parsed("a==1\nb =:2\nc= =3"), (ConfigMap{{"a", "=1"}, {"b", ":2"}, {"c", "=3"}}));
}

TEST(PropertiesTest, SkipsCommentsAndBlankLines) {
  EXPECT_EQ(parsed("# a=1\n  ! b=2\n\n\t\nc=3 # no comment\n"),
            (ConfigMap{{"c", "3 # no comment"}}));
}

TEST(PropertiesTest, JoinsContinuedLines) {
  EXPECT_EQ(parsed("a=1,\\\n   2,\\\r\n\t3\nb=x\\\\\nc=4"),
            (ConfigMap{{"a", "1,2,3"}, {"b", "x\\"}, {"c", "4"}}));
  // What continues a line is no comment, and an empty line ends it.
  EXPECT_EQ(parsed("a=1\\\n#2\nb=3\\\n\nc=4"), (ConfigMap{{"a", "1#2"}, {"b", "3"}, {"c", "4"}}));
  EXPECT_EQ(parsed("a=1\\"), (ConfigMap{{"a", "1"}}));
}

TEST(PropertiesTest, UndoesEscapes) {
  EXPECT_EQ(parsed("a\\ b\\=c=\\t\\n\\r\\f\\q\\\\"), (ConfigMap{{"a b=c", "\t\n\r\fq\\"}}));
  EXPECT_EQ(parsed("a=\\u0041\\u00e4\\u20AC\\ud83d\\ude00"),
            (ConfigMap{{"a", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"}}));
  EXPECT_EQ(parsed("a=\\ud83dx"), (ConfigMap{{"a", "\xef\xbf\xbdx"}}));
}

TEST(PropertiesTest, ReadsBytesAsLatin1LikeJava) {
  EXPECT_EQ(parsed("a=\xe4"), (ConfigMap{{"a", "\xc3\xa4"}}));
}

TEST(PropertiesTest, TheLastDuplicateWinsAndKeepsItsLine) {
  Result<PropertySet> set = parse_properties("a=1\n\na=2\n", "server.properties");
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->at("a").value, "2");
  EXPECT_EQ(set->at("a").origin, "server.properties:3");
}

TEST(PropertiesTest, NumbersTheFirstOfContinuedLines) {
  Result<PropertySet> set = parse_properties("#\r\na=1\\\r\n2\rb=3\n", "f");
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->at("a").origin, "f:2");
  EXPECT_EQ(set->at("b").origin, "f:4");
}

TEST(PropertiesTest, RefusesMalformedEscapesWithTheirLine) {
  Result<PropertySet> set = parse_properties("a=1\nb=\\u00g0\n", "f");
  ASSERT_FALSE(set.ok());
  EXPECT_EQ(set.error().detail.substr(0, 4), "f:2:");
  EXPECT_FALSE(parse_properties("a=\\u12", "f").ok());
}

TEST(PropertiesTest, RefusesHugeFiles) {
  EXPECT_FALSE(parse_properties(std::string(kPropertiesBytesMax + 1, ' '), "f").ok());
}

TEST(PropertiesTest, OverridesReplaceTheFile) {
  Result<PropertySet> set = parse_properties("a=1\n", "f");
  ASSERT_TRUE(apply_override(*set, "a=2=3").ok());
  ASSERT_TRUE(apply_override(*set, "b=").ok());
  EXPECT_EQ(set->at("a").value, "2=3");
  EXPECT_EQ(set->at("a").origin, "--override");
  EXPECT_EQ(set->at("b").value, "");
  EXPECT_FALSE(apply_override(*set, "novalue").ok());
  EXPECT_FALSE(apply_override(*set, "=1").ok());
}

TEST(PropertiesTest, WritesWhatJavaWouldRead) {
  std::vector<std::pair<std::string, std::string>> entries = {
      {"version", "1"}, {"a b:=#!", " x y=\t\\#"}, {"u", "\xc3\xa4\xf0\x9f\x98\x80\x01"}};
  std::string text = write_properties(entries, "", Timestamp(1795253195000));
  EXPECT_EQ(text,
            "#\n#Sat Nov 21 09:26:35 UTC 2026\nversion=1\na\\ b\\:\\=\\#\\!=\\ x y\\=\\t\\\\\\#\n"
            "u=\\u00E4\\uD83D\\uDE00\\u0001\n");
  ConfigMap expected(entries.begin(), entries.end());
  EXPECT_EQ(parsed(text), expected);
}

TEST(PropertiesTest, DatesAreJavas) {
  EXPECT_EQ(java_date_text(Timestamp(0)), "Thu Jan 01 00:00:00 UTC 1970");
  EXPECT_EQ(java_date_text(Timestamp(951782400000)), "Tue Feb 29 00:00:00 UTC 2000");
  EXPECT_EQ(java_date_text(Timestamp(4102444799999)), "Thu Dec 31 23:59:59 UTC 2099");
  EXPECT_EQ(java_date_text(Timestamp(-1)), "Wed Dec 31 23:59:59 UTC 1969");
}

}  // namespace
}  // namespace moldau::config
