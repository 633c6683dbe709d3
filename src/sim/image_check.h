// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "env/fake/fake_disk.h"
#include "machine/image/image.h"

namespace moldau::sim {

/// Reads snapshot and log of the metadata as they lie on the disk, with nothing of the node's own
/// code but the parsing of bytes, and compares the result with a published image.
/// Errors   kInvalidRecordState: they differ; and what parsing finds.
/// Thread   one thread.
Result<void> check_image(const env::fake::FakeDisk& disk, const std::string& metadata_log_dir,
                         const image::MetadataImage& published);

}  // namespace moldau::sim
