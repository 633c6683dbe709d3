// SPDX-License-Identifier: Apache-2.0
#include "log/txn_index.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "record/big_endian.h"

namespace moldau::log {
namespace {

using record::load_big;
using record::store_big;

AbortedTransaction decode(const std::byte* from) {
  return {ProducerId(load_big<std::int64_t>(from + 2)), Offset(load_big<std::int64_t>(from + 10)),
          Offset(load_big<std::int64_t>(from + 18)), Offset(load_big<std::int64_t>(from + 26))};
}

/// Calls `visit` with each entry in turn, until it returns false.
template <class Visit>
Result<void> for_each(const LogFile& log_file, std::uint32_t entries, Visit visit,
                      env::Wait wait = env::Wait::kForDevice) {
  if (entries == 0) return {};
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log_file.get(wait));
  std::array<std::byte, TxnIndex::kReadBytes> block;
  constexpr std::uint32_t kAtOnce = TxnIndex::kReadBytes / TxnIndex::kEntryBytes;
  for (std::uint32_t first = 0; first < entries; first += kAtOnce) {
    const std::size_t bytes =
        std::size_t{std::min(kAtOnce, entries - first)} * TxnIndex::kEntryBytes;
    MOLDAU_ASSIGN_OR_RETURN(const std::size_t got,
                            file->read(MutableBytes(block.data(), bytes),
                                       std::uint64_t{first} * TxnIndex::kEntryBytes, wait));
    if (got != bytes) return Error(ErrorCode::kCorruptMessage, log_file.path() + " is cut short");
    for (std::size_t at = 0; at < bytes; at += TxnIndex::kEntryBytes) {
      if (load_big<std::int16_t>(block.data() + at) != 0)
        return Error(ErrorCode::kCorruptMessage, log_file.path() + " has an unknown version");
      if (!visit(decode(block.data() + at))) return {};
    }
  }
  return {};
}

}  // namespace

Result<bool> TxnIndex::load() {
  entries_ = 0;
  last_offset_ = Offset(-1);
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<env::FileStat> stat,
                          file_->disk().stat(file_->path()));
  if (!stat) return true;
  if (stat->size % kEntryBytes != 0 || stat->size / kEntryBytes > UINT32_MAX) return false;
  const auto count = static_cast<std::uint32_t>(stat->size / kEntryBytes);
  bool ordered = true;
  Offset last(-1);
  const Result<void> read = for_each(*file_, count, [&](const AbortedTransaction& aborted) {
    ordered = aborted.last_offset >= base_offset_ && aborted.last_offset > last &&
              aborted.first_offset <= aborted.last_offset;
    last = aborted.last_offset;
    return ordered;
  });
  if (!read.ok() && read.error().code == ErrorCode::kKafkaStorageError) return read.error();
  if (!read.ok() || !ordered) return false;
  entries_ = count;
  last_offset_ = last;
  return true;
}

Result<void> TxnIndex::append(const AbortedTransaction& aborted) {
  if (aborted.last_offset <= last_offset_) return {};
  std::array<std::byte, kEntryBytes> bytes;
  store_big(bytes.data(), std::int16_t{0});
  store_big(bytes.data() + 2, aborted.producer_id.value());
  store_big(bytes.data() + 10, aborted.first_offset.value());
  store_big(bytes.data() + 18, aborted.last_offset.value());
  store_big(bytes.data() + 26, aborted.last_stable_offset.value());
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, file_->get_or_create());
  MOLDAU_TRY(file->write(ByteView(bytes), std::uint64_t{entries_} * kEntryBytes));
  ++entries_;
  last_offset_ = aborted.last_offset;
  return {};
}

Result<void> TxnIndex::truncate_to(Offset offset) {
  if (entries_ == 0) return {};
  std::uint32_t kept = 0;
  Offset last(-1);
  MOLDAU_TRY(for_each(*file_, entries_, [&](const AbortedTransaction& aborted) {
    if (aborted.last_offset >= offset) return false;
    ++kept;
    last = aborted.last_offset;
    return true;
  }));
  if (kept == entries_) return {};
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, file_->get());
  MOLDAU_TRY(file->truncate(std::uint64_t{kept} * kEntryBytes));
  entries_ = kept;
  last_offset_ = last;
  return {};
}

Result<void> TxnIndex::clear() {
  entries_ = 0;
  last_offset_ = Offset(-1);
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<env::FileStat> stat,
                          file_->disk().stat(file_->path()));
  if (!stat || stat->size == 0) return {};
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, file_->get());
  return file->truncate(0);
}

Result<bool> TxnIndex::collect(const LogFile& file, std::uint32_t entries, Offset fetch_offset,
                               Offset upper_bound, std::vector<AbortedTransaction>& out,
                               env::Wait wait) {
  bool complete = false;
  const auto visit = [&](const AbortedTransaction& aborted) {
    if (aborted.last_offset >= fetch_offset && aborted.first_offset < upper_bound)
      out.push_back(aborted);
    complete = aborted.last_stable_offset >= upper_bound;
    return !complete;
  };
  MOLDAU_TRY(for_each(file, entries, visit, wait));
  return complete;
}

}  // namespace moldau::log
