// SPDX-License-Identifier: Apache-2.0
#include "log/checkpoints.h"

#include "log/text_lines.h"

namespace moldau::log {
namespace {

Error damaged(const char* why) {
  return Error(ErrorCode::kCorruptMessage, std::string("offset checkpoint: ") + why);
}

/// The value behind "key": in a flat JSON object of numbers.
bool find_json_number(std::string_view text, std::string_view key, std::int64_t& out) {
  const auto found = text.find("\"" + std::string(key) + "\"");
  if (found == std::string_view::npos) return false;
  auto at = text.find_first_not_of(" \t\r\n", found + key.size() + 2);
  if (at == std::string_view::npos || text[at] != ':') return false;
  at = text.find_first_not_of(" \t\r\n", at + 1);
  if (at == std::string_view::npos) return false;
  const auto end = text.find_first_not_of("-0123456789", at);
  return read_number(text.substr(at, end == std::string_view::npos ? end : end - at), out);
}

}  // namespace

std::string OffsetCheckpoint::serialize() const {
  std::string text = "0\n" + std::to_string(offsets.size()) + "\n";
  for (const auto& [partition, offset] : offsets)
    text += partition.topic + " " + std::to_string(partition.partition.value()) + " " +
            std::to_string(offset.value()) + "\n";
  return text;
}

Result<OffsetCheckpoint> OffsetCheckpoint::parse(std::string_view text) {
  OffsetCheckpoint out;
  int version = -1;
  std::size_t count = 0;
  // Apache creates the file before there is anything to write into it.
  if (text.empty()) return out;
  // Each row has its newline: without it the last number may have been cut.
  if (!text.ends_with('\n')) return damaged("cut short");
  if (!read_number(take_line(text), version) || version != 0) return damaged("unknown version");
  if (!read_number(take_line(text), count) || count > kRowsMax) return damaged("bad count");
  for (std::size_t n = 0; n < count; ++n) {
    const std::string_view line = take_line(text);
    const auto first = line.find(' ');
    const auto second = line.find(' ', first == std::string_view::npos ? first : first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos)
      return damaged("bad row");
    std::int32_t partition = -1;
    std::int64_t offset = -1;
    if (first == 0 || !read_number(line.substr(first + 1, second - first - 1), partition) ||
        !read_number(line.substr(second + 1), offset) || partition < 0 || offset < 0)
      return damaged("bad row");
    out.offsets[{std::string(line.substr(0, first)), PartitionId(partition)}] = Offset(offset);
  }
  if (!text.empty()) return damaged("more rows than counted");
  return out;
}

std::string serialize_clean_shutdown(BrokerEpoch epoch) {
  return "{\"version\":0,\"brokerEpoch\":" + std::to_string(epoch.value()) + "}";
}

Result<BrokerEpoch> parse_clean_shutdown(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return BrokerEpoch(-1);
  std::int64_t version = -1;
  std::int64_t epoch = -1;
  if (!find_json_number(text, "version", version) || version != 0 ||
      !find_json_number(text, "brokerEpoch", epoch))
    return Error(ErrorCode::kCorruptMessage, "not a mark of a clean shutdown");
  return BrokerEpoch(epoch);
}

}  // namespace moldau::log
