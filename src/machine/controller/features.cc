// SPDX-License-Identifier: Apache-2.0
// Levels of features, metadata.version above all.
#include <algorithm>

#include "machine/controller/controller_machine.h"

namespace moldau::controller {
namespace {

using image::MetadataVersion;

// FeatureUpdate.UpgradeType
constexpr std::int8_t kUpgrade = 1;
constexpr std::int8_t kSafeDowngrade = 2;
constexpr std::int8_t kUnsafeDowngrade = 3;

std::optional<std::string> reason_outside(const std::string& who, std::int16_t low,
                                          std::int16_t high, std::int16_t level) {
  if (level >= low && level <= high) return std::nullopt;
  if (high == 0) return who + " does not support this feature.";
  std::string range = std::to_string(low);
  if (high != low) range += "-" + std::to_string(high);
  return who + " only supports versions " + range;
}

std::optional<std::string> reason_outside(const std::string& who,
                                          const std::vector<image::FeatureRange>& ranges,
                                          std::string_view feature, std::int16_t level) {
  const image::FeatureRange* range = image::find_range(ranges, feature);
  return range == nullptr ? reason_outside(who, 0, 0, level)
                          : reason_outside(who, range->min_level, range->max_level, level);
}

ApiError invalid_update(std::string_view feature, std::int16_t level, const std::string& why) {
  return {ErrorCode::kInvalidUpdateVersion, "Invalid update version " + std::to_string(level) +
                                                " for feature " + std::string(feature) + ". " +
                                                why};
}

ApiError invalid_metadata_version(std::int16_t level, const std::string& why) {
  return {ErrorCode::kInvalidUpdateVersion,
          "Invalid metadata.version " + std::to_string(level) + ". " + why};
}

ApiError check_metadata_version(MetadataVersion current, std::int16_t level, std::int8_t type) {
  if (!MetadataVersion::known(level)) {
    return invalid_metadata_version(level, "Valid versions are from " +
                                               std::to_string(MetadataVersion::kLowest) + " to " +
                                               std::to_string(MetadataVersion::kLatest) + ".");
  }
  const MetadataVersion wanted(level);
  if (wanted < current && MetadataVersion::metadata_changes_between(wanted, current)) {
    return {ErrorCode::kInvalidUpdateVersion,
            "Unsupported metadata.version downgrade from " + std::to_string(current.level()) +
                " to " + std::to_string(level) + ". " +
                (type == kUnsafeDowngrade
                     ? "Unsafe metadata downgrade is not supported in this version."
                     : "Refusing to perform the requested downgrade because it might delete "
                       "metadata information.")};
  }
  return {};
}

}  // namespace

std::optional<std::string> ControllerMachine::reason_not_supported(std::string_view feature,
                                                                   std::int16_t level) const {
  const image::FeatureSupport* own = image::find_feature(feature);
  const std::string self = "Local controller " + std::to_string(settings_.node_id.value());
  if (auto reason = reason_outside(self, own == nullptr ? std::int16_t{0} : own->min_level,
                                   own == nullptr ? std::int16_t{0} : own->max_level, level)) {
    return reason;
  }
  for (const auto& [id, broker] : image().brokers()) {
    const std::string who = "Broker " + std::to_string(id.value());
    if (auto reason = reason_outside(who, broker.features, feature, level)) return reason;
  }
  if (!image().metadata_version().has_controller_registration()) return std::nullopt;
  for (const auto& [id, controller] : image().controllers()) {
    if (id == settings_.node_id) continue;
    const std::string who = "Controller " + std::to_string(id.value());
    if (auto reason = reason_outside(who, controller.features, feature, level)) return reason;
  }
  for (NodeId id : settings_.quorum_nodes) {
    if (id == settings_.node_id || image().controllers().contains(id)) continue;
    return "controller " + std::to_string(id.value()) +
           " has not registered, and may not support this feature";
  }
  return std::nullopt;
}

ApiError ControllerMachine::update_feature(
    const wire::UpdateFeaturesRequest::FeatureUpdateKey& update, std::int16_t version,
    const std::map<std::string, std::int16_t>& proposed, image::RecordList& records) const {
  const std::string name = update.feature.str();
  const std::int16_t level = update.max_version_level;
  std::int8_t type = update.upgrade_type;
  if (version == 0) type = update.allow_downgrade ? kSafeDowngrade : kUpgrade;
  if (type < kUpgrade || type > kUnsafeDowngrade) {
    return invalid_update(name, level, "The controller does not support the given upgrade type.");
  }
  const bool kraft = name == image::kKraftVersionFeature;
  const std::int16_t current = kraft ? settings_.kraft_version : image().feature_level(name);
  if (level < 0) return invalid_update(name, level, "A feature version cannot be less than 0.");
  if (auto reason = reason_not_supported(name, level)) {
    return invalid_update(name, level, *reason);
  }
  if (level < current && type == kUpgrade) {
    return invalid_update(name, level,
                          "Can't downgrade the version of this feature without setting the upgrade "
                          "type to either safe or unsafe downgrade.");
  }
  if (level > current && type != kUpgrade) {
    return invalid_update(name, level, "Can't downgrade to a newer version.");
  }
  if (kraft) {
    if (level == current) return {};
    return invalid_update(name, level,
                          level < current ? "Can't downgrade the version of this feature."
                                          : "Upgrading kraft.version is not supported yet.");
  }
  if (name == image::kMetadataVersionFeature) {
    ApiError error = check_metadata_version(image().metadata_version(), level, type);
    if (!error.ok()) return error;
  } else if (level > 0) {
    const image::FeatureSupport* feature = image::find_feature(name);
    const auto metadata_version =
        proposed.find(std::string(image::kMetadataVersionFeature))->second;
    if (feature->needs_metadata_version > metadata_version) {
      return invalid_update(name, level,
                            name + " could not be set to " + std::to_string(level) +
                                " because it depends on metadata.version level " +
                                std::to_string(feature->needs_metadata_version));
    }
  }
  if (name == image::kElrFeature && level > 0) make_elr_safe(records);
  records.feature_level(name, level);
  return {};
}

Decision<wire::UpdateFeaturesResponse> ControllerMachine::decide_update_features(
    const wire::UpdateFeaturesRequest& request, const RequestContext& context) const {
  auto decision = new_decision<wire::UpdateFeaturesResponse>();
  wire::UpdateFeaturesResponse& response = decision.response;
  response.error_message = wire::Text::null();
  std::map<std::string, std::int16_t> proposed(image().features().begin(),
                                               image().features().end());
  proposed[std::string(image::kMetadataVersionFeature)] = image().metadata_version().level();
  for (const auto& update : request.feature_updates) {
    proposed[update.feature.str()] = update.max_version_level;
  }
  ApiError error;
  for (const auto& update : request.feature_updates) {
    error = update_feature(update, context.version, proposed, decision.records);
    if (!error.ok()) break;
  }
  // A lower metadata.version must still carry what stays on.
  const std::int16_t metadata_version = proposed[std::string(image::kMetadataVersionFeature)];
  for (const auto& [name, level] : proposed) {
    const image::FeatureSupport* feature = image::find_feature(name);
    if (!error.ok() || feature == nullptr || level < 1) continue;
    if (feature->needs_metadata_version > metadata_version) {
      error = invalid_metadata_version(metadata_version, name + " level " + std::to_string(level) +
                                                             " depends on a higher level.");
    }
  }
  if (!error.ok()) {
    decision.records.clear();
    set_error(response,
              ApiError(error.code,
                       "The update failed for all features since the following feature had an "
                       "error: " +
                           error.message.value_or("")));
    return decision;
  }
  if (context.version <= 1) {
    for (const auto& update : request.feature_updates) {
      auto& result = response.results.emplace_back();
      result.feature = update.feature.own();
      // What Apache's table of errors calls it.
      result.error_message = "NONE";
    }
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

}  // namespace moldau::controller
