// SPDX-License-Identifier: Apache-2.0
// KIP-554, KIP-900
#include <map>

#include "machine/controller/test_cluster.h"

namespace moldau::controller {
namespace {

ScramKeyPair keys_of(std::int8_t mechanism, ByteView salted_password) {
  ScramKeyPair pair;
  pair.stored_key.assign(salted_password.begin(), salted_password.end());
  pair.server_key.assign(1, static_cast<std::byte>(mechanism));
  return pair;
}

class ScramTest : public testing::Test {
 protected:
  void remove(const char* user, std::int8_t mechanism = 1) {
    auto& one = request.deletions.emplace_back();
    one.name = user;
    one.mechanism = mechanism;
  }
  void put(const char* user, std::int32_t iterations = 4096, std::int8_t mechanism = 1) {
    auto& one = request.upsertions.emplace_back();
    one.name = user;
    one.mechanism = mechanism;
    one.iterations = iterations;
    one.salt = wire::Bytes(as_view("salt"));
    one.salted_password = wire::Bytes(as_view("salted"));
  }
  /// Error by user.
  std::map<std::string, ErrorCode> alter() {
    const auto response =
        cluster.write(cluster.machine->decide_alter_user_scram_credentials(request, keys_of));
    cluster.check();
    request = {};
    std::map<std::string, ErrorCode> errors;
    for (const auto& result : response.results)
      EXPECT_TRUE(errors.emplace(result.user.str(), ErrorCode(result.error_code)).second);
    return errors;
  }

  TestCluster cluster;
  wire::AlterUserScramCredentialsRequest request;
};

TEST_F(ScramTest, KeepsTheKeysOfAPassword) {
  put("ann");
  put("bob", 16384, 2);
  EXPECT_EQ(alter(), (std::map<std::string, ErrorCode>{{"ann", ErrorCode::kNone},
                                                       {"bob", ErrorCode::kNone}}));
  const auto* ann = cluster.machine->image().scram().find(image::ScramKey(1, "ann"));
  ASSERT_NE(ann, nullptr);
  EXPECT_EQ(as_text(ann->salt), "salt");
  EXPECT_EQ(as_text(ann->stored_key), "salted");
  EXPECT_EQ(ann->iterations, 4096);
  remove("ann");
  remove("bob");
  EXPECT_EQ(alter(), (std::map<std::string, ErrorCode>{{"ann", ErrorCode::kNone},
                                                       {"bob", ErrorCode::kResourceNotFound}}));
  EXPECT_EQ(cluster.machine->image().scram().size(), 1u);
}

TEST_F(ScramTest, RefusesWhatApacheRefuses) {
  put("few", 4095);
  put("many", 16385);
  put("odd", 4096, 3);
  put("");
  put("twice");
  put("twice", 5000, 2);
  put("good");
  EXPECT_EQ(alter(),
            (std::map<std::string, ErrorCode>{{"", ErrorCode::kUnacceptableCredential},
                                              {"few", ErrorCode::kUnacceptableCredential},
                                              {"good", ErrorCode::kNone},
                                              {"many", ErrorCode::kUnacceptableCredential},
                                              {"odd", ErrorCode::kUnsupportedSaslMechanism},
                                              {"twice", ErrorCode::kDuplicateResource}}));
  remove("good");
  put("good");
  EXPECT_EQ(alter()["good"], ErrorCode::kDuplicateResource);
}

TEST(ScramVersionTest, NeedsAMetadataVersionThatKnowsIt) {
  TestCluster cluster(10, false);
  wire::AlterUserScramCredentialsRequest request;
  auto& one = request.upsertions.emplace_back();
  one.name = "ann";
  one.mechanism = 1;
  one.iterations = 4096;
  const auto decision = cluster.machine->decide_alter_user_scram_credentials(request, keys_of);
  EXPECT_EQ(decision.response.results[0].error_code, to_wire(ErrorCode::kUnsupportedVersion));
  EXPECT_TRUE(decision.records.empty());
}

}  // namespace
}  // namespace moldau::controller
