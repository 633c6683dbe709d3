// SPDX-License-Identifier: Apache-2.0
#pragma once

// Templates for the generated code only; nobody else includes this.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "wire/reader.h"
#include "wire/writer.h"

namespace moldau::wire {

/// An array of strangers reserves at most this many bytes ahead of its elements.
inline constexpr std::size_t kReserveBytes = 16 * 1024;

template <class T>
concept Generated = requires(T& t, Reader& r) { t.read(r, std::int16_t{0}); };

template <class T>
inline void read_element(Reader& r, std::int16_t v, bool flexible, T& to, const char* field) {
  if constexpr (Generated<T>) {
    to.read(r, v);
  } else if constexpr (std::is_same_v<T, Text>) {
    to = r.text(flexible, false, field);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    to = r.bytes(flexible, false, field);
  } else if constexpr (std::is_same_v<T, Uuid>) {
    to = r.uuid(field);
  } else if constexpr (sizeof(T) == 1) {
    to = static_cast<T>(r.int8(field));
  } else if constexpr (sizeof(T) == 2) {
    to = static_cast<T>(r.int16(field));
  } else if constexpr (sizeof(T) == 4) {
    to = static_cast<T>(r.int32(field));
  } else {
    to = static_cast<T>(r.int64(field));
  }
}

template <class T>
void read_elements(Reader& r, std::int16_t v, bool flexible, std::int64_t count, std::vector<T>& to,
                   const char* field) {
  to.clear();
  if (!r.charge(static_cast<std::size_t>(count), sizeof(T), field)) return;
  to.reserve(std::min(static_cast<std::size_t>(count), kReserveBytes / sizeof(T) + 1));
  for (; count > 0 && r.ok(); --count) read_element(r, v, flexible, to.emplace_back(), field);
}

template <class T>
void read_array(Reader& r, std::int16_t v, bool flexible, bool nullable, std::size_t least,
                std::vector<T>& to, const char* field) {
  const std::int64_t count = r.array(flexible, nullable, least, field);
  if (count >= 0) read_elements(r, v, flexible, count, to, field);
}

template <class T>
void read_array(Reader& r, std::int16_t v, bool flexible, bool nullable, std::size_t least,
                std::optional<std::vector<T>>& to, const char* field) {
  const std::int64_t count = r.array(flexible, nullable, least, field);
  if (count < 0) return to.reset();
  read_elements(r, v, flexible, count, to.emplace(), field);
}

/// A nullable struct is preceded by a sign: a byte, or an uvarint within tagged fields.
template <class T>
void read_struct(Reader& r, std::int16_t v, bool nullable, bool tagged, std::optional<T>& to,
                 const char* field) {
  if (nullable) {
    const bool there =
        tagged ? static_cast<std::int32_t>(r.uvarint(field)) > 0 : r.int8(field) >= 0;
    if (!there || !r.ok()) return to.reset();
  }
  to.emplace().read(r, v);
}

template <class T>
std::size_t array_size(const std::vector<T>& from, std::int16_t v, bool flexible) {
  (void)v;
  std::size_t n = flexible ? uvarint_size(static_cast<std::uint32_t>(from.size() + 1)) : 4;
  if constexpr (Generated<T>) {
    for (const T& element : from) n += element.size(v);
  } else if constexpr (std::is_same_v<T, Text>) {
    for (const T& element : from) n += text_size(element, flexible);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    for (const T& element : from) n += bytes_size(element, flexible);
  } else {
    n += from.size() * sizeof(T);
  }
  return n;
}

template <class T>
std::size_t array_size(const std::optional<std::vector<T>>& from, std::int16_t v, bool flexible) {
  if (!from) return flexible ? 1 : 4;
  return array_size(*from, v, flexible);
}

template <class T>
std::size_t struct_size(const std::optional<T>& from, std::int16_t v, bool nullable) {
  if (from) return from->size(v) + (nullable ? 1 : 0);
  return nullable ? 1 : T().size(v);
}

template <class T>
void write_array(Writer& w, std::int16_t v, bool flexible, bool nullable,
                 const std::vector<T>& from) {
  (void)v, (void)nullable;
  w.array(from.size(), flexible);
  for (const T& element : from) {
    if constexpr (Generated<T>) {
      element.encode(w, v);
    } else if constexpr (std::is_same_v<T, Text>) {
      w.text(element, flexible, false);
    } else if constexpr (std::is_same_v<T, Bytes>) {
      w.bytes(element, flexible, false);
    } else if constexpr (std::is_same_v<T, Uuid>) {
      w.uuid(element);
    } else if constexpr (sizeof(T) == 1) {
      w.int8(static_cast<std::int8_t>(element));
    } else if constexpr (sizeof(T) == 2) {
      w.int16(static_cast<std::int16_t>(element));
    } else if constexpr (sizeof(T) == 4) {
      w.int32(static_cast<std::int32_t>(element));
    } else {
      w.int64(static_cast<std::int64_t>(element));
    }
  }
}

template <class T>
void write_array(Writer& w, std::int16_t v, bool flexible, bool nullable,
                 const std::optional<std::vector<T>>& from) {
  if (from) return write_array(w, v, flexible, nullable, *from);
  if (nullable) return w.null_array(flexible);
  w.array(0, flexible);
}

template <class T>
void write_struct(Writer& w, std::int16_t v, bool nullable, bool tagged,
                  const std::optional<T>& from) {
  if (!from && nullable) return w.int8(tagged ? 0 : -1);
  if (nullable) w.int8(1);
  if (from) {
    from->encode(w, v);
  } else {
    T().encode(w, v);
  }
}

/// Whether a value can be written where null may be forbidden.
template <class T>
bool fits(const T& value, std::int16_t v, bool nullable) {
  (void)v;
  if constexpr (Generated<T>) {
    return value.representable(v);
  } else {
    return nullable || !value.is_null();
  }
}
inline bool fits(const Records&, std::int16_t, bool) {
  return true;
}
template <class T>
bool fits(const std::vector<T>& values, std::int16_t v, bool) {
  if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, Uuid>) {
    return true;
  } else {
    return std::all_of(values.begin(), values.end(),
                       [v](const T& value) { return fits(value, v, false); });
  }
}
template <class T>
bool fits(const std::optional<T>& value, std::int16_t v, bool nullable) {
  return value ? fits(*value, v, false) : nullable;
}

inline std::size_t tagged_size(std::uint32_t number, std::size_t size) {
  return uvarint_size(number) + uvarint_size(static_cast<std::uint32_t>(size)) + size;
}

}  // namespace moldau::wire
