// SPDX-License-Identifier: Apache-2.0
#include "config/endpoint.h"

#include <gtest/gtest.h>

namespace moldau::config {
namespace {

std::string canonical(std::string_view host) {
  return canonical_address(host).value_or("(none)");
}

TEST(EndpointTest, AddressesAreWrittenAsSocketsWriteThem) {
  EXPECT_EQ(canonical("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(canonical("010.000.0.1"), "10.0.0.1");
  EXPECT_EQ(canonical("255.255.255.255"), "255.255.255.255");
  EXPECT_EQ(canonical("localhost"), "127.0.0.1");
  EXPECT_EQ(canonical("::1"), "::1");
  EXPECT_EQ(canonical("::"), "::");
  EXPECT_EQ(canonical("0:0:0:0:0:0:0:1"), "::1");
  EXPECT_EQ(canonical("2001:DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  EXPECT_EQ(canonical("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(canonical("fe80::1%eth0"), "fe80::1");
  EXPECT_EQ(canonical("[fe80::]"), "fe80::");
  EXPECT_EQ(canonical("::ffff:10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(canonical("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
}

TEST(EndpointTest, WhatIsNoAddressHasNoCanonicalForm) {
  for (const char* text : {"", "example.org", "1.2.3", "1.2.3.4.5", "256.1.1.1", ":",
                           ":::", "1:2:3", "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8:9",
                           "12345::", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "::1.2.3", "::1.2.3.4:5"})
    EXPECT_EQ(canonical(text), "(none)") << text;
}

}  // namespace
}  // namespace moldau::config
