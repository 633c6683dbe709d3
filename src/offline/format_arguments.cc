// SPDX-License-Identifier: Apache-2.0
#include "offline/format_arguments.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "machine/security/scram_credential.h"
#include "offline/base64.h"
#include "offline/storage_format.h"

namespace moldau::offline {
namespace {

using image::FeatureSupport;
using image::MetadataVersion;

Error invalid(std::string detail) {
  return {ErrorCode::kInvalidConfig, std::move(detail)};
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

Result<raft::Voter> parse_voter(std::string_view input, const std::string& listener) {
  input = trimmed(input);
  const std::size_t at = input.find('@');
  if (at == input.npos) return invalid("No @ found in dynamic voter string.");
  if (at == 0) return invalid("Invalid @ at beginning of dynamic voter string.");
  const auto id = parse_number<std::int32_t>(input.substr(0, at));
  if (!id) return invalid("Failed to parse node id in dynamic voter string.");
  if (*id < 0)
    return invalid("Invalid negative node id " + std::to_string(*id) + " in dynamic voter string.");
  input.remove_prefix(at + 1);
  if (input.empty()) return invalid("No hostname found after node id.");
  std::size_t end = input.find(':');
  std::string_view host = input.substr(0, end);
  if (input.starts_with('[')) {
    const std::size_t bracket = input.find(']');
    if (bracket == input.npos)
      return invalid("Hostname began with left bracket, but no right bracket was found.");
    host = input.substr(1, bracket - 1);
    end = bracket + 1;
  } else if (end == input.npos) {
    return invalid("No colon following hostname could be found.");
  }
  input.remove_prefix(end);
  if (!input.starts_with(':')) return invalid("Port section must start with a colon.");
  input.remove_prefix(1);
  end = input.find(':');
  if (end == input.npos) return invalid("No colon following port could be found.");
  const auto port = parse_number<std::int32_t>(input.substr(0, end));
  if (!port) return invalid("Failed to parse port in dynamic voter string.");
  if (*port < 0 || *port > 65535)
    return invalid("Invalid port " + std::to_string(*port) + " in dynamic voter string.");
  const auto directory = Uuid::parse(input.substr(end + 1));
  if (!directory) return invalid("Failed to parse directory ID in dynamic voter string.");
  if (directory->is_reserved())
    return invalid("Invalid reserved directory ID in dynamic voter string.");
  raft::Voter voter;
  voter.key = raft::ReplicaKey(NodeId(*id), *directory);
  voter.endpoints.emplace_back(listener, std::string(host), static_cast<std::uint16_t>(*port));
  return voter;
}

// name → value of "name=alice,password=…"; the values may stand in quotes.
using ScramParts = std::map<std::string, std::string, std::less<>>;

Result<ScramParts> split_scram(std::string_view text) {
  ScramParts parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view one = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = one.find('=');
    if (equals == one.npos)
      return invalid("No equals sign found in SCRAM component: " + std::string(one));
    std::string_view value = one.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    parts[std::string(one.substr(0, equals))] = value;
  }
  return parts;
}

std::optional<std::string> take(ScramParts& parts, std::string_view name) {
  const auto it = parts.find(name);
  if (it == parts.end()) return std::nullopt;
  std::string value = std::move(it->second);
  parts.erase(it);
  return value;
}

std::vector<std::byte> random_salt(UniqueFunction<std::uint64_t()>& random) {
  // Text of 26 digits, as Apache's salts are.
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::vector<std::byte> salt;
  for (int i = 0; i < 26; ++i)
    salt.push_back(static_cast<std::byte>(kDigits[random() % kDigits.size()]));
  return salt;
}

Result<std::vector<std::byte>> salted_password_of(security::ScramMechanism mechanism,
                                                  ScramParts& parts, bool salt_given, ByteView salt,
                                                  std::int32_t iterations) {
  const auto password = take(parts, "password");
  const auto salted = take(parts, "saltedpassword");
  if (!password && !salted)
    return invalid("You must supply one of 'password' or 'saltedpassword' to add-scram");
  if (password) return security::scram_salted_password(mechanism, *password, salt, iterations);
  if (!salt_given) return invalid("You must supply 'salt' with 'saltedpassword' to add-scram");
  const auto bytes = decode_base64(*salted);
  if (!bytes) return invalid("Failed to decode given saltedPassword: " + *salted);
  return *bytes;
}

Result<std::int16_t> kraft_version_level(const FeatureLevels& asked, bool dynamic_quorum) {
  const auto it = asked.find(image::kKraftVersionFeature);
  if (it == asked.end()) return static_cast<std::int16_t>(dynamic_quorum ? 1 : 0);
  const std::int16_t level = it->second;
  if (level == 0 && dynamic_quorum)
    return invalid(
        "Cannot set kraft.version to 0 if controller.quorum.voters is empty and one of the flags "
        "--standalone, --initial-controllers, or --no-initial-controllers is used. For dynamic "
        "controllers support, try removing the --feature flag for kraft.version.");
  if (level != 0 && !dynamic_quorum)
    return invalid(
        "Cannot set kraft.version to " + std::to_string(level) +
        " unless controller.quorum.voters is empty and one of the flags --standalone, "
        "--initial-controllers, or --no-initial-controllers is used. For dynamic controllers "
        "support, try using one of --standalone, --initial-controllers, or "
        "--no-initial-controllers and removing controller.quorum.voters.");
  return level;
}

std::string supported_names() {
  std::string names;
  for (const FeatureSupport& feature : image::supported_features()) {
    if (feature.name == image::kMetadataVersionFeature) continue;
    if (!names.empty()) names += ", ";
    names += feature.name;
  }
  return names;
}

Result<MetadataVersion> choose_version(FeatureLevels& asked,
                                       const std::optional<std::string>& release_version) {
  const auto level = asked.find(image::kMetadataVersionFeature);
  if (level == asked.end()) {
    if (release_version) return parse_release_version(*release_version);
    return MetadataVersion(MetadataVersion::kLatest);
  }
  if (release_version)
    return invalid(
        "Use --release-version instead of --feature metadata.version=X to avoid ambiguity.");
  if (!MetadataVersion::known(level->second))
    return invalid("No MetadataVersion with feature level " + std::to_string(level->second));
  return MetadataVersion(level->second);
}

}  // namespace

Result<std::pair<std::string, std::int16_t>> parse_feature(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos)
    return invalid("Can't parse feature=level string " + std::string(text) +
                   ": equals sign not found.");
  const std::string_view name = trimmed(text.substr(0, equals));
  const std::string_view digits = text.substr(equals + 1);
  const auto level = parse_number<std::int16_t>(digits);
  if (!level)
    return invalid("Can't parse feature=level string " + std::string(text) + ": unable to parse " +
                   std::string(digits) + " as a short.");
  return std::pair<std::string, std::int16_t>(name, *level);
}

