// SPDX-License-Identifier: Apache-2.0
#include "machine/image/record.h"

#include <array>
#include <string>
#include <utility>

#include "wire/reader.h"
#include "wire/writer.h"

namespace moldau::image {
namespace {

constexpr std::uint32_t kFrameVersion = 1;

/// Kafka's unsigned varint of at most 32 bits.
Result<std::uint32_t> read_uvarint(ByteView& bytes) {
  std::uint32_t value = 0;
  for (int shift = 0; shift < 35 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<std::uint32_t>(bytes.front());
    bytes = bytes.subspan(1);
    if (shift == 28 && byte > 0x0F) break;
    value |= (byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return Error(ErrorCode::kInvalidRecord, "bad varint in the frame of a metadata record");
}

std::size_t uvarint_size(std::uint32_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

void write_uvarint(std::byte*& at, std::uint32_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<std::byte>(value | 0x80);
  *at++ = static_cast<std::byte>(value);
}

template <class T>
Result<MetadataRecord> parse_body(ByteView bytes, std::int16_t version) {
  if (version < T::kMinVersion || version > T::kMaxVersion) {
    return Error(ErrorCode::kInvalidRecord,
                 "unknown version " + std::to_string(version) + " of " + std::string(T::kName));
  }
  wire::Reader reader(bytes);
  T body;
  const auto decoded = body.decode(reader, version);
  if (!decoded.ok()) return Error(ErrorCode::kInvalidRecord, decoded.error().detail);
  if (reader.left() != 0) {
    return Error(ErrorCode::kInvalidRecord,
                 std::to_string(reader.left()) + " bytes left over by " + std::string(T::kName));
  }
  return MetadataRecord(std::move(body), version);
}

using Parser = Result<MetadataRecord> (*)(ByteView, std::int16_t);
struct TypeEntry {
  std::int16_t type;
  Parser parser;
};

template <std::size_t... I>
constexpr auto parsers(std::index_sequence<I...>) {
  return std::array<TypeEntry, sizeof...(I)>{
      {{std::variant_alternative_t<I, MetadataRecordBody>::kRecordType,
        &parse_body<std::variant_alternative_t<I, MetadataRecordBody>>}...}};
}
constexpr auto kParsers =
    parsers(std::make_index_sequence<std::variant_size_v<MetadataRecordBody>>());

}  // namespace

std::int16_t record_type(const MetadataRecord& record) {
  return std::visit([](const auto& body) { return body.kRecordType; }, record.body);
}

std::string_view record_name(const MetadataRecord& record) {
  return std::visit([](const auto& body) { return body.kName; }, record.body);
}

Result<MetadataRecord> parse_record(ByteView value) {
  ByteView rest = value;
  MOLDAU_ASSIGN_OR_RETURN(const std::uint32_t frame, read_uvarint(rest));
  if (frame != kFrameVersion) {
    return Error(ErrorCode::kInvalidRecord,
                 "unknown frame version " + std::to_string(frame) + " of a metadata record");
  }
  MOLDAU_ASSIGN_OR_RETURN(const std::uint32_t type, read_uvarint(rest));
  MOLDAU_ASSIGN_OR_RETURN(const std::uint32_t version, read_uvarint(rest));
  if (version > 0x7FFF) {
    return Error(ErrorCode::kInvalidRecord, "version " + std::to_string(version) + " of a record");
  }
  for (const TypeEntry& entry : kParsers) {
    if (static_cast<std::uint32_t>(entry.type) == type) {
      return entry.parser(rest, static_cast<std::int16_t>(version));
    }
  }
  return Error(ErrorCode::kInvalidRecord,
               "unknown type " + std::to_string(type) + " of a metadata record");
}

std::size_t record_size(const MetadataRecord& record) {
  return uvarint_size(kFrameVersion) +
         uvarint_size(static_cast<std::uint32_t>(record_type(record))) +
         uvarint_size(static_cast<std::uint32_t>(record.version)) +
         std::visit([&](const auto& body) { return body.size(record.version); }, record.body);
}

std::vector<std::byte> serialize_record(const MetadataRecord& record) {
  std::vector<std::byte> bytes(record_size(record));
  std::byte* at = bytes.data();
  write_uvarint(at, kFrameVersion);
  write_uvarint(at, static_cast<std::uint32_t>(record_type(record)));
  write_uvarint(at, static_cast<std::uint32_t>(record.version));
  wire::Writer writer(MutableBytes(at, bytes.data() + bytes.size()));
  std::visit([&](const auto& body) { body.encode(writer, record.version); }, record.body);
  return bytes;
}

}  // namespace moldau::image
