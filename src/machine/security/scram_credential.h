// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace moldau::security {

/// The numbers are those of UserScramCredentialRecord.
enum class ScramMechanism : std::int8_t { kSha256 = 1, kSha512 = 2 };

inline constexpr std::int32_t kScramIterationsMin = 4096;
inline constexpr std::int32_t kScramIterationsMax = 16384;

/// "SCRAM-SHA-256", "SCRAM-SHA-512".
std::string_view scram_mechanism_name(ScramMechanism mechanism);
std::optional<ScramMechanism> scram_mechanism_of(std::string_view name);

/// What a server keeps of a password.
/// Thread   a value.
struct ScramKeys {
  std::vector<std::byte> stored_key;
  std::vector<std::byte> server_key;
};

/// Hi(password, salt, iterations): PBKDF2 with HMAC.
/// Errors   kUnacceptableCredential: iterations out of range.
/// Source   RFC 5802, RFC 7677; ScramFormatter.
Result<std::vector<std::byte>> scram_salted_password(ScramMechanism mechanism,
                                                     std::string_view password, ByteView salt,
                                                     std::int32_t iterations);

/// StoredKey = H(HMAC(salted, "Client Key")), ServerKey = HMAC(salted, "Server Key").
ScramKeys scram_keys(ScramMechanism mechanism, ByteView salted_password);

}  // namespace moldau::security