Result<raft::VoterSet> parse_initial_controllers(std::string_view text,
                                                 const std::string& listener) {
  raft::VoterSet voters;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    MOLDAU_ASSIGN_OR_RETURN(raft::Voter voter, parse_voter(text.substr(0, comma), listener));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (voters.contains(voter.key.id))
      return invalid("Node id " + std::to_string(voter.key.id.value()) +
                     " was specified more than once.");
    voters.put(std::move(voter));
  }
  if (voters.empty()) return invalid("No voters given.");
  return voters;
}

Result<std::pair<image::ScramKey, image::ScramCredential>> parse_scram(
    std::string_view text, UniqueFunction<std::uint64_t()>& random) {
  text = trimmed(text);
  const std::size_t equals = text.find('=');
  if (equals == text.npos)
    return invalid("Failed to find equals sign in SCRAM argument '" + std::string(text) + "'");
  const std::string_view name = text.substr(0, equals);
  const auto mechanism = security::scram_mechanism_of(name);
  if (!mechanism)
    return invalid("The add-scram mechanism " + std::string(name) + " is not supported.");
  text.remove_prefix(equals + 1);
  if (!text.starts_with('[')) return invalid("Expected configuration string to start with [");
  if (!text.ends_with(']')) return invalid("Expected configuration string to end with ]");
  MOLDAU_ASSIGN_OR_RETURN(ScramParts parts, split_scram(text.substr(1, text.size() - 2)));

  const auto user = take(parts, "name");
  if (!user) return invalid("You must supply 'name' to add-scram");
  image::ScramCredential credential;
  const auto salt_text = take(parts, "salt");
  if (salt_text) {
    const auto salt = decode_base64(*salt_text);
    if (!salt) return invalid("Failed to decode given salt: " + *salt_text);
    credential.salt = *salt;
  } else {
    credential.salt = random_salt(random);
  }
  credential.iterations = security::kScramIterationsMin;
  if (const auto digits = take(parts, "iterations")) {
    const auto count = parse_number<std::int32_t>(*digits);
    if (!count) return invalid("Failed to parse iterations count: " + *digits);
    credential.iterations = *count;
  }
  const std::string java_name =
      *mechanism == security::ScramMechanism::kSha256 ? "SCRAM_SHA_256" : "SCRAM_SHA_512";
  if (credential.iterations < security::kScramIterationsMin)
    return invalid(
        "The 'iterations' value must be >= " + std::to_string(security::kScramIterationsMin) +
        " for add-scram using " + java_name);
  if (credential.iterations > security::kScramIterationsMax)
    return invalid(
        "The 'iterations' value must be <= " + std::to_string(security::kScramIterationsMax) +
        " for add-scram using " + java_name);
  MOLDAU_ASSIGN_OR_RETURN(const std::vector<std::byte> salted,
                          salted_password_of(*mechanism, parts, salt_text.has_value(),
                                             credential.salt, credential.iterations));
  if (!parts.empty()) {
    std::string unknown;
    for (const auto& [key, value] : parts) unknown += (unknown.empty() ? "" : ", ") + key;
    return invalid("Unknown SCRAM configurations: " + unknown);
  }
  security::ScramKeys keys = security::scram_keys(*mechanism, salted);
  credential.stored_key = std::move(keys.stored_key);
  credential.server_key = std::move(keys.server_key);
  const image::ScramKey key(static_cast<std::int8_t>(*mechanism), *user);
  return std::pair<image::ScramKey, image::ScramCredential>(key, std::move(credential));
}

