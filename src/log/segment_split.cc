// SPDX-License-Identifier: Apache-2.0
#include "log/segment_split.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/buffer.h"
#include "log/segment.h"

namespace moldau::log {
namespace {

constexpr std::uint64_t kCopyBytes = std::uint64_t{1} << 20;

struct Part {
  std::unique_ptr<Segment> segment;  // .cleaned
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

/// Right behind what comes before it, unless that is too far away.
Offset base_for(const BatchPosition& batch, Offset next) {
  return batch.last_offset - next <= INT32_MAX ? next : std::max(batch.base_offset, next);
}

/// Where to cut. What cannot be read stays behind the batch before it.
Result<std::vector<Part>> plan_parts(const Segment& source, std::uint64_t size, Offset end,
                                     Timestamp now) {
  std::vector<Part> parts;
  const LogFile& log = *source.log();
  const auto begin = [&](Offset base, std::uint64_t from) {
    Part& part = parts.emplace_back();
    part.segment =
        std::make_unique<Segment>(log.disk(), log.directory(), base, kCleanedSuffix, now);
    part.from = from;
  };
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log.get());
  HeaderCursor headers(file, size);
  Offset next = source.base_offset();
  for (std::uint64_t position = 0;;) {
    const auto batch = headers.at(position);
    if (!batch.ok() && batch.error().code == ErrorCode::kKafkaStorageError) return batch.error();
    if (!batch.ok() || !*batch) break;
    const BatchPosition& one = **batch;
    // The checksum does not cover the base offset: a damaged one must not tear the log apart.
    if (one.base_offset > one.last_offset || one.last_offset < next || one.last_offset >= end)
      return Error(ErrorCode::kCorruptMessage, log.path() + " has offsets out of order");
    if (parts.empty() && source.can_hold(one.last_offset))
      begin(source.base_offset(), 0);
    else if (parts.empty() || !parts.back().segment->can_hold(one.last_offset))
      begin(base_for(one, next), position);
    position += one.size;
    parts.back().to = position;
    next = one.last_offset + 1;
  }
  if (parts.empty() ||
      (parts.size() == 1 && parts[0].segment->base_offset() == source.base_offset()))
    return Error(ErrorCode::kCorruptMessage, log.path() + " cannot be split");
  parts.back().to = size;
  return parts;
}

Result<void> copy(env::File& from, const Part& part, env::File& to) {
  Slice buffer = Slice::allocate(std::min(kCopyBytes, part.to - part.from));
  for (std::uint64_t at = part.from; at < part.to;) {
    const std::uint64_t want = std::min<std::uint64_t>(buffer.size(), part.to - at);
    MOLDAU_ASSIGN_OR_RETURN(const std::size_t got,
                            from.read(buffer.mutable_view().first(want), at));
    if (got == 0) return Error(ErrorCode::kKafkaStorageError, "a segment became shorter");
    MOLDAU_TRY(to.write(buffer.view().first(got), at - part.from));
    at += got;
  }
  return to.sync();
}

}  // namespace

Result<void> split_segment(env::Disk& disk, const std::shared_ptr<const std::string>& directory,
                           Offset base_offset, Offset end, Timestamp now) {
  Segment source(disk, directory, base_offset, {}, now);
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, source.log()->get());
  MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  MOLDAU_ASSIGN_OR_RETURN(const std::vector<Part> parts, plan_parts(source, size, end, now));
  for (const Part& part : parts) {
    MOLDAU_ASSIGN_OR_RETURN(const auto out, part.segment->log()->get_or_create());
    MOLDAU_TRY(copy(*file, part, *out));
  }
  MOLDAU_TRY(disk.sync_directory(*directory));
  // Each name is on disk for good before the next. The last part first: while a .cleaned is left,
  // a .swap behind it is no whole replacement.
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    MOLDAU_TRY(part->segment->rename_state(kSwapSuffix));
    MOLDAU_TRY(disk.sync_directory(*directory));
  }
  MOLDAU_TRY(remove_files(disk, source.paths()));
  MOLDAU_TRY(disk.sync_directory(*directory));
  // The first part first: no plain name may stand between two .swap, which would replace it.
  for (const Part& part : parts) {
    MOLDAU_TRY(part.segment->rename_state({}));
    MOLDAU_TRY(disk.sync_directory(*directory));
  }
  return {};
}

Result<bool> reaches(env::Disk& disk, const std::shared_ptr<const std::string>& directory,
                     Offset base_offset, Offset offset, Timestamp now) {
  const Segment segment(disk, directory, base_offset, {}, now);
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, segment.log()->get());
  MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  HeaderCursor headers(file, size);
  for (std::uint64_t position = 0;;) {
    const auto batch = headers.at(position);
    if (!batch.ok() && batch.error().code == ErrorCode::kKafkaStorageError) return batch.error();
    if (!batch.ok() || !*batch) return false;
    if ((*batch)->last_offset >= offset) return true;
    position += (*batch)->size;
  }
}

}  // namespace moldau::log
