// SPDX-License-Identifier: Apache-2.0
#include "sim/image_check.h"

#include <optional>
#include <vector>

#include "machine/image/loader.h"
#include "machine/raft/snapshot_file.h"
#include "record/batch_view.h"
#include "record/compression.h"
#include "record/record_iterator.h"

namespace moldau::sim {
namespace {

std::string file_name_of(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

/// The newest snapshot that is not beyond `last`; gives the offset behind it.
Result<Offset> load_snapshot(const env::fake::FakeDisk& disk, const std::string& directory,
                             Offset last, image::ImageLoader& loader) {
  std::optional<std::pair<raft::OffsetAndEpoch, std::string>> newest;
  for (const std::string& path : disk.files_below(directory)) {
    const auto id = raft::parse_snapshot_name(file_name_of(path));
    if (!id || id->offset.value() == 0 || id->offset > last + 1) continue;
    if (!newest || newest->first < *id) newest.emplace(*id, path);
  }
  if (!newest) return Offset(0);
  const std::string bytes = disk.content(newest->second);
  MOLDAU_ASSIGN_OR_RETURN(const auto content, raft::parse_snapshot(as_view(bytes)));
  std::vector<image::MetadataRecord> records;
  for (const ByteView value : content.records) {
    MOLDAU_ASSIGN_OR_RETURN(records.emplace_back(), image::parse_record(value));
  }
  image::Provenance end;
  end.offset = newest->first.offset - 1;
  end.epoch = newest->first.epoch;
  MOLDAU_TRY(loader.load_snapshot(records, end));
  return newest->first.offset;
}

Result<void> replay_batch(const record::BatchView& batch, record::CompressionContext& context,
                          image::ImageLoader& loader) {
  std::vector<image::MetadataRecord> records;
  record::RecordIterator iterator(batch, context);
  record::RecordView record;
  while (iterator.next(record)) {
    MOLDAU_ASSIGN_OR_RETURN(records.emplace_back(),
                            image::parse_record(record.value.value_or(ByteView())));
  }
  MOLDAU_TRY(iterator.status());
  return loader.replay(records, batch.base_offset(), batch.leader_epoch(), batch.max_timestamp());
}

}  // namespace

Result<void> check_image(const env::fake::FakeDisk& disk, const std::string& metadata_log_dir,
                         const image::MetadataImage& published) {
  const std::string directory = metadata_log_dir + "/__cluster_metadata-0";
  const Offset last = published.provenance().offset;
  image::ImageLoader loader;
  record::CompressionContext context;
  MOLDAU_ASSIGN_OR_RETURN(Offset next, load_snapshot(disk, directory, last, loader));
  for (const std::string& path : disk.files_below(directory)) {
    if (!path.ends_with(".log")) continue;
    const std::string bytes = disk.content(path);
    record::BatchIterator batches(as_view(bytes));
    for (;;) {
      MOLDAU_ASSIGN_OR_RETURN(const auto batch, batches.next());
      if (!batch || batch->base_offset() > last) break;
      if (batch->base_offset() < next || batch->is_control()) continue;
      MOLDAU_TRY(batch->check_crc());
      MOLDAU_TRY(replay_batch(*batch, context, loader));
      next = batch->next_offset();
    }
  }
  if (!loader.latest().same_content(published))
    return Error(ErrorCode::kInvalidRecordState, "the image of offset " +
                                                     std::to_string(last.value()) +
                                                     " is not what replaying the log gives");
  return {};
}

}  // namespace moldau::sim
