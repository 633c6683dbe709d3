// SPDX-License-Identifier: Apache-2.0
#include "record/record_window.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "record/codec_states.h"

namespace moldau::record {

RecordWindow::RecordWindow(CompressionContext& context, Decompressor stream,
                           std::vector<std::byte> buffer)
    : context_(&context), stream_(std::move(stream)), buffer_(std::move(buffer)) {}

RecordWindow::~RecordWindow() {
  if (!buffer_.empty()) context_->states().give_back(std::move(buffer_));
}

Result<RecordWindow> RecordWindow::open(CompressionContext& context, CompressionType type,
                                        ByteView records) {
  MOLDAU_ASSIGN_OR_RETURN(auto stream, Decompressor::open(context, type, records));
  return RecordWindow(context, std::move(stream), context.states().take_buffer());
}

Result<std::size_t> RecordWindow::ensure(std::size_t n) {
  if (filled_ - position_ >= n || stream_ended_) return filled_ - position_;
  if (position_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + position_, filled_ - position_);
    filled_ -= position_;
    position_ = 0;
  }
  // A record larger than the window: grow towards it as bytes really arrive, not ahead of them.
  while (filled_ < n && !stream_ended_) {
    if (filled_ == buffer_.size()) buffer_.resize(std::min(n, buffer_.size() * 2));
    const std::size_t room = buffer_.size() - filled_;
    MOLDAU_ASSIGN_OR_RETURN(const std::size_t got,
                            stream_.read(MutableBytes(buffer_).subspan(filled_)));
    filled_ += got;
    stream_ended_ = got < room;
  }
  return filled_;
}

Result<bool> RecordWindow::at_end() {
  MOLDAU_ASSIGN_OR_RETURN(const std::size_t have, ensure(1));
  return have == 0;
}

/// Bytes of the next record, its length field included; 0 if there is no sound length.
Result<std::size_t> RecordWindow::length_of_next(std::int32_t& size) {
  MOLDAU_ASSIGN_OR_RETURN(const std::size_t have, ensure(kVarintBytesMax));
  const std::byte* begin = buffer_.data() + position_;
  const std::byte* p = read_varint(begin, begin + have, size);
  if (p == nullptr || size < 0) return std::size_t{0};
  return static_cast<std::size_t>(p - begin) + static_cast<std::size_t>(size);
}

Result<RecordFault> RecordWindow::next(RawRecord& record) {
  // Most records lie in the window already.
  const std::byte* begin = buffer_.data() + position_;
  if (parse_record(begin, buffer_.data() + filled_, record) == RecordFault::kNone) {
    position_ += static_cast<std::size_t>(record.size);
    return RecordFault::kNone;
  }
  std::int32_t size = 0;
  MOLDAU_ASSIGN_OR_RETURN(const std::size_t length, length_of_next(size));
  if (length == 0) return RecordFault::kCutOff;
  MOLDAU_ASSIGN_OR_RETURN(const std::size_t have, ensure(length));
  if (have < length) return RecordFault::kCutOff;
  begin = buffer_.data() + position_;
  const RecordFault fault = parse_record(begin, begin + length, record);
  position_ += length;
  return fault;
}

Result<RecordFault> RecordWindow::skim(RawRecord& record) {
  std::int32_t size = 0;
  const std::byte* begin = buffer_.data() + position_;
  if (parse_record(begin, buffer_.data() + filled_, record) == RecordFault::kNone) {
    position_ += static_cast<std::size_t>(record.size);
    return RecordFault::kNone;
  }
  MOLDAU_ASSIGN_OR_RETURN(const std::size_t length, length_of_next(size));
  if (length == 0) return RecordFault::kCutOff;
  if (length > buffer_.size()) return skim_large(record, length);
  return next(record);
}

Result<bool> RecordWindow::skip(std::size_t n) {
  while (n > 0) {
    MOLDAU_ASSIGN_OR_RETURN(const std::size_t have, ensure(1));
    if (have == 0) return false;
    const std::size_t now = std::min(n, have);
    position_ += now;
    n -= now;
  }
  return true;
}

/// Walks the fields of a record that does not fit in the window. After the first unsound field
/// or error the others read as 0.
class RecordWindow::FieldReader {
 public:
  FieldReader(RecordWindow& window, std::size_t length) : window_(window), left_(length) {}

  std::size_t left() const { return left_; }
  bool sound() const { return sound_; }
  const Result<void>& status() const { return status_; }

  std::int32_t varint() {
    std::int32_t n = 0;
    take(window_.ensure(kVarintBytesMax),
         [&](const std::byte* begin, const std::byte* end) { return read_varint(begin, end, n); });
    return sound_ ? n : 0;
  }
  std::int64_t varlong() {
    std::int64_t n = 0;
    take(window_.ensure(kVarlongBytesMax),
         [&](const std::byte* begin, const std::byte* end) { return read_varlong(begin, end, n); });
    return sound_ ? n : 0;
  }
  void skip(std::size_t n) {
    if (sound_ && n > left_) sound_ = false;
    if (!sound_) return;
    left_ -= n;
    auto skipped = window_.skip(n);
    if (!skipped.ok()) return fail(std::move(skipped).error());
    sound_ = skipped.value();
  }
  /// A size and its bytes; negative for null.
  std::int32_t sized() {
    const std::int32_t n = varint();
    if (n > 0) skip(static_cast<std::size_t>(n));
    return n;
  }

 private:
  void fail(Error error) {
    sound_ = false;
    status_ = std::move(error);
  }
  template <class Read>
  void take(Result<std::size_t> have, Read read) {
    if (!sound_) return;
    if (!have.ok()) return fail(std::move(have).error());
    const std::byte* begin = window_.buffer_.data() + window_.position_;
    const std::byte* after = read(begin, begin + std::min(have.value(), left_));
    sound_ = after != nullptr;
    if (!sound_) return;
    const auto n = static_cast<std::size_t>(after - begin);
    window_.position_ += n;
    left_ -= n;
  }

  RecordWindow& window_;
  std::size_t left_;
  bool sound_ = true;
  Result<void> status_;
};

Result<RecordFault> RecordWindow::skim_large(RawRecord& record, std::size_t length) {
  FieldReader fields(*this, length);
  record = RawRecord{};
  record.size = static_cast<std::int32_t>(std::min<std::size_t>(length, INT32_MAX));
  fields.varint();  // the length itself
  fields.skip(1);   // attributes
  record.timestamp_delta = fields.varlong();
  record.offset_delta = fields.varint();
  record.key_size = fields.sized();
  record.value_size = fields.sized();
  record.header_count = fields.varint();
  if (fields.sound() &&
      (record.header_count < 0 || static_cast<std::size_t>(record.header_count) > fields.left()))
    return RecordFault::kBadHeaderCount;
  for (std::int32_t i = 0; fields.sound() && i < record.header_count; ++i) {
    if (fields.sized() < 0) return RecordFault::kBadHeaderKey;
    fields.sized();
  }
  MOLDAU_TRY(fields.status());
  if (!fields.sound()) return RecordFault::kBadStructure;
  return fields.left() == 0 ? RecordFault::kNone : RecordFault::kSizeMismatch;
}

}  // namespace moldau::record
