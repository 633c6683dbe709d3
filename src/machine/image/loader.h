// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "base/types.h"
#include "machine/image/delta.h"
#include "machine/image/image.h"
#include "machine/image/record.h"

namespace moldau::image {

/// An image to publish and what changed since the one before.
struct PublishedImage {
  PublishedImage(ImagePtr i, MetadataChanges c) : image(std::move(i)), changes(std::move(c)) {}
  ImagePtr image;
  MetadataChanges changes;
};

/// Follows the metadata log: records in, images out; what a metadata transaction holds stays
/// hidden until its end, and is dropped if it is aborted.
///
/// Path     node/quorum: each committed batch → replay; then publish(); also the mirror of the
///          active controller, which replays what it has just written.
/// Owner    its delta; published images are shared.
/// Thread   a value; one owner at a time.
/// Errors   kInvalidRecordState: see MetadataDelta::replay; a transaction inside a transaction,
///          an end without a begin.
/// Source   MetadataBatchLoader; KIP-868 (transactions).
class ImageLoader {
 public:
  ImageLoader() : delta_(MetadataImage()) {}
  explicit ImageLoader(const MetadataImage& base) : delta_(base) {}
  ImageLoader(ImageLoader&&) = default;
  ImageLoader& operator=(ImageLoader&&) = default;
  /// A cheap copy that goes its own way: the mirror of a controller that becomes active.
  ImageLoader fork();

  /// A snapshot up to `end` replaces everything; no transaction is open afterwards.
  Result<void> load_snapshot(std::span<const MetadataRecord> records, Provenance end);

  /// Records of one batch, the first at `base_offset`.
  Result<void> replay(std::span<const MetadataRecord> records, Offset base_offset,
                      LeaderEpoch epoch, Timestamp timestamp);

  /// The image of all that is visible, if anything came since the last call and no transaction
  /// holds it back.
  std::optional<PublishedImage> publish();

  /// Everything replayed, records of an open transaction included: what the active controller
  /// decides upon.
  const MetadataImage& latest() const { return delta_.image(); }
  /// Where the open transaction began.
  std::optional<Offset> transaction_start() const { return transaction_start_; }
  /// True if nothing but no-ops has come: a controller must write the bootstrap records.
  bool is_empty() const;
  const Provenance& end() const { return end_; }

 private:
  Result<void> begin_transaction(Offset offset);
  Result<void> abort_transaction();

  MetadataDelta delta_;
  /// What was visible when the open transaction began.
  std::optional<MetadataDelta> before_transaction_;
  std::optional<Offset> transaction_start_;
  Provenance end_;
  bool fresh_ = false;
};

}  // namespace moldau::image
