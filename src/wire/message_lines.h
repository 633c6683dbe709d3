// SPDX-License-Identifier: Apache-2.0
#pragma once

// Part of the test library: encoded messages as lines of text, `NAME VERSION KIND HEX`.
// KIND is `plain` for the default value and `random` for others; `-` is no byte at all.

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/random_codec.h"

namespace moldau::wire {

std::string make_line(const MessageCase& one, std::int16_t version, bool plain, std::uint64_t seed);

/// Decodes and encodes again what a line holds; `plain` is compared with our default, too.
/// Empty if all is equal, else what is wrong.
std::string check_line(std::string_view line);

}  // namespace moldau::wire
