// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace moldau::wire {

/// Whether Java would take these bytes as they are (no overlong forms, no surrogates).
bool is_utf8(std::string_view bytes);

/// Every malformed piece becomes one U+FFFD, cut where Java cuts, so that both sides see the
/// same string. At most three times as long.
/// Source   java.lang.String of UTF-8 bytes.
std::string replace_malformed_utf8(std::string_view bytes);

/// The longest beginning of at most `size` bytes that does not end within a character.
std::string_view utf8_prefix(std::string_view text, std::size_t size);

}  // namespace moldau::wire
