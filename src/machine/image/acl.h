// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "machine/image/persistent_map.h"

namespace moldau::image {

/// Kafka's numbers, on the wire and on disk.
enum class AclResourceType : std::int8_t {
  kUnknown = 0,
  kAny = 1,
  kTopic = 2,
  kGroup = 3,
  kCluster = 4,
  kTransactionalId = 5,
  kDelegationToken = 6,
  kUser = 7,
};

enum class AclPatternType : std::int8_t {
  kUnknown = 0,
  kAny = 1,
  kMatch = 2,
  kLiteral = 3,
  kPrefixed = 4,
};

enum class AclOperation : std::int8_t {
  kUnknown = 0,
  kAny = 1,
  kAll = 2,
  kRead = 3,
  kWrite = 4,
  kCreate = 5,
  kDelete = 6,
  kAlter = 7,
  kDescribe = 8,
  kClusterAction = 9,
  kDescribeConfigs = 10,
  kAlterConfigs = 11,
  kIdempotentWrite = 12,
  kCreateTokens = 13,
  kDescribeTokens = 14,
  kTwoPhaseCommit = 15,
};

enum class AclPermission : std::int8_t { kUnknown = 0, kAny = 1, kDeny = 2, kAllow = 3 };

/// As a record of the metadata log says it: its numbers may be of a later release.
struct Acl {
  Acl() = default;
  std::int8_t resource_type = 0;
  std::string resource_name;
  std::int8_t pattern_type = 0;
  std::string principal;
  std::string host;
  std::int8_t operation = 0;
  std::int8_t permission_type = 0;

  AclResourceType resource() const { return static_cast<AclResourceType>(resource_type); }
  AclPatternType pattern() const { return static_cast<AclPatternType>(pattern_type); }
  AclOperation op() const { return static_cast<AclOperation>(operation); }
  AclPermission permission() const { return static_cast<AclPermission>(permission_type); }
  bool operator==(const Acl&) const = default;
};

/// What an ACL is looked for by; borrows its strings.
struct AclView {
  AclView() = default;
  AclView(AclResourceType type, AclPatternType pattern, std::string_view name)
      : resource_type(static_cast<std::int8_t>(type)),
        pattern_type(static_cast<std::int8_t>(pattern)),
        resource_name(name) {}
  std::int8_t resource_type = 0;
  std::int8_t pattern_type = 0;
  std::string_view resource_name;
  std::string_view principal;
  std::string_view host;
  std::int8_t operation = -128;
  std::int8_t permission_type = -128;
};

/// Resource, kind of pattern, name, principal, host, and then the rest.
struct AclLess {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return key(a) < key(b);
  }

 private:
  template <class A>
  static auto key(const A& a) {
    return std::make_tuple(a.resource_type, a.pattern_type, std::string_view(a.resource_name),
                           std::string_view(a.principal), std::string_view(a.host), a.operation,
                           a.permission_type);
  }
};

/// ACLs in the order in which verdicts look for them: none looks at all of them.
/// Path     MetadataDelta::replay → this ← security::judge, the controller.
/// Thread   as PersistentMap.
class AclIndex {
 public:
  /// How many ids say the same; the log of another controller may repeat an ACL.
  using Map = PersistentMap<Acl, std::uint32_t, AclLess>;

  void add(Edit edit, const Acl& acl) {
    const std::uint32_t* count = map_.find(acl);
    map_.set(edit, acl, count == nullptr ? 1 : *count + 1);
  }
  void remove(Edit edit, const Acl& acl) {
    const std::uint32_t* count = map_.find(acl);
    if (count == nullptr) return;
    if (*count == 1) {
      map_.erase(edit, acl);
    } else {
      map_.set(edit, acl, *count - 1);
    }
  }

  const Map& map() const { return map_; }
  bool contains(const Acl& acl) const { return map_.contains(acl); }

 private:
  Map map_;
};

}  // namespace moldau::image
