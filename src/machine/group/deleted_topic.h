// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "base/types.h"

namespace moldau::group {

/// A topic that the metadata says is gone.
/// Thread   a value.
struct DeletedTopic {
  DeletedTopic(std::string n, TopicId i) : name(std::move(n)), id(i) {}
  std::string name;
  TopicId id;
};

}  // namespace moldau::group
