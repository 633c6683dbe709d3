// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/types.h"
#include "record/keyed_record.h"
#include "wire/encode.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace moldau::group {

/// A key with its type in front, or a value with its version.
template <class M>
std::vector<std::byte> framed(std::int16_t number, const M& message, std::int16_t version) {
  std::vector<std::byte> out(2 + message.size(version));
  wire::Writer writer{MutableBytes(out)};
  writer.int16(number);
  message.encode(writer, version);
  return out;
}

template <class Key>
record::KeyedRecord tombstone_of(const Key& key) {
  record::KeyedRecord out;
  out.key = framed(Key::kRecordType, key, 0);
  return out;
}

/// Of kinds that have only ever had version 0.
template <class Key, class Value>
record::KeyedRecord record_of(const Key& key, const Value& value) {
  record::KeyedRecord out = tombstone_of(key);
  out.value = framed(std::int16_t{0}, value, 0);
  return out;
}

/// The number in front, and what is behind it.
inline std::optional<std::pair<std::int16_t, ByteView>> split_number(ByteView bytes) {
  if (bytes.size() < 2) return std::nullopt;
  return std::pair(wire::load_big_endian<std::int16_t>(bytes.data()), bytes.subspan(2));
}

/// A value with its version in front; what it views is `bytes`.
template <class M>
std::optional<M> parse_value(ByteView bytes) {
  const auto parts = split_number(bytes);
  if (!parts) return std::nullopt;
  auto message = wire::decode_exactly<M>(parts->second, parts->first);
  if (!message.ok()) return std::nullopt;
  return std::move(*message);
}

/// A key without its type.
template <class M>
std::optional<M> parse_key(ByteView bytes) {
  auto message = wire::decode_exactly<M>(bytes, 0);
  if (!message.ok()) return std::nullopt;
  return std::move(*message);
}

}  // namespace moldau::group
