// SPDX-License-Identifier: Apache-2.0
#include "config/properties.h"

#include <array>
#include <cstdio>
#include <optional>

namespace moldau::config {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\f';
}
bool is_line_end(char c) {
  return c == '\n' || c == '\r';
}

/// Appends a code point below U+110000 as UTF-8; surrogates on their own become U+FFFD.
void append_utf8(std::string& out, std::uint32_t code) {
  if (code >= 0xD800 && code < 0xE000) code = 0xFFFD;
  auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

/// Joins continued lines into logical ones; still escaped, still ISO-8859-1.
class LogicalLines {
 public:
  explicit LogicalLines(std::string_view bytes) : bytes_(bytes) {}

  /// False at the end. `line` is the number of the first line, from 1.
  bool next(std::string& out, int& line) {
    out.clear();
    while (at_ < bytes_.size()) {
      skip_blanks();
      line = line_;
      bool continued = true;
      while (continued) {
        // As long as nothing was taken, a continued line may still be a comment, as in Java.
        bool comment =
            out.empty() && at_ < bytes_.size() && (bytes_[at_] == '#' || bytes_[at_] == '!');
        continued = take_rest(comment ? nullptr : &out);
        skip_blanks();
      }
      if (!out.empty() || ends_with_backslash_) return true;
    }
    return false;
  }

 private:
  void skip_blanks() {
    while (at_ < bytes_.size() && is_blank(bytes_[at_])) ++at_;
  }

  /// Takes the rest of a line and its end; true if a backslash continues it on the next one.
  bool take_rest(std::string* out) {
    std::size_t from = at_;
    while (at_ < bytes_.size() && !is_line_end(bytes_[at_])) ++at_;
    std::string_view text = bytes_.substr(from, at_ - from);
    bool both = false;
    if (at_ < bytes_.size()) {
      both = bytes_[at_] == '\r' && at_ + 1 < bytes_.size() && bytes_[at_ + 1] == '\n';
      at_ += both ? 2 : 1;
      ++line_;
    }
    if (out == nullptr) return false;
    std::size_t slashes = 0;
    while (slashes < text.size() && text[text.size() - 1 - slashes] == '\\') ++slashes;
    bool continued = slashes % 2 == 1;
    if (continued) text.remove_suffix(1);
    out->append(text);
    ends_with_backslash_ = continued && at_ == bytes_.size() && !both;
    return continued && at_ < bytes_.size();
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  int line_ = 1;
  /// The file ends in a backslash: Java makes an entry of such a line even if nothing else is in
  /// it.
  bool ends_with_backslash_ = false;
};

/// Four hexadecimal digits at `at`.
std::optional<std::uint32_t> hex4(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return std::nullopt;
  std::uint32_t code = 0;
  for (char c : text.substr(at, 4)) {
    std::uint32_t digit = c >= '0' && c <= '9'   ? static_cast<std::uint32_t>(c - '0')
                          : c >= 'a' && c <= 'f' ? static_cast<std::uint32_t>(c - 'a' + 10)
                          : c >= 'A' && c <= 'F' ? static_cast<std::uint32_t>(c - 'A' + 10)
                                                 : 16U;
    if (digit > 15) return std::nullopt;
    code = code * 16 + digit;
  }
  return code;
}

/// Undoes escapes and turns ISO-8859-1 into UTF-8; nullopt on a malformed \uXXXX.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      if (text[i] != '\\') append_utf8(out, static_cast<unsigned char>(text[i]));
      continue;
    }
    char c = text[++i];
    if (c != 'u') {
      char plain = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'f' ? '\f' : c;
      append_utf8(out, static_cast<unsigned char>(plain));
      continue;
    }
    std::optional<std::uint32_t> code = hex4(text, i + 1);
    if (!code) return std::nullopt;
    i += 4;
    // A pair of surrogates is one character.
    if (*code >= 0xD800 && *code < 0xDC00 && text.substr(i + 1, 2) == "\\u") {
      std::optional<std::uint32_t> low = hex4(text, i + 3);
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
        i += 6;
      }
    }
    append_utf8(out, *code);
  }
  return out;
}

struct Split {
  std::string_view key;
  std::string_view value;
};

/// Key and value of a logical line: the first separator that is not escaped.
Split split_line(std::string_view line) {
  std::size_t end = 0;
  bool escaped = false;
  bool separator = false;
  for (; end < line.size(); ++end) {
    char c = line[end];
    if (!escaped && (c == '=' || c == ':' || is_blank(c))) break;
    escaped = c == '\\' && !escaped;
  }
  std::size_t value = end;
  for (; value < line.size(); ++value) {
    char c = line[value];
    if (is_blank(c)) continue;
    if (separator || (c != '=' && c != ':')) break;
    separator = true;
  }
  return {line.substr(0, end), line.substr(value)};
}

}  // namespace

