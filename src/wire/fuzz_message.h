// SPDX-License-Identifier: Apache-2.0
#pragma once

// Part of the test library: what the fuzzers of requests and responses share.

#include <vector>

#include "base/check.h"
#include "wire/encode.h"
#include "wire/random_codec.h"

namespace moldau::wire {

/// The bytes to decode. If the input begins with an odd byte: a valid random message (seed: four
/// bytes) with some of its bytes replaced (position: two bytes, value: one), so that deep places
/// are reached without a corpus. Else the input as it is.
inline std::vector<std::byte> fuzz_body(const MessageCase& one, std::int16_t version,
                                        ByteView input) {
  Reader reader(input);
  const bool made = (reader.uint16("mode") & 0x100) != 0;
  if (!made || version < one.min_version || version > one.max_version)
    return {input.begin() + (input.empty() ? 0 : 1), input.end()};
  std::vector<std::byte> body = one.random(reader.uint32("seed"), version).value();
  while (!body.empty() && reader.left() >= 3) {
    const std::size_t at = reader.uint16("position") % body.size();
    body[at] = static_cast<std::byte>(reader.int8("value"));
  }
  return body;
}

/// What decodes must encode, and decode to the same again.
inline void fuzz_message(const MessageCase& one, std::int16_t version, ByteView input) {
  const std::vector<std::byte> body = fuzz_body(one, version, input);
  const auto first = one.again(body, version);
  if (!first.ok()) return;
  const auto second = one.again(*first, version);
  MOLDAU_CHECK(second.ok(), second.ok() ? std::string() : second.error().text());
  MOLDAU_CHECK(*first == *second, one.name);
}

}  // namespace moldau::wire
