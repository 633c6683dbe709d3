// SPDX-License-Identifier: Apache-2.0
// Our messages as lines `NAME VERSION KIND HEX`, the counterpart of WireLines.java.
//   wire_lines random SEED COUNT   default and random values, encoded
//   wire_lines again               stdin: decode, encode, compare; exit code 1 if one differs
#include <cstdlib>
#include <iostream>
#include <string>

#include "wire/message_lines.h"

namespace {

int check_again() {
  int good = 0;
  int bad = 0;
  for (std::string line; std::getline(std::cin, line);) {
    const std::string why = moldau::wire::check_line(line);
    if (why.empty()) {
      ++good;
    } else if (bad++ < 20) {
      std::cout << why << "\n";
    }
  }
  std::cout << good << " equal, " << bad << " not\n";
  return bad == 0 && good > 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  const std::string mode = count > 1 ? words[1] : "";
  if (mode == "again") return check_again();
  if (mode != "random" || count != 4) {
    std::cerr << "usage: wire_lines random SEED COUNT | again\n";
    return 2;
  }
  const std::uint64_t seed = std::strtoull(words[2], nullptr, 10);
  const std::uint64_t number = std::strtoull(words[3], nullptr, 10);
  for (const auto* one : moldau::wire::all_message_cases())
    for (std::int16_t version = one->min_version; version <= one->max_version; ++version)
      for (std::uint64_t i = 0; i <= number; ++i)
        std::cout << moldau::wire::make_line(*one, version, i == 0, seed + i) << "\n";
  return 0;
}
