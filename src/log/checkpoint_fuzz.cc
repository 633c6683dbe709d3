// SPDX-License-Identifier: Apache-2.0
// Any bytes as one of the small files of a log directory: what is accepted says the same when it
// is written and read again.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "log/checkpoints.h"
#include "log/log_directory.h"
#include "log/meta_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau;
  using namespace moldau::log;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto offsets = OffsetCheckpoint::parse(text); offsets.ok())
    MOLDAU_CHECK(OffsetCheckpoint::parse(offsets->serialize())->offsets == offsets->offsets);
  if (const auto epoch = parse_clean_shutdown(text); epoch.ok())
    MOLDAU_CHECK(*parse_clean_shutdown(serialize_clean_shutdown(*epoch)) == *epoch);
  if (const auto id = parse_partition_metadata(text); id.ok())
    MOLDAU_CHECK(*parse_partition_metadata(serialize_partition_metadata(*id)) == *id);
  if (const auto meta = MetaProperties::parse(text); meta.ok()) {
    const auto again = MetaProperties::parse(meta->serialize(""));
    // A cluster id with characters that properties escape is read, but none is ever written.
    if (meta->cluster_id.find_first_of("\\ =:#!\r\f\t") == std::string::npos)
      MOLDAU_CHECK(again.ok() && again->cluster_id == meta->cluster_id &&
                   again->node_id == meta->node_id && again->directory_id == meta->directory_id);
  }
  if (const auto replica = parse_directory_name(text))
    if (replica->kind == ReplicaKind::kCurrent)
      MOLDAU_CHECK(
          parse_directory_name(directory_name(replica->topic_partition))->topic_partition ==
          replica->topic_partition);
  return 0;
}
