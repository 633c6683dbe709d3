// SPDX-License-Identifier: Apache-2.0
#include "machine/security/scram_credential.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace moldau::security {
namespace {

const EVP_MD* digest_of(ScramMechanism mechanism) {
  return mechanism == ScramMechanism::kSha256 ? EVP_sha256() : EVP_sha512();
}

const unsigned char* raw(const void* bytes) {
  return static_cast<const unsigned char*>(bytes);
}

std::vector<std::byte> hmac(ScramMechanism mechanism, ByteView key, std::string_view text) {
  std::vector<std::byte> out(EVP_MAX_MD_SIZE);
  unsigned int size = 0;
  const auto* done =
      HMAC(digest_of(mechanism), key.data(), static_cast<int>(key.size()), raw(text.data()),
           text.size(), reinterpret_cast<unsigned char*>(out.data()), &size);
  MOLDAU_CHECK(done != nullptr, "HMAC of libcrypto");
  out.resize(size);
  return out;
}

}  // namespace

std::string_view scram_mechanism_name(ScramMechanism mechanism) {
  return mechanism == ScramMechanism::kSha256 ? "SCRAM-SHA-256" : "SCRAM-SHA-512";
}

std::optional<ScramMechanism> scram_mechanism_of(std::string_view name) {
  for (const auto mechanism : {ScramMechanism::kSha256, ScramMechanism::kSha512})
    if (name == scram_mechanism_name(mechanism)) return mechanism;
  return std::nullopt;
}

Result<std::vector<std::byte>> scram_salted_password(ScramMechanism mechanism,
                                                     std::string_view password, ByteView salt,
                                                     std::int32_t iterations) {
  if (iterations < kScramIterationsMin || iterations > kScramIterationsMax)
    return Error(ErrorCode::kUnacceptableCredential, "iterations out of range");
  const EVP_MD* digest = digest_of(mechanism);
  std::vector<std::byte> out(static_cast<std::size_t>(EVP_MD_size(digest)));
  const int done =
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), raw(salt.data()),
                        static_cast<int>(salt.size()), iterations, digest,
                        static_cast<int>(out.size()), reinterpret_cast<unsigned char*>(out.data()));
  MOLDAU_CHECK(done == 1, "PBKDF2 of libcrypto");
  return out;
}

ScramKeys scram_keys(ScramMechanism mechanism, ByteView salted_password) {
  ScramKeys keys;
  const std::vector<std::byte> client_key = hmac(mechanism, salted_password, "Client Key");
  keys.stored_key.resize(EVP_MAX_MD_SIZE);
  unsigned int size = 0;
  const int done = EVP_Digest(client_key.data(), client_key.size(),
                              reinterpret_cast<unsigned char*>(keys.stored_key.data()), &size,
                              digest_of(mechanism), nullptr);
  MOLDAU_CHECK(done == 1, "digest of libcrypto");
  keys.stored_key.resize(size);
  keys.server_key = hmac(mechanism, salted_password, "Server Key");
  return keys;
}

}  // namespace moldau::security
