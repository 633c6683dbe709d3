// SPDX-License-Identifier: Apache-2.0
#include "log/log_file.h"

#include <charconv>

namespace moldau::log {
namespace {

constexpr std::size_t kOffsetDigits = 20;

}  // namespace

std::string file_name(Offset base_offset, std::string_view suffix) {
  std::string digits = std::to_string(base_offset.value());
  std::string name(digits.size() < kOffsetDigits ? kOffsetDigits - digits.size() : 0, '0');
  return name.append(digits).append(suffix);
}

std::optional<Offset> offset_of(std::string_view name, std::string_view suffix) {
  if (name.size() != kOffsetDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  std::int64_t offset = 0;
  const char* end = name.data() + kOffsetDigits;
  const auto [stop, error] = std::from_chars(name.data(), end, offset);
  if (error != std::errc() || stop != end || offset < 0) return std::nullopt;
  return Offset(offset);
}

LogFile::LogFile(env::Disk& disk, std::shared_ptr<const std::string> directory, Offset base_offset,
                 std::string_view suffix, std::string_view state, std::shared_ptr<env::File> opened)
    : disk_(disk),
      directory_(std::move(directory)),
      base_offset_(base_offset),
      suffix_(suffix),
      state_(state),
      file_(std::move(opened)) {}

std::string LogFile::name() const {
  return file_name(base_offset_, suffix_).append(state_);
}

std::string LogFile::path() const {
  return *directory_ + "/" + name();
}

Result<std::shared_ptr<env::File>> LogFile::get() const {
  if (std::shared_ptr<env::File> file = file_.load()) return file;
  return open(env::OpenMode::kReadWrite);
}

Result<std::shared_ptr<env::File>> LogFile::get(env::Wait wait) const {
  if (std::shared_ptr<env::File> file = file_.load()) return file;
  if (wait == env::Wait::kNever) return env::cold_error(path());
  return open(env::OpenMode::kReadWrite);
}

Result<std::shared_ptr<env::File>> LogFile::get_or_create() const {
  if (std::shared_ptr<env::File> file = file_.load()) return file;
  return open(env::OpenMode::kOpenOrCreate);
}

Result<std::shared_ptr<env::File>> LogFile::open(env::OpenMode mode) const {
  MOLDAU_ASSIGN_OR_RETURN(std::shared_ptr<env::File> file, disk_.open(path(), mode));
  file_.store(file);
  return file;
}

std::shared_ptr<const LogFile> LogFile::renamed(std::shared_ptr<const std::string> directory,
                                                std::string_view state) const {
  return std::make_shared<const LogFile>(disk_, std::move(directory), base_offset_, suffix_, state,
                                         file_.load());
}

}  // namespace moldau::log
