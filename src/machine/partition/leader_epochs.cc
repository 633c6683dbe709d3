// SPDX-License-Identifier: Apache-2.0
#include "machine/partition/leader_epochs.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace moldau::partition {
namespace {

/// Takes the line up to the next '\n' off the front; the last line may lack it.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

template <class T>
bool read_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

Error damaged(std::string why) {
  return Error(ErrorCode::kCorruptMessage, "leader-epoch-checkpoint: " + std::move(why));
}

}  // namespace

bool LeaderEpochs::assign(LeaderEpoch epoch, Offset start_offset) {
  if (epoch.value() < 0 || start_offset.value() < 0) return false;
  if (!entries_.empty()) {
    const EpochEntry& last = entries_.back();
    if (epoch == last.epoch && start_offset >= last.start_offset) return false;
  }
  while (!entries_.empty() &&
         (entries_.back().epoch >= epoch || entries_.back().start_offset >= start_offset))
    entries_.pop_back();
  entries_.push_back({epoch, start_offset});
  return true;
}

std::optional<EpochEntry> LeaderEpochs::latest() const {
  return entries_.empty() ? std::nullopt : std::optional(entries_.back());
}

std::optional<EpochEntry> LeaderEpochs::earliest() const {
  return entries_.empty() ? std::nullopt : std::optional(entries_.front());
}

std::optional<LeaderEpoch> LeaderEpochs::epoch_for_offset(Offset offset) const {
  std::optional<LeaderEpoch> found;
  for (const EpochEntry& entry : entries_) {
    if (entry.start_offset > offset) break;
    found = entry.epoch;
  }
  return found;
}

EpochEndOffset LeaderEpochs::end_offset_for(LeaderEpoch requested, Offset log_end) const {
  if (requested.value() < 0 || entries_.empty()) return {};
  if (entries_.back().epoch == requested) return {requested, log_end};
  const auto higher = std::find_if(entries_.begin(), entries_.end(), [&](const EpochEntry& entry) {
    return entry.epoch > requested;
  });
  if (higher == entries_.end()) return {};
  // Before the first epoch we know: it ended where that one begins (the log may start later).
  if (higher == entries_.begin()) return {requested, higher->start_offset};
  return {std::prev(higher)->epoch, higher->start_offset};
}

bool LeaderEpochs::truncate_from_end(Offset end) {
  const std::size_t before = entries_.size();
  if (end.value() < 0) return false;
  while (!entries_.empty() && entries_.back().start_offset >= end) entries_.pop_back();
  return entries_.size() != before;
}

bool LeaderEpochs::truncate_from_start(Offset start) {
  std::size_t gone = 0;
  while (gone < entries_.size() && entries_[gone].start_offset <= start) ++gone;
  if (gone == 0) return false;
  // The last of them still has the records from `start` on.
  const bool changed = gone > 1 || entries_[gone - 1].start_offset != start;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(gone) - 1);
  entries_.front().start_offset = start;
  return changed;
}

std::string LeaderEpochs::serialize() const {
  std::string text = "0\n" + std::to_string(entries_.size()) + "\n";
  for (const EpochEntry& entry : entries_)
    text += std::to_string(entry.epoch.value()) + " " + std::to_string(entry.start_offset.value()) +
            "\n";
  return text;
}

Result<LeaderEpochs> LeaderEpochs::parse(std::string_view text) {
  LeaderEpochs epochs;
  int version = -1;
  // Each row has its newline: without it the last number may have been cut.
  if (!text.ends_with('\n')) return damaged("cut short");
  if (!read_number(take_line(text), version) || version != 0) return damaged("unknown version");
  std::size_t count = 0;
  if (!read_number(take_line(text), count) || count > kEntriesMax) return damaged("bad count");
  for (std::size_t n = 0; n < count; ++n) {
    const std::string_view line = take_line(text);
    const auto space = line.find(' ');
    std::int32_t epoch = -1;
    std::int64_t start = -1;
    if (space == std::string_view::npos || !read_number(line.substr(0, space), epoch) ||
        !read_number(line.substr(space + 1), start) || epoch < 0 || start < 0)
      return damaged("bad row");
    const auto last = epochs.latest();
    if (last && (epoch <= last->epoch.value() || start < last->start_offset.value()))
      return damaged("rows out of order");
    epochs.entries_.push_back({LeaderEpoch(epoch), Offset(start)});
  }
  if (!text.empty()) return damaged("more rows than counted");
  return epochs;
}

}  // namespace moldau::partition
