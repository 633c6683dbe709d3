// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "base/unique_function.h"
#include "machine/image/image.h"
#include "machine/image/metadata_version.h"
#include "machine/raft/voter_set.h"

namespace moldau::offline {

/// Levels by feature name; metadata.version among them.
using FeatureLevels = std::map<std::string, std::int16_t, std::less<>>;

/// "name=level".
/// Errors   kInvalidConfig, as all of this header; the detail is that of Apache's tool.
/// Thread   pure, all of this header.
Result<std::pair<std::string, std::int16_t>> parse_feature(std::string_view text);

/// id@host:port:directoryId,… → voters that listen as `listener`.
/// Source   DynamicVoters, DynamicVoter.
Result<raft::VoterSet> parse_initial_controllers(std::string_view text,
                                                 const std::string& listener);

/// One --add-scram; a missing salt is made of `random`.
/// Source   ScramParser.
Result<std::pair<image::ScramKey, image::ScramCredential>> parse_scram(
    std::string_view text, UniqueFunction<std::uint64_t()>& random);

/// What a new cluster begins with.
struct ChosenFeatures {
  image::MetadataVersion metadata_version;
  FeatureLevels levels;
};
/// Asked levels, defaults of the release for the rest; checks dependencies.
/// Source   Formatter.calculateEffectiveFeatureLevels.
Result<ChosenFeatures> choose_features(const std::vector<std::string>& asked,
                                       const std::optional<std::string>& release_version,
                                       bool dynamic_quorum);

}  // namespace moldau::offline
