// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every generated header needs, and no more: it is read by most files of the program.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "wire/records.h"
#include "wire/text.h"

namespace moldau::wire {

class Reader;
class Writer;

/// kFlexibleSince of a message that never was.
inline constexpr std::int16_t kNeverFlexible = 32767;

}  // namespace moldau::wire
