// SPDX-License-Identifier: Apache-2.0
// Our verdicts for the lines that Verdicts.java describes.
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "machine/image/delta.h"
#include "machine/image/record_list.h"
#include "machine/security/authorizer.h"

namespace {

using namespace moldau;

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == '\t') {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

std::int8_t number(const std::string& cell) {
  return static_cast<std::int8_t>(std::strtol(cell.c_str(), nullptr, 10));
}

class Judge {
 public:
  void take(const std::vector<std::string>& cells) {
    if (cells[0] == "S") {
      settings_ = security::AuthorizerSettings();
      std::string user;
      for (const char c : cells[1] + ";") {
        if (c != ';') {
          user += c;
        } else if (!user.empty()) {
          settings_.super_users.insert(std::exchange(user, ""));
        }
      }
      settings_.allow_if_no_acl = cells[2] == "true";
      image_ = image::MetadataImage();
    } else if (cells[0] == "A") {
      add(cells);
    } else if (cells[0] == "Q") {
      show();
      const security::Subject subject(cells[1], cells[2]);
      const security::Action action(static_cast<image::AclOperation>(number(cells[3])),
                                    static_cast<image::AclResourceType>(number(cells[4])),
                                    cells[5]);
      const security::Verdict verdict = security::judge(image_, settings_, subject, action);
      const auto count = static_cast<std::size_t>(std::strtoul(cells[6].c_str(), nullptr, 10));
      std::cout << (verdict.allowed ? "ALLOWED\t" : "DENIED\t")
                << security::audit_line(verdict, subject, action, "Metadata", count) << "\n";
    } else {
      show();
      const bool allowed =
          security::judge_by_resource_type(image_, settings_, security::Subject(cells[1], cells[2]),
                                           static_cast<image::AclOperation>(number(cells[3])),
                                           static_cast<image::AclResourceType>(number(cells[4])));
      std::cout << (allowed ? "ALLOWED\n" : "DENIED\n");
    }
  }

 private:
  void add(const std::vector<std::string>& cells) {
    image::Acl acl;
    acl.resource_type = number(cells[1]);
    acl.pattern_type = number(cells[2]);
    acl.resource_name = cells[3];
    acl.principal = cells[4];
    acl.host = cells[5];
    acl.operation = number(cells[6]);
    acl.permission_type = number(cells[7]);
    list_.acl(Uuid(1, ++ids_), acl);
  }
  void show() {
    if (list_.empty()) return;
    image::MetadataDelta delta(image_);
    for (const auto& record : list_.records()) (void)delta.replay(record);
    image_ = delta.publish(image::Provenance());
    list_.clear();
  }

  security::AuthorizerSettings settings_;
  image::MetadataImage image_;
  image::RecordList list_;
  std::uint64_t ids_ = 0;
};

}  // namespace

int main() {
  Judge judge;
  for (std::string line; std::getline(std::cin, line);) judge.take(cells_of(line));
  return 0;
}
