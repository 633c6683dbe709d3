// SPDX-License-Identifier: Apache-2.0
#include "machine/image/loader.h"

#include <utility>

namespace moldau::image {

ImageLoader ImageLoader::fork() {
  ImageLoader copy;
  copy.delta_ = delta_.fork();
  if (before_transaction_) copy.before_transaction_ = before_transaction_->fork();
  copy.transaction_start_ = transaction_start_;
  copy.end_ = end_;
  copy.fresh_ = fresh_;
  return copy;
}

bool ImageLoader::is_empty() const {
  return (before_transaction_ ? before_transaction_->image() : delta_.image()).is_empty();
}

Result<void> ImageLoader::load_snapshot(std::span<const MetadataRecord> records, Provenance end) {
  // What is visible now is what others have seen; the snapshot is compared with that.
  const MetadataImage& seen = before_transaction_ ? before_transaction_->base() : delta_.base();
  MetadataDelta delta = MetadataDelta::of_snapshot(seen);
  for (const MetadataRecord& record : records) MOLDAU_TRY(delta.replay(record));
  delta.finish_snapshot();
  delta_ = std::move(delta);
  before_transaction_.reset();
  transaction_start_.reset();
  end_ = end;
  fresh_ = true;
  return {};
}

Result<void> ImageLoader::begin_transaction(Offset offset) {
  if (transaction_start_) {
    return Error(ErrorCode::kInvalidRecordState, "a metadata transaction within another one");
  }
  before_transaction_ = delta_.fork();
  transaction_start_ = offset;
  return {};
}

Result<void> ImageLoader::abort_transaction() {
  if (!transaction_start_) {
    return Error(ErrorCode::kInvalidRecordState, "the end of a metadata transaction never begun");
  }
  delta_ = std::move(*before_transaction_);
  before_transaction_.reset();
  transaction_start_.reset();
  return {};
}

Result<void> ImageLoader::replay(std::span<const MetadataRecord> records, Offset base_offset,
                                 LeaderEpoch epoch, Timestamp timestamp) {
  Offset offset = base_offset;
  for (const MetadataRecord& record : records) {
    if (record.as<wire::BeginTransactionRecord>() != nullptr) {
      MOLDAU_TRY(begin_transaction(offset));
    } else if (record.as<wire::AbortTransactionRecord>() != nullptr) {
      MOLDAU_TRY(abort_transaction());
    } else if (record.as<wire::EndTransactionRecord>() != nullptr) {
      if (!transaction_start_) {
        return Error(ErrorCode::kInvalidRecordState,
                     "the end of a metadata transaction never begun");
      }
      before_transaction_.reset();
      transaction_start_.reset();
    } else {
      MOLDAU_TRY(delta_.replay(record));
    }
    end_ = Provenance(offset, epoch, timestamp);
    fresh_ = true;
    ++offset;
  }
  return {};
}

std::optional<PublishedImage> ImageLoader::publish() {
  if (!fresh_ || transaction_start_) return std::nullopt;
  fresh_ = false;
  MetadataChanges changes = delta_.changes();
  auto image = std::make_shared<const MetadataImage>(delta_.publish(end_));
  return PublishedImage(std::move(image), std::move(changes));
}

}  // namespace moldau::image
