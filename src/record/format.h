// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace moldau::record {

/// The layout of record batches and the codes in them. These numbers are on disk and on the
/// wire: never renumber them.
/// Thread   constants.
/// Source   KIP-32, KIP-98; org.apache.kafka.common.record.DefaultRecordBatch, LegacyRecord.
///
///   0        8      12     16 17   21    23      27       35      43     51   53    57    61
///   | base   |length|leader|m |crc |attri|last   |base    |max    |produ-|epo-|base |record|
///   | offset |      |epoch |  |    |butes|offset |time-   |time-  |cer id|ch  |sequ.|count |
///   |        |      |      |  |    |     |delta  |stamp   |stamp  |      |    |     |      |
///                               crc covers from here ->
namespace at {
inline constexpr std::size_t kBaseOffset = 0;
inline constexpr std::size_t kLength = 8;
inline constexpr std::size_t kLeaderEpoch = 12;
inline constexpr std::size_t kMagic = 16;
inline constexpr std::size_t kCrc = 17;
inline constexpr std::size_t kAttributes = 21;
inline constexpr std::size_t kLastOffsetDelta = 23;
inline constexpr std::size_t kBaseTimestamp = 27;
inline constexpr std::size_t kMaxTimestamp = 35;
inline constexpr std::size_t kProducerId = 43;
inline constexpr std::size_t kProducerEpoch = 51;
inline constexpr std::size_t kBaseSequence = 53;
inline constexpr std::size_t kRecordCount = 57;
inline constexpr std::size_t kRecords = 61;
}  // namespace at

/// Offset and length field, before every batch of any magic.
inline constexpr std::size_t kLogOverhead = 12;
/// What must be there to know size and magic of a batch.
inline constexpr std::size_t kHeaderSizeUpToMagic = 17;
/// The header of a v2 batch.
inline constexpr std::size_t kBatchOverhead = 61;
/// What a message of magic 0 and 1 takes besides key and value, without kLogOverhead.
inline constexpr std::size_t kLegacyOverheadV0 = 14;
inline constexpr std::size_t kLegacyOverheadV1 = 22;

inline constexpr std::int8_t kMagicV0 = 0;
inline constexpr std::int8_t kMagicV1 = 1;
inline constexpr std::int8_t kMagicV2 = 2;

inline constexpr Timestamp kNoTimestamp{-1};
inline constexpr ProducerId kNoProducerId{-1};
inline constexpr ProducerEpoch kNoProducerEpoch{-1};
inline constexpr std::int32_t kNoSequence = -1;
inline constexpr LeaderEpoch kNoLeaderEpoch{-1};

inline constexpr std::uint16_t kCodecMask = 0x07;
inline constexpr std::uint16_t kTimestampTypeBit = 0x08;
inline constexpr std::uint16_t kTransactionalBit = 0x10;
inline constexpr std::uint16_t kControlBit = 0x20;
inline constexpr std::uint16_t kDeleteHorizonBit = 0x40;

enum class CompressionType : std::uint8_t {
  kNone = 0,
  kGzip = 1,
  kSnappy = 2,
  kLz4 = 3,
  kZstd = 4
};

/// "none", "gzip", "snappy", "lz4", "zstd"; an unknown code gives "unknown".
std::string_view compression_type_name(CompressionType type);
/// The type of a name of the list above.
std::optional<CompressionType> compression_type_of_name(std::string_view name);

enum class TimestampType : std::int8_t { kNone = -1, kCreateTime = 0, kLogAppendTime = 1 };

/// Types of control records; a type that is not here is read as kUnknown and skipped.
enum class ControlRecordType : std::int16_t {
  kUnknown = -1,
  kAbort = 0,
  kCommit = 1,
  kLeaderChange = 2,
  kSnapshotHeader = 3,
  kSnapshotFooter = 4,
  kKraftVersion = 5,
  kKraftVoters = 6,
};

/// The sequence that stands `increment` behind `sequence`; after 2147483647 comes 0.
constexpr std::int32_t increment_sequence(std::int32_t sequence, std::int32_t increment) {
  return static_cast<std::int32_t>(
      (static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(increment)) & 0x7FFFFFFFU);
}

}  // namespace moldau::record
