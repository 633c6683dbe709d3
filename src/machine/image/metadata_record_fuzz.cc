// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as records: parsing and replaying them must end in a value or an error.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "machine/image/loader.h"
#include "machine/image/record.h"
#include "machine/image/record_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau;
  image::ImageLoader loader;
  ByteView rest(reinterpret_cast<const std::byte*>(data), size);
  std::int64_t offset = 0;
  while (!rest.empty()) {
    const std::size_t length = static_cast<std::size_t>(rest.front());
    rest = rest.subspan(1);
    const ByteView value = rest.first(std::min(length, rest.size()));
    rest = rest.subspan(value.size());
    const auto record = image::parse_record(value);
    if (!record.ok()) continue;
    MOLDAU_CHECK(image::serialize_record(*record).size() == image::record_size(*record),
                 "a record has another size than it said");
    (void)loader.replay({&*record, 1}, Offset(offset++), LeaderEpoch(1), Timestamp(0));
  }
  image::MetadataDelta again{image::MetadataImage()};
  for (const auto& record : image::write_records(loader.latest()).records()) {
    const auto done = again.replay(record);
    MOLDAU_CHECK(done.ok(), done.ok() ? "" : done.error().text());
  }
  return 0;
}
