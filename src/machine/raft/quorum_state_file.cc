// SPDX-License-Identifier: Apache-2.0
#include "machine/raft/quorum_state_file.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace moldau::raft {
namespace {

constexpr int kDepthMax = 8;

/// As much JSON as the file needs: an object whose members are strings, integers, or (skipped)
/// anything else. Strings have no escapes in a file of ours or of Apache's.
class JsonObject {
 public:
  explicit JsonObject(std::string_view text) : rest_(text) {}

  bool parse() {
    if (!take('{')) return false;
    if (take('}')) return at_end();
    do {
      std::string_view key;
      if (!take_string(key) || !take(':')) return false;
      skip_space();
      const std::string_view before = rest_;
      if (!skip_value(0)) return false;
      const std::string_view value = before.substr(0, before.size() - rest_.size());
      if (!members_.emplace(key, value).second) return false;
    } while (take(','));
    return take('}') && at_end();
  }

  template <class T>
  bool number(std::string_view key, T& out) const {
    const auto it = members_.find(key);
    if (it == members_.end()) return true;
    const std::string_view text = it->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
  }
  bool has(std::string_view key) const { return members_.contains(key); }
  /// Without the quotes; "" if it is no string.
  std::string_view string(std::string_view key) const {
    const auto it = members_.find(key);
    if (it == members_.end() || it->second.size() < 2 || it->second.front() != '"') return {};
    return it->second.substr(1, it->second.size() - 2);
  }

 private:
  void skip_space() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_.front()) != rest_.npos)
      rest_.remove_prefix(1);
  }
  bool at_end() {
    skip_space();
    return rest_.empty();
  }
  bool take(char c) {
    skip_space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_string(std::string_view& out) {
    if (!take('"')) return false;
    const std::size_t end = rest_.find_first_of("\"\\");
    if (end == rest_.npos || rest_[end] != '"') return false;
    out = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return true;
  }
  bool skip_value(int depth) {
    skip_space();
    if (rest_.empty() || depth > kDepthMax) return false;
    std::string_view ignored;
    const char first = rest_.front();
    if (first == '"') return take_string(ignored);
    if (first == '{' || first == '[') {
      const char last = first == '{' ? '}' : ']';
      take(first);
      if (take(last)) return true;
      do {
        if (first == '{' && (!take_string(ignored) || !take(':'))) return false;
        if (!skip_value(depth + 1)) return false;
      } while (take(','));
      return take(last);
    }
    const std::size_t end = std::min(rest_.find_first_of(",}] \t\r\n"), rest_.size());
    rest_.remove_prefix(end);
    return end > 0;
  }

  std::string_view rest_;
  std::map<std::string_view, std::string_view> members_;
};

}  // namespace

std::string serialize_quorum_state(const ElectionState& state, std::int16_t kraft_version,
                                   const VoterSet& voters) {
  std::string out = "{";
  if (kraft_version == 0) out += "\"clusterId\":\"\",";
  out += "\"leaderId\":" + std::to_string(state.leader_id.value());
  out += ",\"leaderEpoch\":" + std::to_string(state.epoch.value());
  out += ",\"votedId\":" + std::to_string(state.voted.id.value());
  if (kraft_version > 0) {
    out += ",\"votedDirectoryId\":\"" + state.voted.directory.text() + "\"";
  } else {
    out += ",\"appliedOffset\":0,\"currentVoters\":[";
    const char* separator = "";
    for (const auto& [id, voter] : voters.voters()) {
      out += separator;
      out += "{\"voterId\":" + std::to_string(id.value()) + "}";
      separator = ",";
    }
    out += "]";
  }
  out += ",\"data_version\":" + std::string(kraft_version > 0 ? "1" : "0") + "}";
  return out;
}

Result<ElectionState> parse_quorum_state(std::string_view text) {
  const Error broken(ErrorCode::kCorruptMessage, "quorum-state cannot be read");
  JsonObject json(text);
  if (!json.parse()) return broken;
  std::int16_t version = -1;
  std::int32_t leader = -1;
  std::int32_t epoch = -1;
  std::int32_t voted = -1;
  if (!json.number("data_version", version) || !json.number("leaderId", leader) ||
      !json.number("leaderEpoch", epoch) || !json.number("votedId", voted))
    return broken;
  if (version < 0 || version > 1 || epoch < 0 || leader < -1 || voted < -1) return broken;
  ElectionState state;
  state.leader_id = NodeId(leader);
  state.epoch = LeaderEpoch(epoch);
  state.voted.id = NodeId(voted);
  if (version >= 1 && json.has("votedDirectoryId")) {
    const auto directory = Uuid::parse(json.string("votedDirectoryId"));
    if (!directory) return broken;
    state.voted.directory = *directory;
  }
  return state;
}

}  // namespace moldau::raft
