// SPDX-License-Identifier: Apache-2.0
// KIP-84, KIP-554; RFC 7677
#include "machine/security/scram_credential.h"

#include <gtest/gtest.h>

#include <string>

namespace moldau::security {
namespace {

std::string hex(const std::vector<std::byte>& bytes) {
  std::string out;
  for (const std::byte b : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out.push_back(kDigits[static_cast<unsigned>(b) >> 4]);
    out.push_back(kDigits[static_cast<unsigned>(b) & 15]);
  }
  return out;
}

TEST(ScramCredentialTest, GivesTheKeysThatApacheStores) {
  // What `kafka-storage format --add-scram` of 4.3.1 wrote for this salt and password.
  const auto salted = scram_salted_password(ScramMechanism::kSha256, "alice-secret",
                                            as_view("1lv4pdnw4fwq7notcxm0yy1k7q"), 4096);
  ASSERT_TRUE(salted.ok());
  const ScramKeys keys = scram_keys(ScramMechanism::kSha256, *salted);
  EXPECT_EQ(hex(keys.stored_key),
            "75bb34db36b09f53d67fe0ba98580db619b984fd8ac951374be4e57918d7d0e7");
  EXPECT_EQ(hex(keys.server_key),
            "5564aa7e24e1581e50cf039312ec7f61ac1a09c409c2644d42e72b5d1c4cdd88");
}

TEST(ScramCredentialTest, RefusesIterationsOutOfRange) {
  EXPECT_FALSE(scram_salted_password(ScramMechanism::kSha512, "p", as_view("s"), 4095).ok());
  EXPECT_FALSE(scram_salted_password(ScramMechanism::kSha512, "p", as_view("s"), 16385).ok());
}

}  // namespace
}  // namespace moldau::security
