// SPDX-License-Identifier: Apache-2.0
// Where the output of Apache's tools shows how Java reads and orders text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"

namespace moldau::cli {

/// String.split of one character: empty parts at the end are dropped; "" is one empty part.
std::vector<std::string> split(std::string_view text, char separator);
/// String.trim.
std::string_view trim(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view between);

/// Integer.parseInt, Long.parseLong.
/// Errors   kInvalidRequest with the message of NumberFormatException.
Result<std::int32_t> parse_int(std::string_view text);
Result<std::int64_t> parse_long(std::string_view text);

/// Uuid.fromString.
/// Errors   kInvalidRequest with the message of IllegalArgumentException.
Result<Uuid> parse_uuid(const std::string& text);

/// What is wrong with the command line or the answer, in the words that are to be printed.
Error wrong(std::string text);

/// String.hashCode, of the UTF-16 form.
std::int32_t java_hash(std::string_view text);

/// The order in which a java.util.HashMap gives back keys with these hashes, put into it in their
/// order: positions in `hashes`. `capacity` is what its constructor was given; 0: nothing.
std::vector<std::size_t> hash_map_order(const std::vector<std::int32_t>& hashes,
                                        std::size_t capacity = 0);

}  // namespace moldau::cli
