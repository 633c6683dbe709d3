// SPDX-License-Identifier: Apache-2.0
#include "machine/raft/snapshot_file.h"

#include <charconv>

#include "machine/raft/control_records.h"
#include "record/batch_view.h"
#include "record/record_iterator.h"

namespace moldau::raft {
namespace {

constexpr std::string_view kSuffix = ".checkpoint";
constexpr std::size_t kOffsetDigits = 20;
constexpr std::size_t kEpochDigits = 10;

Error corrupt(std::string detail) {
  return {ErrorCode::kCorruptMessage, std::move(detail)};
}

template <class T>
std::optional<T> parse_digits(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.front() == '-')
    return std::nullopt;
  return value;
}

std::string padded(std::int64_t n, std::size_t digits) {
  std::string text = std::to_string(n);
  return text.size() >= digits ? text : std::string(digits - text.size(), '0') + text;
}

// Where the reader is: header, then records, then footer, then nothing.
struct Reader {
  SnapshotContent content;
  bool header_seen = false;
  bool footer_seen = false;

  Result<void> take_control(const record::BatchView& batch) {
    MOLDAU_ASSIGN_OR_RETURN(const std::vector<ControlRecord> records, parse_control_batch(batch));
    for (const ControlRecord& one : records) {
      const bool is_header = std::holds_alternative<SnapshotHeader>(one);
      if (is_header == header_seen) return corrupt("a snapshot begins with one header");
      header_seen = true;
      if (footer_seen) return corrupt("records behind the footer of a snapshot");
      if (const auto* header = std::get_if<SnapshotHeader>(&one))
        content.prologue.last_contained = header->last_contained_log_timestamp;
      if (const auto* version = std::get_if<KraftVersion>(&one))
        content.prologue.kraft_version = version->level;
      if (const auto* voters = std::get_if<KraftVoters>(&one))
        content.prologue.voters = voters->voters;
      if (std::holds_alternative<SnapshotFooter>(one)) footer_seen = true;
    }
    return {};
  }

  Result<void> take_records(const record::BatchView& batch) {
    if (!header_seen || footer_seen) return corrupt("records outside of a snapshot's frame");
    record::CompressionContext context;
    record::RecordIterator records(batch, context);
    record::RecordView view;
    while (records.next(view)) {
      if (!view.value) return corrupt("a snapshot record without a value");
      content.records.push_back(*view.value);
    }
    return records.status();
  }
};

}  // namespace

std::string snapshot_name(OffsetAndEpoch id) {
  return padded(id.offset.value(), kOffsetDigits) + "-" + padded(id.epoch.value(), kEpochDigits) +
         std::string(kSuffix);
}

std::optional<OffsetAndEpoch> parse_snapshot_name(std::string_view name) {
  if (name.size() != kOffsetDigits + 1 + kEpochDigits + kSuffix.size()) return std::nullopt;
  if (!name.ends_with(kSuffix) || name[kOffsetDigits] != '-') return std::nullopt;
  const auto offset = parse_digits<std::int64_t>(name.substr(0, kOffsetDigits));
  const auto epoch = parse_digits<std::int32_t>(name.substr(kOffsetDigits + 1, kEpochDigits));
  if (!offset || !epoch) return std::nullopt;
  return OffsetAndEpoch(Offset(*offset), LeaderEpoch(*epoch));
}

SnapshotWriter::SnapshotWriter(LeaderEpoch epoch, const SnapshotPrologue& prologue, Timestamp now)
    : epoch_(epoch), now_(now) {
  std::vector<ControlRecord> records;
  SnapshotHeader header;
  header.last_contained_log_timestamp = prologue.last_contained;
  records.push_back(header);
  if (prologue.kraft_version) {
    KraftVersion version;
    version.level = *prologue.kraft_version;
    records.push_back(version);
  }
  if (prologue.voters) records.push_back(KraftVoters(*prologue.voters));
  next_ += static_cast<std::int64_t>(records.size());
  parts_.push_back(build_control_batch(records, Offset(0), epoch, now));
}

void SnapshotWriter::append(ByteView value) {
  if (batch_ && batch_->uncompressed_size() + value.size() + 64 > kMetadataBatchBytesMax)
    end_batch();
  if (!batch_) {
    record::BatchFields fields;
    fields.base_offset = next_;
    fields.leader_epoch = epoch_;
    batch_.emplace(fields);
  }
  record::RecordFields one;
  one.timestamp = now_;
  one.value = value;
  batch_->append(one).value();
  ++next_;
}

void SnapshotWriter::end_batch() {
  if (!batch_) return;
  record::CompressionContext context;
  parts_.push_back(batch_->build(context).value());
  batch_.reset();
}

std::vector<Slice> SnapshotWriter::finish() {
  end_batch();
  parts_.push_back(build_control_batch({SnapshotFooter()}, next_, epoch_, now_));
  return std::move(parts_);
}

Result<SnapshotContent> parse_snapshot(ByteView file) {
  Reader reader;
  record::BatchIterator batches(file);
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<record::BatchView> batch, batches.next());
    if (!batch) break;
    MOLDAU_TRY(batch->check_crc());
    if (!batch->is_v2() || batch->is_compressed())
      return corrupt("a snapshot holds plain batches of magic 2 only");
    if (batch->is_control())
      MOLDAU_TRY(reader.take_control(*batch));
    else
      MOLDAU_TRY(reader.take_records(*batch));
  }
  if (batches.position() != file.size()) return corrupt("a snapshot that is cut off");
  if (!reader.footer_seen) return corrupt("a snapshot without a footer");
  return std::move(reader.content);
}

}  // namespace moldau::raft
