// SPDX-License-Identifier: Apache-2.0
#include "machine/image/metadata_version.h"

#include <algorithm>
#include <array>

namespace moldau::image {
namespace {

constexpr std::array<std::string_view, 24> kNames = {
    "3.3-IV3", "3.4-IV0", "3.5-IV0", "3.5-IV1", "3.5-IV2", "3.6-IV0", "3.6-IV1", "3.6-IV2",
    "3.7-IV0", "3.7-IV1", "3.7-IV2", "3.7-IV3", "3.7-IV4", "3.8-IV0", "3.9-IV0", "4.0-IV0",
    "4.0-IV1", "4.0-IV2", "4.0-IV3", "4.1-IV0", "4.1-IV1", "4.2-IV0", "4.2-IV1", "4.3-IV0"};
static_assert(kNames.size() == MetadataVersion::kLatest - MetadataVersion::kLowest + 1);

// Levels at which the layout of some record changed.
constexpr std::array<std::int16_t, 8> kChanges = {8, 11, 13, 14, 15, 17, 23, 30};

constexpr std::array<FeatureSupport, 7> kFeatures = {{
    {kMetadataVersionFeature, MetadataVersion::kLowest, MetadataVersion::kLatest, 0, 0},
    {kElrFeature, 0, 1, 23, 26},
    {kGroupFeature, 0, 1, 0, 22},
    {kKraftVersionFeature, 0, 1, 0, 21},
    {kShareFeature, 0, 1, 0, 28},
    {kStreamsFeature, 0, 1, 0, 29},
    {kTransactionFeature, 0, 2, 0, 24},
}};

}  // namespace

std::string_view MetadataVersion::name() const {
  return known(level_) ? kNames[static_cast<std::size_t>(level_ - kLowest)] : std::string_view();
}

bool MetadataVersion::metadata_changes_between(MetadataVersion a, MetadataVersion b) {
  const auto low = std::min(a, b).level();
  const auto high = std::max(a, b).level();
  return std::any_of(kChanges.begin(), kChanges.end(),
                     [&](std::int16_t level) { return level > low && level <= high; });
}

std::span<const FeatureSupport> supported_features() {
  return kFeatures;
}

const FeatureSupport* find_feature(std::string_view name) {
  const auto it = std::find_if(kFeatures.begin(), kFeatures.end(),
                               [&](const FeatureSupport& f) { return f.name == name; });
  return it == kFeatures.end() ? nullptr : &*it;
}

std::int16_t default_feature_level(const FeatureSupport& feature, MetadataVersion version) {
  if (feature.name == kMetadataVersionFeature) return version.level();
  return version.level() >= feature.default_from_metadata_version ? feature.max_level
                                                                  : feature.min_level;
}

}  // namespace moldau::image