Result<ChosenFeatures> choose_features(const std::vector<std::string>& asked_texts,
                                       const std::optional<std::string>& release_version,
                                       bool dynamic_quorum) {
  FeatureLevels asked;
  for (const std::string& text : asked_texts) {
    MOLDAU_ASSIGN_OR_RETURN(const auto feature, parse_feature(text));
    asked[feature.first] = feature.second;
  }
  ChosenFeatures chosen;
  MOLDAU_ASSIGN_OR_RETURN(chosen.metadata_version, choose_version(asked, release_version));
  for (const auto& [name, level] : asked)
    if (!image::find_feature(name))
      return invalid("Unsupported feature: " + name +
                     ". Supported features are: " + supported_names());
  for (const FeatureSupport& feature : image::supported_features()) {
    const auto it = asked.find(feature.name);
    std::int16_t level = it != asked.end()
                             ? it->second
                             : image::default_feature_level(feature, chosen.metadata_version);
    if (feature.name == image::kMetadataVersionFeature) level = chosen.metadata_version.level();
    if (feature.name == image::kKraftVersionFeature) {
      MOLDAU_ASSIGN_OR_RETURN(level, kraft_version_level(asked, dynamic_quorum));
    }
    if (level < feature.min_level || level > feature.max_level)
      return invalid("No feature:" + std::string(feature.name) + " with feature level " +
                     std::to_string(level));
    if (level > 0 && chosen.metadata_version.level() < feature.needs_metadata_version)
      return invalid(std::string(feature.name) + " could not be set to " + std::to_string(level) +
                     " because it depends on metadata.version level " +
                     std::to_string(feature.needs_metadata_version));
    chosen.levels[std::string(feature.name)] = level;
  }
  return chosen;
}

}  // namespace moldau::offline
