// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace moldau::offline {

/// Plain base64 with or without padding, as java.util.Base64's basic decoder reads it.
/// Thread   pure.
std::optional<std::vector<std::byte>> decode_base64(std::string_view text);

}  // namespace moldau::offline
