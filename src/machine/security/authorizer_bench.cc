// SPDX-License-Identifier: Apache-2.0
// A verdict among 100,000 ACLs.
#include <benchmark/benchmark.h>

#include <string>

#include "machine/image/delta.h"
#include "machine/image/record_list.h"
#include "machine/security/authorizer.h"

namespace moldau::security {
namespace {

constexpr int kAcls = 100'000;

/// A tenth of the ACLs are prefixes; every resource has ACLs of several principals.
image::MetadataImage make_image() {
  image::RecordList list;
  for (int n = 0; n < kAcls; ++n) {
    image::Acl acl;
    acl.resource_type = static_cast<std::int8_t>(AclResourceType::kTopic);
    acl.pattern_type = static_cast<std::int8_t>(n % 10 == 0 ? AclPatternType::kPrefixed
                                                            : AclPatternType::kLiteral);
    acl.resource_name = "team-" + std::to_string(n / 50) + ".topic-" + std::to_string(n / 5 % 10);
    acl.principal = "User:service-" + std::to_string(n % 5);
    acl.host = "*";
    acl.operation = static_cast<std::int8_t>(AclOperation::kRead);
    acl.permission_type = static_cast<std::int8_t>(AclPermission::kAllow);
    list.acl(Uuid(1, static_cast<std::uint64_t>(n)), acl);
  }
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) (void)delta.replay(record);
  return delta.publish(image::Provenance());
}

void judge_among_many(benchmark::State& state) {
  const image::MetadataImage image = make_image();
  const AuthorizerSettings settings;
  const Subject subject("User:service-3", "10.0.0.1");
  std::uint32_t n = 0;
  std::string name;
  for (auto _ : state) {
    n = n * 1664525 + 1013904223;
    name = "team-" + std::to_string(n % 2'000) + ".topic-" + std::to_string(n / 2'000 % 10);
    benchmark::DoNotOptimize(
        judge(image, settings, subject, Action(AclOperation::kRead, AclResourceType::kTopic, name))
            .allowed);
  }
}
BENCHMARK(judge_among_many);

void add_and_remove_one(benchmark::State& state) {
  image::MetadataImage image = make_image();
  image::RecordList list;
  image::Acl acl;
  acl.resource_name = "another";
  acl.principal = "User:a";
  list.acl(Uuid(2, 1), acl);
  list.remove_acl(Uuid(2, 1));
  for (auto _ : state) {
    image::MetadataDelta delta(image);
    for (const auto& record : list.records()) (void)delta.replay(record);
    image = delta.publish(image::Provenance());
  }
}
BENCHMARK(add_and_remove_one);

}  // namespace
}  // namespace moldau::security