Result<PropertySet> parse_properties(std::string_view bytes, std::string_view file_name) {
  if (bytes.size() > kPropertiesBytesMax) {
    return Error(ErrorCode::kInvalidConfig, std::string(file_name) + " is larger than " +
                                                std::to_string(kPropertiesBytesMax) + " bytes");
  }
  PropertySet set;
  LogicalLines lines(bytes);
  std::string line;
  for (int number = 0; lines.next(line, number);) {
    Split split = split_line(line);
    std::string origin = std::string(file_name) + ":" + std::to_string(number);
    std::optional<std::string> key = unescape(split.key);
    std::optional<std::string> value = unescape(split.value);
    if (!key || !value) {
      return Error(ErrorCode::kInvalidConfig,
                   origin + ": malformed \\uXXXX escape; four hexadecimal digits follow \\u");
    }
    set.insert_or_assign(std::move(*key), Property{std::move(*value), std::move(origin)});
  }
  return set;
}

Result<void> apply_override(PropertySet& set, std::string_view key_value) {
  std::size_t equals = key_value.find('=');
  std::string_view key = trim(key_value.substr(0, equals));
  if (equals == std::string_view::npos || key.empty()) {
    return Error(ErrorCode::kInvalidConfig,
                 "--override " + std::string(key_value) + ": expected key=value");
  }
  set.insert_or_assign(std::string(key),
                       Property{std::string(key_value.substr(equals + 1)), "--override"});
  return {};
}

ConfigMap values_of(const PropertySet& set) {
  ConfigMap out;
  for (const auto& [key, property] : set) out.emplace(key, property.value);
  return out;
}

namespace {

/// The next code point of UTF-8 text; a broken byte stands for itself.
std::uint32_t take_code_point(std::string_view text, std::size_t& at) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::uint32_t first = byte(at);
  std::size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  if (first < 0x80 || more == 0 || at + more >= text.size()) {
    ++at;
    return first;
  }
  std::uint32_t code = first & (0x3FU >> more);
  for (std::size_t i = 1; i <= more; ++i) code = code << 6 | (byte(at + i) & 0x3F);
  at += more + 1;
  return code;
}

void append_escape(std::string& out, std::uint32_t unit) {
  std::array<char, 8> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "\\u%04X", unit & 0xFFFFU);
  out += buffer.data();
}

void append_escaped(std::string& out, std::string_view text, bool is_key) {
  for (std::size_t at = 0; at < text.size();) {
    bool first = at == 0;
    std::uint32_t c = take_code_point(text, at);
    if (c == ' ') {
      out += (first || is_key) ? "\\ " : " ";
    } else if (c == '\t' || c == '\n' || c == '\r' || c == '\f') {
      out += c == '\t' ? "\\t" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\f";
    } else if (c < 0x80 &&
               std::string_view("\\=:#!").find(static_cast<char>(c)) != std::string_view::npos) {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c >= 0x20 && c <= 0x7E) {
      out += static_cast<char>(c);
    } else if (c < 0x10000) {
      append_escape(out, c);
    } else {
      append_escape(out, 0xD800 + ((c - 0x10000) >> 10));
      append_escape(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
    }
  }
}

}  // namespace

std::string java_date_text(Timestamp time) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr std::int64_t kDayMs = 86'400'000;
  std::int64_t days = time.value() / kDayMs - (time.value() % kDayMs < 0 ? 1 : 0);
  std::int64_t seconds = (time.value() - days * kDayMs) / 1000;
  // Days to civil date, counted in 400-year eras that begin on 1 March.
  std::int64_t shifted = days + 719468;
  std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  std::int64_t day_of_era = shifted - era * 146097;
  std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  std::int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  std::int64_t month = month_from_march < 10 ? month_from_march + 2 : month_from_march - 10;
  std::int64_t year = year_of_era + era * 400 + (month < 2 ? 1 : 0);
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%s %s %02d %02d:%02d:%02d UTC %lld",
                kDays[((days % 7) + 11) % 7], kMonths[month], static_cast<int>(day),
                static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60),
                static_cast<int>(seconds % 60), static_cast<long long>(year));
  return out.data();
}

std::string write_properties(const std::vector<std::pair<std::string, std::string>>& entries,
                             std::string_view comment, Timestamp now) {
  std::string out = "#" + std::string(comment) + "\n#" + java_date_text(now) + "\n";
  for (const auto& [key, value] : entries) {
    append_escaped(out, key, true);
    out += '=';
    append_escaped(out, value, false);
    out += '\n';
  }
  return out;
}

}  // namespace moldau::config
